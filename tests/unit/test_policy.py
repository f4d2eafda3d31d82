"""Who is recalled, what ends, when to look again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from busy_callback import policy, settlement
from busy_callback import request as rq
from busy_callback.pbx.device_states import lamps
from busy_callback.policy import Line, Plan
from busy_callback.request import Request, make_stamp
from busy_callback.settings import Settings
from busy_callback.settlement import Outcome

from .conftest import NOW

FREE, IN_USE, UNAVAILABLE = 1, 2, 5
SETTINGS = Settings()


def ask(caller: str, callee: str, order: int = 0, **fields: Any) -> Request:
    """Return a waiting request; a larger ``order`` asked later."""
    request_id = f"{caller}-{callee}-{make_stamp(int(NOW * 1000) + order)}"
    return Request(request_id, **{"requested": NOW, "expires": NOW + 600, **fields})


def decide(
    requests: list[Request],
    now: float = NOW,
    talking: frozenset[str] = frozenset(),
    since: float = 0.0,
    settings: Settings = SETTINGS,
    **states: int,
) -> Plan:
    """Decide with extensions' states as ``_202=FREE``; an extension that is not named is free."""
    everyone = {f"_{n}": FREE for r in requests for n in (r.caller, r.callee)}
    lines = {name[1:]: Line(state, since) for name, state in {**everyone, **states}.items()}
    return policy.decide(requests, lines, talking, now, settings)


def under_way(**fields: Any) -> Request:
    """Return a request whose first recall was handed over at NOW."""
    return policy.begin(ask("201", "202", **fields), 7, NOW)


def settle(
    request: Request, outcome: Outcome, file_waits: bool = True, restarted: bool = False, now: float = NOW + 1
) -> Request | None:
    """Settle with the default settings."""
    return settlement.settle(request, outcome, file_waits, restarted, now, SETTINGS)


def test_a_caller_is_recalled_when_both_are_free() -> None:
    """A free callee and a free caller make a recall."""
    request = ask("201", "202")
    assert decide([request]).recalls == (request,)


@pytest.mark.parametrize("state", [2, 3, 4, 5, 6, 7, 8])
def test_a_callee_that_is_not_free_is_waited_for(state: int) -> None:
    """Only UNKNOWN and NOT_INUSE are free, as for ChanIsAvail; unavailable is not."""
    assert decide([ask("201", "202")], _202=state).recalls == ()


def test_an_unknown_extension_is_not_free() -> None:
    """Without a state nobody is rung."""
    assert policy.decide([ask("201", "202")], {}, (), NOW, SETTINGS).recalls == ()


def test_callers_of_one_callee_are_recalled_in_order() -> None:
    """Of two that wait for 202 the first is recalled, the second is left for later."""
    first, second = ask("201", "202", 1), ask("203", "202", 2)
    plan = decide([first, second])
    assert (plan.recalls, plan.changes) == ((first,), ())


def test_the_next_waits_until_the_recall_before_it_is_over() -> None:
    """While a recall to a callee is under way there is no other, though its device is idle still."""
    assert decide([under_way(), ask("203", "202", 2)]).recalls == ()


def test_a_busy_caller_is_suspended_and_passed_over() -> None:
    """A caller that is busy keeps its place, and the one behind it is recalled."""
    first, second = ask("201", "202", 1), ask("203", "202", 2)
    plan = decide([first, second], _201=IN_USE)
    assert plan.recalls == (second,)
    assert [(old, new.state) for old, new in plan.changes] == [(first, rq.SUSPENDED)]


def test_a_suspended_request_resumes_before_the_ones_behind_it() -> None:
    """A suspended caller that is free again comes first, as it asked first."""
    first, second = ask("201", "202", 1, state=rq.SUSPENDED), ask("203", "202", 2)
    assert decide([first, second]).recalls == (first,)


def test_one_recall_at_a_time_for_a_caller() -> None:
    """A caller that waits for two free callees is recalled for the first only."""
    first, second = ask("201", "202", 1), ask("201", "203", 2)
    assert decide([first, second]).recalls == (first,)


def test_nobody_takes_part_in_two_recalls_at_once() -> None:
    """The callee of one recall is not rung as the caller of another."""
    first, second = ask("201", "202", 1), ask("202", "203", 2)
    assert decide([first, second]).recalls == (first,)


def test_a_request_ends_with_its_service_duration() -> None:
    """At the end of the service duration the request expires, even if the callee is free by then."""
    plan = decide([ask("201", "202", expires=NOW)])
    assert plan.recalls == ()
    assert [(new.state, new.reason) for _, new in plan.changes] == [(rq.EXPIRED, "the service duration is over")]


