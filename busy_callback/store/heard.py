"""When a state last came from each branch, as the watches heard it: a note for doctor; nothing depends on it.

heard   a line a branch: NAME TIME (seconds, epoch)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from busy_callback.errors import CorruptRequestError
from busy_callback.store.durable import read_file, replace_note


def write_heard(spool: str, heard: Mapping[str, float]) -> None:
    """Write down when each branch was heard last, where that is new; where that fails, do not."""
    known = read_heard(spool)
    found = {**known, **heard}
    if found != known:
        rows = "".join(f"{name} {when:.0f}\n" for name, when in sorted(found.items()))
        with contextlib.suppress(OSError):
            replace_note(rows, f"{spool}/tmp/heard.{os.getpid()}", f"{spool}/heard")


def read_heard(spool: str) -> dict[str, float]:
    """Return when each branch was heard last, by its name; nothing where there is no note that can be read."""
    try:
        rows = read_file(f"{spool}/heard").decode("ascii", "replace").splitlines()
        return {name: float(when) for name, when in (row.split(" ") for row in rows)}
    except (OSError, CorruptRequestError, ValueError):
        return {}
