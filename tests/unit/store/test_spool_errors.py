"""A spool that can't be used: each way gives one error, changes nothing, and the lock is free again."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.errors import AsteriskError, SpoolError
from busy_callback.pbx.callfile import report_name
from busy_callback.poller import Poller
from busy_callback.settings import Directories, Settings
from busy_callback.store.handover import PollerLock
from busy_callback.store.spool import Spool
from tests.lab.standin import StandIn
from tests.unit.conftest import NOW


def broken(*_: object) -> int:
    """Fail as a bad disk does."""
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("folder", "act"),
    [
        ("ended", lambda spool: spool.ended()),
        ("requests", lambda spool: spool.live()),
        ("tmp", lambda spool: spool.replace(spool.live()[0], spool.live()[0].but(NOW, "x"))),
        ("tmp", lambda spool: spool.cancel(spool.live()[0].id, "x", NOW)),
        ("tmp", lambda spool: spool.register("203", "204", rq.BUSY, "", Settings(), NOW)),
        ("recalls", lambda spool: spool.sweep(NOW)),
    ],
)
def test_a_folder_that_is_gone_is_an_error(spool: Spool, folder: str, act: Callable[[Spool], object]) -> None:
    """It names the folder; with the folder back, all is as before."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    away = Path(f"{spool.directory}.away")
    shutil.move(spool.path(folder, ""), away)
    with pytest.raises(SpoolError, match=folder):
        act(spool)
    shutil.move(str(away), spool.path(folder, ""))
    assert [request.state for request in spool.live()] == [rq.WAITING]


def test_a_lock_that_cannot_be_had_is_an_error(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flock fails, as on a file system that has none: neither lock is taken for had."""
    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(SpoolError, match="can't be written"):
        spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    with PollerLock(spool.path("", "poller.lock")) as lock, pytest.raises(SpoolError, match="can't be locked"):
        lock.try_take()


def test_a_turn_that_cannot_be_signed_is_had(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk keeps no poll from its work."""
    monkeypatch.setattr(os, "pwrite", broken)
    with PollerLock(spool.path("", "poller.lock")) as lock:
        assert lock.try_take()
        assert lock.try_take()
        lock.take()


def test_two_who_set_the_same_aside(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower of two processes finds it gone, which is no error."""
    path = Path(spool.path("requests", "junk"))
    path.write_text("junk")
    real = os.rename

    def faster(old: str, new: str) -> None:
        real(old, new)
        real(old, new)

    monkeypatch.setattr(os, "rename", faster)
    assert spool.live() == []


@pytest.fixture
def poller(directories: Directories) -> Poller:
    """A poller of a PBX whose Asterisk runs."""
    Path(directories.control_socket).touch()
    return Poller(directories, Settings())


def test_a_call_file_that_cannot_be_handed_over_leaves_the_request_waiting(
    poller: Poller, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is put back at once, as it was, and the next poll recalls it: with the same number of attempt."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    real = os.rename

    def no_space(old: str, new: str) -> None:
        if "/outgoing/" in new:
            raise OSError(28, "No space left on device")
        real(old, new)

    with StandIn() as standin:
        standin.states = {"PJSIP/201": "NOT_INUSE", "PJSIP/202": "NOT_INUSE"}
        poller.settings.port = standin.port
        monkeypatch.setattr(os, "rename", no_space)
        before = spool.live()
        with pytest.raises(SpoolError, match="No space left"):
            Poller(poller.directories, poller.settings, lambda: NOW).poll()
        assert spool.live() == before
        monkeypatch.setattr(os, "rename", real)
        Poller(poller.directories, poller.settings, lambda: NOW).poll()
    assert [(request.state, request.attempt) for request in spool.live()] == [(rq.RECALLING, 1)]
    assert len(os.listdir(poller.directories.outgoing)) == 1


def test_a_report_that_cannot_be_read_now_settles_nothing(
    poller: Poller, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the caller was rung can't be checked: the poll fails and leaves the recall as it is."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    (old,) = spool.live()
    recalling = old.but(NOW, "recall 1", state=rq.RECALLING, attempt=1, started=NOW, asterisk_start=1)
    assert spool.replace(old, recalling)
    Path(spool.path("recalls", report_name(recalling))).write_text("claimed 1.1\n")
    real = os.open

    def failing(path: str, *args: int) -> int:
        return broken() if "/recalls/" in path else real(path, *args)

    with StandIn() as standin:
        poller.settings.port = standin.port
        monkeypatch.setattr(os, "open", failing)
        with pytest.raises(SpoolError, match="can't be checked"):
            Poller(poller.directories, poller.settings, lambda: NOW).poll()
    monkeypatch.undo()
    assert spool.live() == [recalling]


def test_a_poll_beside_another_does_nothing(poller: Poller, spool: Spool) -> None:
    """It does not even ask Asterisk."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    poller.settings.port = 1
    with PollerLock(spool.path("", "poller.lock")) as lock:
        assert lock.try_take()
        poller.poll()
    with pytest.raises(AsteriskError):
        poller.poll()
