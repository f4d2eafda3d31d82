"""Branches: whose extensions are whose, what is known of them here, and what can't be done with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.branches import Branch
from busy_callback.channel import Channel
from busy_callback.errors import NumberError, SettingsError
from busy_callback.numbering import NumberingPlan, Numbers
from busy_callback.offer import decide
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.conversations import has_called
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.policy import BUSY as IS_BUSY
from busy_callback.policy import NOT_INUSE
from busy_callback.settings import Directories, Settings, load
from busy_callback.settlement import Outcome, settle
from busy_callback.store.heard import read_heard, write_heard
from busy_callback.store.spool import Spool
from tests.lab.standin import StandIn

from .agi_call import Asterisk, run, set_variables, status
from .conftest import NOW
from .test_policy import ask
from .test_settings import write

TWO = "[general]\nextensions = 2XX\n[branch taichung]\nextensions = 3XX, 35XX\n[branch tainan]\nextensions=6XX\n"


def two() -> Settings:
    """Return the settings of a PBX with 2XX, and with branches that have 3XX and 6XX."""
    settings = Settings()
    settings.extensions = NumberingPlan(("2XX",))
    settings.branches = (Branch("taichung", Numbers(("3XX",))), Branch("tainan", Numbers(("6XX",)), "SIP/x{ext}"))
    return settings


def test_a_branch_has_its_extensions_and_their_device(tmp_path: Path) -> None:
    """PJSIP/EXTENSION where the section does not say; [devices] counts first."""
    settings = load(write(tmp_path, f"{TWO}state = SIP/x{{ext}}\n[devices]\n305 = SIP/305\n"))
    assert [branch.name for branch in settings.branches] == ["taichung", "tainan"]
    devices = [settings.devices_of(number) for number in ("301", "3501", "305", "601")]
    assert devices == ["PJSIP/301", "PJSIP/3501", "SIP/305", "SIP/x601"]
    assert [settings.is_own(number) for number in ("201", "301", "601", "401")] == [True, False, False, False]
    assert [settings.is_callee(number) for number in ("201", "301", "601", "401")] == [True, True, True, False]


def test_who_may_wait_for_whom() -> None:
    """An own extension for another, and for a branch's; a branch's own PBX looks after its callers."""
    settings = two()
    settings.check_pair("201", "202")
    settings.check_pair("201", "301")
    for caller, callee in (("301", "201"), ("301", "302"), ("201", "401"), ("401", "301")):
        with pytest.raises(NumberError):
            settings.check_pair(caller, callee)
    settings.not_callees = Numbers(("301",))
    with pytest.raises(NumberError, match="not_callees"):
        settings.check_pair("201", "301")


def test_without_a_numbering_plan_what_is_no_branchs_is_our_own(tmp_path: Path) -> None:
    """Any 2 to 6 digits, but for the branches' numbers."""
    settings = load(write(tmp_path, "[branch taichung]\nextensions = 3XX\n"))
    assert [settings.is_own(number) for number in ("201", "301", "3001")] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (f"{TWO}[branch chiayi]\nextensions = 7XX 30[0-4]\n", 8, "30[0-4] of [branch chiayi] overlap 3XX of [branch t"),
        (
            "[branch hualien]\nextensions = Z0N\n[general]\nextensions = 2XX\n",
            2,
            "Z0N of [branch hualien] overlap 2XX of",
        ),
        ("[branch taichung]\nstate = PJSIP/{ext}\n", 1, "needs its extensions"),
        ("[branch taichung]\n[branch tainan]\nextensions = 3XX\n", 1, "needs its extensions"),
        ("[branch taichung]\nextensions =\n", 2, "the branch's extensions"),
        ("[branch taichung]\nextensions = 3.\n", 2, "Asterisk patterns"),
        ("[branch taichung]\nextensions = 3XX\nstate = PJSIP\n", 3, "as PJSIP/{ext}"),
        ("[branch taichung]\nextensions = 3XX\nstate = Local/{ext}@x/n\n", 3, "as PJSIP/{ext}"),
        (
            "[branch taichung]\nextensions = 3XX\ntrunk = x\n",
            3,
            "has no setting 'trunk'; allowed are extensions, state",
        ),
        ("[branch taichung]\nextensions = 3XX\n[branch taichung]\nextensions = 4XX\n", 4, "a second time"),
        ("[branch]\nextensions = 3XX\n", 1, "[branch NAME]"),
        ("[branch a b]\nextensions = 3XX\n", 1, "no section is called"),
    ],
)
def test_a_bad_section_is_one_error_that_says_where_and_what(tmp_path: Path, text: str, line: int, says: str) -> None:
    """A number that would be two PBXs' is refused, too."""
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


def test_an_overlap_names_both_lines(tmp_path: Path) -> None:
    """The admin sees which two to choose between."""
    path = write(tmp_path, f"{TWO}[branch chiayi]\nextensions = 35X3\n")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:8: ")
    assert f"({path}:4)" in str(caught.value)


def test_a_busy_callee_of_a_branch_is_offered(spool: Spool) -> None:
    """By the state that comes from there; no channel of it is here."""
    channel = Channel(Asterisk("PJSIP/201", {"DEVICE_STATE(PJSIP/301)": "BUSY"}))
    found = decide(channel, "301", "BUSY", two(), spool)
    assert (found.caller, found.kind, found.prompt) == ("201", "busy", "busy-callback")


