"""What the command prints of requests: tables for people, JSON for programs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import click

from busy_callback.numbering import visible
from busy_callback.request import Request


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


def columns(wide: bool) -> int | None:
    """Return how many columns a table may have, None for as many as it needs."""
    return None if wide else shutil.get_terminal_size().columns


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, without their colours where standard output is no terminal."""
    for line in lines:
        click.echo(line)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns; what is not printable is made visible."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        click.echo(visible("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()))


def print_json(data: object) -> None:
    """Print what programs read."""
    import json  # not for the poller, which stays

    click.echo(json.dumps(data, indent=2))
