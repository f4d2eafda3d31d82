"""Attack: caller-controlled text that adds AGI commands, or lines to Asterisk's log."""

from __future__ import annotations

import pytest

from busy_callback.settings import Directories
from busy_callback.spool import Spool

from .test_agi import run, status

HOSTILE = [
    'x"\nEXEC System "touch /tmp/owned"',
    "x\r\nHANGUP",
    'x","y',
    "x\\",
    "x\udc80\udcff",
    "x${SHELL(id)}$[1/0]",
    "x" * 10000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_an_argument_adds_no_command(directories: Directories, text: str) -> None:
    """A hostile FROM is refused in exactly four commands, each on one line of plain ASCII."""
    commands = run(directories, text, "202")
    assert status(commands) == "REFUSED"
    assert [c.split()[0] for c in commands] == ["SET", "EXEC", "STREAM", "HANGUP"]
    assert all(c.isascii() and len(c) < 400 and c.count('"') in {0, 2, 4} for c in commands)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_agi_environment_adds_nothing(directories: Directories, text: str) -> None:
    """A hostile caller name or language changes nothing; a language that is none is left out."""
    one_line = text.replace("\n", " ").replace("\r", " ")
    head = f"agi_calleridname: {one_line}\nagi_language: {one_line}\n\n"
    assert status(run(directories, "201", "202", head=head)) == "REGISTERED"
    assert Spool(directories.spool).live()[0].language == ""
