"""A process that dies at a chosen call that changes the disk, played within the test: nothing after it is done.

Python tells an audit hook of each call before it is made. The hook counts those that change something, and from the
chosen one on raises Killed at every one of them, so that no handler cleans up what a kill would leave.
What is between a write and its flush it does not see: tests/reliability has the real kills.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

CHANGES = frozenset(
    ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.utime", "os.symlink", "os.link")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Killed(BaseException):
    """The process is dead."""


class _Counter:
    def __init__(self) -> None:
        self.left: int | None = None  # calls until death; None: nobody dies
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.left is not None and (event in CHANGES or (event == "open" and arguments[2] & _WRITING)):
            self.left -= 1
            if self.left < 0:
                raise Killed


_counter: list[_Counter] = []


def dies(act: Callable[[], object], call: int) -> bool:
    """Do it, and die before the call of that number, from 0, which changes something; return False if it was done."""
    if not _counter:
        _counter.append(_Counter())
    counter = _counter[0]
    counter.left = call
    try:
        act()
    except Killed:
        return True
    finally:
        counter.left = None
    return False
