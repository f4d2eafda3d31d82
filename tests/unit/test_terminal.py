"""What is shown where somebody looks on, and is not in a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
from busy_callback.setup.check import Check
from busy_callback.setup.shown_check import show_check
from busy_callback.terminal import progress
with progress("Looking"):
    pass
show_check(Check("a", True, "fine"))
show_check(Check("b", False, "bad", "do that"))
"""
GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m\x1b[1m", "\x1b[0m"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {},
            f"Looking ...\r\x1b[K{GREEN}ok  {PLAIN} a: fine\r\n{RED}FAIL{PLAIN} b: bad\r\n     -> do that\r\n",
        ),
        ({"NO_COLOR": "1"}, "Looking ...\r\x1b[Kok   a: fine\r\nFAIL b: bad\r\n     -> do that\r\n"),
        ({"TERM": "dumb"}, "ok   a: fine\r\nFAIL b: bad\r\n     -> do that\r\n"),
    ],
)
def test_a_terminal_sees_colours_and_what_it_is_at(variables: dict[str, str], said: str) -> None:
    """The line of what it is at is gone when it is done; NO_COLOR forbids colours, a dumb terminal both."""
    environ = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **variables}
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM], stdout=theirs, stderr=theirs, check=True, env=environ)
    os.close(theirs)
    assert os.read(ours, 4096).decode() == said
    os.close(ours)


def test_a_pipe_has_neither() -> None:
    """Nothing of it in what a program reads, on neither of the two outputs."""
    environ = {**os.environ, "TERM": "xterm"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environ)
    assert (done.stdout, done.stderr) == ("ok   a: fine\nFAIL b: bad\n     -> do that\n", "")
