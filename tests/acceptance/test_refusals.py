"""A callee who says no is left alone, and a caller who could not take the recall is not counted as one who did not."""

from __future__ import annotations

import pytest

from ..lab.oddphone import OddPhone
from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, complaints, one_waits, prompt, waits_for

BUSY_TONE = 480  # Hz, by the lab's indications.conf
# The recall comes late: its caller has time to begin a call of its own after the poller has seen it free.
SLOW = """\
[globals]
TECH = @TECH@
[from-internal]
exten => _2XX,1,Dial(${TECH}/${EXTEN},15)
 same => n,Gosub(busy-callback,${EXTEN},1)
 same => n,Hangup()
[custom-auto-redial]
exten => _rdX.,1,ExecIf($["${BUSY_CALLBACK_ANSWERED}" = ""]?Wait(2):Goto(busy-callback-callee,rd,1))
#include extensions_busy_callback.conf
"""


def is_left_alone(office: Office, a: Phone) -> None:
    """Hear the busy tone, hang up, and see that the request has ended and that nobody is recalled again."""
    a.wait_until_tone(BUSY_TONE)
    a.hang_up()
    office.until_logged("failed: 202 refused the call")
    office.wait_idle("201", "202")
    for _ in range(3):
        assert office.command("poll").returncode == 0
    assert office.ended() == [("201-202", "failed")]
    assert a.rings == 1
    assert complaints(office) == []


def test_a_callee_that_rejects_is_left_alone(open_office: OpenOffice) -> None:
    """201 answers the recall, 202 rejects: 201 hears the busy tone, the request has failed, nobody rings again."""
    office, a, b, _c = one_waits(open_office)
    b.hang_up()
    a.answer()
    rings = b.rings
    b.ring()
    b.hang_up()
    is_left_alone(office, a)
    assert b.rings == rings + 1


@pytest.mark.parametrize(
    ("answer", "ringing"),
    [("603 Decline", 0.3), ("603 Decline", 0.0), ("486 Busy Here", 0.0)],
    ids=["declines", "declines-at-once", "not-to-be-disturbed"],
)
def test_a_callee_that_declines_or_went_on_do_not_disturb_is_left_alone(
    open_office: OpenOffice, answer: str, ringing: float
) -> None:
    """A 603, or a 486 of a phone that no call has, rung or not: the request has failed, 202 is called once."""
    office = open_office("201", more=("202",))
    (a,) = office.phones.values()
    b = OddPhone("202", office.asterisk.sip_port, answer, ringing=ringing)
    office.wait_idle("202")
    office.watch()
    waits_for(office, "201", "202")
    a.answer()
    is_left_alone(office, a)
    assert len(b.invites) == 1
    b.close()


def test_a_callee_that_is_taken_again_each_time_is_given_up(open_office: OpenOffice) -> None:
    """Retention has an end: 201 is called to the phone as often as its attempts, with a pause in between."""
    office, a, b, c = one_waits(open_office, settings={"attempts": "2"})
    for _ in range(2):
        c.hang_up()
        office.wait_idle("203")
        a.ring()
        office.talk(c, b)
        a.accept()
        a.established()
        a.wait_until_heard(prompt("busy-callback-taken"))
        a.hang_up()
        a.closed()
        office.wait_idle("201")
    office.until_logged(r"failed: 202 was taken again when 201 answered \(2 of 2 attempts\)")
    assert (a.rings, b.rings) == (2, 2)


def test_a_collision_costs_no_attempt(open_office: OpenOffice) -> None:
    """201 dials 203 in the instant of the recall, and its phone says busy: not one of its attempts, but a pause."""
    office, a, b, c = one_waits(open_office, extensions=SLOW, settings={"attempts": "1"})
    mark = office.asterisk.manager.mark()
    b.hang_up()
    office.wait_idle("202", "203")
    office.asterisk.manager.wait("recall", mark, Event="Newexten", Application="ExecIf", Context="custom-auto-redial")
    office.talk(a, c)
    office.until_logged("201 was in another call when it was to be rung")
    assert a.rings == 0
    a.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
