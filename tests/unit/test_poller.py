"""What can come between a poller's look and its deed, and what it makes of a recall that nobody runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.poller import Poller
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.spool import Spool
from busy_callback.view import View

from ..lab.standin import StandIn
from .conftest import NOW


class Office:
    """A PBX on which 201 waits for 202, who is free; its clock is set by hand."""

    def __init__(self, directories: Directories, standin: StandIn) -> None:
        self.now = NOW + 60
        self.directories = directories
        self.settings = Settings()
        self.settings.port = standin.port
        standin.states = {"PJSIP/201": "NOT_INUSE", "PJSIP/202": "NOT_INUSE"}

    def poll(self) -> None:
        """Poll once."""
        Poller(self.directories, self.settings, lambda: self.now, lambda: self.now - NOW).poll()

    def call_files(self) -> list[str]:
        """Return what is in outgoing."""
        return os.listdir(self.directories.outgoing)


@pytest.fixture
def office(directories: Directories, spool: Spool) -> Iterator[Office]:
    """The PBX, whose Asterisk runs."""
    Path(directories.control_socket).touch()
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    with StandIn() as standin:
        yield Office(directories, standin)


def test_a_callee_that_is_taken_in_the_last_moment(
    office: Office, spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ChanIsAvail has the last word: nobody is rung, and the log says why."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(View, "last_word", lambda view, extension: policy.BUSY)
    office.poll()
    assert office.call_files() == []
    assert [request.state for request in spool.live()] == [rq.WAITING]
    assert caplog.messages[-1].endswith("202 is BUSY after all")


def test_a_request_that_is_cancelled_in_the_last_moment(
    office: Office, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled, and nobody is rung."""

    def cancel(view: View, extension: str) -> int:
        assert spool.cancel(spool.live()[0].id, "by the caller", office.now)
        return policy.NOT_INUSE

    monkeypatch.setattr(View, "last_word", cancel)
    office.poll()
    assert office.call_files() == []
    assert [request.state for request in spool.ended()] == [rq.CANCELLED]


def test_a_change_that_another_made_first(office: Office, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends by itself and is cancelled at that moment has ended once, as cancelled."""
    office.now = NOW + 4000
    real = Spool.replace

    def late(spool: Spool, old: Request, new: Request) -> bool:
        assert spool.cancel(old.id, "by the caller", office.now)
        return real(spool, old, new)

    monkeypatch.setattr(Spool, "replace", late)
    office.poll()
    assert [request.state for request in spool.ended()] == [rq.CANCELLED]


@pytest.mark.parametrize("later", [30.0, 41.0])
def test_a_recall_that_nobody_runs(office: Office, spool: Spool, later: float) -> None:
    """It is waited for while it may still be run, then withdrawn, so that no late run of it rings anybody."""
    office.poll()
    (name,) = office.call_files()
    office.now += later
    office.poll()
    (request,) = spool.live()
    waits = later < office.settings.ring_time + policy.OVERDUE
    assert (request.state, office.call_files()) == ((rq.RECALLING, [name]) if waits else (rq.WAITING, []))
    assert Path(spool.path("recalls", f"{request.id}.1")).exists() != waits


def test_an_asterisk_that_has_gone_runs_no_recall(office: Office, spool: Spool) -> None:
    """Without its control socket it does not run: the recall is withdrawn and waits for the next."""
    office.poll()
    os.unlink(office.directories.control_socket)
    office.poll()
    assert office.call_files() == []
    assert Path(spool.path("recalls", f"{spool.live()[0].id}.1")).read_text() == "withdrawn\n"
    assert spool.live()[0].events[-1][1] == "the recall was withdrawn before it rang"
