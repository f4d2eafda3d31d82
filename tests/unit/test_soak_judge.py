"""The soak's judge: it finds nothing in a history in which all is right, and each wrong in one in which it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from busy_callback import request as rq
from busy_callback.request import Request, make_stamp
from busy_callback.settings import Settings

from ..soaktest.calls import Call
from ..soaktest.evidence import Facts, Press, Told, read_log
from ..soaktest.judge import judge
from ..soaktest.ledger import balances, totals
from ..soaktest.office import Cancel
from ..soaktest.troubles import Trouble
from .conftest import NOW


def made(caller: str, at: float, state: str, ended: float, reason: str = "") -> Request:
    """Return a caller's request for 202; times are seconds from the beginning."""
    return Request(
        f"{caller}-202-{make_stamp(int((NOW + at) * 1000))}",
        requested=NOW + at,
        expires=NOW + at + 60,
        state=state,
        ended=NOW + ended if ended else 0.0,
        reason=reason,
    )


def call(phone: str, other: str, name: str, begun: float, answered: float, ended: float) -> Call:
    """Return an incoming call, or one that was dialled where it shows no name."""
    return Call(phone, other, name, bool(name), NOW + begun, NOW + answered if answered else 0.0, NOW + ended)


def history() -> Facts:
    """Return what happened: 201 and then 203 find 202 busy, and both are recalled, in that order."""
    settings = Settings()
    settings.attempts, settings.retry_pause, settings.ring_time, settings.service_time = 3, 3, 5, 60
    settings.guard_time = 0
    facts = Facts(settings, NOW + 100)
    facts.presses = [Press(NOW + 2, "201", "202"), Press(NOW + 4, "203", "202")]
    facts.requests = [made("201", 2.1, rq.COMPLETED, 31), made("203", 4.1, rq.COMPLETED, 41)]
    facts.told = [
        Told(NOW + 2.5, NOW + 2, "201", "202", "ok", True),
        Told(NOW + 4.5, NOW + 4, "203", "202", "ok", False),
    ]
    facts.calls = [
        call("201", "202", "", 0, 0.2, 11),
        call("203", "202", "", 1, 1.2, 12),
        call("201", "202", "ReDial 202", 18, 22, 30),
        call("202", "201", "Phone 201", 25, 26, 30),
        call("203", "202", "ReDial 202", 32, 33, 40),
        call("202", "203", "Phone 203", 35, 36, 40),
    ]
    facts.dials = [(NOW + 17.9, "201202"), (NOW + 31.9, "203202")]
    return facts


def rules(facts: Facts) -> set[str]:
    """Return the names of the rules that the judge finds broken."""
    return {finding.rule for finding in judge(facts).findings}


def test_all_is_right() -> None:
    """The history as it is, in which the ledger balances."""
    case = judge(history())
    assert [str(finding) for finding in case.findings] == []
    assert totals(case) == (2, {"completed": 2, "cancelled": 0, "failed": 0, "expired": 0, "waiting": 0})
    assert balances(case)


def lost(facts: Facts) -> None:
    """A request is gone, of which somebody was told; its rings have none."""
    del facts.requests[0]


def forgotten(facts: Facts) -> None:
    """A request still waits when all are free."""
    facts.requests[1] = made("203", 4.1, rq.WAITING, 0)


def ended_before(facts: Facts) -> None:
    """Who asks again is told that it waits, though it does not."""
    facts.told.append(Told(NOW + 50.5, NOW + 50, "201", "202", "already", True))


def without_a_wish(facts: Facts) -> None:
    """Nobody pressed 5."""
    del facts.presses[0]


def rung_afterwards(facts: Facts) -> None:
    """The caller rings once more when all is done."""
    facts.calls.append(call("201", "202", "ReDial 202", 60, 0, 63))


def rung_for_nothing(facts: Facts) -> None:
    """A phone that has asked for nothing is recalled."""
    facts.calls.append(call("204", "202", "ReDial 202", 60, 0, 63))


def callee_rung_for_nothing(facts: Facts) -> None:
    """A phone is rung by somebody who neither dialled it nor was recalled for it."""
    facts.calls.append(call("202", "203", "Phone 203", 60, 0, 63))


def rung_when_cancelled(facts: Facts) -> None:
    """The callee is rung by a recall that was cancelled while it rang."""
    facts.requests[0] = made("201", 2.1, rq.CANCELLED, 21, "by the admin")
    facts.cancels = [Cancel(NOW + 20.5, NOW + 21.5, "201", "202", True)]


