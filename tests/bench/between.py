"""Between PBXs: hang-up to ring beside inside one; and what a hundred branches cost an event and a start."""

from __future__ import annotations

import random
import time
from pathlib import Path

from busy_callback.pbx.ami import Ami
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.settings import load
from tests.lab.standin import StandIn

from ..lab.branches import Branches
from ..lab.releases import ASTERISK_22
from .ring import PATIENCE, SETTINGS, Watch
from .samples import Samples

EVENTS, ROUNDS = 4_000, 20
BRANCHES = 100


class Between:
    """201 of one PBX waits for 301 of another, as ``ring.Watch`` has it inside one."""

    def __init__(self, name: str, folder: Path) -> None:
        self.samples = Samples(name)
        self.branches = Branches(folder, {"2": ASTERISK_22, "3": ASTERISK_22}, ("201", "301", "302"), SETTINGS)

    def open(self) -> None:
        """Start the watch."""
        here = self.branches.offices["2"]
        here.spool.prepare()
        self.watch = here.watch(3600)

    def once(self) -> None:
        """Measure one callback."""
        here, there = self.branches.offices["2"], self.branches.offices["3"]
        caller, callee, other = here.phones["201"], there.phones["301"], there.phones["302"]
        for number in ("201", "301", "302"):
            self.branches.wait_for_state(number, "NOT_INUSE")
        self.branches.talk(other, callee)
        assert self.watch.poll() is None, "the watch has ended: does anything else on this machine end polls?"
        status, request_id = here.spool.register("201", "301", "busy", "", here.settings, time.time())
        mark = here.asterisk.manager.mark()
        here.asterisk.manager.act(Action="UserEvent", UserEvent="BusyCallback", Status=status, Request=request_id)
        here.asterisk.manager.wait("our event", mark, Event="UserEvent")
        time.sleep(random.uniform(0.05, 0.1))  # nothing of the asking is still under way
        hung_up = time.monotonic()
        callee.hang_up()
        self.samples.add(caller.ring(PATIENCE).at - hung_up)
        callee.closed()
        here.spool.cancel(request_id, "by the benchmark", time.time())
        caller.hang_up()
        caller.closed()
        other.closed()


def measure(folder: Path, count: int) -> tuple[list[Samples], Samples]:
    """Return the samples between two PBXs and inside one, taken in turns, and the latter as the yardstick."""
    inside = Watch("inside one PBX, Asterisk 22", ASTERISK_22, folder / "inside")
    between = Between("between two PBXs, Asterisk 22", folder / "between")
    with inside.office, between.branches:
        inside.open()
        between.open()
        benches: list[Watch | Between] = [inside, between]
        for number in range(count + 2):
            for bench in random.sample(benches, 2):
                bench.once()
                if number < 2:
                    bench.samples.values.clear()  # the first times warm everything up
    return [inside.samples, between.samples], inside.samples


def costs(folder: Path) -> list[tuple[str, str]]:
    """Return what an event and a start's reading of the settings cost without branches and with a hundred."""
    rows = []
    for count in (0, BRANCHES):
        folder.mkdir(parents=True, exist_ok=True)
        conf = folder / f"{count}.conf"
        sections = (f"[branch b{n}]\nextensions = 8{n:02}XX\n" for n in range(count))
        conf.write_text("[general]\nextensions = 2XX\n" + "".join(sections))
        rounds = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            settings = load(str(conf))
            rounds.append(time.perf_counter() - begun)
        reading = min(rounds)
        with StandIn() as standin:
            settings.port = standin.port
            with Ami(settings) as ami:
                states = DeviceStates(ami, settings=settings)
                states.ask(["201", "202"])
                waited, other = _event(states, "PJSIP/202"), _event(states, "PJSIP/80111")
        text = f"{waited * 1e6:.2f} µs, {other * 1e6:.2f} µs; {reading * 1e3:.2f} ms"
        rows.append((f"{count} branches: an event of one waited for, of another; the settings read", text))
    return rows


def _event(states: DeviceStates, device: str) -> float:
    """Return the seconds that an event of a device takes: the best of some rounds, for others use the machine too."""
    words = ({"Device": device, "State": "INUSE"}, {"Device": device, "State": "NOT_INUSE"})
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for number in range(EVENTS):
            states.note("DeviceStateChange", words[number % 2], 1.0)
        rounds.append((time.perf_counter() - begun) / EVENTS)
    return min(rounds)
