"""Attack: frames of the manager interface that would hang, blind or fill the poller."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from busy_callback.errors import AsteriskError
from busy_callback.pbx import ami_session
from busy_callback.pbx.ami import Ami
from busy_callback.settings import Settings
from tests.lab.standin import StandIn

HOSTILE = {
    "status_will_follow": b"Event: UserEvent\r\nCallerIDName: status will follow\r\n\r\n",
    "channel_variables": b"Event: UserEvent\r\nChanVariable(PJSIP/1): a=b\r\n\r\n",
    "end_command": b"Event: UserEvent\r\nCallerIDName: --END COMMAND--\r\n\r\n",
    "follows": b"Response: Follows\r\n\r\n",
    "bare_line_feed": b"Event: UserEvent\r\nCallerIDName: a\nb\r\n\r\n",
    "empty_value": b"Event: UserEvent\r\nCallerIDName: \r\nX:\r\n: \r\n\r\n",
    "no_colon": b"Event: UserEvent\r\nnothing\r\n\r\n",
    "megabyte_line": b"Event: UserEvent\r\nX: " + b"x" * 1000000 + b"\r\n\r\n",
    "invalid_utf8": b"Event: UserEvent\r\nCallerIDName: \xff\xfe\x00\r\n\r\n",
    "thousand_headers": b"Event: UserEvent\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
}


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in whose one phone is idle."""
    with StandIn() as made:
        made.states = {"PJSIP/201": "NOT_INUSE"}
        yield made


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    """Settings that lead to the stand-in."""
    made = Settings()
    made.port = standin.port
    return made


@pytest.mark.parametrize("frame", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_event_does_not_deafen_the_poller(standin: StandIn, settings: Settings, frame: bytes) -> None:
    """After each such frame an action is answered, and the next event is heard."""
    heard: queue.Queue[dict[str, str]] = queue.Queue()
    with Ami(settings, lambda name, headers: heard.put({"Event": name, **headers})) as ami:
        standin.say(frame)
        standin.say(b"Event: DeviceStateChange\r\nDevice: PJSIP/201\r\nState: INUSE\r\n\r\n")
        assert ami.device_state("PJSIP/201") == 1
        while heard.get(timeout=60).get("State") != "INUSE":
            pass


@pytest.mark.parametrize(
    "answer", [b"Response: Success\r\nActionID: other\r\n\r\n", b"Response: x\r\n\r\n", b": \r\n\r\n"]
)
def test_an_answer_to_somebody_else_is_not_ours(standin: StandIn, settings: Settings, answer: bytes) -> None:
    """An answer without our ActionID is an error, not a state."""
    standin.garbage = answer
    with pytest.raises(AsteriskError, match="out of order"), Ami(settings):
        pass


@pytest.mark.parametrize("device", ["PJSIP/201\r\nAction: Originate", "PJSIP/2 01", "PJSIP/201)", "SHELL(id)", ""])
def test_no_device_adds_a_header(settings: Settings, device: str) -> None:
    """What is not a device's name is never sent."""
    with Ami(settings) as ami, pytest.raises(ValueError, match="not a device's name"):
        ami.device_state(device)


def test_no_value_adds_a_header(settings: Settings) -> None:
    """Nor is a line feed in a user's name."""
    settings.user = "x\nAction: Originate"
    with pytest.raises(ValueError, match="can't stand in a manager action"), Ami(settings):
        pass


def test_a_connection_leaves_no_thread_behind(standin: StandIn, settings: Settings) -> None:
    """A watch that connects anew for hours keeps neither threads nor sockets, however a connection ended."""
    before = threading.active_count()
    for number in range(20):
        try:
            with Ami(settings) as ami:
                if number % 2:
                    standin.drop()
                    ami.device_state("PJSIP/201")
        except AsteriskError:
            pass
    ours = [t for t in threading.enumerate() if "_receive_data" in t.name or "message_loop" in t.name]
    assert ours == []
    assert threading.active_count() <= before + 20  # the stand-in's own, ending


def test_silence_has_a_deadline(standin: StandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Asterisk that accepts and says nothing, or does not answer the login, is an error in time."""
    monkeypatch.setattr(ami_session, "ANSWER_TIME", 0.1)
    standin.greeting = b""
    with pytest.raises(AsteriskError, match="no greeting"), Ami(settings):
        pass
    standin.greeting = b"Asterisk Call Manager/9.0.0\r\n"
    standin.login = ""
    with pytest.raises(AsteriskError, match="did not answer Login"), Ami(settings):
        pass


def test_a_refused_login_says_so_and_not_the_secret(standin: StandIn, settings: Settings) -> None:
    """The error names the user and what to compare, never the secret."""
    settings.secret = "not-to-be-seen"
    standin.login = "Response: Error\r\nActionID: {id}\r\nMessage: Authentication failed\r\n\r\n"
    with (
        pytest.raises(AsteriskError, match="refuses user 'busy_callback': Authentication failed") as caught,
        Ami(settings),
    ):
        pass
    assert "not-to-be-seen" not in str(caught.value)


def test_nobody_there_is_said_at_once(settings: Settings) -> None:
    """A refused connection is an error that names host and port."""
    settings.port = 1
    with pytest.raises(AsteriskError, match=r"127\.0\.0\.1:1 can't be reached"), Ami(settings):
        pass


def test_another_pollers_answer_is_not_taken_for_ours(
    standin: StandIn, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Two ask the dialplan at once, and its answers share one variable: whose was overwritten asks again."""
    with Ami(settings) as ami:
        standin.overtaken = 2
        assert ami.chan_is_avail(["PJSIP/201"]) == 1
        assert len([action for action in standin.actions if action["Action"] == "Originate"]) == 3
        assert caplog.messages == []


def test_where_the_probe_cannot_run_the_state_counts(
    standin: StandIn, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the probe's context DEVICE_STATE is used, and one warning a connection says so."""
    with Ami(settings) as ami:
        assert ami.chan_is_avail(["PJSIP/201"]) == 1
        assert caplog.messages == []
        standin.forget_probe = True
        assert [ami.chan_is_avail(["PJSIP/201"]) for _ in range(3)] == [1, 1, 1]
    assert len(caplog.messages) == 1
