"""What the command does where somebody looks on, and there alone: colours, and what it is at. None of it in a pipe."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from busy_callback.language import spoken

_ERASED = "\r\x1b[K"  # the line, from its beginning (ECMA-48, EL)


def coloured(text: str, **style: Any) -> str:
    """Return the text in a style of click's, unless NO_COLOR forbids it (no-color.org); click strips it for a pipe."""
    return text if os.environ.get("NO_COLOR") or _is_dumb() else click.style(text, **style)


@contextlib.contextmanager
def progress(what: str) -> Iterator[None]:
    """Say on a terminal what is being done, as long as it is: what takes over a second."""
    if not sys.stderr.isatty() or _is_dumb():
        yield
        return
    click.echo(f"{spoken(what)} ...", err=True, nl=False)
    try:
        yield
    finally:
        click.echo(_ERASED, err=True, nl=False)


def _is_dumb() -> bool:
    return os.environ.get("TERM", "dumb") == "dumb"
