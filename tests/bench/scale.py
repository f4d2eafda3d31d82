"""Many requests waiting: what one look, one event and one registration cost, and how much memory the watch has.

Run for one size in a process of its own:  python -m tests.bench.scale REQUESTS CALLEES
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from busy_callback import request as rq
from busy_callback.pbx.ami import DEVICE_STATES
from busy_callback.policy import INUSE, NOT_INUSE
from busy_callback.poller import Poller
from busy_callback.settings import Directories, Settings
from busy_callback.store.spool import Spool

from .samples import Samples, show, table

SIZES = ((10, 1), (1_000, 1), (1_000, 1_000), (10_000, 1), (10_000, 1_000), (10_000, 10_000), (100_000, 10_000))
QUICK = ((10, 1), (10_000, 1), (10_000, 10_000))
ROUNDS = 30
FIRST_CALLER = 500_000


class Ami:
    """An Asterisk that answers at once: callees are in use, callers are not."""

    def __init__(self, callees: Iterable[str]) -> None:
        self.states = {f"PJSIP/{callee}": INUSE for callee in callees}

    def device_state(self, device: str) -> int:
        """As DEVICE_STATE."""
        return self.states.get(device, NOT_INUSE)

    def device_states(self, devices: Iterable[str]) -> dict[str, int]:
        """As many of them."""
        return {device: self.device_state(device) for device in devices}

    def survey(self, extensions: Iterable[str]) -> dict[str, dict[str, int]]:
        """One PJSIP phone each."""
        return {e: {f"PJSIP/{e}": self.device_state(f"PJSIP/{e}")} for e in extensions}

    def lamps(self, extensions: Iterable[str]) -> dict[str, int]:
        """As many of them."""
        return dict.fromkeys(extensions, INUSE)

    def set_lamps(self, states: Mapping[str, int]) -> None:
        """Nothing to see."""

    def chan_is_avail(self, devices: Sequence[str], meanwhile: Callable[[], None]) -> int:
        """As the state says."""
        meanwhile()
        return max(self.device_state(device) for device in devices)

    def channels(self, devices: Iterable[str]) -> set[str]:
        """Nobody talks."""
        return set()

    def get_all(self, variables: Sequence[str]) -> list[str]:
        """Nothing that the disk did not take."""
        return ["" for _ in variables]


def fill(spool: Spool, count: int, callees: Sequence[str]) -> None:
    """Put requests into the spool, a caller each (as far as six digits go) over the callees."""
    spool.prepare()
    now = time.time()
    for number in range(count):
        request_id = (
            f"{FIRST_CALLER + number}-{callees[number % len(callees)]}-{rq.make_stamp(int(now * 1000) + number)}"
        )
        request = rq.Request(request_id, requested=now, expires=now + 2700, events=((now, "registered"),))
        Path(spool.path("requests", request_id)).write_bytes(rq.encode(request))


def memory(field: str) -> float:
    """Return a line of this process's status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def timed(samples: Samples, do: Callable[[], object]) -> None:
    """Note how long it takes."""
    begun = time.perf_counter()
    do()
    samples.add(time.perf_counter() - begun)


def one_size(folder: Path, count: int, callee_count: int) -> dict[str, Any]:
    """Return what was measured with that many requests waiting for that many callees."""
    directories = Directories()
    for name in ("astetcdir", "astspooldir", "astlogdir", "astrundir"):
        (folder / name).mkdir()
        setattr(directories, name, str(folder / name))
    Path(directories.outgoing).mkdir()
    settings = Settings()
    settings.guard_time = 0
    settings.queue_per_callee = settings.queue_per_caller = settings.queue_in_all = 1_000_000
    callees = [str(100_000 + number) for number in range(callee_count)]
    spool = Spool(directories.spool)
    fill(spool, count, callees)
    memory_before = memory("VmRSS")
    poller = Poller(directories, settings)
    ami = Ami(callees)
    names = ("first", "whole", "idle", "event", "ring", "register")
    first, whole, idle, event, ring, register = map(Samples, names)
    begun = time.perf_counter()
    device_states = poller.learn(ami)  # type: ignore[arg-type]
    poller.look(device_states)
    first.add(time.perf_counter() - begun)
    for number in range(ROUNDS):
        if number % 10 == 0:
            for callee in callees:
                poller._live.touch(callee)
            timed(whole, lambda: poller.look(device_states))
        timed(idle, lambda: poller.look(device_states))
        callee = callees[number * 7 % callee_count]
        caller = f"4{number:05}"
        timed(register, lambda: spool.register(caller, callee, rq.BUSY, "", settings, time.time()))  # noqa: B023
        device_states.news[""] = None
        poller.look(device_states)
        for samples, state in ((ring, NOT_INUSE), (event, INUSE)):
            ami.states[f"PJSIP/{callee}"] = state
            headers = {"Device": f"PJSIP/{callee}", "State": DEVICE_STATES[state]}
            begun = time.perf_counter()
            device_states.note("DeviceStateChange", headers, time.time())
            poller.look(device_states)
            samples.add(time.perf_counter() - begun)
            for call_file in Path(directories.outgoing).iterdir():  # exactly one, else the end is wrong
                request_id = call_file.name.partition("busy-callback-")[2].partition(".")[0]
                assert spool.cancel(request_id, "by the benchmark", time.time())
                call_file.unlink()
    assert len(spool.ended()) == ROUNDS
    return {
        "requests": count,
        "callees": callee_count,
        "memory": memory("VmRSS"),
        "added": memory("VmRSS") - memory_before,
        **{samples.name: samples.values for samples in (first, whole, idle, event, ring, register)},
    }


def measure(sizes: Iterable[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return what was measured for each size."""
    found = []
    for count, callee_count in sizes:
        words = [sys.executable, "-m", "tests.bench.scale", str(count), str(callee_count)]
        found.append(json.loads(subprocess.check_output(words)))
    return found


def report(found: Iterable[dict[str, Any]]) -> str:
    """Return the table."""
    head = (
        "waiting",
        "callees",
        "beginning (ms)",
        "look at all",
        "look, nothing new",
        "event, nobody to ring",
        "event to call file",
        "registration",
        "memory (MB)",
    )
    columns = ("first", "whole", "idle", "event", "ring", "register")
    rows = [
        (
            f"{size['requests']:,}",
            f"{size['callees']:,}",
            *(show(Samples(name, size[name]).median) for name in columns),
            show(size["memory"]),
        )
        for size in found
    ]
    return table(head, rows)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="busy-callback-") as name:
        print(json.dumps(one_size(Path(name), int(sys.argv[1]), int(sys.argv[2]))))
