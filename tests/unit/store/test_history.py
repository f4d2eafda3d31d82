"""The history is read without a change to it, and tells what could not be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.errors import SpoolError
from busy_callback.settings import Settings
from busy_callback.store.history import History
from busy_callback.store.spool import Spool

from ..conftest import NOW


def register(spool: Spool, caller: str, now: float = NOW) -> str:
    """Register for 202 and return the id."""
    return spool.register(caller, "202", rq.BUSY, "", Settings(), now)[1]


def everything(spool: Spool) -> dict[str, bytes]:
    """Return the content of each file of the spool."""
    return {str(path): path.read_bytes() for path in Path(spool.directory).rglob("*") if path.is_file()}


def test_live_and_ended_ones_are_read_and_nothing_is_changed(spool: Spool) -> None:
    """Where a crash left a request in both folders, it has ended."""
    ids = [register(spool, caller) for caller in ("201", "203", "204")]
    spool.cancel(ids[0], "x", NOW)
    both = Path(spool.path("requests", ids[1])).read_bytes()
    spool.cancel(ids[1], "x", NOW)
    Path(spool.path("requests", ids[1])).write_bytes(both)
    before = everything(spool)
    found = {request.id: request.state for request in History(spool)}
    assert found == {ids[0]: rq.CANCELLED, ids[1]: rq.CANCELLED, ids[2]: rq.WAITING}
    assert everything(spool) == before


def test_what_is_no_request_is_counted_and_left_where_it_is(spool: Spool) -> None:
    """Half a file, junk and a directory: the others are read all the same."""
    request_id = register(spool, "201")
    half = Path(spool.path("ended", request_id.replace("201", "203")))
    half.write_bytes(Path(spool.path("requests", request_id)).read_bytes()[:90])
    Path(spool.path("requests", "junk")).write_text("x")
    os.mkdir(spool.path("ended", "folder"))
    history = History(spool)
    assert [request.id for request in history] == [request_id]
    assert history.unreadable == 3
    assert half.exists()


def test_what_ended_before_is_not_read(spool: Spool) -> None:
    """By the file's time: of a long history only the part that was asked for costs."""
    ids = [register(spool, caller) for caller in ("201", "203")]
    for number, request_id in enumerate(ids):
        spool.cancel(request_id, "x", NOW)
        os.utime(spool.path("ended", request_id), (NOW + number, NOW + number))
    assert [request.id for request in History(spool, NOW + 1)] == [ids[1]]


def test_one_that_ends_meanwhile_is_not_missed(spool: Spool) -> None:
    """It was among the live ones when they were listed, and is gone from there."""
    ids = [register(spool, caller) for caller in ("201", "203")]
    spool.cancel(ids[0], "x", NOW)
    reading = iter(History(spool))
    assert next(reading).id == ids[0]
    spool.cancel(ids[1], "x", NOW)
    assert [(request.id, request.state) for request in reading] == [(ids[1], rq.CANCELLED)]


def test_a_spool_that_cannot_be_read_is_an_error(spool: Spool) -> None:
    """A sentence."""
    os.rmdir(spool.path("ended", ""))
    with pytest.raises(SpoolError, match="can't be read"):
        list(History(spool))
