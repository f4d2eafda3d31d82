"""busy-callback stats: figures that are known come out, for people and for programs, whatever is in the spool."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.report.figures import figures, percentile, shares
from busy_callback.report.records import record_of
from busy_callback.report.sentences import ENDS
from busy_callback.request import Request
from busy_callback.settings import Settings
from busy_callback.store.history import History
from busy_callback.store.offers import Offer, note_offer
from busy_callback.store.spool import Spool

from ...lab import past
from ..conftest import NOW
from .conftest import Run

DAY = 86400


@pytest.mark.parametrize("moved", [False, True], ids=["single", "moved"])
def test_the_figures_of_a_known_past(run: Run, spool: Spool, whole: bool, moved: bool) -> None:
    """Each figure as it was made: of 2,800 requests, with --whole of 100,800; also when their days are past."""
    count = 100_800 if whole else 2800
    past.fill(spool, count, time.time())
    if moved:
        assert past.move(spool, time.time()) == -(-count // 500)
    past.offer(spool, 280, time.time())
    found = json.loads(run("stats", "--since", "28d", "--json").output)
    assert found["asked"] == count
    assert found["states"] == {
        "completed": count * 80 // 100,
        "expired": count * 10 // 100,
        "cancelled": count * 7 // 100,
        "failed": count * 3 // 100,
        "waiting": 0,
        "suspended": 0,
        "recalling": 0,
    }
    assert {row["reason"]: row["count"] * 100 // count for row in found["reasons"]} == {
        "talked": 70,
        "hung-up": 5,
        "met": 5,
        "time-over": 10,
        "by-caller": 5,
        "by-admin": 2,
        "unanswered": 3,
    }
    assert found["asking_to_talking"] == {"count": count * 70 // 100, "median": 35 * 60, "percentile_90": 63 * 60}
    assert found["free_to_ring"] == {"count": count * 70 // 100, "median": 5.34, "percentile_90": 5.62}
    assert (found["offered"], found["offers_taken"]) == (560, 280)
    assert [sum(day["states"].values()) for day in found["by_day"]] == [count // 28] * 28 + [0]
    by_hour = [sum(day[hour] for day in found["by_weekday_and_hour"]) for hour in range(24)]
    assert by_hour == [count // 10 if 8 <= hour <= 17 else 0 for hour in range(24)]
    assert [(c["callee"], c["asked"]) for c in found["callees"][:1]] == [("100", count // 2)]
    assert len(found["callees"]) == 10
    assert found["unreadable"] == 0


def test_the_same_for_people(run: Run, a_past: Spool) -> None:
    """A table each; a bar for each hour."""
    past.offer(a_past, 280, time.time())
    lines = run("stats", "--since", "28d").output.splitlines()
    assert lines[0].startswith("Callbacks asked for since 20")
    assert [" ".join(line.split()) for line in lines[2:7]] == [
        "asked 2800",
        "completed 2240 80 %",
        "cancelled 196 7 %",
        "expired 280 10 %",
        "failed 84 3 %",
    ]
    assert "  1960  completed: they talked" in lines
    assert "offered to 560 callers, of whom 50 % asked for it" in lines
    assert "from asking to talking 35 min 1 h 3 min" in [" ".join(line.split()) for line in lines]
    assert f"08     280  {'#' * 40}" in lines
    assert lines[-10].split()[:2] == ["100", "1400"]


def test_nothing_was_asked_for(run: Run, spool: Spool) -> None:
    """Zeros, and no table without a row."""
    done = run("stats")
    assert done.exit_code == 0
    assert "asked      0" in done.output
    assert "hour" not in done.output
    assert json.loads(run("stats", "--json").output)["asking_to_talking"] == {
        "count": 0,
        "median": None,
        "percentile_90": None,
    }


@pytest.mark.parametrize("text", ["x", "7", "7y", "2026-13-01", "999999999d", "-1d", ""])
def test_a_beginning_that_is_none_is_a_usage_error(run: Run, spool: Spool, text: str) -> None:
    """It says what is allowed."""
    done = run("stats", "--since", text)
    assert done.exit_code == 2
    assert "36h, 7d or 4w" in done.output


@pytest.mark.usefixtures("in_utc")
def test_days_count_from_their_midnight_on(run: Run, spool: Spool) -> None:
    """And hours from now on, and a day from its own beginning."""
    now = time.time()
    assert json.loads(run("stats", "--since", "2d", "--json").output)["since"] == (now // DAY - 2) * DAY
    assert json.loads(run("stats", "--since", "1w", "--json").output)["since"] == (now // DAY - 7) * DAY
    assert json.loads(run("stats", "--since", "2026-11-01", "--json").output)["since"] == 1793491200.0
    assert json.loads(run("stats", "--since", "3h", "--json").output)["since"] == pytest.approx(now - 10800, abs=60)


def test_a_history_of_all_sorts(run: Run, spool: Spool) -> None:
    """Live ones, half a file, an older version's file and reason, and a clock that jumped: all else is counted."""
    now = time.time()
    for caller in ("201", "203", "204", "205"):
        spool.register(caller, "202", rq.BUSY, "", Settings(), now)
    requests = {request.caller: request for request in spool.live()}
    spool.replace(requests["203"], rq.end(requests["203"], rq.FAILED, "203 was abducted by 7 aliens", now))
    jumped = rq.end(requests["204"], rq.COMPLETED, "204 and 202 talked for 7200 s", now + 9)
    spool.replace(requests["204"], jumped)
    spool.cancel(requests["205"].id, "by the caller", now)
    old = Path(spool.path("ended", requests["205"].id))
    lines = old.read_text().splitlines(keepends=True)
    old.write_text("".join(line for line in lines if not line.startswith(("answered:", "callee_used:"))))
    Path(spool.path("ended", "206-202-000000000")).write_text("busy-callback 1\nid: 206-202-0000")
    found = json.loads(run("stats", "--json").output)
    assert {state: count for state, count in found["states"].items() if count} == {
        "waiting": 1,
        "failed": 1,
        "completed": 1,
        "cancelled": 1,
    }
    assert {"state": "failed", "reason": "N was abducted by N aliens", "count": 1} in found["reasons"]
    assert found["asking_to_talking"]["count"] == 0
    assert found["unreadable"] == 1
    assert "1 files could not be read" in run("stats").output


