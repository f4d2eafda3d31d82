"""What the command prints of requests: tables for people, JSON for programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from busy_callback.numbering import visible
from busy_callback.request import Request


def when(seconds: float) -> str:
    """Return a time as people read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def as_data(request: Request) -> dict[str, Any]:
    """Return what --json prints of a request; times are seconds since the epoch."""
    return {
        "id": request.id,
        "caller": request.caller,
        "callee": request.callee,
        "kind": request.kind,
        "state": request.state,
        "requested": request.requested,
        "expires": request.expires,
        "attempts": request.attempt,
        "unanswered": request.unanswered,
        "ended": request.ended or None,
        "reason": request.reason,
        "history": [{"time": moment, "event": event} for moment, event in request.events],
    }


def state_of(request: Request) -> str:
    """Return a request's state, and whether it was cancelled while its recall rings."""
    return f"{request.state}, cancelled" if request.cancelled else request.state


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns; what is not printable is made visible."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        click.echo(visible("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()))


def print_json(data: object) -> None:
    """Print what programs read."""
    import json  # not for the poller, which stays

    click.echo(json.dumps(data, indent=2))
