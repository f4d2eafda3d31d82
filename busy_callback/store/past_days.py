"""The history's past days: what ended on one day, in one file.

    history/YYYY-MM-DD   a line for each request, JSON; the file's time is when the last of them ended

Thirty files are read in a fraction of the time of ten thousand. The poller moves what has ended there when its day is
over, whole and flushed before the single files go (see sweep). So a request may be found in both places: it is the
same one. New lines come after those that are there. What a line is, day_lines knows: the watch, which on most of its
runs reads none, loads neither it nor json.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from busy_callback.errors import CorruptRequestError
from busy_callback.request import Request
from busy_callback.store.durable import MAX_FILE, open_file

FOLDER = "history"


def day_of(when: float) -> str:
    """Return the name of the file for what ended then (seconds, epoch): the local day."""
    return time.strftime("%Y-%m-%d", time.localtime(when))


def days(spool: str) -> list[str]:
    """Return the names of the files in the spool directory ``spool``, in order; raise OSError."""
    try:
        return sorted(name for name in os.listdir(f"{spool}/{FOLDER}") if len(name) == 10)
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_lines(spool: str, day: str, begin: int = 0) -> Iterator[bytes]:
    """Yield the lines of a day from that byte on; of one that is none of ours, and may have any length, pieces.

    Raises CorruptRequestError where that can be no file of ours, and OSError.
    """
    with open(open_file(f"{spool}/{FOLDER}/{day}"), "rb") as file:
        file.seek(begin)
        while line := file.readline(MAX_FILE):
            yield line


def past_requests(spool: str, since: float = 0.0, wanted: str = "") -> Iterator[Request | None]:
    """Yield what ended ``since`` then on past days, and None for what could not be read, in no order; raise OSError.

    ``wanted``: others than those whose id contains it may be missing.
    """
    part = wanted.encode("ascii", "replace")
    for day in days(spool):
        try:
            if since and os.lstat(f"{spool}/{FOLDER}/{day}").st_mtime < since:
                continue
            for line in read_lines(spool, day):
                if part in line:
                    request = _decoded(line)
                    if request is None or request.ended >= since:
                        yield request
        except FileNotFoundError:
            pass  # its time has just come
        except CorruptRequestError:
            yield None


def _decoded(line: bytes) -> Request | None:
    from busy_callback.store.day_lines import decode

    try:
        return decode(line)
    except CorruptRequestError:
        return None
