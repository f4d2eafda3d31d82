"""What install writes for branches, where it offers callbacks to them, and what doctor finds."""

from __future__ import annotations

import os

import pytest

from busy_callback.errors import SetupError
from busy_callback.settings import load
from busy_callback.setup.branch_changes import Wanted
from busy_callback.setup.changing import undo
from busy_callback.setup.check import CheckFailed, Installation
from busy_callback.setup.checks_branches import check_branches
from busy_callback.setup.checks_dialplan import check_devices
from busy_callback.store.heard import write_heard
from busy_callback.store.spool import Spool
from tests.lab.standin import StandIn
from tests.unit.setup.pbx import EXTENSIONS, Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")

TRUNKS = """\
[to-taichung]
type = endpoint
transport = udp
outbound_auth = us
[to-taichung]
type = identify
endpoint = to-taichung
match = 10.0.9.9
match = 10.0.2.1/32
[south]
type = identify
endpoint = to-tainan
match = 10.0.3.1
"""
SETTINGS = """\
[general]
extensions = 2XX
[branch taichung]
extensions = 3XX
[branch tainan]
extensions = 6XX
"""
LOADED = "res_pjsip_publish_asterisk.so  x  0  Running\nres_pjsip_outbound_publish.so  x  0  Running\n"


@pytest.fixture
def joined(pbx: Pbx) -> Pbx:
    """A PBX with trunks to two branches, which its settings have."""
    pbx.write("pjsip.conf", TRUNKS)
    pbx.write("busy_callback.conf", SETTINGS)
    return pbx


def wanted(*branches: str) -> Wanted:
    """Return what an admin at taipei asks for."""
    return Wanted(branches, "taipei")


def test_install_writes_the_publication(joined: Pbx) -> None:
    """Both directions, for that trunk's endpoint alone, the branch's devices in and our own out; uninstall ends it."""
    before = joined.tree()
    joined.install("phones", publish=wanted("taichung=10.0.2.1:5061"))
    text = (joined.etc / "pjsip.conf").read_text()
    assert text.startswith(TRUNKS)
    for line in (
        "[taichung]\ntype = inbound-publication\nendpoint = to-taichung\n",
        "device_state_filter = ^PJSIP/(3[0-9][0-9])$\n",
        "server_uri = sip:taipei@10.0.2.1:5061\n",
        "@device_state_filter = ^PJSIP/(2[0-9][0-9])$|^SIP/(2[0-9][0-9])$\n",
        "transport = udp\noutbound_auth = us\n",
    ):
        assert line in text
    assert undo(joined.journal()) == []
    assert joined.tree() == before


def test_devices_that_are_named_come_and_go_too(joined: Pbx) -> None:
    """Each with those of its own side."""
    joined.write("busy_callback.conf", f"{SETTINGS}[devices]\n305 = PJSIP/lobby\n205 = SIP/door.1\n")
    joined.install("phones", publish=wanted("taichung=10.0.2.1"))
    text = (joined.etc / "pjsip.conf").read_text()
    assert "\ndevice_state_filter = ^PJSIP/(3[0-9][0-9])$|^PJSIP/lobby$\n" in text
    assert "$|^SIP/door\\.1$\n" in text
    assert text.count("lobby") == 1


def test_another_branch_leaves_the_first_as_it_is(joined: Pbx) -> None:
    """Neither a second --branch nor an install without one takes anything away; the same again changes nothing."""
    joined.install("phones", publish=wanted("taichung=10.0.2.1"))
    joined.install(publish=wanted("tainan=10.0.3.1"))
    text = (joined.etc / "pjsip.conf").read_text()
    assert (text.count("sip:taipei@10.0.2.1\n"), text.count("sip:taipei@10.0.3.1\n")) == (1, 1)
    assert joined.plan(publish=wanted("taichung=10.0.2.1")).changes == ()
    assert joined.plan().changes == ()


def test_what_the_other_side_needs_is_told(joined: Pbx) -> None:
    """Its part of the same, with what it knows alone left open; and what a branch that was not asked for would get."""
    notes = "\n".join(joined.plan("phones", publish=wanted("taichung=10.0.2.1")).notes)
    assert "install --branch taipei=ADDRESS --here taichung" in notes
    assert "[taipei]\ntype = inbound-publication\n" in notes
    assert "server_uri = sip:taichung@ADDRESS-OF-THIS-PBX" in notes
    assert "no states come from branch tainan yet; busy-callback install --branch tainan=ADDRESS writes" in notes


