"""What a caller is offered: decided before any prompt, and nothing that can't be served."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback import offer
from busy_callback.channel import Channel
from busy_callback.numbering import NumberingPlan, Numbers
from busy_callback.offer import Offer, decide
from busy_callback.request import BUSY
from busy_callback.settings import Directories, Settings
from busy_callback.store import offer_switch
from busy_callback.store.spool import Spool

from .agi_call import Asterisk, run, set_variables
from .conftest import NOW

TALKS = {"DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-00000003"}
IDLE = {"DEVICE_STATE(PJSIP/202)": "NOT_INUSE"}


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state settles at once here."""
    monkeypatch.setattr(offer, "SETTLING", 0.0)


def told(
    spool: Spool,
    settings: Settings,
    values: dict[str, str],
    status: str = "BUSY",
    channel: str = "PJSIP/201",
    callee: str = "202",
) -> Offer:
    """Return what the caller is offered."""
    return decide(Channel(Asterisk(channel, values)), callee, status, settings, spool)


def test_a_busy_callee_is_offered(spool: Spool, settings: Settings) -> None:
    """201 hears the prompt, to be answered with a digit; the pair is its last number, one row of the database."""
    asterisk = Asterisk("PJSIP/201", TALKS)
    found = decide(Channel(asterisk), "202", "BUSY", settings, spool)
    assert (found.caller, found.prompt, found.kind) == ("201", "busy-callback", "busy")
    assert asterisk.commands == ['DATABASE PUT "busy-callback-last" "201" "202,busy"']


def test_a_callee_that_did_not_answer_is_offered(spool: Spool, settings: Settings) -> None:
    """Whatever its phone does now."""
    found = told(spool, settings, IDLE, "NOANSWER")
    assert (found.prompt, found.kind) == ("busy-callback-noanswer", "no-reply")


@pytest.mark.parametrize("status", ["ANSWER", "CANCEL", "CHANUNAVAIL", "CONGESTION", "", "busy", '"&${}'])
def test_another_end_of_a_call_is_not_offered(spool: Spool, settings: Settings, status: str) -> None:
    """A call that was answered or given up: nothing to complete."""
    assert told(spool, settings, TALKS, status).prompt == ""


@pytest.mark.parametrize("callee", ["", "2", "1234567", "bob", "s", "+886212345678", "20&2", "201", "202\n"])
def test_a_number_that_registration_would_refuse_is_not_offered(spool: Spool, settings: Settings, callee: str) -> None:
    """Outside the plan, or one's own; and it is nobody's last number."""
    asterisk = Asterisk("PJSIP/201", TALKS)
    assert decide(Channel(asterisk), callee, "BUSY", settings, spool).prompt == ""
    assert asterisk.commands == []


@pytest.mark.parametrize("state", ["NOT_INUSE", "UNKNOWN", "UNAVAILABLE", "INVALID", ""])
@pytest.mark.parametrize("way", ["PJSIP/{ext}", "PJSIP/{ext}-desk", "hint@phones", "auto"])
def test_do_not_disturb_is_not_offered(spool: Spool, settings: Settings, state: str, way: str) -> None:
    """A phone that says busy though its device is not in use, whatever ``device`` is: nothing to wait for."""
    settings.device = way
    device = {"PJSIP/{ext}-desk": "PJSIP/202-desk"}.get(way, "PJSIP/202")
    values = {f"DEVICE_STATE({device})": state, "HINT(202@phones)": device, "HINT(201@phones)": "PJSIP/201"}
    values["DEVICE_STATE(SIP/202)"] = "INVALID"
    channel = "PJSIP/201-desk" if way.endswith("desk") else "PJSIP/201"
    assert told(spool, settings, values, channel=channel).prompt == ""
    values[f"DEVICE_STATE({device})"] = "BUSY"
    settings.extensions = NumberingPlan(("2XX",))
    assert told(spool, settings, values, channel=channel).prompt == "busy-callback"


def test_the_state_of_the_call_that_was_just_refused_does_not_count(spool: Spool, settings: Settings) -> None:
    """A device without a channel may be settling: it is asked for again; what stays in use is at another Asterisk."""
    asterisk = Asterisk("PJSIP/201", {**TALKS, "CHANNELS(^PJSIP/202-)": ""})
    answers = iter(["INUSE|", "NOT_INUSE"])

    class Settling(Channel):
        def states(self, devices: object) -> list[str]:
            return next(answers).split("|")

    assert decide(Settling(asterisk), "202", "BUSY", settings, spool).prompt == ""
    assert told(spool, settings, {"DEVICE_STATE(PJSIP/202)": "INUSE"}).prompt == "busy-callback"


@pytest.mark.parametrize("row", ["DND", "CF"])
def test_a_callee_that_forwards_everything_is_not_offered(spool: Spool, settings: Settings, row: str) -> None:
    """As AstDB has it: call forward, do not disturb; for both kinds."""
    for status in ("BUSY", "NOANSWER"):
        assert told(spool, settings, {**TALKS, f"DB({row}/202)": "YES"}, status).prompt == ""
        for off in ("", "0", "no", "OFF"):
            assert told(spool, settings, {**TALKS, f"DB({row}/202)": off}, status).prompt != ""


def test_a_callee_without_a_device_is_not_offered(spool: Spool, settings: Settings) -> None:
    """Nobody could be recalled for it."""
    values = {"DEVICE_STATE(PJSIP/202)": "INVALID", "DEVICE_STATE(SIP/202)": "INVALID"}
    assert told(spool, settings, values, "NOANSWER").prompt == ""
    settings.device = "hint@phones"
    settings.extensions = NumberingPlan(("2XX",))
    assert told(spool, settings, {"HINT(201@phones)": "PJSIP/201"}, "NOANSWER").prompt == ""


