"""A million events a minute of our own name, at real phones: the recall comes in the midst of them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..lab.office import Office
from .conftest import OpenOffice
from .test_faults import until

PACE = 1_000_000 / 60  # events a second
BATCH = 500  # events sent at once
Counts = Callable[[str], None]


class Flood(threading.Thread):
    """Lets Asterisk send events of our own name, of a request that has changed, at that pace.

    As many as are asked for, and until it is told that they are enough.
    """

    def __init__(self, office: Office, many: int, request_id: str) -> None:
        super().__init__(daemon=True)
        self._port = office.asterisk.manager_port
        self._many = many
        self._request_id = request_id
        self._enough = threading.Event()
        self.sent = 0

    def enough(self) -> None:
        """No more of them than are asked for."""
        self._enough.set()

    def run(self) -> None:
        """Send them; who gets behind does not hurry afterwards."""
        fields = ["Action: UserEvent", "UserEvent: BusyCallback", f"Request: {self._request_id}"]
        action = "".join(f"{field}\r\n" for field in [*fields, "Caller: status will follow", ""]).encode()
        with socket.create_connection(("127.0.0.1", self._port)) as session:
            session.sendall(b"Action: Login\r\nUsername: lab\r\nSecret: lab\r\nEvents: off\r\n\r\n")
            while self.sent < self._many or not self._enough.is_set():
                due = time.monotonic() + BATCH / PACE
                session.sendall(action * BATCH)
                self.sent += BATCH
                session.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while session.recv(1 << 20):
                        pass
                session.setblocking(True)
                time.sleep(max(0.0, due - time.monotonic()))


@pytest.mark.xdist_group("floods")  # one at a time: each takes a core
def test_a_flood_of_events(open_office: OpenOffice, counts: Counts, whole: bool) -> None:
    """A million events a minute, each of a request that is said to have changed: the recall comes in the midst of them.

    And the watch does not grow.
    """
    office = open_office()
    a, b, c = office.phones.values()
    watch = office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    many = 1_000_000 if whole else 150_000
    memory = Path(f"/proc/{watch.pid}/statm")
    before = int(memory.read_text().split()[1])
    sender = Flood(office, many, office.live()[0].id)
    begun = time.monotonic()
    sender.start()
    try:
        until("the flood is at its height", lambda: sender.sent >= 2 * PACE)
        hung_up = time.monotonic()
        b.hang_up()
        late = a.answer().at - hung_up
        assert sender.is_alive()
        b.answer()
        a.hang_up()
        office.until_logged("completed:")
    finally:
        sender.enough()
        sender.join()
    pace = sender.sent / (time.monotonic() - begun) * 60
    grown = (int(memory.read_text().split()[1]) - before) * 4096 / 1e6
    told = f"{sender.sent} events, {pace:.0f} a minute"
    counts(f"{told}; the ring came {late:.2f} s after 202 got free; {grown:.0f} MB more")
    assert grown < 60
