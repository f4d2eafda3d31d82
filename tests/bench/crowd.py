"""A PBX of 10,000 phones, with as many waiting: hang-up to ring, also in a storm of state changes; the watch's cost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..lab.releases import ASTERISK_22
from .ring import Watch
from .samples import Samples, show, table
from .scale import FIRST_CALLER, fill
from .watch import cpu, handover, resident

FIRST = 100_000  # the number of the first of the many
ENDPOINT = "[{0}]\ntype = endpoint\ncontext = from-internal\ndisallow = all\nallow = ulaw\naors = {0}\n"
ENDPOINT += "[{0}]\ntype = aor\n"
STORM_RATE = 1_000  # state changes a second


@dataclass
class Crowd:
    """What was measured with ``waiting`` requests on a PBX with that many phones more than the three that ring."""

    waiting: int
    quiet: Samples
    storm: Samples
    handover: Samples
    memory: float  # MB
    storm_cpu: float  # ms of the watch for one change of a state that nobody waits for


class Storm:
    """Changes the states of devices that nobody waits for, as the calls of a busy PBX do."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(b"Action: Login\r\nUsername: lab\r\nSecret: lab\r\nEvents: off\r\n\r\n")
        threading.Thread(target=self._swallow, daemon=True).start()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._blow)
        self.count = 0

    def _swallow(self) -> None:
        while self._socket.recv(1 << 20):
            pass

    def set(self, device: str, state: str) -> None:
        """Give a custom device a state."""
        action = f"Action: Setvar\r\nVariable: DEVICE_STATE(Custom:{device})\r\nValue: {state}\r\n\r\n"
        self._socket.sendall(action.encode())

    def _blow(self) -> None:
        begun = time.monotonic()
        while not self._over.wait(0.01):
            while self.count < (time.monotonic() - begun) * STORM_RATE:
                self.count += 1
                self.set(f"storm-{self.count % 1000}", "INUSE" if self.count // 1000 % 2 else "NOT_INUSE")

    def __enter__(self) -> Storm:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


def measure(folder: Path, waiting: int, count: int) -> Crowd:
    """Return what was measured."""
    bench = Watch(f"{waiting:,} waiting", ASTERISK_22, folder)
    pjsip = folder / "etc/pjsip.conf"
    pjsip.write_text(pjsip.read_text() + "\n".join(ENDPOINT.format(FIRST + n) for n in range(waiting)))
    with bench.office as office:
        storm = Storm(office.asterisk.manager_port)
        for number in range(waiting):
            storm.set(f"busy-callback-{FIRST_CALLER + number}", "INUSE")  # as when each asked
        if waiting:
            last = f"Custom:busy-callback-{FIRST_CALLER + waiting - 1}"
            office.asterisk.manager.wait_for_state(last, "INUSE")
        fill(office.spool, waiting, [str(FIRST + n) for n in range(waiting)])
        bench.open()
        quiet = take(bench, "quiet", count)
        used = cpu(bench.process.pid)
        calm = take(bench, "calm", count)
        calm_cpu, used = cpu(bench.process.pid) - used, cpu(bench.process.pid)
        with storm:
            stormy = take(bench, "storm", count)
        storm_cpu = cpu(bench.process.pid) - used - calm_cpu
        quiet.values += calm.values
        memory = resident(bench.process.pid)
        return Crowd(waiting, quiet, stormy, handover(office, 5), memory, storm_cpu / storm.count * 1000)


def take(bench: Watch, name: str, count: int) -> Samples:
    """Return that many times from hang-up to ring, after two that warm everything up."""
    bench.samples = Samples(name)
    for number in range(count + 2):
        bench.once()
        if number == 1:
            bench.samples.values.clear()
    return bench.samples


def report(crowds: Iterable[Crowd]) -> str:
    """Return the table."""
    head = (
        "waiting, phones",
        "hang-up to ring: median (ms)",
        "p99",
        f"at {STORM_RATE:,} changes/s: median",
        "p99",
        "handover: median",
        "longest",
        "CPU of a change (ms)",
        "memory (MB)",
    )
    rows = [
        (
            f"{crowd.waiting:,}",
            *(show(s.percentile(p)) for s in (crowd.quiet, crowd.storm) for p in (50, 99)),
            *(show(crowd.handover.percentile(p)) for p in (50, 100)),
            show(crowd.storm_cpu),
            show(crowd.memory),
        )
        for crowd in crowds
    ]
    return table(head, rows)
