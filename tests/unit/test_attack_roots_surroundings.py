"""Attack: Asterisk's user takes over a program that root's command starts as that user, as Matplotlib does fc-list.

Such a program, unlike the command itself, can be traced by its user (ptrace(2), pidfd_getfd(2)): what it has is theirs.
"""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from busy_callback.store.asterisk_user import become
from tests.unit.house import ASTERISK, House

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

LOOK = """
exec 3>&1
(: </dev/tty) 2>/dev/null && echo has a terminal to type into >&3
for n in 0 2; do [ -t $n ] && echo has the terminal at $n >&3; done
env | grep -E 'PASSWORD|^HOME=' >&3
pwd >&3
"""


@pytest.fixture
def seen(house: House) -> list[str]:
    """What such a program says of its surroundings."""
    reading, writing = os.pipe()
    leader, screen = pty.fork()
    if not leader:
        try:
            if not os.fork():
                _go_on(house.etc, writing)
            os.wait()
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        told = file.read().splitlines()
    os.waitpid(leader, 0)
    os.close(screen)
    return told


def _go_on(folder: Path, writing: int) -> None:
    """In a shell's terminal, environment and folder, go on as Asterisk's user, and start a program."""
    os.environ.update(HOME=str(folder), PASSWORD_OF_THE_DATABASE="geheim")
    os.chdir(folder)
    become(ASTERISK.pw_uid)
    subprocess.run(["/bin/sh", "-c", LOOK], stdout=writing, check=False)
    os._exit(0)


def test_the_terminal(seen: list[str]) -> None:
    """It can neither type into root's shell nor read what root types there: passwords."""
    assert seen
    assert [line for line in seen if "terminal" in line] == []


def test_the_environment(seen: list[str]) -> None:
    """What root's shell has exported is not handed on."""
    assert seen
    assert [line for line in seen if "PASSWORD" in line] == []


def test_the_folder(seen: list[str]) -> None:
    """Neither where root stood nor where a library looks for its settings (matplotlibrc) is asterisk's to write."""
    assert seen[-1] == "/"
    assert [line for line in seen if line.startswith("HOME=")] == ["HOME=/"]