def test_who_is_taken_out_is_not_offered(spool: Spool, settings: Settings) -> None:
    """not_callers, not_callees: door phones, fax, the boss."""
    settings.not_callers = Numbers(("203",))
    settings.not_callees = Numbers(("204",))
    assert told(spool, settings, TALKS).prompt
    settings.not_callees = Numbers(("20X",))
    assert told(spool, settings, TALKS).prompt == ""
    settings.not_callers, settings.not_callees = Numbers(("2XX",)), Numbers()
    assert told(spool, settings, TALKS).prompt == ""


def test_a_full_queue_is_told_in_place_of_the_offer(spool: Spool, settings: Settings) -> None:
    """The prompt says so, and there is nothing to press; who waits already may ask again."""
    settings.queue_per_callee = 1
    assert spool.register("203", "202", BUSY, "", settings, NOW)[0] == "REGISTERED"
    found = told(spool, settings, TALKS)
    assert (found.caller, found.prompt, found.kind) == ("201", "busy-callback-full", "")
    assert told(spool, settings, TALKS, channel="PJSIP/203").prompt == "busy-callback"


def test_switched_off_nothing_is_offered_but_the_number_is_kept(spool: Spool, settings: Settings) -> None:
    """By the setting and by the command; *66 serves who knows it."""
    asterisk = Asterisk("PJSIP/201", TALKS)
    offer_switch.turn(spool, on=False)
    assert decide(Channel(asterisk), "202", "BUSY", settings, spool).prompt == ""
    assert len(asterisk.commands) == 1
    offer_switch.turn(spool, on=False)
    offer_switch.turn(spool, on=True)
    offer_switch.turn(spool, on=True)
    assert told(spool, settings, TALKS).prompt == "busy-callback"
    settings.offer = False
    assert told(spool, settings, TALKS).prompt == ""


def test_a_recall_that_finds_the_callee_taken_again(spool: Spool, settings: Settings) -> None:
    """Its far end hears so; without retention it is offered another request; what did not answer is one anyway."""
    recall = "Local/rd201202@custom-auto-redial"
    assert told(spool, settings, TALKS, channel=recall).prompt == "busy-callback-taken"
    assert told(spool, settings, TALKS, "NOANSWER", channel=recall).prompt == "busy-callback-noanswer"
    assert told(spool, settings, IDLE, channel=recall).prompt == ""
    settings.retention = False
    assert told(spool, settings, TALKS, channel=recall).prompt == "busy-callback"


def test_the_dialplan_is_told(directories: Directories) -> None:
    """Prompt, caller, kind, and the pause for the digit; the log tells why at verbose level; no poller is woken."""
    Path(directories.conf).write_text("[general]\noffer_pause = 4 s\n")
    commands = run(directories, "offer", "202", "BUSY", head="agi_channel: PJSIP/201-00000001\n\n", values=TALKS)
    assert commands == [
        'DATABASE PUT "busy-callback-last" "201" "202,busy"',
        'VERBOSE "busy_callback.py: 201 is offered a callback to 202 (busy)" 3',
        'SET VARIABLE "BUSY_CALLBACK_FROM" "201"',
        'SET VARIABLE "BUSY_CALLBACK_KIND" "busy"',
        'SET VARIABLE "BUSY_CALLBACK_PAUSE" "4"',
        'SET VARIABLE "BUSY_CALLBACK_PROMPT" "busy-callback"',
    ]


@pytest.mark.parametrize(
    "arguments", [(), ("202",), ("202", "BUSY", "more"), ("", ""), ("20\n2", "BUSY"), ("x" * 10000, "BUSY")]
)
def test_an_offer_never_costs_a_call(directories: Directories, arguments: tuple[str, ...]) -> None:
    """Whatever it is asked: no prompt, nothing played, nobody hung up."""
    commands = run(directories, "offer", *arguments, head="agi_channel: PJSIP/201-00000001\n\n", values=TALKS)
    assert set_variables(commands).get("BUSY_CALLBACK_PROMPT", "") == ""
    assert {command.split()[0] for command in commands} <= {"VERBOSE", "SET", "EXEC"}
    assert not any(command.startswith("EXEC") and "Log" not in command for command in commands)


def test_where_an_offer_cannot_be_decided_the_call_goes_on(directories: Directories) -> None:
    """A spool that can't be read, settings with a mistake: an error in the log, and no prompt."""
    Path(directories.spool).mkdir()
    Path(directories.spool, "requests").write_text("in the way")
    head = "agi_channel: PJSIP/201-00000001\n\n"
    commands = run(directories, "offer", "202", "BUSY", head=head, values=TALKS)
    assert [command.split()[0] for command in commands] == ["DATABASE", "EXEC"]
    assert commands[1].startswith('EXEC Log "ERROR,busy_callback.py: ERROR: NotADirectoryError')
    Path(directories.conf).write_text("[general]\nring_time = x\n")
    commands = run(directories, "offer", "202", "BUSY", head=head, values=TALKS)
    assert len(commands) == 1
    assert "busy_callback.conf:2: ring_time" in commands[0]


def test_a_first_offer_needs_no_spool(directories: Directories) -> None:
    """Before anybody has asked for anything there is none."""
    commands = run(directories, "offer", "202", "BUSY", head="agi_channel: PJSIP/201-00000001\n\n", values=TALKS)
    assert set_variables(commands)["BUSY_CALLBACK_PROMPT"] == "busy-callback"
    assert not Path(directories.spool).exists()
