"""Whom a recall that came to nothing leaves alone, and whom it rings again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busy_callback import policy, settlement
from busy_callback import request as rq
from busy_callback.request import Request
from busy_callback.settings import Settings
from busy_callback.settlement import Outcome

from .conftest import NOW
from .test_policy import SETTINGS, ask, under_way

causes = st.sampled_from([0, 16, 17, 19, 20, 21, 38])
FAILURES = ["BUSY", "CHANUNAVAIL", "CONGESTION", "INVALIDARGS"]
outcomes = st.one_of(
    st.builds(
        Outcome,
        claimed=st.just(True),
        caller=st.sampled_from([*FAILURES, "NOANSWER", "CANCEL", ""]),
        cause=causes,
        rang=st.booleans(),
        caller_in_use=st.booleans(),
    ),
    st.builds(
        Outcome,
        claimed=st.just(True),
        answered=st.just(True),
        caller=st.sampled_from(["", "ANSWER"]),
        callee=st.sampled_from([*FAILURES, "NOANSWER", "ANSWER", ""]),
        callee_cause=causes,
        callee_in_use=st.booleans(),
    ),
    st.builds(Outcome, claimed=st.booleans(), caller=st.just("NOT-RUNG")),
    st.just(Outcome(withdrawn=True)),
)


def settle(request: Request, outcome: Outcome, chosen: Settings = SETTINGS) -> Request:
    """Settle a request whose recall is over."""
    found = settlement.settle(request, outcome, False, False, NOW + 1, chosen)
    assert found is not None
    return found


def answered(callee: str, **facts: object) -> Outcome:
    """Return the outcome of a recall that the caller answered."""
    return Outcome(claimed=True, answered=True, caller="ANSWER", callee=callee, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "outcome",
    [
        answered("BUSY", callee_cause=17, callee_in_use=False),
        answered("BUSY", callee_cause=21, callee_in_use=True),
        answered("CHANUNAVAIL", callee_cause=21, callee_in_use=False),
    ],
)
@pytest.mark.parametrize("retention", [True, False])
def test_a_callee_that_refuses_ends_the_request(outcome: Outcome, retention: bool) -> None:
    """Busy though no call has it (it rejects, or does not want to be disturbed), or a rejection as such."""
    chosen = Settings()
    chosen.retention = retention
    ended = settle(under_way(), outcome, chosen)
    assert (ended.state, ended.reason) == (rq.FAILED, "202 refused the call")


def test_a_callee_that_is_taken_again_each_time_is_given_up() -> None:
    """Retention has an end: the caller is not called to the phone more often than its attempts."""
    request = under_way(unanswered=SETTINGS.attempts - 1)
    ended = settle(request, answered("BUSY", callee_cause=17))
    assert (ended.state, ended.reason) == (rq.FAILED, "202 was taken again when 201 answered (3 of 3 attempts)")


def test_a_callee_that_vanished_is_told_from_one_that_is_taken() -> None:
    """The history says which of both it was."""
    assert settle(under_way(), answered("CHANUNAVAIL", callee_cause=20)).events[-1][1] == (
        "202 could not be reached when 201 answered"
    )


def test_a_collision_costs_no_attempt_but_a_pause() -> None:
    """A caller that was dialling, or being called, in that instant has let nothing ring."""
    waiting = settle(under_way(), Outcome(claimed=True, caller="BUSY", cause=17, caller_in_use=True))
    assert (waiting.state, waiting.unanswered, waiting.not_before) == (rq.WAITING, 0, NOW + 1 + SETTINGS.retry_pause)
    assert waiting.events[-1][1] == "201 was in another call when it was to be rung"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(claimed=True, caller="BUSY", cause=17),
        Outcome(claimed=True, caller="BUSY", cause=21, caller_in_use=True),
        Outcome(claimed=True, caller="BUSY", cause=17, caller_in_use=True, rang=True),
        Outcome(claimed=True, caller="CHANUNAVAIL", cause=38, rang=True),
        Outcome(claimed=True, caller="CHANUNAVAIL", cause=21),
    ],
)
def test_whoever_rang_or_rejects_has_had_an_attempt(outcome: Outcome) -> None:
    """Busy without a call, a rejection, a phone that rang first: the attempt counts."""
    waiting = settle(under_way(), outcome)
    assert (waiting.unanswered, waiting.not_before) == (1, NOW + 1 + SETTINGS.retry_pause)


def test_a_caller_that_could_not_be_reached_costs_no_attempt() -> None:
    """A phone that is not there has not rung."""
    waiting = settle(under_way(), Outcome(claimed=True, caller="CHANUNAVAIL", cause=20))
    assert (waiting.state, waiting.unanswered, waiting.not_before) == (rq.WAITING, 0, NOW + 1 + SETTINGS.retry_pause)


def test_a_caller_without_a_phone_that_may_be_rung_says_why() -> None:
    """Its phones would carry a recall elsewhere, past Dial's option i: nobody is rung, and the history says why."""
    ended = settle(under_way(), Outcome(claimed=True, caller="NO-PHONE"))
    assert ended.state == rq.FAILED
    assert "redirect_method" in ended.reason


def has_rung(outcome: Outcome) -> bool:
    """Tell whether somebody has been rung, or may have been: the caller, and perhaps the callee after it."""
    if not outcome.claimed or outcome.caller == "NOT-RUNG":
        return False
    if outcome.answered or outcome.rang or outcome.cause == 21:
        return True
    unreachable = outcome.caller in {"CHANUNAVAIL", "CONGESTION", "INVALIDARGS"}
    return not unreachable and not (outcome.caller == "BUSY" and outcome.cause == 17 and outcome.caller_in_use)


@settings(max_examples=400, deadline=None)
@given(st.lists(outcomes, max_size=30), st.integers(1, 4), st.booleans())
def test_nobody_is_rung_more_often_than_is_set(history: list[Outcome], attempts: int, retention: bool) -> None:
    """Whatever the phones do: no more rings than attempts, a pause after each, and the request ends by then."""
    chosen = Settings()
    chosen.attempts, chosen.retention = attempts, retention
    request, now, rings = ask("201", "202", expires=NOW + 1e6), NOW, 0
    for outcome in history:
        under = policy.begin(request, 7, now)
        after = settlement.settle(under, outcome, False, True, now + 1, chosen)
        assert after is not None
        rings += has_rung(outcome)
        assert rings <= attempts
        if after.state in rq.END_STATES:
            return
        assert rings < attempts
        if has_rung(outcome):
            assert after.not_before >= now + 1 + chosen.retry_pause
        request, now = after, max(now + 1, after.not_before)


def test_who_hangs_up_before_the_callee_is_dialled_holds_nobody_up() -> None:
    """The callee's leg was not there yet to tell of itself: completed, as soon as no more is to come."""
    outcome = Outcome(claimed=True, answered=True, caller="ANSWER")
    noted = under_way().but(NOW, "", answered=NOW)
    for waits, fresh in ((True, False), (True, True), (False, True)):
        assert settlement.settle(noted, replace(outcome, fresh=fresh), waits, False, NOW + 1, SETTINGS) is None
    ended = settle(noted, outcome)
    assert (ended.state, ended.reason) == (rq.COMPLETED, "201 answered and hung up")
