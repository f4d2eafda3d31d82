"""A line for each thing that doctor, or a trial, has found."""

from __future__ import annotations

from typing import Any

import click

from busy_callback.language import said, spoken
from busy_callback.numbering import one_line, visible
from busy_callback.setup.check import Check
from busy_callback.terminal import coloured

_WORDS: dict[bool | None, tuple[str, dict[str, Any]]] = {
    True: ("ok  ", {"fg": "green"}),
    False: ("FAIL", {"fg": "red", "bold": True}),
    None: ("-   ", {"dim": True}),
}


def show_check(check: Check) -> None:
    """Print what a check found, and below it what to do."""
    word, style = _WORDS[check.ok]
    told = said(check.name)
    # By its English name, too, a check is found in the manual, in --json and in the others' words.
    name = check.name if told == check.name else said("{text} ({more})", text=told, more=check.name)
    # Blanks in a row could look like a line of ours.
    found = name + said(": ") + " ".join(spoken(check.message).split())
    click.echo(f"{coloured(said(word), **style)} {visible(found)}")
    if check.cure:
        click.echo(one_line(f"     -> {spoken(check.cure)}"))
