"""A line for each thing that doctor, or a trial, has found."""

from __future__ import annotations

from typing import Any

import click

from busy_callback.numbering import visible
from busy_callback.setup.check import Check
from busy_callback.setup.taking_up import say
from busy_callback.terminal import coloured

_WORDS: dict[bool | None, tuple[str, dict[str, Any]]] = {
    True: ("ok  ", {"fg": "green"}),
    False: ("FAIL", {"fg": "red", "bold": True}),
    None: ("-   ", {"dim": True}),
}


def show_check(check: Check) -> None:
    """Print what a check found, and below it what to do."""
    word, style = _WORDS[check.ok]
    found = " ".join([f"{check.name}:", *check.message.split()])  # blanks in a row could look like a line of ours
    click.echo(f"{coloured(word, **style)} {visible(found)}")
    if check.cure:
        say(f"     -> {check.cure}")
