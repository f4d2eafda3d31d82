"""A request that is cancelled: while it waits, before its recall rings, while it rings, and when it is answered."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.request import Request
from busy_callback.settings import Settings
from busy_callback.store.spool import DUPLICATE, Spool
from tests.unit.conftest import NOW


def recalled(spool: Spool, report: str) -> Request:
    """Return a request whose first recall was handed over, and of which that is reported."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    (request,) = spool.live()
    assert spool.replace(request, policy.begin(request, 1, NOW))
    if report:
        Path(spool.path("recalls", f"{request.id}.1")).write_text(report)
    return spool.live()[0]


@pytest.mark.parametrize("report", ["", "withdrawn\n", "cancelled\nclaimed 17.1 Local/x;2\n"])
def test_before_anybody_is_rung_it_ends_at_once(spool: Spool, report: str) -> None:
    """Nobody has claimed the recall, and nobody can any more."""
    request = recalled(spool, report)
    assert spool.cancel(request.id, "by the admin", NOW)
    assert [(r.state, r.reason) for r in spool.ended()] == [(rq.CANCELLED, "by the admin")]
    first = Path(spool.path("recalls", f"{request.id}.1")).read_text().splitlines()[0]
    assert first in {"cancelled", "withdrawn"}


def test_while_the_caller_is_rung_both_ends_stay_taken(spool: Spool) -> None:
    """It lives, with the reason for its end; to cancel it again is nothing; to ask again takes the cancel back."""
    request = recalled(spool, "claimed 17.1 Local/x;2\n")
    assert spool.cancel(request.id, "by the admin", NOW)
    (request,) = spool.live()
    assert (request.state, request.reason, request.cancelled) == (rq.RECALLING, "by the admin", True)
    assert request.events[-1][1] == "cancelled by the admin, while 201 rings"
    assert not spool.cancel(request.id, "by the caller", NOW)
    assert spool.register("201", "202", rq.BUSY, "", Settings(), NOW)[0] == DUPLICATE
    assert not spool.live()[0].cancelled


def test_what_the_caller_has_answered_is_a_call(spool: Spool) -> None:
    """There is no callback to cancel any more, and the request ends as the call does."""
    request = recalled(spool, "claimed 17.1 Local/x;2\nanswered\n")
    assert not spool.cancel(request.id, "by the admin", NOW)
    assert spool.live() == [request]


def test_registrations_and_cancellations_are_logged(spool: Spool, tmp_path: Path) -> None:
    """A line each in the form of the poller's own, in a file that is not for everybody; the poller logs them not."""
    log = tmp_path / "busy_callback.log"
    logging = Spool(spool.directory, str(log))
    for _ in range(2):
        request_id = logging.register("201", "202", rq.BUSY, "", Settings(), NOW)[1]
    spool.register("201", "203", rq.BUSY, "", Settings(), NOW)
    assert logging.cancel(request_id, "by the caller", NOW)
    told = [re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} INFO\[\d+\] (.*)", line) for line in read(log)]
    assert [found and found[2] for found in told] == [
        f"{request_id}: registered",
        f"{request_id}: asked again",
        f"{request_id}: cancelled: by the caller",
    ]
    assert told[0]
    assert abs(time.mktime(time.strptime(told[0][1], "%Y-%m-%d %H:%M:%S")) - time.time()) < 60
    assert log.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("put", [lambda log: log.symlink_to("elsewhere"), lambda log: log.mkdir(), os.mkfifo])
def test_a_log_that_cannot_be_written_changes_nothing(spool: Spool, tmp_path: Path, put: object) -> None:
    """A link, a directory or a FIFO in its place is neither written through nor waited for."""
    log = tmp_path / "busy_callback.log"
    assert callable(put)
    put(log)
    assert Spool(spool.directory, str(log)).register("201", "202", rq.BUSY, "", Settings(), NOW)[1]
    assert not (tmp_path / "elsewhere").exists()


def read(log: Path) -> list[str]:
    """Return the log's lines."""
    return log.read_text().splitlines()