@pytest.mark.parametrize(
    ("branch", "says"),
    [
        ("taichung", "NAME=ADDRESS"),
        ("taichung=10.0.2.1;x", "NAME=ADDRESS"),
        ("taichung=10.0.2.1\n[x]", "NAME=ADDRESS"),
        ("hualien=10.0.2.1", "has no .branch hualien."),
        ("taichung=10.0.2.2", "no endpoint of .* is identified by 10.0.2.2"),
    ],
)
def test_what_can_not_be_joined_is_one_error(joined: Pbx, branch: str, says: str) -> None:
    """It says what to do, and nothing is planned."""
    with pytest.raises(SetupError, match=says):
        joined.plan("phones", publish=wanted(branch))
    with pytest.raises(SetupError, match="--here"):
        joined.plan("phones", publish=Wanted(("taichung=10.0.2.1",), "a b"))


def test_the_offer_goes_behind_the_trunks_dial(joined: Pbx) -> None:
    """Where the branch's pattern stands; a Dial that leads elsewhere is left alone."""
    trunk = "exten => _3XX,1,Dial(PJSIP/${EXTEN}@to-taichung,30)\n same => n,Hangup()\n\n[other]"
    joined.write("extensions.conf", EXTENSIONS.replace("[other]", trunk))
    joined.install("phones")
    text = (joined.etc / "extensions.conf").read_text()
    assert text.count("Gosub(busy-callback,s,1(${EXTEN}))") == 2
    offer = text.partition("Dial(PJSIP/${EXTEN}@to-taichung,30)\n")[2].splitlines()[1]
    assert "Gosub(busy-callback,s,1(${EXTEN}))" in offer
    assert joined.plan().changes == ()


def found(pbx: Pbx, states: dict[str, str]) -> str:
    """Return what doctor's check says where the devices have these states."""
    with StandIn() as standin:
        standin.states = states
        settings = load(pbx.directories.conf)
        settings.port = standin.port
        return check_branches(Installation(pbx.survey(), settings))


def test_doctor_counts_the_phones_whose_states_are_known(joined: Pbx) -> None:
    """Of each branch; one whose states come without a publication of PJSIP's is no fault."""
    joined.install("phones", publish=wanted("taichung=10.0.2.1"))
    joined.runs(module_show=LOADED)
    Spool(joined.directories.spool).prepare()
    write_heard(joined.directories.spool, {"taichung": 1_800_000_000.0})
    told = found(joined, {"PJSIP/301": "INUSE", "PJSIP/302": "UNAVAILABLE", "PJSIP/601": "NOT_INUSE"})
    assert "taichung: the states of 2 phones are known, the last came at 2027-01-1" in told
    assert "tainan: the states of 1 phones are known, none came while the poller watched" in told


def test_a_branchs_device_that_is_named_is_none_of_ours(joined: Pbx) -> None:
    """That nothing is known of one yet is the branch's affair, not that of our own extensions' devices."""
    joined.write("busy_callback.conf", f"{SETTINGS}[devices]\n305 = SIP/lobby\n")
    with StandIn() as standin:
        standin.states = {"PJSIP/201": "NOT_INUSE", "PJSIP/202": "NOT_INUSE"}
        settings = load(joined.directories.conf)
        settings.port = standin.port
        assert "each of 2 extensions" in check_devices(Installation(joined.survey(), settings))


@pytest.mark.parametrize(
    ("old", "new", "states", "says"),
    [
        ("", "", {}, "nothing is known of the devices of branch taichung"),
        ("endpoint = to-taichung\nevent", "event", {"PJSIP/301": "INUSE"}, "names no endpoint"),
        ("match = ", "; match = ", {"PJSIP/301": "INUSE"}, "no section identifies endpoint to-taichung"),
        ("device_state_filter = ^PJSIP/(3", ";", {"PJSIP/301": "INUSE"}, "may tell the state of any device"),
        ("[taichung]", "[chung]", {}, "has no publication of that name"),
    ],
)
def test_doctor_says_what_is_wrong_with_a_branch(
    joined: Pbx, old: str, new: str, states: dict[str, str], says: str
) -> None:
    """Nothing published, or by whom and of what is left open."""
    joined.install("phones", publish=wanted("taichung=10.0.2.1"))
    path = joined.etc / "pjsip.conf"
    path.write_text(path.read_text().replace(old, new))
    joined.runs(module_show=LOADED)
    with pytest.raises(CheckFailed, match=says) as caught:
        found(joined, states)
    assert caught.value.cure


def test_doctor_misses_the_publications_module(joined: Pbx) -> None:
    """It is named, with what loads it."""
    joined.install("phones", publish=wanted("taichung=10.0.2.1"))
    joined.runs(
        module_show=LOADED.replace("publish_asterisk.so  x  0  Running", "publish_asterisk.so  x  0  Not Running")
    )
    with pytest.raises(CheckFailed, match="has not loaded res_pjsip_publish_asterisk"):
        found(joined, {"PJSIP/301": "INUSE"})
