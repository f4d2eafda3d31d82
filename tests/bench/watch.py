"""Two watches: how long nobody watches between them. One watch: what it costs while nothing happens."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ..lab.office import SECRET, SETTINGS, Office
from ..lab.releases import ASTERISK_22
from .samples import Samples

PAUSE = 1.5  # seconds in which a watch has surely begun


class Tap:
    """Stands between the watch and Asterisk's manager interface, and counts what passes."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.actions = self.messages = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._server.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink, source is near), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_ours: bool) -> None:
        while data := source.recv(65536):
            count = data.count(b"\r\n\r\n")
            if is_ours:
                self.actions += count
            else:
                self.messages += count
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


@dataclass
class Idle:
    """What a watch did in a while without an event; ``start`` is the CPU time before, from its very beginning."""

    seconds: float
    start: float
    cpu: float
    wake_ups: int
    actions: int
    messages: int
    memory: float

    @property
    def share(self) -> float:
        """CPU time in per cent of one core."""
        return self.cpu / self.seconds * 100


def cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid: int) -> int:
    """Return how often the threads of a process have gone to sleep by themselves."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.MULTILINE)[0]) for text in texts)


def resident(pid: int) -> float:
    """Return the memory of a process (RSS) in MB."""
    return int(re.findall(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def idle(folder: Path, seconds: float) -> Idle:
    """Return what a watch costs on a PBX at which nobody waits and nothing happens."""
    with Office(ASTERISK_22, folder, ("201",)) as office:
        tap = Tap(office.asterisk.manager_port)
        conf = SETTINGS.format(general="", port=tap.port, secret=SECRET)
        office.asterisk.configure("busy_callback.conf", conf)
        watch = office.watch(3600)
        time.sleep(PAUSE)
        start, woken = cpu(watch.pid), wake_ups(watch.pid)
        time.sleep(seconds)
        return Idle(
            seconds,
            start,
            cpu(watch.pid) - start,
            wake_ups(watch.pid) - woken,
            tap.actions,
            tap.messages,
            resident(watch.pid),
        )


def handover(office: Office, count: int) -> Samples:
    """Return the times from a new watch's asking the old to let go until its own first look is over.

    That is the longest that nobody watches: the old one finishes what it is at before it lets go.
    """
    samples = Samples("handover")
    watches = []
    for number in range(count + 1):
        trace = office.asterisk.folder / f"trace{number}"
        office.asterisk.environ["BUSY_CALLBACK_TRACE"] = str(trace)
        watches.append(office.watch(3600, "tests.bench.traced"))
        times = _until_looked(trace)
        if number:
            samples.add(times["looked"] - times["asks"])
            watches[-2].wait(30)
        time.sleep(0.5)
    return samples


def _until_looked(trace: Path) -> dict[str, float]:
    """Wait until a traced watch has looked; return when it did what, for the first time."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        lines = [line.split() for line in trace.read_text().splitlines()] if trace.exists() else []
        times = {what: float(at) for what, at in reversed(lines)}
        if "looked" in times:
            return times
        time.sleep(0.05)
    raise AssertionError("the watch has not looked")
