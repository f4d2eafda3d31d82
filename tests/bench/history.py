"""A long history: the CPU time that it costs to ask why, to count, to draw the page and to write the metrics.

Of whole commands, from the start of Python to its end: right after an upgrade, when each request has a file of its
own, and when the poller has moved them into their days' files; and what a minute of that costs the poller.
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


def measure(folder: Path, size: int) -> list[tuple[str, ...]]:
    """Return two rows: each command's CPU seconds with at least so many ended requests. The figures must be right."""
    spool = Spool(str(folder / "spool" / "busy_callback"))
    size += -size % 2800  # of which the figures are round
    past.fill(spool, size, time.time())
    conf = folder / "asterisk.conf"
    conf.write_text(f"astspooldir => {folder / 'spool'}\nastetcdir => {folder}\n")
    wanted = os.listdir(spool.path("ended", ""))[size // 2]
    rows = [(f"{size:,}, a file each", *_commands(folder, conf, wanted, size), "")]
    begun = time.process_time()
    minutes = past.move(spool, time.time())
    moving = (time.process_time() - begun) / minutes
    (folder / "spool" / "busy_callback" / "metrics").unlink()
    rows.append((f"{size:,}, a file a day", *_commands(folder, conf, wanted, size), show(moving)))
    return rows


def _commands(folder: Path, conf: Path, wanted: str, size: int) -> list[str]:
    counted, counting = _run(conf, "stats", "--since", "28d", "--json")
    found = json.loads(counted)
    assert (found["asked"], found["states"]["completed"]) == (size, size * 80 // 100)
    assert found["asking_to_talking"]["percentile_90"] == 63 * 60
    return [
        show(_run(conf, "why", wanted)[1]),
        show(counting),
        *(show(_run(conf, "report", "--since", since, "-o", str(folder / "page.html"))[1]) for since in ("1h", "28d")),
        show(_run(conf, "metrics")[1]),
        show(_run(conf, "metrics")[1]),
    ]


def _run(conf: Path, *words: str) -> tuple[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(conf), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(rows: Iterable[Sequence[str]]) -> str:
    """Return the table."""
    head = (
        "ended requests",
        "why (CPU s)",
        "stats",
        "report, nothing to draw",
        "report",
        "metrics, the first time",
        "metrics, each minute",
        "moving 500",
    )
    return table(head, rows)
