"""Cleans the spool: of what crashes leave behind, and of what the history no longer needs (docs/en/how.md, On disk).

What ended on a past day it moves into that day's file: see past_days.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.store import past_days
from busy_callback.store.durable import flush_directory, open_file, read_file, why, write_durably
from busy_callback.store.offers import forget_offers

if TYPE_CHECKING:
    from busy_callback.store.spool import Spool

KEEP_REPORTS = 2 * 86400  # seconds that the report of an ended request's recall stays
KEEP_WITHOUT_HISTORY = 3600  # seconds that both stay all the same: lamps are put out by them, and a late claim fails
SETTLED = 3600  # seconds after its end in which a request keeps its own file: somebody may be looking at it
_BATCH = 500  # files that are removed while the lock is held, for which callers wait; and that one sweep moves
_LARGEST_DAY = 64 << 20  # bytes: over 100,000 requests


def sweep(spool: Spool, now: float, history_days: int, outgoing: str) -> None:
    """Clean the spool. Raises SpoolError.

    Without a history (0 days) no report goes whose call file is still in ``outgoing``. The lock is given back every
    few hundred files: nobody waits long for it.
    """
    keep = history_days * 86400 or KEEP_WITHOUT_HISTORY
    keep_reports = KEEP_REPORTS if history_days else KEEP_WITHOUT_HISTORY
    try:
        call_files = "" if history_days else " ".join(os.listdir(outgoing))
        forget_offers(spool.directory, now - keep)
        _remove(spool, "tmp", os.listdir(spool.path("tmp", "")))  # nobody writes there while the lock is ours
        live = set(os.listdir(spool.path("requests", "")))
        ended = os.listdir(spool.path("ended", ""))
        both = [name for name in ended if name in live]
        _remove(spool, "requests", both)
        # Not those: their end must be on disk as long as the removal above may not be.
        single = set(ended).difference(both)
        _remove(spool, "ended", _old(spool, "ended", single, now - keep))
        _remove(spool, past_days.FOLDER, _over(spool, now - keep))
        if history_days:
            _remove(spool, "ended", _move_to_past_days(spool, single, now))
        # Kept as long as Asterisk might run the call file again.
        reports = (name for name in os.listdir(spool.path("recalls", "")) if name.rsplit(".", 1)[0] not in live)
        unused = (name for name in reports if f"-{name}." not in call_files)
        _remove(spool, "recalls", _old(spool, "recalls", unused, now - keep_reports))
    except OSError as error:
        raise SpoolError(f"the spool {spool.directory} can't be cleaned: {why(error)}") from error


def _old(spool: Spool, folder: str, names: Iterable[str], before: float) -> Iterator[str]:
    """Yield those of a folder's names that were last changed ``before``."""
    youngest = rq.make_stamp(max(0, int(before * 1000)))
    for name in names:
        # The name tells of most that they are too young, without a look at the disk.
        if name.rsplit("-", 1)[-1][: rq.STAMP_LENGTH] > youngest:
            continue
        try:
            if os.lstat(spool.path(folder, name)).st_mtime < before:
                yield name
        except FileNotFoundError:
            pass


def _over(spool: Spool, before: float) -> Iterator[str]:
    """Yield the past days on which the last request ended ``before``."""
    for day in past_days.days(spool.directory):
        if os.lstat(spool.path(past_days.FOLDER, day)).st_mtime < before:
            yield day


def _move_to_past_days(spool: Spool, names: Iterable[str], now: float) -> list[str]:
    """Write what ended on a past day into that day's file, flushed; return the names of what may be removed.

    Only some at a time: the rest waits until the next sweep, and so does what can't be written, as on a full disk.
    """
    local = time.localtime(now)
    midnight = time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1))
    by_day: dict[str, list[str]] = {}
    written: list[str] = []
    try:
        in_order = sorted(names, key=lambda name: name[-rq.STAMP_LENGTH :])  # so that one sweep writes few days
        for name in islice(_old(spool, "ended", in_order, min(midnight, now - SETTLED)), _BATCH):
            by_day.setdefault(past_days.day_of(os.lstat(spool.path("ended", name)).st_mtime), []).append(name)
        if by_day:
            os.makedirs(spool.path(past_days.FOLDER, ""), mode=0o750, exist_ok=True)
            flush_directory(spool.directory)
            # Without its end, a request whose removal a power cut undoes would live again.
            flush_directory(spool.path("requests", ""))
        for day, ended in by_day.items():
            written += _add_to_day(spool, day, ended)
    except OSError:
        pass  # the files are read where they are
    return written


def _add_to_day(spool: Spool, day: str, names: Iterable[str]) -> list[str]:
    """Add ended requests to a day's file, and return the names of those that are in it now. Raises OSError."""
    from busy_callback.store.day_lines import encode  # not each minute: it loads json

    path = spool.path(past_days.FOLDER, day)
    there, latest = _read_day(spool, day)
    if len(there) > _LARGEST_DAY:
        return []
    known = set(there.splitlines(keepends=True))  # where a crash came before the single files went
    new, added = [], []
    for name in names:
        single = spool.path("ended", name)
        try:
            latest = max(latest, os.lstat(single).st_mtime)
            line = encode(_ended(read_file(single), name))
            new += [] if line in known else [line]
            added.append(name)
        except CorruptRequestError as error:
            spool.set_aside(single, name, str(error))
        except OSError:
            pass  # it may be readable the next time
    if added:
        write_durably(there + b"".join(new), spool.path("tmp", f"{day}.{os.getpid()}"), path, latest)
    return added


def _read_day(spool: Spool, day: str) -> tuple[bytes, float]:
    """Return the content and the time of a day's file, with a whole last line; set aside what is no file of ours."""
    path = spool.path(past_days.FOLDER, day)
    try:
        with open(open_file(path), "rb") as file:
            there = file.read(_LARGEST_DAY + 1)
            return there + (b"\n" if there[-1:] not in (b"", b"\n") else b""), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return b"", 0.0
    except CorruptRequestError as error:
        spool.set_aside(path, day, str(error))
        return b"", 0.0


def _ended(data: bytes, name: str) -> rq.Request:
    request = rq.decode(data, name)
    if request.state not in rq.END_STATES:
        raise CorruptRequestError(f"it is {request.state}, where only what has ended belongs")
    return request


def _remove(spool: Spool, folder: str, names: Iterable[str]) -> None:
    """Unlink files of a folder; what is no file there is set aside."""
    left = list(names)
    while left:
        with spool.lock():
            for name in left[:_BATCH]:
                path = spool.path(folder, name)
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    pass
                except IsADirectoryError:
                    spool.set_aside(path, name, "it is a directory, where only files belong")
        left = left[_BATCH:]
        if left:
            time.sleep(0.001)  # flock is not fair: let those in who wait
