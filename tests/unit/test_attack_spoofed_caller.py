"""Attack: somebody outside presents an extension's caller ID, so that extensions are rung in its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.settings import Directories
from busy_callback.store.spool import Spool

from .test_agi import ANSWER, run, status

NONE = ANSWER


def asked(directories: Directories, channel: str, *answers: str, arguments: tuple[str, ...] = ("201", "202")) -> str:
    """Return the status for a request from a channel, where AstDB answers so."""
    talk = "".join(answers) + ANSWER * 9
    commands = run(directories, *arguments, head=f"agi_channel: {channel}\n\n", answers=talk)
    return status([command for command in commands if not command.startswith("DATABASE")])


def found(value: str) -> str:
    """Return AstDB's answer with that value."""
    return f"200 result=1 ({value})\n"


@pytest.mark.parametrize("channel", ["PJSIP/201-0000002a", "SIP/201-00000001"])
def test_an_extension_asks_from_its_own_phone(directories: Directories, channel: str) -> None:
    """The channel begins with the dial string of the extension."""
    assert asked(directories, channel) == "REGISTERED"


@pytest.mark.parametrize(
    "channel",
    [
        "PJSIP/trunk-00000001",
        "SIP/192.0.2.1-00000001",
        "SIP/201.example-00000001",
        "PJSIP/2012-00000001",
        "PJSIP/203-00000001",
        "PJSIP/anonymous-00000001",
        "DAHDI/i1/201-1",
        "DAHDI/201-1",
        "IAX2/201-1",
        "Local/201@from-trunk-00000001;2",
        "Local/rd203202@custom-auto-redial-00000001;1",
        "PJSIP/201",
        "",
    ],
)
def test_no_other_channel_asks_for_it(directories: Directories, channel: str) -> None:
    """A trunk, a guest, another phone, a channel that is none: refused, whatever caller ID it presents."""
    assert asked(directories, channel) == "REFUSED"
    assert Spool(directories.spool).live() == [] if Path(directories.spool).exists() else True


def test_nor_does_it_cancel(directories: Directories) -> None:
    """A spoofed caller ID cancels nothing."""
    assert asked(directories, "PJSIP/201-00000001") == "REGISTERED"
    assert asked(directories, "PJSIP/trunk-00000001", arguments=("cancel", "201")) == "REFUSED"
    assert asked(directories, "PJSIP/203-00000001", arguments=("cancel", "201", "202")) == "REFUSED"
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
    assert asked(directories, "DAHDI/7-1", NONE, found("DAHDI/7")) == "REGISTERED"
    assert asked(directories, "DAHDI/8-1", NONE, found("DAHDI/7"), arguments=("201", "203")) == "REFUSED"


def test_freepbx_devices_and_users(directories: Directories) -> None:
    """A user who is logged in at devices 5001 and 5002 asks from either, and from no third."""
    devices = found("5001&5002"), NONE, found("PJSIP/5001"), found("PJSIP/5002")
    assert asked(directories, "PJSIP/5002-00000001", *devices) == "REGISTERED"
    assert asked(directories, "PJSIP/5003-00000001", *devices, arguments=("201", "203")) == "REFUSED"


def test_callers_any_leaves_it_to_the_dialplan(directories: Directories) -> None:
    """The setting for dialplans that know better."""
    Path(directories.conf).write_text("[general]\ncallers = any\n")
    assert asked(directories, "PJSIP/reception-00000001") == "REGISTERED"
