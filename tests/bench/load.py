"""Hang-up to ring while there is other work: both cores busy, or many calls through the same Asterisk."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lab import DIES_WITH_US
from ..lab.asterisk import Asterisk
from ..lab.ports import free_port
from .ring import Bench, Ccss, Plain, opened, subjects
from .samples import Samples, show, table

BLOCK = 5  # callbacks of one subject, after which it is the next one's turn
RATE = 50  # calls a second
ENOUGH = 0.9  # of them; with fewer the load is not what the table says
COLUMNS = ("n", "median", "p99", "median / daemon's", "p99 / daemon's", "median / CCSS's", "p99 / CCSS's")
TALK = 100  # ms, so that five calls at a time are under way
MOST = 50  # calls at a time

# Whom the calls reach, and who makes them: sipp says that it is "sipp", and has no password.
LOAD = """
[load]
exten => load,1,Answer()
 same => n,Wait(1)
 same => n,Hangup()
"""
CALLER = {
    "SIP": "[sipp]\ntype = friend\nhost = dynamic\ncontext = load\ndisallow = all\nallow = ulaw\n",
    "PJSIP": "[sipp]\ntype = endpoint\ncontext = load\ndisallow = all\nallow = ulaw\n",
}

# What the lab's own session still hears: else the benchmark itself would be the busiest.
HEARD = (r"^Event: UserEvent", r"Device: (PJ)?SIP/[0-9]")


def prepare(asterisk: Asterisk) -> None:
    """Let an Asterisk that has not been started yet take the calls of sipp."""
    name = f"{asterisk.release.technology.lower()}.conf"
    for file, text in ((name, CALLER[asterisk.release.technology]), ("extensions.conf", LOAD)):
        with (asterisk.folder / "etc" / file).open("a") as config:
            config.write(f"\n{text}")


@contextlib.contextmanager
def quiet(asterisk: Asterisk) -> Iterator[None]:
    """Do nothing else."""
    yield


@contextlib.contextmanager
def busy_cores(asterisk: Asterisk) -> Iterator[None]:
    """Keep each core busy, at normal priority."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            loop = subprocess.Popen([*DIES_WITH_US, "sh", "-c", "while :; do :; done"])
            stack.callback(loop.wait)
            stack.callback(loop.kill)
        yield


@contextlib.contextmanager
def many_calls(asterisk: Asterisk) -> Iterator[None]:
    """Let RATE calls a second come in, be answered and end; AssertionError where fewer do."""
    words = [
        *("sipp", f"127.0.0.1:{asterisk.sip_port}", "-sn", "uac", "-s", "load"),
        *("-r", str(RATE), "-d", str(TALK), "-l", str(MOST)),
        *("-i", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_port(4)), "-nostdin"),
    ]
    sipp = subprocess.Popen([*DIES_WITH_US, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        before = processed(asterisk)
        deadline = time.monotonic() + 10
        while (first := processed(asterisk)) < before + RATE // 2:
            assert sipp.poll() is None, f"sipp has ended: {sipp.returncode}"
            assert time.monotonic() < deadline, "sipp makes no calls"
            time.sleep(0.05)  # nothing tells
        begun = time.monotonic()
        yield
        rate = (processed(asterisk) - first) / (time.monotonic() - begun)
        assert rate > ENOUGH * RATE, f"only {rate:.0f} calls a second came in"
    finally:
        sipp.kill()
        sipp.wait()


def processed(asterisk: Asterisk) -> int:
    """Return how many calls an Asterisk has seen since it was started."""
    answer = asterisk.console("core show calls")
    return int(re.findall(r"(\d+) calls? processed", answer)[0])


Situation = Callable[[Asterisk], contextlib.AbstractContextManager[None]]
SITUATIONS: dict[str, Situation] = {
    "quiet": quiet,
    "both cores busy": busy_cores,
    f"{RATE} calls a second": many_calls,
}


@contextlib.contextmanager
def _punctual() -> Iterator[None]:
    """Let no thread of this process, which is the clock, wait for a core; what it starts is not favoured."""
    threads = [int(name) for name in os.listdir("/proc/self/task")]
    with contextlib.suppress(PermissionError):  # where the phones have no such priority either: see lab
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(10))
    yield
    for thread in threads:
        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


@dataclass(frozen=True)
class Row:
    """A subject's times in one situation, and those of what it is compared with."""

    samples: Samples
    daemon: Samples  # on the same Asterisk
    ccss: Samples


def measure(folder: Path, count: int, situations: Sequence[str] = tuple(SITUATIONS)) -> dict[str, list[Row]]:
    """Return each situation's rows; in each, the subjects take turns of BLOCK callbacks."""
    benches = subjects(folder)
    for bench in benches:
        prepare(bench.office.asterisk)
    found = {}
    with opened(*benches), _punctual():
        for bench in benches:
            for fields in HEARD:
                bench.office.asterisk.manager.act(Action="Filter", Operation="Add", Filter=fields)
            take(bench, quiet, 2)  # the first times warm everything up
        for situation in situations:
            samples = {bench: Samples(bench.samples.name) for bench in benches}
            for _ in range(count // BLOCK):
                for bench in random.sample(benches, len(benches)):
                    samples[bench].values += take(bench, SITUATIONS[situation], BLOCK)
            found[situation] = [Row(samples[bench], *_yardsticks(bench, samples)) for bench in benches]
    return found


def take(bench: Bench, situation: Situation, count: int) -> list[float]:
    """Return that many times from hang-up to ring in a situation."""
    bench.samples.values.clear()
    with situation(bench.office.asterisk):
        for _ in range(count):
            bench.once()
    return list(bench.samples.values)


def _yardsticks(bench: Bench, samples: dict[Bench, Samples]) -> tuple[Samples, Samples]:
    """Return the plain daemon's times on the same Asterisk, and those of CCSS, which only one of them has."""
    daemon = next(b for b in samples if isinstance(b, Plain) and b.office.release == bench.office.release)
    return samples[daemon], next(samples[b] for b in samples if isinstance(b, Ccss))


def report(found: dict[str, list[Row]]) -> str:
    """Return a table for each situation."""
    return "\n\n".join(
        table(
            (f"{situation}: hang-up to ring (ms)", *COLUMNS),
            [
                (
                    row.samples.name,
                    str(len(row.samples.values)),
                    *(show(row.samples.percentile(p)) for p in (50, 99)),
                    *(
                        f"{row.samples.percentile(p) / yardstick.percentile(p):.2f}"
                        for yardstick in (row.daemon, row.ccss)
                        for p in (50, 99)
                    ),
                )
                for row in rows
            ],
        )
        for situation, rows in found.items()
    )
