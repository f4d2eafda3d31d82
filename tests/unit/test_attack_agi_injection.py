"""Attack: caller-controlled text that adds AGI commands, or lines to Asterisk's log."""

from __future__ import annotations

import pytest

from busy_callback.settings import Directories
from busy_callback.store.spool import Spool

from .agi_call import run, status

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
    """A hostile FROM is refused in exactly five commands, each on one line of plain ASCII."""
    commands = run(directories, text, "202")
    assert status(commands) == "REFUSED"
    assert [c.split()[0] for c in commands] == ["SET", "EXEC", "ANSWER", "STREAM", "HANGUP"]
    assert all(c.isascii() and len(c) < 400 and c.count('"') in {0, 2, 4} for c in commands)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_agi_environment_adds_nothing(directories: Directories, text: str) -> None:
    """A hostile caller name or language changes nothing; a language that is none is left out."""
    one_line = text.replace("\n", " ").replace("\r", " ")
    head = f"agi_channel: PJSIP/201-00000001\nagi_calleridname: {one_line}\nagi_language: {one_line}\n\n"
    assert status(run(directories, "201", "202", head=head)) == "REGISTERED"
    assert Spool(directories.spool).live()[0].language == ""


@pytest.mark.parametrize("text", ["201\r\n", "201\n\n", "201\n\nagi_arg_2: 202\nHANGUP\n\n"])
def test_a_line_feed_in_an_argument_does_not_shift_the_answers(directories: Directories, text: str) -> None:
    """The rest of an environment that a blank line cut short is not taken for answers: every command is given."""
    commands = run(directories, text, "202", head=f"agi_language: en\nagi_arg_1: {text}\nagi_arg_2: 202\n\n")
    assert [c.split()[0] for c in commands] == ["SET", "EXEC", "ANSWER", "STREAM", "HANGUP"]


def test_an_answer_of_several_lines_and_then_silence_ends_the_script(directories: Directories) -> None:
    """The beginning of a 520 answer with no end, on which pyst2 alone would fill all memory, ends the script."""
    assert len(run(directories, "201", "202", answers="520-Invalid command syntax.\n")) == 1
    assert len(Spool(directories.spool).live()) == 1