def too_soon(facts: Facts) -> None:
    """Two rings for one request, two seconds apart."""
    facts.calls.append(call("201", "202", "ReDial 202", 16, 0, 17))


def too_often(facts: Facts) -> None:
    """Four rings where three were set."""
    facts.calls += [call("201", "202", "ReDial 202", begun, 0, begun + 1) for begun in (6, 10, 14)]


def served_twice(facts: Facts) -> None:
    """Who has answered and talked is recalled once more."""
    facts.requests[0] = made("201", 2.1, rq.COMPLETED, 49)
    facts.calls.append(call("201", "202", "ReDial 202", 45, 47, 48))


def both_at_once(facts: Facts) -> None:
    """The second caller is recalled while the first one talks."""
    facts.calls[4] = call("203", "202", "ReDial 202", 28, 33, 40)


def out_of_order(facts: Facts) -> None:
    """The second caller is recalled first, though the first is free."""
    facts.calls.insert(2, call("203", "202", "ReDial 202", 15, 0, 17))
    facts.dials.insert(0, (NOW + 14.9, "203202"))


def completed_unseen(facts: Facts) -> None:
    """A request is said to be completed, but nobody rang and nobody talked."""
    facts.requests[0] = made("201", 2.1, rq.COMPLETED, 13)
    facts.calls = [one for one in facts.calls if "201" not in (one.phone, one.other) or not one.name]
    facts.calls[2].begun = NOW + 19  # then nobody is forgotten for long


def cancelled_by_nobody(facts: Facts) -> None:
    """A request is said to be cancelled."""
    facts.requests[1] = made("203", 4.1, rq.CANCELLED, 41, "by the caller")


def expired_early(facts: Facts) -> None:
    """A request is said to have expired after half of its time."""
    facts.requests[1] = made("203", 4.1, rq.EXPIRED, 41)


def failed_unrung(facts: Facts) -> None:
    """A request is said to have failed, but Asterisk has never rung its caller."""
    facts.requests[1] = made("203", 4.1, rq.FAILED, 41)
    del facts.dials[1]


def forgotten_for_long(facts: Facts) -> None:
    """Nobody is recalled for half a minute, in which all are idle."""
    for one in facts.calls[2:]:
        one.begun, one.answered, one.ended = one.begun + 15, one.answered + 15, one.ended + 15
    facts.dials = [(at + 15, pair) for at, pair in facts.dials]
    facts.requests = [made("201", 2.1, rq.COMPLETED, 46), made("203", 4.1, rq.COMPLETED, 56)]


def traceback(facts: Facts) -> None:
    """Something is left that should not be."""
    facts.left = ["a traceback in cron.txt"]


WRONGS: dict[Callable[[Facts], None], set[str]] = {
    lost: {"never lost", "no ring without a request"},
    forgotten: {"never lost"},
    ended_before: {"never lost"},
    without_a_wish: {"no request without a wish"},
    rung_afterwards: {"no ring without a request", "served once"},
    rung_for_nothing: {"no ring without a request"},
    callee_rung_for_nothing: {"no ring without a request"},
    rung_when_cancelled: {"no ring without a request"},
    too_soon: {"pause"},
    too_often: {"attempts"},
    served_twice: {"served once"},
    both_at_once: {"one recall at a time"},
    out_of_order: {"order"},
    completed_unseen: {"ended rightly"},
    cancelled_by_nobody: {"ended rightly"},
    expired_early: {"ended rightly"},
    failed_unrung: {"ended rightly"},
    forgotten_for_long: {"never lost"},
    traceback: {"left behind"},
}


@pytest.mark.parametrize(("spoil", "expected"), WRONGS.items(), ids=[spoil.__name__ for spoil in WRONGS])
def test_each_wrong_is_found(spoil: Callable[[Facts], None], expected: set[str]) -> None:
    """The history with one wrong in it: that rule is broken, no other, and the ledger does not balance."""
    facts = history()
    spoil(facts)
    facts.calls.sort(key=lambda one: one.begun)
    assert rules(facts) == expected
    assert not balances(judge(facts))


def test_who_is_busy_is_passed_over() -> None:
    """The first caller is in a call when the second one is recalled: that is as it should be."""
    facts = history()
    out_of_order(facts)
    facts.calls.append(call("201", "205", "", 12, 13, 16))
    assert rules(facts) == set()


def test_a_stopped_poller_acts_on_what_it_knew() -> None:
    """The first caller was busy before the poller was stopped: the second one is recalled when it goes on."""
    facts = history()
    out_of_order(facts)
    facts.calls.append(call("201", "205", "", 10, 10.5, 10.9))
    facts.troubles = [Trouble("stop the watch for a while", NOW + 11.5, NOW + 14.5)]
    assert rules(facts) == set()


