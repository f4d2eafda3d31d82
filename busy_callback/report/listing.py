"""The tables of list and history: within a terminal's width, with times as people say them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from busy_callback import request as rq
from busy_callback.language import of_terminal, said, width, wrapped
from busy_callback.numbering import visible
from busy_callback.printing import words
from busy_callback.report.sentences import as_told
from busy_callback.request import Request
from busy_callback.terminal import coloured

Row = tuple[str, ...]
COLOURS: dict[str, dict[str, Any]] = {
    rq.RECALLING: {"fg": "green", "bold": True},
    rq.SUSPENDED: {"fg": "yellow"},
    rq.COMPLETED: {"fg": "green"},
    rq.FAILED: {"fg": "red"},
    rq.EXPIRED: {"dim": True},
    rq.CANCELLED: {"dim": True},
}
_NARROWEST = 20  # columns of the last cell, however little room the others leave
_DAY = 86400


def waiting(requests: Iterable[Request], now: float, columns: int | None) -> Iterator[str]:
    """Yield the table of live requests; ``columns`` is None for the wide one, with whole ids and times."""
    if columns is None:
        head: Row = words("ID", "CALLER", "CALLEE", "KIND", "STATE", "ATTEMPTS", "REQUESTED", "EXPIRES")
        rows: dict[Request, Row] = {
            r: (r.id, r.caller, r.callee, said(r.kind), state_of(r), str(r.attempt), when(r.requested), when(r.expires))
            for r in requests
        }
    else:
        head = words("ID", "KIND", "STATE", "TRIES", "ASKED", "EXPIRES")
        rows = {
            r: (
                _pair(r),
                said(r.kind),
                state_of(r),
                str(r.attempt),
                relative(r.requested, now),
                relative(r.expires, now),
            )
            for r in requests
        }
    yield from _lines(head, rows, columns)


def ended(requests: Iterable[Request], now: float, columns: int | None) -> Iterator[str]:
    """Yield the table of requests that have ended."""
    rows: dict[Request, Row] = {
        r: (r.id, said(r.state), when(r.ended), as_told(r, r.reason))
        if columns is None
        else (_pair(r), said(r.state), relative(r.ended, now), as_told(r, r.reason))
        for r in requests
    }
    yield from _lines(words("ID", "STATE", "ENDED", "REASON"), rows, columns)


def _lines(head: Row, rows: dict[Request, Row], columns: int | None) -> Iterator[str]:
    cells = {request: tuple(map(visible, row)) for request, row in rows.items()}
    widths = [max(map(width, column)) for column in zip(head, *cells.values())][:-1]
    left = None if columns is None else max(_NARROWEST, columns - sum(widths) - 2 * len(widths))
    yield from _aligned(head, widths, None, {"bold": True})
    for request, row in cells.items():
        yield from _aligned(row, widths, left, COLOURS.get(request.state, {}))


def _aligned(row: Row, widths: Sequence[int], left: int | None, style: dict[str, Any]) -> Iterator[str]:
    """Yield a row, its last cell in the columns that are left, on more lines where it needs them."""
    begin = "".join(cell + " " * (wide + 2 - width(cell)) for cell, wide in zip(row, widths))
    last = wrapped(row[-1], left) if left and width(row[-1]) > left else [row[-1]]
    for number, text in enumerate(last):
        line = f"{begin if not number else ' ' * width(begin)}{text}".rstrip()
        yield coloured(line, **style) if style else line


def _pair(request: Request) -> str:
    """Return what a request is called where the latest of its pair is meant."""
    return f"{request.caller}-{request.callee}"


def state_of(request: Request) -> str:
    """Return a request's state, and whether it was cancelled while its recall rings."""
    state = said(request.state)
    return said("{state}, cancelled", state=state) if request.cancelled else state


def when(seconds: float) -> str:
    """Return a time by the local clock."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def relative(moment: float, now: float) -> str:
    """Return a time as seen from now: ``in 12 min``, ``3 min ago``; ``-`` for none."""
    if not moment:
        return "-"
    apart = round(abs(moment - now))
    short = apart < 2 * _DAY
    told = of_terminal(os.environ).duration(apart) if short else said("{number} days", number=apart // _DAY)
    return said("in {time}", time=told) if moment > now else said("{time} ago", time=told)
