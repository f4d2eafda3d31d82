"""Clocks that step: by an hour, by the half-yearly hour of a wrong time zone, from 1970 to the present."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from busy_callback import policy, settlement
from busy_callback import request as rq
from busy_callback.policy import Line
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.settlement import Outcome
from busy_callback.store.spool import Spool

from ..lab.standin import StandIn
from .byhand import Machine
from .conftest import NOW

HOUR = 3600.0
FREE = {number: Line(1, 0.0) for number in ("201", "202", "203")}
BUSY_CALLEE = {**FREE, "202": Line(2, 0.0)}


def waiting(now: float, **fields: object) -> Request:
    """Return a request made at that time."""
    made = Request("201-202-0mywpiww0", requested=now, expires=now + Settings().service_time)
    return made.but(now, "registered", **fields)


def step(request: Request, now: float, lines: dict[str, Line] = BUSY_CALLEE) -> Request:
    """Return what policy makes of the request at that time."""
    plan = policy.decide([request], lines, (), now, Settings())
    return plan.changes[0][1] if plan.changes else request


def test_a_request_of_1970_outlives_the_setting_of_the_clock() -> None:
    """Asked for before the clock was set: it waits its service time from then on."""
    request = step(waiting(100.0), NOW)
    assert (request.state, request.expires) == (rq.WAITING, NOW + Settings().service_time)
    assert request.events[-1] == (NOW, "the clock was set")
    assert step(request, NOW + 1) is request


def test_and_keeps_its_place(spool: Spool) -> None:
    """Who asked in 1970 stands before who asks after the clock was set, and before who asks in 1970 once more."""
    for caller, now in (("201", 100.0), ("203", NOW), ("204", 200.0), ("205", NOW + 1)):
        spool.register(caller, "202", rq.BUSY, "", Settings(), now)
    assert [request.caller for request in spool.live()] == ["201", "203", "204", "205"]


@pytest.mark.parametrize("back", [HOUR, 86400.0, NOW - 100.0])
def test_a_clock_that_is_set_back_lets_nobody_wait_for_ever(back: float) -> None:
    """By an hour, a day, or to 1970: no more than the service time is left, and no pause is longer than it is set."""
    request = waiting(NOW, not_before=NOW + 30)
    now = NOW - back
    request = step(request, now)
    assert request.expires == now + Settings().service_time
    assert request.not_before <= now + Settings().retry_pause
    assert step(request, now + Settings().service_time).state == rq.EXPIRED


def test_who_asks_again_after_a_step_back_passes_nobody() -> None:
    """Whose times are mended keeps its turn."""
    second = Request("203-202-0mywpiww1", requested=NOW, expires=NOW - HOUR + 2700, renewed=NOW - HOUR)
    plan = policy.decide([waiting(NOW), second], FREE, (), NOW - HOUR, Settings())
    assert [(r.caller, r.expires) for r in plan.recalls] == [("201", NOW - HOUR + Settings().service_time)]
    assert [new for _, new in plan.changes] == list(plan.recalls)


def test_a_callee_that_got_free_in_the_future_is_free() -> None:
    """The guard time after a step back is not an hour."""
    lines = {**FREE, "202": Line(1, NOW + HOUR)}
    plan = policy.decide([waiting(NOW)], lines, (), NOW, Settings())
    assert [request.caller for request in plan.recalls] == ["201"]


def test_a_request_ends_when_its_time_is_over() -> None:
    """Not a moment earlier; the reason is in its history."""
    request = waiting(NOW)
    assert step(request, request.expires - 1) is request
    ended = step(request, request.expires)
    assert (ended.state, ended.reason) == (rq.EXPIRED, "the service duration is over")


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_step_during_a_recall_ends_no_conversation(by: float) -> None:
    """A recall that somebody claimed and that goes on is left alone, whatever time it is."""
    recalling = policy.begin(waiting(NOW), 1, NOW)
    assert settlement.settle(recalling, Outcome(claimed=True), True, False, NOW + by, Settings()) is None


def test_the_time_zone_does_not_matter(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hour that comes twice or never in some zones is no step: times are seconds since the epoch."""
    switch = 1792890000.0  # 2026-10-25 01:00 UTC, Europe's return from summer time
    seen = []
    for zone in ("Europe/Berlin", "UTC", "Asia/Taipei"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        request_id = spool.register("201", "202", rq.BUSY, "", Settings(), switch - 60)[1]
        (request,) = spool.live()
        seen.append([step(request, switch + s).state for s in (-59, 0, 60, HOUR / 2, HOUR)])
        spool.cancel(request_id, "x", switch)
    monkeypatch.undo()
    time.tzset()
    assert seen == [["waiting", "waiting", "waiting", "waiting", "expired"]] * 3


@pytest.fixture
def machine(directories: Directories, spool: Spool) -> Iterator[Machine]:
    """A machine that was polled since it runs, and on which 201 waits for 202."""
    with StandIn() as standin:
        made = Machine(directories, standin, callee="INUSE")
        made.poll()
        spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
        made.runs(60)
        yield made


@pytest.mark.parametrize("forth", [HOUR, 12 * HOUR, 365 * 24 * HOUR])
def test_a_clock_that_is_set_forth_takes_nothing_from_what_is_left(
    machine: Machine, spool: Spool, forth: float
) -> None:
    """By an hour or a year: the request has its service time, not a minute less, and its history says what happened."""
    machine.runs(60, forth)
    (request,) = spool.live()
    assert request.expires == NOW + forth + Settings().service_time
    assert request.events[-1][1] == f"the clock was set forth by {forth:.0f} s"
    machine.runs(60)
    assert spool.live() == [request], "once is enough"
    machine.runs(Settings().service_time - 181)
    assert len(spool.live()) == 1
    machine.runs(1)
    assert [ended.state for ended in spool.ended()] == [rq.EXPIRED]


@pytest.mark.parametrize("age", [0.0, 1.5 * HOUR])
def test_a_clock_that_is_set_back_adds_nothing_to_what_is_left(machine: Machine, spool: Spool, age: float) -> None:
    """By an hour, to a request that is younger than that and to one that is older; and nothing when it is set right."""
    spool.cancel(spool.live()[0].id, "x", NOW)
    made = NOW + 60 - age
    spool.register("203", "202", rq.NO_REPLY, "", Settings(), made)
    machine.runs(60, -HOUR)
    (request,) = spool.live()
    assert request.expires == made - HOUR + Settings().service_time_no_reply
    assert "the clock was set back by 3600 s" in [event for _, event in request.events]
    machine.runs(60, HOUR)
    assert [(r.requested, r.expires) for r in spool.live()] == [(made, made + Settings().service_time_no_reply)]


def test_who_may_have_asked_after_it_was_set_back_keeps_its_time(machine: Machine, spool: Spool) -> None:
    """A request that is younger than the last poll, by either clock, is left as it is."""
    spool.register("203", "202", rq.BUSY, "", Settings(), NOW + 60 + 30 - HOUR)
    machine.runs(60, -HOUR)
    assert {r.caller: r.expires for r in spool.live()}["203"] == NOW + 90 - HOUR + Settings().service_time


def test_a_boot_in_1970_and_the_jump_to_the_present(machine: Machine, spool: Spool) -> None:
    """What was asked for before the power cut is served after it, though the machine has lived in 1970 meanwhile."""
    note = Path(spool.path("", "clock"))
    note.write_text(f"another-boot {machine.wall - machine.ticks}\n")
    machine.wall = machine.ticks = 20.0
    machine.poll()
    spool.register("203", "202", rq.BUSY, "", Settings(), 30.0)
    machine.runs(60)
    assert [r.expires for r in spool.live()] == [20.0 + Settings().service_time, 30.0 + Settings().service_time]
    jump = NOW + 300 - machine.wall
    machine.runs(60, jump)
    found = [(r.caller, r.requested, r.expires - jump) for r in spool.live()]
    service = Settings().service_time
    assert found == [("201", NOW, 20.0 + service), ("203", 30.0 + jump, 30.0 + service)]


def test_a_jump_to_the_present_that_nobody_noted(spool: Spool) -> None:
    """Without the note of the clock it is as good: a time of 1970 is none, and the request gets a new service time."""
    request = step(step(waiting(NOW), 100.0), NOW + 300)
    assert (request.state, request.requested, request.expires) == (rq.WAITING, NOW, NOW + 300 + Settings().service_time)


def test_who_asks_after_the_step_is_left_alone(machine: Machine, spool: Spool) -> None:
    """Before the next poll has noticed it: by the new clock already."""
    spool.register("203", "202", rq.BUSY, "", Settings(), NOW + 60 + HOUR + 30)
    machine.runs(60, HOUR)
    assert [r.expires - Settings().service_time - NOW for r in spool.live()] == [HOUR, HOUR + 90]


def test_nor_is_who_asked_again(machine: Machine, spool: Spool) -> None:
    """What was renewed since has a new service time."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW + 60 + HOUR + 30)
    machine.runs(60, HOUR)
    assert [r.expires - Settings().service_time - NOW for r in spool.live()] == [HOUR + 90]


def test_a_step_of_which_nothing_is_known_is_none(machine: Machine, spool: Spool) -> None:
    """After a boot, or where the note is spoilt: time that a machine was off is over."""
    another = f"another-boot {machine.wall - machine.ticks - 10}\n"
    for note in (another.encode(), b"", b"\xff"):
        Path(spool.path("", "clock")).write_bytes(note)
        machine.runs(0, 200)
        assert spool.live()[0].expires == NOW + Settings().service_time


def test_a_note_that_cannot_be_written_stops_nothing(machine: Machine, spool: Spool) -> None:
    """A directory in its place: the clock is taken as it is."""
    os.unlink(spool.path("", "clock"))
    os.mkdir(spool.path("", "clock"))
    machine.runs(60, HOUR)
    assert [ended.state for ended in spool.ended()] == [rq.EXPIRED]


def test_a_step_during_a_recall_moves_it_too(machine: Machine, spool: Spool) -> None:
    """A phone that rings for ten seconds has not rung for an hour."""
    (old,) = spool.live()
    assert spool.replace(old, policy.begin(old, 0, NOW + 60))
    moved = policy.move(spool.live()[0], HOUR, NOW + 70 + HOUR)
    assert moved
    assert not policy.is_overdue(moved, NOW + 70 + HOUR, Settings())


STEPS = st.lists(
    st.tuples(st.sampled_from([1.0, 5.0, 60.0, HOUR, -HOUR, -60.0, -NOW + 1000, NOW, 86400.0]), st.booleans()),
    max_size=30,
)


def test_no_history_of_steps_breaks_anything(counts: Callable[[str], None], whole: bool) -> None:
    """Random steps: no caller or callee is in two recalls, and everything ends once the clock just runs."""
    tried = [0]

    @tries(max_examples=5000 if whole else 300, deadline=None)
    @given(STEPS)
    def check(steps: list[tuple[float, bool]]) -> None:
        tried[0] += 1
        settings = Settings()
        now = NOW
        requests = {
            r.id: r
            for r in (
                waiting(now),
                Request("203-202-0mywpiww1", requested=now, expires=now + 2700),
                Request("201-203-0mywpiww2", requested=now, expires=now + 2700),
            )
        }
        then_only_on = [(600.0, False)] * 30
        for by, free in steps + then_only_on:
            now = max(0.0, now + by)
            plan = policy.decide(list(requests.values()), FREE if free else BUSY_CALLEE, (), now, settings)
            for old, new in plan.changes:
                requests[old.id] = new
            for request in plan.recalls:
                requests[request.id] = policy.begin(request, 1, now)
            requests = {key: r for key, r in requests.items() if r.state in rq.LIVE_STATES}
            recalling = [n for r in requests.values() if r.state == rq.RECALLING for n in (r.caller, r.callee)]
            assert len(recalling) == len(set(recalling))
            for key, request in list(requests.items()):
                if request.state == rq.RECALLING:
                    settled = settlement.settle(request, Outcome(withdrawn=True), False, False, now, settings)
                    assert settled
                    requests[key] = settled
        assert requests == {}

    check()
    counts(f"{tried[0]} histories of steps")
