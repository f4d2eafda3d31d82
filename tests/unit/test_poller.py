"""What can come between a poller's look and its deed, and what it makes of a recall that nobody runs."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.errors import AsteriskError, CallFileError
from busy_callback.pbx import callfile
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.poller import Poller
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.store.spool import Spool

from ..lab.standin import StandIn
from .byhand import Machine
from .conftest import NOW


@pytest.fixture
def machine(directories: Directories, spool: Spool) -> Iterator[Machine]:
    """One on which 201 waits for 202, who is free, and has been for a minute."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    with StandIn() as standin:
        made = Machine(directories, standin, callee="NOT_INUSE")
        made.wall += 60
        yield made


def test_a_callee_that_is_taken_in_the_last_moment(
    machine: Machine, spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ChanIsAvail has the last word: nobody is rung, and the log says why."""
    caplog.set_level(logging.INFO)
    before = spool.live()

    def deny(device_states: DeviceStates, extension: str, meanwhile: Callable[[], None]) -> int:
        meanwhile()
        return policy.BUSY

    monkeypatch.setattr(DeviceStates, "last_word", deny)
    machine.poll()
    assert machine.call_files() == []
    assert spool.live() == before
    assert os.listdir(spool.path("tmp", "")) == []
    assert caplog.messages[-1].endswith("202 is BUSY after all")


def test_asterisk_goes_away_before_its_last_word(
    machine: Machine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request waits as before, and nothing is left of the recall that was prepared meanwhile."""
    before = spool.live()

    def break_off(device_states: DeviceStates, extension: str, meanwhile: Callable[[], None]) -> int:
        meanwhile()
        assert [request.state for request in spool.live()] == [rq.RECALLING]
        raise AsteriskError("the connection to Asterisk broke")

    monkeypatch.setattr(DeviceStates, "last_word", break_off)
    with pytest.raises(AsteriskError):
        machine.poll()
    assert machine.call_files() == []
    assert spool.live() == before
    assert os.listdir(spool.path("tmp", "")) == []


@pytest.mark.parametrize("step", ["check_place", "hand_over"])
def test_a_disk_that_fails_while_a_recall_is_prepared(
    machine: Machine, spool: Spool, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """That is a fault, told in a sentence; the request waits as before."""
    before = spool.live()

    def fail(*arguments: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(callfile, step, fail)
    with pytest.raises(CallFileError, match="Read-only file system"):
        machine.poll()
    assert machine.call_files() == []
    assert spool.live() == before


@pytest.mark.parametrize("tells", [True, False])
def test_the_lamp_waits_for_the_ring(machine: Machine, monkeypatch: pytest.MonkeyPatch, tells: bool) -> None:
    """It is not set beside what makes the phone ring, but when that rings, or half a second later."""
    shown: list[dict[str, int]] = []
    monkeypatch.setattr(DeviceStates, "show_lamps", lambda _, states: shown.append(dict(states)))
    poller = Poller(machine.directories, machine.settings, lambda: machine.wall, lambda: machine.ticks)
    with Ami(machine.settings) as ami:
        states = poller.learn(ami)
        for _ in range(2):
            poller.look(states)
        assert len(machine.call_files()) == 1
        assert shown[-2:] == [{}, {}]
        if tells:
            states.note("DeviceStateChange", {"Device": "PJSIP/201", "State": "RINGING"}, machine.wall)
        else:
            machine.wall += 0.6
        poller.look(states)
    assert shown[-1] == {"201": policy.RINGING}


@pytest.mark.parametrize("begun", [False, True])
def test_a_request_that_is_cancelled_in_the_last_moment(
    machine: Machine, spool: Spool, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """It is cancelled, before the recall is written down or after it, and nobody is rung."""

    def cancel(device_states: DeviceStates, extension: str, meanwhile: Callable[[], None]) -> int:
        if begun:
            meanwhile()
        assert spool.cancel(spool.live()[0].id, "by the caller", machine.wall)
        if not begun:
            meanwhile()
        return policy.NOT_INUSE

    monkeypatch.setattr(DeviceStates, "last_word", cancel)
    machine.poll()
    assert machine.call_files() == []
    assert [request.state for request in spool.ended()] == [rq.CANCELLED]


def test_a_change_that_another_made_first(machine: Machine, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends by itself and is cancelled at that moment has ended once, as cancelled."""
    machine.wall += 4000
    real = Spool.replace

    def late(spool: Spool, old: Request, new: Request) -> bool:
        assert spool.cancel(old.id, "by the caller", machine.wall)
        return real(spool, old, new)

    monkeypatch.setattr(Spool, "replace", late)
    machine.poll()
    assert [request.state for request in spool.ended()] == [rq.CANCELLED]


@pytest.mark.parametrize("later", [30.0, 41.0])
def test_a_recall_that_nobody_runs(machine: Machine, spool: Spool, later: float) -> None:
    """It is waited for while it may still be run, then withdrawn, so that no late run of it rings anybody."""
    machine.poll()
    (name,) = machine.call_files()
    machine.runs(later)
    (request,) = spool.live()
    waits = later < machine.settings.ring_time + policy.OVERDUE
    assert (request.state, machine.call_files()) == ((rq.RECALLING, [name]) if waits else (rq.WAITING, []))
    assert Path(spool.path("recalls", f"{request.id}.1")).exists() != waits


def test_an_asterisk_that_has_gone_runs_no_recall(machine: Machine, spool: Spool) -> None:
    """Without its control socket it does not run: the recall is withdrawn and waits for the next."""
    machine.poll()
    os.unlink(machine.directories.control_socket)
    machine.poll()
    assert machine.call_files() == []
    assert Path(spool.path("recalls", f"{spool.live()[0].id}.1")).read_text() == "withdrawn\n"
    assert spool.live()[0].events[-1][1] == "the recall was taken back before it rang"
