"""The page's flow and its edges, on real Asterisks with real phones."""

from __future__ import annotations

import os
import select
import subprocess
import sys

from ..lab.audio import heard, tone_share
from ..lab.office import REPOSITORY, Office
from .conftest import OpenOffice, asks, complaints, let_wait, one_waits, prompt, talk_again


def served(office: Office) -> None:
    """Wait until the last request has ended, as the poller's log tells; every change is logged there."""
    office.until_logged("completed:")


def test_the_pages_flow(open_office: OpenOffice) -> None:
    """201 finds 202 busy, presses 5 and is called back when 202 is free, and both hear each other.

    It hears the prompt and the confirmation; its phone shows ReDial 202; 202 rings when 201 has answered.
    """
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    asks(a, b.number)
    assert office.waiting() == [("201", "202")]
    b.hang_up()
    assert b.rings == 0
    assert talk_again(a, b).caller_id == "Phone 201 <201>"
    served(office)
    assert office.ended() == [("201-202", "completed")]
    assert tone_share(a.recordings()[-1], b.tone) > 0.9
    assert complaints(office) == []


def test_whoever_does_not_press_5_registers_nothing(open_office: OpenOffice) -> None:
    """Another digit, no digit, or hanging up in the prompt: no request."""
    office = open_office()
    a, b, c = office.phones.values()
    office.talk(b, c)
    a.dial("202")
    a.established()
    a.wait_until_sound()
    a.press("4")
    a.closed()
    office.wait_idle("201")
    a.dial("202")
    a.established()
    a.hang_up()
    a.closed()
    office.wait_idle("201")
    a.dial("202")
    a.established()
    a.closed()
    assert office.waiting() == []
    assert complaints(office) == []


def test_do_not_disturb_is_not_offered_a_callback(open_office: OpenOffice) -> None:
    """A callee that says busy while its phone is idle: the caller hears no prompt."""
    office = open_office("201", "202")
    a, b = office.phones.values()
    a.dial("202")
    b.ring()
    b.hang_up()
    a.closed()
    assert a.count("CALL_ESTABLISHED") == 0
    assert office.waiting() == []


def test_a_cancelled_request_rings_nobody(open_office: OpenOffice) -> None:
    """`busy-callback cancel` before 202 is free: 201 never rings."""
    office = open_office()
    a, b, c = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    assert office.command("cancel", "201-202").returncode == 0
    b.hang_up()
    office.wait_idle("201", "202")
    assert office.command("poll").returncode == 0
    assert office.waiting() == []
    assert office.ended() == [("201-202", "cancelled")]
    assert list(office.asterisk.folder.glob("spool/outgoing/*")) == []
    assert a.rings == 0


def test_asking_twice_makes_one_recall(open_office: OpenOffice) -> None:
    """5 pressed on two calls: one request, one recall."""
    office, a, b, _c = one_waits(open_office)
    office.ask(a, b)
    assert office.waiting() == [("201", "202")]
    office.wait_idle("201")
    b.hang_up()
    a.answer()
    b.answer()
    b.hang_up()
    served(office)
    office.wait_idle("201", "202")
    assert office.command("poll").returncode == 0
    assert (a.rings, b.rings) == (1, 1)
    assert office.ended() == [("201-202", "completed")]


def test_two_callers_are_recalled_in_their_order(open_office: OpenOffice) -> None:
    """Of two that wait for 202 the first is recalled, and the second only when the first's call has ended."""
    office = open_office("201", "202", "203", "204")
    a, b, c, d = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(d, b)
    office.ask(a, b)
    assert office.waiting() == [("204", "202"), ("201", "202")]
    office.wait_idle("201", "204")
    b.hang_up()
    d.answer()
    b.answer()
    d.wait_until_tone(b.tone)
    assert a.rings == 0
    d.hang_up()
    b.closed()
    ended = b.count("CALL_CLOSED")
    a.answer()
    assert ended == 2
    b.answer()
    a.hang_up()
    office.until_logged("201-202-.* completed:")
    assert office.ended() == [("204-202", "completed"), ("201-202", "completed")]