def test_the_pause_between_attempts_is_kept() -> None:
    """A request with a pause is not recalled before its end, and the plan says when to look again."""
    plan = decide([ask("201", "202", not_before=NOW + 30)])
    assert (plan.recalls, plan.look_again) == ((), NOW + 30)


def test_there_is_no_time_to_look_again_without_requests() -> None:
    """With nothing waiting only an event is a reason to look."""
    assert decide([]).look_again is None


def test_a_recall_under_way_is_left_alone() -> None:
    """Claimed, rung, and nothing reported yet: still under way, however long they talk."""
    assert settle(under_way(), Outcome(claimed=True), now=NOW + 9999) is None


def test_a_talk_completes_the_request() -> None:
    """Caller and callee talked: completed, with the time they talked."""
    ended = settle(under_way(), Outcome(claimed=True, callee="ANSWER", talked=61))
    assert ended is not None
    assert (ended.state, ended.reason) == (rq.COMPLETED, "201 and 202 talked for 61 s")


@pytest.mark.parametrize("status", ["BUSY", "CHANUNAVAIL", "CONGESTION"])
def test_a_callee_taken_again_keeps_the_request_waiting(status: str) -> None:
    """The callee was taken again when the caller answered: the request keeps its place (retention), and a pause."""
    waiting = settle(under_way(), Outcome(claimed=True, caller="ANSWER", callee=status))
    assert waiting is not None
    assert (waiting.state, waiting.unanswered) == (rq.WAITING, 1)
    assert waiting.not_before == NOW + 1 + SETTINGS.retry_pause


@pytest.mark.parametrize("status", ["NOANSWER", "CANCEL", "NOT-RUNG"])
def test_a_caller_who_answered_has_been_served(status: str) -> None:
    """The caller answered and the callee did not, or the caller hung up: the request is completed."""
    ended = settle(under_way(), Outcome(claimed=True, caller="ANSWER", callee=status))
    assert ended is not None
    assert ended.state == rq.COMPLETED


@pytest.mark.parametrize("status", ["NOANSWER", "BUSY", "CANCEL"])
def test_an_unanswered_recall_is_retried_after_a_pause(status: str) -> None:
    """The caller did not answer or rejected: counted, and tried again after the pause."""
    waiting = settle(under_way(), Outcome(claimed=True, caller=status))
    assert waiting is not None
    assert (waiting.state, waiting.unanswered) == (rq.WAITING, 1)
    assert waiting.not_before == NOW + 1 + SETTINGS.retry_pause


def test_the_last_unanswered_recall_ends_the_request() -> None:
    """After the set number of attempts the request has failed, and says why."""
    ended = settle(under_way(unanswered=2), Outcome(claimed=True, caller="NOANSWER"))
    assert ended is not None
    assert (ended.state, ended.reason) == (rq.FAILED, "201 did not answer the recall (3 of 3 attempts)")


def test_a_callee_taken_before_the_ring_costs_no_attempt() -> None:
    """The dialplan found the callee taken and rang nobody: the request waits on, uncounted."""
    waiting = settle(under_way(), Outcome(claimed=True, caller="NOT-RUNG"))
    assert waiting is not None
    assert (waiting.state, waiting.unanswered) == (rq.WAITING, 0)
    assert waiting.not_before - NOW < SETTINGS.guard_time


def test_a_recall_lost_by_a_restart_is_taken_for_unanswered() -> None:
    """Asterisk died during the recall: it may have rung, so it is counted and not repeated at once."""
    waiting = settle(under_way(), Outcome(claimed=True), restarted=True)
    assert waiting is not None
    assert (waiting.unanswered, waiting.not_before) == (1, NOW + 1 + SETTINGS.retry_pause)


def test_a_recall_that_was_never_claimed_costs_no_attempt() -> None:
    """Nobody claimed it, so nobody was rung: the request waits on, uncounted, after a pause."""
    waiting = settle(under_way(), Outcome(), restarted=True)
    assert waiting is not None
    assert (waiting.unanswered, waiting.not_before) == (0, NOW + 1 + SETTINGS.retry_pause)


def test_a_call_file_that_vanished_unclaimed_is_given_time() -> None:
    """Asterisk takes a call file away while the dialplan may still be about to claim it."""
    assert settle(under_way(), Outcome(), file_waits=False) is None
    late = NOW + SETTINGS.ring_time + policy.OVERDUE
    assert settle(under_way(), Outcome(), file_waits=False, now=late) is not None


