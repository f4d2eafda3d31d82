"""A past of any number of callbacks, written into a spool as the package writes it, whose figures are known.

Of each hundred requests, in a fixed order: 70 talked in a recall (after 1, 2, ..., 70 minutes), 5 hung up, 5 reached
each other otherwise, 10 expired, 5 were cancelled by the caller and 2 by the admin, 3 were never answered. They were
asked for in the last 28 days, a tenth of them in each hour from 8 to 17, for the callees 100 to 109; callee 100 has
as many as 101 to 109 together.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.request import Request
from busy_callback.store.offers import note_offer
from busy_callback.store.spool import Spool

DAYS = 28
FIRST_CALLER = 200_000
RING = 5.0  # seconds, and a hundredth more for each of the hundred


def fill(spool: Spool, count: int, until: float) -> None:
    """Write a past of ``count`` requests, which ended before the local midnight that was before ``until``."""
    spool.prepare()
    local = time.localtime(until)
    for number in range(count):
        day, hour = number // 10 % DAYS, 8 + number % 10
        asked = time.mktime((local.tm_year, local.tm_mon, local.tm_mday - 1 - day, hour, 30, 0, 0, 0, -1))
        request = one(number, asked)
        path = Path(spool.path("ended", request.id))
        path.write_bytes(rq.encode(request))
        os.utime(path, (request.ended, request.ended))


def move(spool: Spool, until: float) -> int:
    """Move it into its days' files, as the poller does, some each minute; return in how many minutes."""
    minutes = 0
    while os.listdir(spool.path("ended", "")):
        spool.sweep(until, 2 * DAYS)
        minutes += 1
    return minutes


def one(number: int, asked: float) -> Request:
    """Return the request of that number, asked for then."""
    place = number % 100
    caller = str(FIRST_CALLER + number % 700_000)
    callee = str(100 if number % 2 else 101 + number // 2 % 9)
    request_id = f"{caller}-{callee}-{rq.make_stamp(int(asked * 1000) + number % 60_000)}"
    request = Request(request_id, requested=asked, expires=asked + 7200, events=((asked, "registered"),))
    if place < 70:
        talk = asked + (place + 1) * 60
        request = policy.begin(request, 1, talk - 10, talk - 10 - RING - place / 100)
        request = request.but(talk - 5, f"{caller} answered", answered=talk - 5)
        return rq.end(request, rq.COMPLETED, f"{caller} and {callee} talked for 61 s", talk + 61)
    _, state, reason, after = next(end for end in _ENDS if place < end[0])
    return rq.end(request, state, reason.format(caller=caller, callee=callee), asked + after)


_ENDS = (
    (75, rq.COMPLETED, "{caller} answered and hung up", 300),
    (80, rq.COMPLETED, "{caller} and {callee} reached each other", 300),
    (90, rq.EXPIRED, "the service duration is over", 2700),
    (95, rq.CANCELLED, "by the caller", 200),
    (97, rq.CANCELLED, "by the admin", 200),
    (100, rq.FAILED, "{caller} did not answer the recall (3 of 3 attempts)", 400),
)


def offer(spool: Spool, count: int, until: float) -> None:
    """Count, for each request of the past, the offer that it came from, and one that its caller let pass."""
    local = time.localtime(until)
    for number in range(count):
        day, hour = number // 10 % DAYS, 8 + number % 10
        asked = time.mktime((local.tm_year, local.tm_mon, local.tm_mday - 1 - day, hour, 30, 0, 0, 0, -1))
        request = one(number, asked)
        for before in (10, 1000):
            note_offer(spool.directory, request.caller, request.callee, request.kind, asked - before)
