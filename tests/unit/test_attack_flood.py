"""Attack: an Asterisk that floods the watch with events, or is away: it is never behind, and back at once."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from busy_callback import poller, runs
from busy_callback import request as rq
from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.settings import Directories, Settings
from busy_callback.store import handover
from busy_callback.store.handover import GO_ON, RELIEF
from busy_callback.store.spool import Spool

from ..lab.standin import StandIn
from .byhand import Machine
from .conftest import NOW


@pytest.fixture
def machine(directories: Directories, spool: Spool) -> Iterator[Machine]:
    """One on which 201 waits for 202, who is busy."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    with StandIn() as standin:
        yield Machine(directories, standin, callee="INUSE")


def test_a_storm_of_events_costs_one_look(machine: Machine, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand events that have come by the first: one look sees them all, or the watch would be minutes behind."""
    looks: list[float] = []
    monkeypatch.setattr(poller.Poller, "look", lambda watch, device_states: looks.append(machine.wall))
    inbox: queue.SimpleQueue[tuple[str, dict[str, str]]] = queue.SimpleQueue()
    for _ in range(1000):
        inbox.put(("UserEvent", {"UserEvent": "BusyCallback", "Request": spool.live()[0].id}))
    watch = poller.Poller(machine.directories, machine.settings)
    shift = SimpleNamespace(ends=time.monotonic(), is_over=lambda *_: True)
    with Ami(machine.settings) as ami:
        watch._follow(DeviceStates(ami), inbox, shift)  # type: ignore[arg-type]
    assert len(looks) == 1
    assert inbox.empty()


@pytest.fixture
def unchanged_signals() -> Iterator[None]:
    """A watch in this process has a handler; the next test has none."""
    before = {number: signal.getsignal(number) for number in (RELIEF, GO_ON)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("unchanged_signals")
def test_a_watch_tries_a_few_times_a_second(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Asterisk can't be reached it tries at least twice a second on a hand-set clock: service is back at once."""
    tries: list[float] = []

    class Inbox:
        """Nothing ever comes, and only this takes time."""

        def get(self, timeout: float) -> None:
            machine.ticks += timeout
            raise queue.Empty

    class Away:
        """An Asterisk that is away."""

        def __init__(self, *_: object) -> None:
            tries.append(machine.ticks)
            raise AsteriskError("away")

    monkeypatch.setattr(runs, "queue", SimpleNamespace(SimpleQueue=Inbox, Empty=queue.Empty))
    for module in (runs, handover):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: machine.ticks))
    monkeypatch.setattr(runs, "Ami", Away)
    begun = machine.ticks
    poller.Poller(machine.directories, machine.settings).watch(60)
    assert machine.ticks >= begun + 60
    assert max(later - one for one, later in zip(tries, tries[1:])) <= 0.5