def test_a_clock_that_stepped_back_makes_a_recall_overdue() -> None:
    """A recall from the future is not waited for until the clock is there again."""
    assert policy.is_overdue(under_way(), NOW - 3600, SETTINGS)


def test_the_guard_time_lets_the_callee_make_a_call_of_its_own() -> None:
    """A callee that has just got free is left alone for the guard time, and the plan says until when."""
    plan = decide([ask("201", "202")], since=NOW - 1)
    assert (plan.recalls, plan.look_again) == ((), NOW - 1 + SETTINGS.guard_time)
    assert decide([ask("201", "202")], since=NOW - SETTINGS.guard_time).recalls != ()


def test_no_reply_waits_until_the_callee_has_used_the_phone() -> None:
    """An idle callee that did not answer is not recalled; once seen in use, it is, when free again."""
    request = ask("201", "202", kind=rq.NO_REPLY)
    assert (decide([request]).recalls, decide([request]).changes) == ((), ())
    plan = decide([request], _202=IN_USE)
    ((old, used),) = plan.changes
    assert (old, used.callee_used, plan.recalls) == (request, NOW, ())
    assert decide([used]).recalls == (used,)


def test_a_ringing_callee_has_not_used_the_phone() -> None:
    """A phone that only rings does not count as used."""
    assert decide([ask("201", "202", kind=rq.NO_REPLY)], _202=policy.RINGING).changes == ()


def test_no_reply_does_not_hold_up_a_busy_request_behind_it() -> None:
    """A no-reply request whose callee has not used the phone is passed over."""
    first, second = ask("201", "202", 1, kind=rq.NO_REPLY), ask("203", "202", 2)
    assert decide([first, second]).recalls == (second,)


def test_ends_that_talk_with_each_other_complete_the_request() -> None:
    """Caller and callee reached each other by other means: completed, no ghost recall."""
    request = ask("201", "202")
    plan = decide([request], talking=frozenset({request.id}), _201=IN_USE, _202=IN_USE)
    assert [(new.state, new.reason) for _, new in plan.changes] == [(rq.COMPLETED, "201 and 202 reached each other")]


def test_two_ends_that_have_just_got_in_use_are_looked_at_once_more() -> None:
    """They may be about to be connected with each other: the plan says to look again."""
    assert decide([ask("201", "202")], since=NOW, _201=IN_USE, _202=IN_USE).look_again == NOW + policy.CONNECTING


def test_a_suspended_request_whose_caller_is_free_again_resumes() -> None:
    """It shows as waiting again while its callee is taken."""
    plan = decide([ask("201", "202", state=rq.SUSPENDED)], _202=IN_USE)
    assert [new.state for _, new in plan.changes] == [rq.WAITING]


@pytest.mark.parametrize(
    ("states", "combined"),
    [([1, 1], 1), ([1, 2], 2), ([5, 1], 1), ([4, 5], 5), ([0], 0), ([], 4), ([6, 1], 6), ([2, 8], 8)],
)
def test_an_extension_with_several_devices(states: list[int], combined: int) -> None:
    """In use when one of them is; free when one is free and none in use; INVALID without any."""
    assert policy.combine(states) == combined


def test_lamps_are_those_of_ccss() -> None:
    """On while a callback waits, blinking while the caller is rung, and by what waits once it has answered."""
    waiting, ringing = ask("201", "202"), under_way()
    answered = ringing.but(NOW, "", answered=NOW)
    assert lamps([waiting]) == {"201": policy.INUSE}
    assert lamps([waiting, ringing]) == {"201": policy.RINGING}
    assert lamps([ringing, waiting]) == {"201": policy.RINGING}
    assert lamps([answered]) == {}
    assert lamps([answered, ask("201", "203", state=rq.SUSPENDED)]) == {"201": policy.INUSE}


def test_an_answer_is_noted_while_the_call_goes_on() -> None:
    """The caller answered, nothing else is known: noted once, still under way."""
    noted = settle(under_way(), Outcome(claimed=True, answered=True))
    assert noted is not None
    assert (noted.state, noted.answered) == (rq.RECALLING, NOW + 1)
    assert settle(noted, Outcome(claimed=True, answered=True)) is None


