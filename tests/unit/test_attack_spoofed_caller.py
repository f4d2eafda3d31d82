"""Attack: somebody outside presents an extension's caller ID, so that extensions are rung in its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.settings import Directories
from busy_callback.store.spool import Spool

from .agi_call import run, set_variables, status

STRANGERS = [
    "PJSIP/trunk-00000001",
    "SIP/192.0.2.1-00000001",
    "SIP/201.example-00000001",
    "PJSIP/anonymous-00000001",
    "DAHDI/i1/201-1",
    "DAHDI/201-1",
    "IAX2/201-1",
    "Local/201@from-trunk-00000001;2",
    "PJSIP/201",
    "",
]
OTHER_PHONES = ["PJSIP/2012-00000001", "PJSIP/203-00000001", "Local/rd203202@custom-auto-redial-00000001;1"]


def asked(
    directories: Directories, channel: str, *arguments: str, values: dict[str, str] | None = None, caller_id: str = ""
) -> str:
    """Return the status for a request from a channel."""
    head = f"agi_channel: {channel}\nagi_callerid: {caller_id}\n\n"
    return status(run(directories, *(arguments or ("201", "202")), head=head, values=values))


@pytest.mark.parametrize("channel", ["PJSIP/201-0000002a", "SIP/201-00000001"])
def test_an_extension_asks_from_its_own_phone(directories: Directories, channel: str) -> None:
    """The channel begins with the dial string of the extension."""
    assert asked(directories, channel) == "REGISTERED"


@pytest.mark.parametrize("channel", STRANGERS + OTHER_PHONES)
def test_no_other_channel_asks_for_it(directories: Directories, channel: str) -> None:
    """A trunk, a guest, another phone, a channel that is none: refused, whatever caller ID it presents."""
    assert asked(directories, channel, caller_id="201") == "REFUSED"
    assert Spool(directories.spool).live() == [] if Path(directories.spool).exists() else True


@pytest.mark.parametrize("channel", STRANGERS)
def test_nothing_is_offered_to_a_claimed_caller_id(directories: Directories, channel: str) -> None:
    """Whoever claims to be 201 is offered nothing, leaves no last number, and has no codes."""
    head = f"agi_channel: {channel}\nagi_callerid: 201\n\n"
    values = {"DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-00000001"}
    commands = run(directories, "offer", "202", "BUSY", head=head, values=values)
    assert set_variables(commands)["BUSY_CALLBACK_PROMPT"] == ""
    assert not any(command.startswith("DATABASE") for command in commands)
    assert status(run(directories, "caller", head=head, values={"DB(busy-callback-last/201)": "202,busy"})) == "REFUSED"


@pytest.mark.parametrize("peer", ["", "trunk"])
def test_a_guest_whose_channel_bears_an_extensions_name(directories: Directories, peer: str) -> None:
    """A channel of chan_sip's is a phone's only where it is that peer's: a guest's is called by its From header."""
    head, guest = "agi_channel: SIP/201-00000001\nagi_callerid: 201\n\n", {"CHANNEL(peername)": peer}
    assert status(run(directories, "201", "202", head=head, values=guest)) == "REFUSED"
    assert status(run(directories, "cancel", "201", head=head, values=guest)) == "REFUSED"
    assert status(run(directories, "caller", head=head, values=guest)) == "REFUSED"
    values = {"DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-00000001", **guest}
    assert (
        set_variables(run(directories, "offer", "202", "BUSY", head=head, values=values))["BUSY_CALLBACK_PROMPT"] == ""
    )


@pytest.mark.parametrize("channel", ["PJSIP/trunk-00000001", "SIP/trunk-00000001", "DAHDI/1-1", "IAX2/trunk-1"])
def test_a_variable_that_a_dialplan_filled_is_no_proof(directories: Directories, channel: str) -> None:
    """BUSY_CALLBACK_FROM counts only as the endpoint's configuration has it: a dialplan may take a caller ID for it."""
    values = {"BUSY_CALLBACK_FROM": "201"}
    assert asked(directories, channel, values=values, caller_id="201") == "REFUSED"
    assert asked(directories, channel, "cancel", "201", values=values) == "REFUSED"
    assert asked(directories, channel, "caller", values=values) == "REFUSED"


def test_nor_does_it_cancel(directories: Directories) -> None:
    """A spoofed caller ID cancels nothing."""
    assert asked(directories, "PJSIP/201-00000001") == "REGISTERED"
    assert asked(directories, "PJSIP/trunk-00000001", "cancel", "201") == "REFUSED"
    assert asked(directories, "PJSIP/203-00000001", "cancel", "201", "202") == "REFUSED"
    assert len(Spool(directories.spool).live()) == 1


def test_a_recalled_caller_may_ask_again(directories: Directories) -> None:
    """Within the recall the channel is our own call file's, whose name nobody outside can give to a channel."""
    assert asked(directories, "Local/rd201202@custom-auto-redial-00000001;1") == "REGISTERED"


def test_a_set_dial_string_is_the_own_phone(directories: Directories) -> None:
    """Device = decides, with dashes in it too; PJSIP/201 is then nobody's."""
    Path(directories.conf).write_text("[general]\ndevice = PJSIP/desk-{ext}\n")
    assert asked(directories, "PJSIP/desk-201-00000001") == "REGISTERED"
    assert asked(directories, "PJSIP/201-00000001") == "REFUSED"


def test_freepbx_knows_the_phones_of_an_extension(directories: Directories) -> None:
    """DEVICE/201/dial in AstDB, also where it is no SIP phone."""
    values = {"DB(DEVICE/201/dial)": "DAHDI/7"}
    assert asked(directories, "DAHDI/7-1", values=values) == "REGISTERED"
    assert asked(directories, "DAHDI/8-1", "201", "203", values=values) == "REFUSED"


def test_freepbx_devices_and_users(directories: Directories) -> None:
    """A user who is logged in at devices 5001 and 5002 asks from either, and from no third."""
    values = {
        "DB(AMPUSER/201/device)": "5001&5002",
        "DB(DEVICE/5001/dial)": "PJSIP/5001",
        "DB(DEVICE/5002/dial)": "PJSIP/5002",
        "DB(DEVICE/5003/dial)": "PJSIP/5003",
    }
    assert asked(directories, "PJSIP/5002-00000001", values=values) == "REGISTERED"
    assert asked(directories, "PJSIP/5003-00000001", "201", "203", values=values) == "REFUSED"


def test_callers_any_leaves_it_to_the_dialplan(directories: Directories) -> None:
    """The setting for dialplans that know better."""
    Path(directories.conf).write_text("[general]\ncallers = any\n")
    assert asked(directories, "PJSIP/reception-00000001") == "REGISTERED"
