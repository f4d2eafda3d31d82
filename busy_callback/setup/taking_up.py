"""Lets Asterisk and systemd take up what changed, and tells the admin."""

from __future__ import annotations

from collections.abc import Collection

import click

from busy_callback.errors import AsteriskError
from busy_callback.language import spoken
from busy_callback.numbering import one_line
from busy_callback.setup import as_owner, placed_files
from busy_callback.setup.file_change import Change
from busy_callback.setup.survey import Survey


def say(text: str, err: bool = False) -> None:
    """Print a text in the admin's language; it may have come out of a file, and stays one line that moves no cursor."""
    click.echo(one_line(spoken(text)), err=err)


def say_all(*texts: str) -> None:
    """Print texts of some lines that were made from files, each line as ``say`` does."""
    for text in texts:
        for line in spoken(text).split("\n"):
            click.echo(one_line(line))


def show_diff(change: Change) -> None:
    """Print what would change in a file: its lines as they are, and in the admin's language what is done to it."""
    for line in change.diff().split("\n"):
        click.echo(one_line(spoken(line) if line[:1].isalpha() else line))


def take_up(survey: Survey, commands: Collection[str]) -> None:
    """Let Asterisk and systemd load what changed, and nothing else."""
    if placed_files.SYSTEMD_RELOAD in commands:
        placed_files.start_timer()
    for command in sorted({*commands} - {"", placed_files.SYSTEMD_RELOAD}):
        if survey.runs:
            try:
                as_owner.call(survey.owner.uid, survey.console.ask, command)
            except AsteriskError as error:
                say(f"{error}; then run in its console: {command}", err=True)