def test_a_caller_who_hung_up_in_the_announcement_has_been_served() -> None:
    """The callee was not dialled, and its leg says so: completed; until it has said so the call is not over."""
    noted = settle(under_way(), Outcome(claimed=True, answered=True, caller="ANSWER"))
    assert noted is not None
    assert settle(noted, Outcome(claimed=True, answered=True, caller="ANSWER", fresh=True), file_waits=False) is None
    ended = settle(noted, Outcome(claimed=True, answered=True, caller="ANSWER", callee="NOT-RUNG"))
    assert ended is not None
    assert (ended.state, ended.reason) == (rq.COMPLETED, "201 answered and hung up")


@pytest.mark.parametrize("outcome", [Outcome(claimed=True), Outcome(claimed=True, cancelled=True)])
def test_a_cancelled_recall_ends_when_it_no_longer_rings(outcome: Outcome) -> None:
    """Until then both ends are taken; afterwards, however it ended, the request is cancelled for its reason."""
    cancelled = under_way().but(NOW, "", reason="by the admin")
    assert settle(cancelled, outcome) is None
    other = ask("203", "202", 1)
    assert decide([cancelled, other]).recalls == decide([cancelled, ask("201", "204", 1)], _204=FREE).recalls == ()
    for over in (replace(outcome, caller="CANCEL"), replace(outcome, caller="ANSWER", cancelled=True)):
        ended = settle(cancelled, over)
        assert ended is not None
        assert (ended.state, ended.reason) == (rq.CANCELLED, "by the admin")
    restarted = settle(cancelled, outcome, restarted=True)
    assert restarted is not None
    assert restarted.state == rq.CANCELLED
    assert lamps([cancelled]) == {}


def test_a_cancel_that_came_too_late_changes_nothing() -> None:
    """The caller answered first: the request ends as the call does."""
    late = under_way().but(NOW, "", reason="by the admin")
    ended = settle(late, Outcome(claimed=True, answered=True, callee="ANSWER", talked=5))
    assert ended is not None
    assert (ended.state, ended.reason) == (rq.COMPLETED, "201 and 202 talked for 5 s")


def test_a_cancel_that_was_not_finished_is_none() -> None:
    """It stands in the report only: who answered heard that it is cancelled; the request waits again, after a pause."""
    waits = settle(under_way(), Outcome(claimed=True, cancelled=True, caller="ANSWER"))
    assert waits is not None
    assert (waits.state, waits.unanswered, waits.not_before) == (rq.WAITING, 0, NOW + 1 + SETTINGS.retry_pause)


def test_a_recall_of_which_nothing_was_reported_is_not_repeated() -> None:
    """Asterisk runs and the call is over, so its report was lost: they may have talked."""
    late = NOW + SETTINGS.ring_time + policy.OVERDUE
    assert settle(under_way(), Outcome(claimed=True), now=late) is None
    ended = settle(under_way(), Outcome(claimed=True), file_waits=False, now=late)
    assert ended is not None
    assert ended.state == rq.FAILED


def test_a_leg_that_never_reports_is_not_waited_for_without_end() -> None:
    """Long after a recall that the caller answered: completed, never repeated; but not while more is being told."""
    late, outcome = NOW + 3600, Outcome(claimed=True, answered=True, caller="ANSWER")
    noted = under_way().but(NOW, "", answered=NOW)
    assert settle(noted, replace(outcome, fresh=True), file_waits=False, now=late) is None
    ended = settle(noted, outcome, file_waits=False, now=late)
    assert ended is not None
    assert ended.state == rq.COMPLETED


def test_a_call_cut_by_a_restart_is_not_repeated() -> None:
    """The caller had answered when Asterisk stopped: the recall was made, so there is no second one."""
    ended = settle(under_way(), Outcome(claimed=True, answered=True), restarted=True)
    assert ended is not None
    assert ended.state == rq.COMPLETED


def test_without_retention_a_callee_taken_again_ends_the_request() -> None:
    """The standards' option: retention = no."""
    settings = Settings()
    settings.retention = False
    outcome = Outcome(claimed=True, answered=True, callee="BUSY")
    ended = settlement.settle(under_way(), outcome, True, False, NOW + 1, settings)
    assert ended is not None
    assert (ended.state, ended.reason) == (rq.FAILED, "202 was taken again when 201 answered")


def test_a_rejected_recall_says_so() -> None:
    """HANGUPCAUSE 21 tells a rejection from a busy phone."""
    waiting = settle(under_way(), Outcome(claimed=True, caller="BUSY", cause=21))
    assert waiting is not None
    assert waiting.events[-1][1] == "201 rejected the recall"
