"""Measure everything, print the tables as Markdown, draw the picture."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from . import between, crowd, history, load, plot, ring, scale, start, watch
from .samples import compare, show, table

PARTS = ("start", "ring", "load", "idle", "crowd", "scale", "history", "between")


def _head() -> str:
    cores = os.cpu_count()
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {cores} cores, load {load:.1f} at {time.strftime('%Y-%m-%d %H:%M')}."


def _ring(folder: Path, quick: bool, picture: Path) -> str:
    subjects, ccss = ring.measure(folder, 25 if quick else 150, 1 if quick else 5)
    title = "From the callee's hang-up to the ring of the caller's phone, guard time 0"
    picture.write_text(plot.draw(title, subjects), encoding="utf-8")
    return f"{compare('hang-up to ring', subjects, ccss)}\n\nPicture: {picture}"


def _idle(folder: Path, quick: bool) -> str:
    found = watch.idle(folder, 15 if quick else 60)
    head = ("the watch, nothing happens", "in the whole")
    rows = [
        ("seconds", f"{found.seconds:.0f}"),
        ("CPU (s), after its beginning", show(found.cpu)),
        ("CPU (s) of its beginning, once a minute", show(found.start)),
        ("share of a core with that (%)", f"{(found.start / 60 + found.cpu / found.seconds) * 100:.2f}"),
        ("wake-ups", str(found.wake_ups)),
        ("AMI actions, login included", str(found.actions)),
        ("AMI messages received", str(found.messages)),
        ("memory (MB)", show(found.memory)),
    ]
    return table(head, rows)


def _start(folder: Path, quick: bool) -> str:
    subjects, bare = start.measure(folder, 50 if quick else 300)
    return compare("key to registered", subjects, bare)


def _crowd(folder: Path, quick: bool) -> str:
    sizes = (0, 10_000)
    return crowd.report(crowd.measure(folder / str(size), size, 15 if quick else 60) for size in sizes)


def _history(folder: Path, quick: bool) -> str:
    sizes = history.QUICK if quick else history.SIZES
    rows = []
    for size in sizes:
        (folder / str(size)).mkdir()
        rows.extend(history.measure(folder / str(size), size))
    return history.report(rows)


def _between(folder: Path, quick: bool) -> str:
    subjects, inside = between.measure(folder, 15 if quick else 100)
    costs = table(("what branches cost", "microseconds; milliseconds"), between.costs(folder / "costs"))
    return f"{compare('hang-up to ring', subjects, inside)}\n\n{costs}"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="tests/benchmark", description="Measure the package beside what it replaces.")
    parser.add_argument("--quick", action="store_true", help="fewer of each: some ten minutes")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (may be given again)")
    parser.add_argument("--picture", type=Path, default=Path("benchmark.svg"), help="where the picture goes")
    arguments = parser.parse_args()
    print(_head(), flush=True)
    with tempfile.TemporaryDirectory(prefix="busy-callback-") as name:
        for part in arguments.only or PARTS:
            folder = Path(name) / part
            folder.mkdir()
            if part == "ring":
                text = _ring(folder, arguments.quick, arguments.picture)
            elif part == "load":
                text = load.report(load.measure(folder, 50 if arguments.quick else 150))
            elif part == "idle":
                text = _idle(folder, arguments.quick)
            elif part == "crowd":
                text = _crowd(folder, arguments.quick)
            elif part == "start":
                text = _start(folder, arguments.quick)
            elif part == "history":
                text = _history(folder, arguments.quick)
            elif part == "between":
                text = _between(folder, arguments.quick)
            else:
                text = scale.report(scale.measure(scale.QUICK if arguments.quick else scale.SIZES))
            print(f"\n{text}", flush=True)


if __name__ == "__main__":
    main()
