"""What the command prints: tables and help in the admin's language for people, JSON for programs."""

from __future__ import annotations

import copy
import gettext
import inspect
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import click

from busy_callback.language import DOMAIN, ENGLISH, LOCALE, aligned, of_terminal, said, spoken
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


def words(*english: str) -> tuple[str, ...]:
    """Return words in the admin's language."""
    return tuple(map(said, english))


def columns(wide: bool) -> int | None:
    """Return how many columns a table may have, None for as many as it needs."""
    return None if wide else shutil.get_terminal_size().columns


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, without their colours where standard output is no terminal."""
    for line in lines:
        click.echo(line)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns; what is not printable is made visible."""
    for line in aligned(rows, left=len(rows[0])):
        click.echo(visible(line))


def print_json(data: object) -> None:
    """Print what programs read."""
    import json  # not for the poller, which stays

    click.echo(json.dumps(data, indent=2))


def speak() -> None:
    """Have click's own words from our catalog, where the admin's language is not English."""
    gettext.bindtextdomain(DOMAIN, LOCALE)
    gettext.textdomain("messages" if of_terminal(os.environ) is ENGLISH else DOMAIN)


def in_language(command: click.Command) -> click.Command:
    """Return the command with its help in the admin's language."""
    if of_terminal(os.environ) is ENGLISH:
        return command
    told = copy.copy(command)
    told.help, told.epilog = (text and _help(text) for text in (command.help, command.epilog))
    told.params = [copy.copy(parameter) for parameter in command.params]
    for parameter in told.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = spoken(parameter.help)
    return told


def _help(text: str) -> str:
    """Return a command's help: its paragraphs, and what stands behind each of its examples."""
    paragraphs = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        first, *lines = paragraph.split("\n")
        if first == "\b":
            paragraphs.append("\n".join([first, *(re.sub(r"\S.*", _example, line) for line in lines)]))
        else:
            paragraphs.append(spoken(" ".join(paragraph.split())))
    return "\n\n".join(paragraphs)


def _example(match: re.Match[str]) -> str:
    """Return a command as it is, with what it does."""
    what = re.search(r"\s{2,}(\S.*)$", match[0])
    return match[0][: what.start(1)] + spoken(what[1]) if what else match[0]