@pytest.mark.parametrize("state", ["NOT_INUSE", "INVALID", "UNAVAILABLE"])
def test_a_callee_of_a_branch_that_is_not_in_use_is_not_offered(spool: Spool, state: str) -> None:
    """Its phone wants no calls, or nothing is known of it: nothing to wait for."""
    channel = Channel(Asterisk("PJSIP/201", {"DEVICE_STATE(PJSIP/301)": state}))
    assert decide(channel, "301", "BUSY", two(), spool).prompt == ""


@pytest.mark.parametrize("callers", ["own", "any"])
@pytest.mark.parametrize("device", ["PJSIP/to-taichung", "PJSIP/301"])
def test_a_branchs_own_callers_are_offered_nothing(spool: Spool, callers: str, device: str) -> None:
    """Their own PBX does that; whatever caller ID the trunk brings, and whatever a device here is called."""
    settings = two()
    settings.callers = callers
    channel = Channel(Asterisk(device, {"DEVICE_STATE(PJSIP/202)": "BUSY"}, "301"))
    found = decide(channel, "202", "BUSY", settings, spool)
    assert (found.prompt, "no phone of ours" in found.reason) == ("", True)


def test_a_request_for_a_branchs_extension_is_registered(directories: Directories, tmp_path: Path) -> None:
    """By the AGI, as any other; one in a branch's name is refused, and cancelled is what there is."""
    Path(directories.conf).write_text(TWO)
    assert status(run(directories, "201", "301")) == "REGISTERED"
    assert status(run(directories, "301", "201", head="agi_channel: PJSIP/301-00000001\n\n")) == "REFUSED"
    head = "agi_channel: PJSIP/201-00000001\n\n"
    assert status(run(directories, "cancel", "201", "301", head=head)) == "CANCELLED"
    assert status(run(directories, "cancel", "201", "701", head=head)) == "REFUSED"
    values = {"DEVICE_STATE(PJSIP/301)": "BUSY"}
    said = set_variables(run(directories, "caller", "301", head=head, values=values))
    assert (said["BUSY_CALLBACK_TO"], said["BUSY_CALLBACK_KIND"]) == ("301", "busy")


def test_the_last_word_on_a_branchs_extension_is_its_state() -> None:
    """ChanIsAvail would begin a call to a device that is not here; and the name is known there."""
    with StandIn() as standin:
        standin.states = {"SIP/x601": "BUSY", "PJSIP/301": "NOT_INUSE"}
        settings = two()
        settings.port = standin.port
        with Ami(settings) as ami:
            device_states = DeviceStates(ami, settings=settings)
            assert device_states.dial_string("601") == "SIP/x601"
            assert [device_states.last_word(number, lambda: None) for number in ("601", "301")] == [IS_BUSY, NOT_INUSE]
            assert device_states.name("601") == ""
        assert not any(fields["Action"] == "Originate" for fields in standin.actions)


@pytest.mark.parametrize(
    ("dialled", "found"),
    [("301@taichung", True), ("taichung/sip:301@10.0.2.1", True), ("301", True), ("8301@x", False), ("x@301.1", False)],
)
def test_a_call_of_their_own_to_a_branch_is_seen(dialled: str, found: bool) -> None:
    """By what the caller's channel dialled: the callee's is at the other PBX."""
    with StandIn() as standin:
        standin.bridge_peers = {"PJSIP/201-00000001": dialled}
        settings = Settings()
        settings.port = standin.port
        with Ami(settings) as ami:
            assert has_called(ami, ["PJSIP/201"], "301") is found


def test_a_branch_from_which_nothing_is_heard_could_not_be_reached() -> None:
    """No answer and no ringing: the trunk is silent, nobody has refused or let it ring; after the last one it ends."""
    silent = Outcome(claimed=True, answered=True, caller="ANSWER", callee="NOANSWER", callee_rang=False)
    request = policy.begin(ask("201", "301"), 1, NOW)
    settings = two()
    for attempt in range(1, settings.attempts + 1):
        found = settle(request, silent, False, False, NOW + 1, settings)
        assert found
        assert "301 could not be reached when 201 answered" in found.events[-1][1]
        assert (found.unanswered if attempt < settings.attempts else found.state) in {attempt, rq.FAILED}
        request = policy.begin(found, 1, NOW)
    rang = Outcome(claimed=True, answered=True, caller="ANSWER", callee="NOANSWER", callee_rang=True)
    for outcome, callee in ((rang, "301"), (silent, "202")):
        done = settle(policy.begin(ask("201", callee), 1, NOW), outcome, False, False, NOW + 1, settings)
        assert done
        assert done.state == rq.COMPLETED


def test_it_is_known_when_a_branch_was_heard_last(spool: Spool) -> None:
    """By any event of a device of its own, waited for or not; another watch adds to what the one before wrote."""
    device_states = DeviceStates(Ami(Settings()), settings=two())
    for device, now in (("PJSIP/301", NOW), ("PJSIP/202", NOW + 1), ("SIP/x601", NOW + 2), ("PJSIP/301", NOW + 3)):
        assert not device_states.note("DeviceStateChange", {"Device": device, "State": "INUSE"}, now)
    assert device_states.heard == {"taichung": NOW + 3, "tainan": NOW + 2}
    write_heard(spool.directory, {"taichung": NOW, "chiayi": NOW})
    write_heard(spool.directory, device_states.heard)
    assert read_heard(spool.directory) == {"chiayi": NOW, "taichung": NOW + 3, "tainan": NOW + 2}
    Path(spool.path("", "heard")).write_text("soon\n")
    assert read_heard(spool.directory) == {}