def test_a_killed_asterisk_ends_its_calls() -> None:
    """A phone that nobody told goes on ringing: that is no second recall at the same time."""
    facts = history()
    both_at_once(facts)
    facts.troubles = [Trouble("kill Asterisk", NOW + 27, NOW + 27.5)]
    assert rules(facts) == set()


def test_who_listens_to_the_busy_tone_is_served_no_more() -> None:
    """The callee refused the first one's call: the second one is recalled while the first still hears the busy tone."""
    facts = history()
    facts.requests[0] = made("201", 2.1, rq.FAILED, 27)
    facts.calls[2:4] = [call("201", "202", "ReDial 202", 18, 22, 39), call("202", "201", "Phone 201", 25, 0, 26.5)]
    assert rules(facts) == set()


def test_a_callee_that_is_taken_again_is_no_second_service() -> None:
    """The caller answered while the callee talked with somebody else: it is recalled again."""
    facts = history()
    served_twice(facts)
    facts.calls.append(call("202", "205", "", 19, 20, 24))
    assert rules(facts) == set()


def test_what_no_disk_took_before_asterisk_died_is_known_to_nobody() -> None:
    """The caller answered while the disk was read-only, and Asterisk stopped before it was not: recalled again."""
    facts = history()
    served_twice(facts)
    read_only = Trouble("read-only in a recall", NOW + 20, NOW + 40)
    for death, expected in ((NOW + 30, set()), (NOW + 41, {"served once"}), (NOW + 19.5, {"served once"})):
        facts.troubles = [read_only, Trouble("shut Asterisk down", death, death + 2)]
        assert rules(facts) & {"served once"} == expected


def test_who_talks_in_a_recall_has_met() -> None:
    """The callee of a recall had asked for its caller, too: that request is completed by their talk."""
    facts = history()
    back = Request(
        f"202-201-{make_stamp(int((NOW + 14.5) * 1000))}",
        requested=NOW + 14.5,
        expires=NOW + 80,
        state=rq.COMPLETED,
        ended=NOW + 27,
    )
    facts.requests.append(back)
    facts.presses.append(Press(NOW + 14.4, "202", "201"))
    assert rules(facts) == set()


def test_a_cancel_ends_the_ringing_first() -> None:
    """A request that is cancelled while its caller's phone rings has ended when the ringing has."""
    facts = history()
    facts.requests[1] = made("203", 4.1, rq.CANCELLED, 34.2, "by the admin")
    facts.calls[4:] = [call("203", "202", "ReDial 202", 32, 0, 33.8)]
    facts.cancels = [Cancel(NOW + 32.5, NOW + 33.2, "203", "202", True)]
    assert rules(facts) == set()


LOG = """\
[2026-11-25 18:19:12.130] VERBOSE[25137][C-00000002] pbx.c: Executing [202@busy-callback-register:2] \
AGI("PJSIP/201-00000002", "busy_callback.py,201,202,busy") in new stack
[2026-11-25 18:19:12.745] VERBOSE[25137][C-00000002] file.c: <PJSIP/201-00000002> Playing 'busy-callback-ok.ulaw' \
(language 'en')
[2026-11-25 18:20:12.130] VERBOSE[25137][C-00000003] pbx.c: Executing [*86@from-internal:2] \
AGI("SIP/201-00000003", "busy_callback.py,cancel,201") in new stack
[2026-11-25 18:20:12.745] VERBOSE[25137][C-00000003] file.c: <SIP/201-00000003> Playing \
'busy-callback-cancelled.ulaw' (language 'en')
[2026-11-25 18:20:13.000] VERBOSE[25137][C-00000004] pbx.c: Executing [rd201202@custom-auto-redial:26] \
Dial("Local/rd201202@custom-auto-redial-00000001;2", "PJSIP/201,5,U(busy-callback-answered)") in new stack
"""


def test_what_asterisks_log_tells() -> None:
    """Who registers, who is told so, who cancels, whom a recall rings."""
    facts = Facts(Settings(), NOW)
    read_log(LOG.splitlines(), facts, {})
    assert [(press.caller, press.callee) for press in facts.presses] == [("201", "202")]
    assert [(told.caller, told.callee, told.prompt) for told in facts.told] == [("201", "202", "ok")]
    assert facts.told[0].at - facts.told[0].press == pytest.approx(0.615)
    assert [(cancel.caller, cancel.callee, cancel.confirmed) for cancel in facts.cancels] == [("201", "", True)]
    assert [pair for _, pair in facts.dials] == ["201202"]
