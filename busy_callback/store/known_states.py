"""What a watch knows of the extensions' device states, written down when somebody asks, and when the watch ends.

    states   TIME, then a line an extension: NUMBER STATE SINCE (seconds, epoch; 0: not known since when)

A note for people: nothing depends on it. A watch can't know since when a state has lasted that it found when it
began; the note of the watch before it can.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping

from busy_callback.errors import CorruptRequestError
from busy_callback.store.durable import MAX_FILE, read_file, replace_note

# Asks the watch for its note. Whoever does not know it goes on as it was, so a stale process id does no harm.
ASK = signal.SIGCONT
PATIENCE = 2.0  # seconds that an answer may take
MOST = MAX_FILE // 32  # extensions; the note of more would be larger than a file of ours may be
_HANDOVER = 5.0  # seconds, at most, between the end of a watch and the beginning of what the next one knows

States = dict[str, tuple[int, float]]  # by extension: state (AVAILSTATUS) and since when


def write_states(spool: str, lines: Mapping[str, tuple[int, float]], begun: float, now: float) -> None:
    """Write down the states that a watch knows, which has been there since ``begun``; where that fails, do not."""
    if len(lines) > MOST:
        return
    written, earlier = read_states(spool)
    if not begun - _HANDOVER <= written <= now:
        earlier = {}
    rows = [f"{now:.3f}"]
    for number, (state, since) in lines.items():
        if since <= begun:  # it was so at the beginning
            known, known_since = earlier.get(number, (-1, 0.0))
            since = known_since if known == state else 0.0  # noqa: PLW2901
        rows.append(f"{number} {state} {since:.3f}")
    with contextlib.suppress(OSError):
        replace_note("\n".join([*rows, ""]), f"{spool}/tmp/states.{os.getpid()}", f"{spool}/states")


def read_states(spool: str) -> tuple[float, States]:
    """Return when the note was written, and what it says; 0.0 and nothing where there is none that can be read."""
    states: States = {}
    try:
        first, *rows = read_file(f"{spool}/states").decode("ascii", "replace").splitlines()
        for row in rows:
            number, state, since = row.split(" ")
            states[number] = int(state), float(since)
        return float(first), states
    except (OSError, CorruptRequestError, ValueError):
        return 0.0, {}


def ask_states(spool: str, patience: float = PATIENCE) -> States | None:
    """Let the watch write its note, and return what it says; None where no watch answers."""
    before, _ = read_states(spool)
    try:
        os.kill(max(0, int(read_file(f"{spool}/poller.lock").split()[0])) or os.getpid(), ASK)
    except (OSError, CorruptRequestError, ValueError, IndexError):
        return None
    until = time.monotonic() + patience
    while time.monotonic() < until:
        written, states = read_states(spool)
        if written != before:
            return states
        time.sleep(0.01)  # a rename; nothing tells when
    return None
