"""The history's past days: what ended on one day, in one file.

    history/YYYY-MM-DD   a line for each request, JSON; the file's time is when the last of them ended

Thirty files are read in a fraction of the time of ten thousand. The poller moves what has ended there when its day is
over, whole and flushed before the single files go (see sweep). So a request may be found in both places: it is the
same one. New lines come after those that are there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

from busy_callback import request as rq
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
    try:
        return decode(line)
    except CorruptRequestError:
        return None


def encode(request: Request) -> bytes:
    """Return the line of an ended request: what is '' or 0 in it is left out, where it may be."""
    fields = {name: getattr(request, name) for name in _KINDS_OF}
    kept = {name: value for name, value in fields.items() if value or name in {"requested", "expires"}}
    return json.dumps(kept).encode("ascii") + b"\n"


_KINDS_OF: dict[str, Any] = {
    "id": str,
    **dict.fromkeys(rq.WORDS, str),
    **dict.fromkeys(rq.TIMES, float),
    **dict.fromkeys(rq.COUNTS, int),
    "events": list,
}
_read_json = json.JSONDecoder().raw_decode


def decode(line: bytes) -> Request:
    """Return the request of a line; raise CorruptRequestError for anything that ``encode`` can't have written.

    Each is looked at as a request's own file is (see request.decode), in a third of the time.
    """
    try:
        text = line.decode("ascii")
        fields, end = _read_json(text)
        if text[end:] != "\n":
            raise ValueError
        for name, value in fields.items():
            if type(value) is not _KINDS_OF[name] or (name in _NUMBERS and not 0 <= value < rq.MAX_TIME):
                raise TypeError
        events = []
        for when, told in fields.get("events", ()):
            if type(when) is not float or type(told) is not str or not 0 <= when < rq.MAX_TIME:
                raise TypeError
            events.append((when, told))
        fields["events"] = tuple(events)
        if not text[:end].isprintable() or ("\\" in text and not _printable(fields)):
            raise ValueError
        request_id = fields.pop("id")
        rq.split_id(request_id)
        rq.check_words(fields)
        if fields["state"] not in rq.END_STATES:
            raise ValueError
        return Request(request_id, **fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CorruptRequestError(f"its line {line[:60]!r} is not understood") from None


_NUMBERS = frozenset((*rq.TIMES, *rq.COUNTS))


def _printable(fields: dict[str, Any]) -> bool:
    """Tell whether all words can be shown, though something in the line is escaped."""
    words = [fields.get(name, "") for name in rq.WORDS] + [told for _, told in fields["events"]]
    return all(word.isprintable() for word in words)