def test_a_spool_that_is_not_there_or_cannot_be_read(run: Run, spool: Spool) -> None:
    """A sentence, and the status for it."""
    os.rmdir(spool.path("ended", ""))
    assert run("stats").exit_code == 4
    for folder in ("requests", "recalls", "tmp", "corrupt", ""):
        os.rmdir(spool.path("", folder))
    done = run("stats")
    assert done.exit_code == 4
    assert "no callback was ever asked for here" in done.output


def request(order: int = 0, **fields: object) -> Request:
    """Return a request of NOW, 201's for 202."""
    request_id = f"201-202-{rq.make_stamp(int(NOW * 1000) + order)}"
    known = {"requested": NOW, "expires": NOW + 2700, "events": ((NOW, "registered"),)}
    return Request(request_id, **{**known, **fields})  # type: ignore[arg-type]


def test_an_offer_is_taken_by_the_next_asking_of_the_same_pair() -> None:
    """Not by another's, not by one that came long after, and by a second asking too."""
    asked = record_of(request().but(NOW + 500, "asked again", renewed=NOW + 500))
    offers = [
        Offer(NOW - 100, "busy", "201", "202"),  # called again before it pressed 5
        Offer(NOW - 10, "busy", "201", "202"),
        Offer(NOW - 10, "busy", "203", "202"),
        Offer(NOW + 490, "busy", "201", "202"),
        Offer(NOW + 900, "busy", "201", "202"),
    ]
    found = figures([asked], offers, NOW - 1000, NOW + 1000)
    assert (found.offered, found.taken) == (5, 2)
    found = figures([asked], [Offer(NOW - 10, "busy")], NOW - 1000, NOW + 1000)
    assert (found.offered, found.anonymous_offers) == (1, 1)


def test_the_time_from_free_to_ring_is_policys_own_word() -> None:
    """Of each recall of which it is known."""
    rung = policy.begin(request(), 1, NOW + 30, NOW + 24.75)
    again = policy.begin(rung.but(NOW + 60, "201 did not answer the recall", state=rq.WAITING), 1, NOW + 90)
    assert record_of(again).rang_after == (5.25,)
    assert [event for _, event in again.events if event.startswith("recall")] == [
        "recall 1: 202 free for 5.25 s",
        "recall 2",
    ]


def test_percentiles_and_shares() -> None:
    """Nearest rank; a limit belongs to those up to it."""
    assert percentile([], 50) is None
    assert [percentile([3, 1, 2, 4], percent) for percent in (1, 50, 90, 100)] == [1, 2, 4, 4]
    assert shares([1, 2, 2, 3, 9], [1, 2, 5]) == [1, 2, 1, 1]


@pytest.mark.usefixtures("in_utc")
def test_each_day_is_shown_also_those_without_a_request() -> None:
    """And the weekday is the local one."""
    found = figures([record_of(request())], [], NOW - 2 * DAY, NOW + DAY)
    assert {day: sum(states.values()) for day, states in found.days.items()} == {
        "2027-01-13": 0,
        "2027-01-14": 0,
        "2027-01-15": 1,
        "2027-01-16": 0,
    }
    assert found.hours[4][8] == 1


def test_the_clock_takes_nothing_from_a_long_history(spool: Spool) -> None:
    """A request is counted once, in its own time, whoever reads it how often."""
    past.fill(spool, 100, NOW)
    for _ in range(2):
        found = figures(map(record_of, History(spool)), [], 0, NOW)
        assert found.asked == 100
    assert {reason for _, reason in found.reasons} <= {code for rows in ENDS.values() for code, _, _ in rows}


def test_offers_without_numbers_are_counted_only(run: Run, spool: Spool) -> None:
    """As where no history is wanted."""
    note_offer(spool.directory, "201", "202", "busy", time.time() - 5, with_numbers=False)
    assert "offered to 1 callers\n" in run("stats").output
    assert json.loads(run("stats", "--json").output)["offers_taken"] is None
