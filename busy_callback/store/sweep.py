"""Cleans the spool: of what crashes leave behind, and of what the history no longer needs (docs/en/how.md, On disk)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from busy_callback import request as rq
from busy_callback.errors import SpoolError
from busy_callback.store.durable import why
from busy_callback.store.offers import forget_offers

if TYPE_CHECKING:
    from busy_callback.store.spool import Spool

KEEP_REPORTS = 2 * 86400  # seconds that the report of an ended request's recall stays
KEEP_WITHOUT_HISTORY = 3600  # seconds that both stay all the same: lamps are put out by them, and a late claim fails
_BATCH = 500  # files that are removed while the lock is held, for which callers wait


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
        _remove(spool, "ended", _old(spool, "ended", set(ended).difference(both), now - keep))
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
