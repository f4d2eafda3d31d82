"""Attack: things in the spool that are no files of ours."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.pbx.callfile import read_report
from busy_callback.report.counted import count
from busy_callback.settings import Settings
from busy_callback.store.durable import read_file, withdraw
from busy_callback.store.handover import PollerLock
from busy_callback.store.history import History
from busy_callback.store.past_days import day_of
from busy_callback.store.spool import Spool
from tests.unit.conftest import NOW


def link(path: str, elsewhere: Path) -> None:
    """Put a symbolic link to somebody's file there."""
    os.symlink(elsewhere, path)


def dangling(path: str, elsewhere: Path) -> None:
    """Put a symbolic link to nothing there."""
    os.symlink(elsewhere.with_name("nothing"), path)


def fifo(path: str, _: Path) -> None:
    """Put a FIFO there, on which whoever opens it would wait."""
    os.mkfifo(path)


def folder(path: str, _: Path) -> None:
    """Put a directory there, with something in it."""
    os.mkdir(path)
    Path(path, "x").write_text("x")


def foreign(path: str, elsewhere: Path) -> None:
    """Put another user's file there."""
    Path(path).write_bytes(elsewhere.read_bytes())
    os.chown(path, 65534, 65534)


KINDS = [link, dangling, fifo, folder, foreign]
Put = Callable[[str, Path], None]


@pytest.fixture
def elsewhere(spool: Spool, tmp_path: Path) -> Path:
    """Somebody's file, which even looks like a request."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    path = tmp_path / "elsewhere"
    os.rename(spool.path("requests", os.listdir(spool.path("requests", ""))[0]), path)
    return path


@pytest.mark.parametrize("put", KINDS)
def test_in_place_of_a_request_it_is_set_aside(spool: Spool, elsewhere: Path, put: Put) -> None:
    """It is neither followed nor waited for; it is kept, with the reason; the others are served."""
    before = elsewhere.read_bytes()
    put(spool.path("requests", "201-202-0mywpiww0"), elsewhere)
    spool.register("203", "202", rq.BUSY, "", Settings(), NOW)
    assert [request.caller for request in spool.live()] == ["203"]
    ((name, reason),) = spool.corrupt()
    assert os.path.lexists(spool.path("corrupt", name))
    assert reason in {"it is not a regular file", "it belongs to another user (65534)"}
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize("put", KINDS)
def test_in_place_of_a_past_day_it_is_passed_over_and_set_aside(spool: Spool, elsewhere: Path, put: Put) -> None:
    """Who reads the history counts it as unreadable; the poller sets it aside before it writes that day."""
    before = elsewhere.read_bytes()
    now = time.time()
    request_id = spool.register("203", "202", rq.BUSY, "", Settings(), now - 60)[1]
    spool.cancel(request_id, "x", now)
    os.mkdir(spool.path("history", ""))
    day = Path(spool.path("history", day_of(now)))
    put(str(day), elsewhere)
    history = History(spool)
    assert [request.id for request in history] == [request_id]
    assert history.unreadable == 1
    assert count(spool).ended
    spool.sweep(now + 2 * 86400)
    assert [request.id for request in History(spool)] == [request_id]
    assert day.is_file()
    assert not day.is_symlink()
    ((name, reason),) = spool.corrupt()
    assert os.path.lexists(spool.path("corrupt", name))
    assert reason in {"it is not a regular file", "it belongs to another user (65534)"}
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize("put", KINDS)
def test_in_tmp_it_is_removed_or_set_aside(spool: Spool, elsewhere: Path, put: Put) -> None:
    """The next sweep clears it away; what a link points to stays."""
    put(spool.path("tmp", "x"), elsewhere)
    spool.sweep(NOW)
    assert os.listdir(spool.path("tmp", "")) == []
    assert elsewhere.exists()


@pytest.mark.parametrize("put", [link, dangling, fifo])
def test_in_place_of_a_file_that_we_write_it_is_not_written_through(
    spool: Spool, elsewhere: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guessed name in tmp/ is replaced, never followed."""
    before = elsewhere.read_bytes()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    put(spool.path("tmp", f"201-203-{rq.make_stamp(int(NOW * 1000))}.1"), elsewhere)
    assert spool.register("201", "203", rq.BUSY, "", Settings(), NOW)[0] == "REGISTERED"
    assert elsewhere.read_bytes() == before
    assert [request.callee for request in spool.live()] == ["203"]


