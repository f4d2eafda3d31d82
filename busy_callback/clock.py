"""Notices that the wall clock was set, by the clock that nobody sets: the one since the machine's start."""

from __future__ import annotations

import time
from collections.abc import Callable

from busy_callback.errors import CorruptRequestError
from busy_callback.store.durable import read_file, write_note

LEAST = 120.0  # seconds; polls are a minute apart, and less takes little from what a request has left
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def since_boot() -> float:
    """Return the seconds since the machine's start, those that it slept included (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Steps:
    """Compares two clocks, with the file ``path`` as memory: cron starts a new process each minute."""

    def __init__(self, path: str, clock: Callable[[], float], ticks: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._ticks = ticks
        self._known: float | None = None  # the wall clock's reading at the machine's start, when last noted

    def step(self) -> float:
        """Return by how many seconds the clock was set since ``note``, negative when back; 0.0 if it was not."""
        if self._known is None:
            self._known = self._read()
        if self._known is None:
            self.note()
            return 0.0
        step = self._clock() - self._ticks() - self._known
        return step if abs(step) > LEAST else 0.0

    def note(self) -> None:
        """Take the clock for right from now on."""
        self._known = self._clock() - self._ticks()
        try:
            write_note(self._path, f"{_boot()} {self._known:.3f}\n")
        except OSError:
            pass  # then the next process takes it for right

    def _read(self) -> float | None:
        """Return what was noted since the machine's start, by whichever process; None: nothing."""
        try:
            boot, _, known = read_file(self._path).decode("ascii").strip().partition(" ")
            return float(known) if boot == _boot() else None
        except (OSError, ValueError, CorruptRequestError):
            return None


def _boot() -> str:
    with open(_BOOT_ID, encoding="ascii") as file:
        return file.read().strip()
