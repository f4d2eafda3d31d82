"""How often a callback was offered: a line each in a file a day, for the statistics alone.

Nothing depends on it: a line is one append, not flushed, and where it can't be written there is none. The AGI
imports this module on the caller's time.

    offers/YYYY-MM-DD   a line an offer: TIME KIND CALLER CALLEE, or TIME KIND where no numbers are to be kept
"""

from __future__ import annotations

import os
import stat
import time

from busy_callback import request as rq

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

FOLDER = "offers"
_DAY = 86400
_LINE = 200  # characters; ours are shorter
_MOST = 1_000_000  # lines of a day
_LATEST = 1e11  # seconds, epoch
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Offer:
    """That a caller was offered a callback, at a time (seconds, epoch); '' for numbers that were not kept."""

    __slots__ = ("callee", "caller", "kind", "when")

    def __init__(self, when: float, kind: str, caller: str = "", callee: str = "") -> None:
        self.when = when
        self.kind = kind
        self.caller = caller
        self.callee = callee


def note_offer(spool: str, caller: str, callee: str, kind: str, now: float, with_numbers: bool = True) -> None:
    """Count an offer in the spool directory ``spool``; the numbers must be extensions by then.

    Takes a system call or three, waits for nothing, and never raises: an offer that can't be counted is not.
    """
    numbers = f" {caller} {callee}" if with_numbers else ""
    path = f"{spool}/{FOLDER}/{time.strftime('%Y-%m-%d', time.localtime(now))}"
    flags = _FLAGS | os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        try:
            descriptor = os.open(path, flags, 0o640)
        except FileNotFoundError:
            os.mkdir(f"{spool}/{FOLDER}", 0o750)
            descriptor = os.open(path, flags, 0o640)
        try:
            os.write(descriptor, f"{now:.3f} {kind}{numbers}\n".encode("ascii", "replace"))
        finally:
            os.close(descriptor)
    except OSError:
        pass


def read_offers(spool: str, since: float = 0.0) -> Iterator[Offer]:
    """Yield the offers made ``since`` then, in no order; what is no line of ours (half a one) is passed over."""
    first = time.strftime("%Y-%m-%d", time.localtime(max(0.0, since - _DAY)))  # the clock may have been set
    for name in _days(spool):
        if name < first:
            continue
        try:
            descriptor = os.open(f"{spool}/{FOLDER}/{name}", _FLAGS | os.O_RDONLY)
        except OSError:
            continue
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            continue
        with open(descriptor, encoding="ascii", errors="replace") as file:
            yield from (offer for offer in map(_parse, _lines(file)) if offer and offer.when >= since)


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a day; of one that is none of ours, and may have any length, pieces."""
    for _ in range(_MOST):
        line = file.readline(_LINE)
        if not line:
            break
        yield line


def forget_offers(spool: str, before: float) -> None:
    """Remove the days that were over ``before`` then, as far as they can be removed."""
    last = time.strftime("%Y-%m-%d", time.localtime(max(0.0, before)))
    for name in _days(spool):
        if name < last:
            try:
                os.unlink(f"{spool}/{FOLDER}/{name}")
            except OSError:
                pass


def _days(spool: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(f"{spool}/{FOLDER}") if len(name) == 10)
    except OSError:
        return []


def _parse(line: str) -> Offer | None:
    when, *words = line.split(" ") if line.endswith("\n") else [""]
    try:
        if len(words) not in (1, 3) or not 0 <= float(when) < _LATEST:
            return None
    except ValueError:
        return None
    kind, *numbers = [word.rstrip("\n") for word in words]
    if kind not in rq.KINDS or not all(map(rq.is_number, numbers)):
        return None
    return Offer(float(when), kind, *numbers)
