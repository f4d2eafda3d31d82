"""busy-callback why: each thing that may keep a caller waiting, and each end, in a sentence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from busy_callback import policy, settlement
from busy_callback import request as rq
from busy_callback.language import ENGLISH, LANGUAGES
from busy_callback.policy import Line
from busy_callback.report.why import Facts, tell
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.settlement import Outcome
from busy_callback.store.spool import Spool

from ..conftest import NOW
from .conftest import Run

SETTINGS = Settings()
FREE = Line(policy.NOT_INUSE)
DAY = "2027-01-15"


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    """NOW is 2027-01-15 08:00:00 UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ask(caller: str, callee: str, order: int = 0, **fields: Any) -> Request:
    """Return a request of NOW."""
    request_id = f"{caller}-{callee}-{rq.make_stamp(int(NOW * 1000) + order)}"
    known = {"requested": NOW, "expires": NOW + 2700, "events": ((NOW, "registered"),)}
    return Request(request_id, **{**known, **fields})


def say(request: Request, now: float = NOW + 60, *others: Request, **lines: Line) -> str:
    """Return the sentences for a request beside others, with the phones' states as ``_202=Line(...)``."""
    known = {name[1:]: line for name, line in lines.items()}
    facts = Facts(now, SETTINGS, [request, *others], known or None, now - 30)
    return "\n".join(tell(request, facts, ENGLISH))


def test_it_waits_for_a_callee_in_a_call_behind_two_others() -> None:
    """Since when, for what, and who asked before."""
    first, second, third = ask("204", "202", 1), ask("207", "202", 2), ask("201", "202", 3)
    told = say(third, NOW + 120, first, second, _202=Line(policy.INUSE, NOW + 60), _201=FREE)
    assert told.splitlines() == [
        "201 waits to be called back by 202 since 08:00, until 08:45 at the longest.",
        "202 is in a call since 08:01.",
        "201 is number 3 in line; before it asked 204 and 207.",
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (Line(policy.INUSE), "202 is in a call."),
        (Line(policy.RINGING), "202 is being rung."),
        (Line(policy.ONHOLD, NOW), "202 has a call on hold since 08:00."),
        (Line(policy.UNAVAILABLE), "The phone of 202 is not there (not registered)."),
        (Line(policy.INVALID), "Asterisk knows no phone of 202."),
        (Line(policy.NOT_INUSE, NOW + 58), "It is left alone for a moment, for a call of its own."),
    ],
)
def test_what_the_callees_phone_does_is_said(line: Line, says: str) -> None:
    """As the watch knows it, with the time where it knows it."""
    assert says in say(ask("201", "202"), _202=line, _201=FREE)


def test_a_callers_own_phone_may_be_what_is_waited_for() -> None:
    """The callee is free, the caller is not."""
    told = say(ask("201", "202", state=rq.SUSPENDED), _202=FREE, _201=Line(policy.INUSE, NOW + 5))
    assert "202 is free.\n201 is in a call since 08:00." in told


def test_without_a_watch_it_says_what_is_not_known() -> None:
    """And what the request itself tells."""
    assert "is not known: no watch runs" in say(ask("201", "202"))
    assert "202 was free, but 201 was not" in say(ask("201", "202", state=rq.SUSPENDED))


def test_a_callee_that_did_not_answer_must_use_its_phone_first() -> None:
    """And afterwards that is no reason any more."""
    request = ask("201", "202", kind=rq.NO_REPLY)
    assert "waited for until it has used its phone" in say(request, _202=FREE, _201=FREE)
    assert "waited for" not in say(request.but(NOW, "202 uses the phone", callee_used=NOW), _202=FREE, _201=FREE)


def test_a_callee_that_was_not_logged_in_must_be_there_first() -> None:
    """And what became of its phone is said."""
    told = say(ask("201", "202", kind=rq.NOT_LOGGED_IN), _202=Line(policy.UNAVAILABLE, NOW), _201=FREE)
    assert "202 was not logged in then" in told
    assert "The phone of 202 is not there (not registered) since 08:00." in told


def test_a_pause_after_an_attempt_is_said_with_its_reason() -> None:
    """Why the last attempt came to nothing, and when the next is made."""
    tried = policy.begin(ask("201", "202"), 7, NOW + 30)
    outcome = Outcome(claimed=True, caller="NOANSWER")
    waits = settlement.settle(tried, outcome, False, False, NOW + 50, SETTINGS)
    assert waits is not None
    told = say(waits, _202=FREE, _201=FREE)
    assert (
        "The last attempt came to nothing: 201 did not answer the recall. The next one is made from 08:01 on." in told
    )


