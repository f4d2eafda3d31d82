"""How the service itself is, by the notes that the poller leaves in the spool."""

from __future__ import annotations

import os

from busy_callback.errors import CorruptRequestError
from busy_callback.language import ENGLISH
from busy_callback.store.durable import read_file
from busy_callback.store.known_states import ask_states

POLL_AGE = 150.0  # seconds; cron runs a poll each minute, and takes a moment
# What the poller notes to have logged, by the name of the note.
FAULTS = ("trouble", "mistake", "exposed")
ELSEWHERE = "busy_callback.trouble"  # in Asterisk's run directory, where the spool can't be written


def last_poll(spool: str) -> float | None:
    """Return when the poller last began its turn (seconds, epoch), None: never."""
    try:
        return os.stat(f"{spool}/poller.lock").st_mtime
    except OSError:
        return None


def not_polled(spool: str, now: float) -> str:
    """Return what to say where nobody looks after the requests, '' where a watch does or a poll has just begun."""
    last = last_poll(spool)
    if last is None:
        return (
            "No poll has run yet, and until one does nobody is recalled: sudo busy-callback doctor says what runs it."
        )
    if now - last <= POLL_AGE or ask_states(spool) is not None:
        return ""
    told = ENGLISH.duration(now - last)
    return f"The last poll began {told} ago, and until one runs nobody is recalled: sudo busy-callback doctor says why."


def faults(folder: str, name: str) -> list[str]:
    """Return the complaints of one note that are not over."""
    try:
        lines = read_file(f"{folder}/{name}").decode("utf-8", "replace").splitlines()
    except (OSError, CorruptRequestError):
        return []
    # SUBJECT, a tab, the complaint; "-" where the subject works again. Without a tab: the complaint alone.
    parts = [line.rpartition("\t") for line in lines]
    return [text for subject, _, text in parts if text.isprintable() and text and subject != "-"]


def corrupt_files(spool: str) -> int:
    """Return how many files were set aside because they could not be read."""
    try:
        return sum(not name.endswith(".reason") for name in os.listdir(f"{spool}/corrupt"))
    except OSError:
        return 0
