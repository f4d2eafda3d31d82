"""A long history: the CPU time that it costs to ask why, to count, to draw the page and to write the metrics.

Of whole commands, from the start of Python to its end.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from busy_callback.store.spool import Spool

from ..lab import past
from .samples import show, table

SIZES = (10_000, 100_000)
QUICK = SIZES[:1]


def measure(folder: Path, size: int) -> tuple[str, ...]:
    """Return a row: each command's CPU seconds with at least so many ended requests. The figures must be right."""
    spool = Spool(str(folder / "spool" / "busy_callback"))
    size += -size % 2800  # of which the figures are round
    past.fill(spool, size, time.time())
    conf = folder / "asterisk.conf"
    conf.write_text(f"astspooldir => {folder / 'spool'}\nastetcdir => {folder}\n")
    wanted = os.listdir(spool.path("ended", ""))[size // 2]
    counted, counting = _run(conf, "stats", "--since", "28d", "--json")
    found = json.loads(counted)
    assert (found["asked"], found["states"]["completed"]) == (size, size * 80 // 100)
    assert found["asking_to_talking"]["percentile_90"] == 63 * 60
    seconds = [
        _run(conf, "why", wanted)[1],
        counting,
        _run(conf, "report", "--since", "28d", "-o", str(folder / "page.html"))[1],
        _run(conf, "metrics")[1],
        _run(conf, "metrics")[1],
    ]
    return (f"{size:,}", *map(show, seconds))


def _run(conf: Path, *words: str) -> tuple[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(conf), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(rows: Iterable[Sequence[str]]) -> str:
    """Return the table."""
    head = ("ended requests", "why (CPU s)", "stats", "report", "metrics, the first time", "metrics, each minute")
    return table(head, rows)