def test_a_recall_under_way_is_said() -> None:
    """That the caller rings, that it has answered, and, for another request, who is served just now."""
    ringing = policy.begin(ask("201", "202"), 7, NOW + 30)
    assert "201 is being rung now, since 08:00." in say(ringing)
    assert "201 has answered the recall" in say(ringing.but(NOW, "201 answered", answered=NOW))
    told = say(ringing.but(NOW, "cancelled by the caller, while 201 rings", reason="by the caller"))
    assert "It is cancelled, by the caller: the ringing is about to end." in told
    assert "201 is being called back by 202 now." in say(ask("203", "202", 1), NOW + 60, ringing, _202=FREE)


def test_a_service_that_does_not_work_is_said() -> None:
    """A poll that is long ago or never was, and what the log was told of."""
    request = ask("201", "202")
    for last, says in ((None, "No poll has run yet"), (NOW - 900, "The last poll began at 07:45")):
        facts = Facts(NOW, SETTINGS, [request], None, last, ["the disk is full"])
        told = "\n".join(tell(request, facts, ENGLISH))
        assert says in told
        assert "Something is wrong with the service: the disk is full" in told


def test_what_is_wrong_is_told_while_the_spool_cannot_be_written(
    run: Run, spool: Spool, directories: Directories
) -> None:
    """The poller notes it elsewhere then; what both notes have is told once."""
    spool.register("201", "202", rq.BUSY, "", SETTINGS, time.time())
    for path in (spool.path("", "trouble"), f"{directories.astrundir}/busy_callback.trouble"):
        Path(path).write_text("spool\tthe disk is read-only\n")
    done = run("why", "201-202")
    assert done.exit_code == 0
    assert done.output.count("Something is wrong with the service: the disk is read-only\n") == 1


def ended(state: str, reason: str, **fields: Any) -> str:
    """Return what is said of a request that ended so at NOW + 600."""
    return say(rq.end(ask("201", "202", **fields), state, reason, NOW + 600), NOW + 86400 * 2)


def test_each_end_is_said_with_its_time_and_reason() -> None:
    """The first line is what was asked for."""
    assert ended(rq.COMPLETED, "201 and 202 talked for 61 s").splitlines() == [
        f"At {DAY} 08:00, 201 asked to be called back by 202.",
        f"That is done since {DAY} 08:10: 201 and 202 talked for 61 s.",
    ]
    assert f"cancelled at {DAY} 08:10, by the caller." in ended(rq.CANCELLED, "by the caller")
    told = ended(rq.FAILED, "201 did not answer the recall (3 of 3 attempts)")
    assert f"given up at {DAY} 08:10: 201 did not answer the recall (3 of 3 attempts)." in told
    assert "given up at" in ended(rq.FAILED, "{a reason of tomorrow}")


def test_why_one_expired_is_told_by_what_happened() -> None:
    """Nobody free, the caller not free, rung in vain, never back at the phone."""
    over = "the service duration is over"
    assert f"That ended at {DAY} 08:10: a callback waits for 10 min." in ended(rq.EXPIRED, over)
    assert "In that time 202 was not free for 201." in ended(rq.EXPIRED, over)
    suspended = ((NOW, "registered"), (NOW + 9, "suspended: 202 is free, but 201 is not"))
    told = ended(rq.EXPIRED, over, events=suspended)
    assert "202 was free in the end, but 201 was not." in told
    assert told.endswith(f"  {DAY} 08:00  202 is free, but 201 is not")
    recalled = (
        (NOW, "registered"),
        (NOW + 9, "recall 1: 202 free for 5.0 s"),
        (NOW + 30, "201 was busy or rejected the recall"),
    )
    told = ended(rq.EXPIRED, over, events=recalled)
    assert "201 was rung in that time" in told
    assert "201 is rung (recall 1), 5.0 s after 202 got free" in told
    assert "202 did not use its phone" in ended(rq.EXPIRED, over, kind=rq.NO_REPLY)


def test_it_is_said_in_chinese() -> None:
    """All of it."""
    request = ask("201", "202")
    facts = Facts(NOW + 60, SETTINGS, [request], {"202": Line(policy.INUSE, NOW)}, NOW + 50)
    told = tell(request, facts, LANGUAGES["zh"])
    assert "202" in told[1]
    assert "通話" in told[1]