@pytest.mark.parametrize("put", [link, dangling, folder])
def test_in_place_of_a_lock_it_is_an_error(spool: Spool, elsewhere: Path, put: Put) -> None:
    """Neither lock is opened through a link."""
    os.unlink(spool.path("", "lock"))
    put(spool.path("", "lock"), elsewhere)
    put(spool.path("", "poller.lock"), elsewhere)
    with pytest.raises(SpoolError, match="can't be written"):
        spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    with pytest.raises(SpoolError, match="can't be opened"), PollerLock(spool.path("", "poller.lock")):
        pass


@pytest.mark.parametrize("put", [link, fifo, folder, foreign])
def test_in_place_of_a_report_it_counts_as_a_claim(spool: Spool, elsewhere: Path, put: Put) -> None:
    """Whether somebody was rung can't be told then: taken for rung, so that nobody is rung twice."""
    report = spool.path("recalls", "201-202-0mywpiww0.1")
    put(report, elsewhere)
    assert read_report(report).claimed
    if put is not foreign:
        with pytest.raises(OSError, match=r"Errno"):
            withdraw(report)


def test_a_file_of_root_or_of_the_spools_owner_is_ours(spool: Spool, elsewhere: Path) -> None:
    """Asterisk may have run as root once: what it wrote then is served."""
    path = spool.path("requests", "201-202-0mywpiww0")
    foreign(path, elsewhere)
    with pytest.raises(CorruptRequestError, match="another user"):
        read_file(path)
    os.chown(os.path.dirname(path), 65534, 65534)
    assert read_file(path) == elsewhere.read_bytes()


@pytest.mark.parametrize("error", [5, 13, 24])
def test_what_may_be_readable_the_next_time_is_not_set_aside(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """An I/O error, no permission, no file descriptor left: the request stays where it is, and the poll says so."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    real = os.open

    def failing(path: str, *args: int) -> int:
        if "/requests/" in path:
            raise OSError(error, os.strerror(error), path)
        return real(path, *args)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(SpoolError, match="can't be read"):
        spool.live()
    monkeypatch.undo()
    assert [request.caller for request in spool.live()] == ["201"]
    assert list(spool.corrupt()) == []


def test_what_ended_and_was_not_cleaned_stays_ended_for_another_sweep(spool: Spool) -> None:
    """Its end is kept until the removal of its request is certain, however old it is."""
    _, request_id = spool.register("201", "202", rq.BUSY, "", Settings(), 1.6e9)
    (request,) = spool.live()
    ended = Path(spool.path("ended", request_id))
    ended.write_bytes(rq.encode(rq.end(request, rq.COMPLETED, "x", 1.6e9)))
    os.utime(ended, (1.6e9, 1.6e9))
    spool.sweep(NOW)
    assert ended.exists()
    spool.sweep(NOW)
    assert not ended.exists()


def test_an_end_that_cannot_be_looked_for_is_not_taken_for_absent(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An I/O error in ended/ must not let a request live again that has ended."""
    _, request_id = spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    real = os.lstat

    def failing(path: str) -> os.stat_result:
        if "/ended/" in path:
            raise OSError(5, "Input/output error", path)
        return real(path)

    monkeypatch.setattr(os, "lstat", failing)
    with pytest.raises(SpoolError, match="can't be read"):
        spool.live()
    with pytest.raises(SpoolError, match="can't be written"):
        spool.cancel(request_id, "x", NOW)
