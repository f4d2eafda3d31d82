"""The lines of the history's past days: a request that has ended, as JSON (see past_days)."""

from __future__ import annotations

import json
from typing import Any

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError
from busy_callback.request import Request


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