def test_a_recall_that_is_not_answered_is_tried_again_and_given_up(open_office: OpenOffice) -> None:
    """201 does not answer: 202 is not rung; after the set number of attempts the request ends as failed."""
    office, a, b, _c = one_waits(open_office, settings={"attempts": "2", "ring_time": "5"})
    b.hang_up()
    a.ring()
    a.closed()
    a.ring()
    a.hang_up()  # to reject it is not to answer it
    office.until_logged("failed:")
    assert office.ended() == [("201-202", "failed")]
    assert (a.rings, b.rings) == (2, 0)


def test_a_callee_that_is_taken_again_is_busy_as_usual(open_office: OpenOffice) -> None:
    """202 is taken between 201's answer and the dial: 201 hears so, may press 5 again, and is recalled later."""
    office, a, b, c = one_waits(open_office)
    c.hang_up()
    a.ring()
    office.talk(c, b)
    a.accept()
    a.established()
    a.wait_until_heard(prompt("busy-callback-taken"))
    a.press("5")
    a.closed()
    assert b.rings == 1
    assert heard(prompt("busy-callback-already"), a.recordings()[-1])
    office.until_logged("201 asked again for 202 in the recall")
    assert office.waiting() == [("201", "202")]
    office.wait_idle("201")
    c.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    served(office)
    assert office.ended() == [("201-202", "completed")]


def test_plain_polls_do_the_same_job(open_office: OpenOffice) -> None:
    """With only plain polls, as from cron, the page's flow works: the test runs them instead of a minute's cron."""
    office = open_office()
    a, b, c = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    assert office.command("poll").returncode == 0
    assert a.rings == 0
    b.hang_up()
    office.wait_idle("201", "202")
    assert office.command("poll").returncode == 0
    a.answer()
    b.answer()
    assert office.command("poll").returncode == 0
    assert office.waiting() == [("201", "202")]
    a.hang_up()
    b.closed()
    office.until_report("callee")
    assert office.command("poll").returncode == 0
    assert office.ended() == [("201-202", "completed")]


def test_a_request_outlives_asterisk(open_office: OpenOffice) -> None:
    """Asterisk is killed and started again while a request waits: the request is served afterwards."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.asterisk.kill()
    b.hang_up()
    c.hang_up()
    office.asterisk.start()
    ring = a.answer()
    assert ring.caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    served(office)
    assert office.ended() == [("201-202", "completed")]


def test_the_dialplan_loads_without_a_warning(open_office: OpenOffice) -> None:
    """Nothing in dialplan/ makes Asterisk complain."""
    office = open_office()
    assert "busy-callback-register" in office.asterisk.console("dialplan show busy-callback-register")
    assert complaints(office) == []


def test_who_hangs_up_while_it_registers_is_served(open_office: OpenOffice) -> None:
    """The caller hangs up while the AGI script starts: it is registered, and recalled though nobody told the watch."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    a.dial("202")
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    mark = office.asterisk.manager.mark()
    a.press("5")
    office.asterisk.manager.wait("AGI", mark, Event="Newexten", Application="AGI")
    a.hang_up()
    office.until_waiting("201", "202")
    office.wait_idle("201")
    b.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    served(office)
    assert office.ended() == [("201-202", "completed")]


def test_without_the_probe_the_state_is_the_last_word(open_office: OpenOffice) -> None:
    """Where the probe context is not loaded DEVICE_STATE decides, and one line of the log says so."""
    office = open_office()
    office.asterisk.console("dialplan remove context busy-callback-probe")
    a, b, _ = let_wait(office)
    b.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    served(office)
    assert office.asterisk.log_text("busy_callback.log").count("ChanIsAvail can't be run") == 1


def test_the_lab_ends_what_it_started() -> None:
    """A lab that is killed leaves nothing that it started behind."""
    program = (
        "import subprocess, sys\n"
        "from tests.lab import DIES_WITH_US\n"
        "subprocess.Popen([*DIES_WITH_US, 'sh', '-c', 'echo $$; exec sleep 600'])\n"
        "sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY) as lab:
        assert lab.stdout
        watched = os.pidfd_open(int(lab.stdout.readline()))
        lab.kill()
        assert select.select([watched], [], [], 10)[0]
        os.close(watched)
