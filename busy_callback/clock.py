"""Notices that the wall clock was set, by the clock that nobody sets: the one since the machine's start."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

LEAST = 120.0  # seconds; polls are a minute apart, and less takes little from what a request has left
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Memory(Protocol):
    """A line of text that outlives the process: cron starts a new one each minute."""

    def read(self) -> str:
        """Return the line, '' where there is none."""

    def write(self, line: str) -> None:
        """Keep the line, if that can be done."""


def since_boot() -> float:
    """Return the seconds since the machine's start, those that it slept included (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockSteps:
    """Compares two clocks: the ``clock`` on the wall and the ``ticks`` since the machine's start."""

    def __init__(self, memory: Memory, clock: Callable[[], float], ticks: Callable[[], float]) -> None:
        self._memory = memory
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
        self._memory.write(f"{_boot()} {self._known:.3f}")

    def _read(self) -> float | None:
        """Return what was noted since the machine's start, by whichever process; None: nothing."""
        boot, _, known = self._memory.read().partition(" ")
        try:
            return float(known) if boot == _boot() else None
        except ValueError:
            return None


def _boot() -> str:
    with open(_BOOT_ID, encoding="ascii") as file:
        return file.read().strip()
