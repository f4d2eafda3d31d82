"""Served once, whatever the disk does, and never after a cancel: shown by phones on both Asterisks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ..lab.audio import heard
from ..lab.office import LOG, Office
from ..lab.phone import Phone
from .conftest import OpenOffice, prompt


@contextmanager
def read_only(office: Office) -> Iterator[None]:
    """Let nothing in the spool or in outgoing be changed, as where the kernel has found a fault of the disk.

    By a flag of each file: a file system that a watch has open for writing can't be remounted.
    """
    folders = [office.spool.directory, office.directories.outgoing]
    subprocess.run(["chattr", "-R", "-f", "+i", *folders], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-R", "-f", "-i", *folders], check=True)


@pytest.mark.parametrize("poller", ["watch", "none"])
def test_what_the_disk_does_not_take_is_known_all_the_same(open_office: OpenOffice, poller: str) -> None:
    """The disk gets read-only while 201 rings; the two talk; once it is well nobody is rung again."""
    office = open_office()
    a, b, c = office.phones.values()
    if poller == "watch":
        office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    b.hang_up()
    c.closed()
    if poller == "none":
        office.wait_idle("202")
        assert office.command("poll").returncode == 0
    a.ring()
    with read_only(office):
        a.accept()
        b.answer()
        a.wait_until_tone(b.tone)
        b.hang_up()
        a.closed()
        office.wait_idle("201", "202")
    if poller == "none":
        office.command("poll")
    office.until_logged("completed: 201 and 202 talked for . s")
    assert (a.rings, b.rings) == (1, 1)


def two_wait(open_office: OpenOffice, watch: bool) -> tuple[Office, Phone, Phone, Phone]:
    """Open an office where 201 and, behind it, 204 wait for 202, whose call ends: 201 rings."""
    office = open_office("201", "202", "203", "204", settings={"callers": "any"}, more_dialplan=ANOTHER_DEVICE)
    a, b, c, d = office.phones.values()
    if watch:
        office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.ask(d, b)
    office.wait_idle("201", "204")
    b.hang_up()
    c.closed()
    if not watch:
        office.wait_idle("202")
        office.command("poll")
    a.ring()
    return office, a, b, d


ANOTHER_DEVICE = """\
[another-device]
exten => s,1,Answer()
 same => n,AGI(busy_callback.py,cancel,201)
"""


def cancel(office: Office, by: str) -> None:
    """Cancel 201's request for 202, by the command or by the AGI script, as *86 does at another device of 201's."""
    if by == "command":
        assert office.command("cancel", "201-202").stdout.startswith("cancelled 201-202-")
    else:
        dials = {"Channel": "Local/s@another-device/n", "Application": "Wait", "Data": "5"}
        office.asterisk.manager.act(Action="Originate", **dials)


@pytest.mark.parametrize("by", ["command", "code"])
def test_a_cancel_ends_the_ringing(open_office: OpenOffice, by: str) -> None:
    """201's phone stops ringing when its request is cancelled, and only then 204 is rung; 201 never again."""
    office, a, b, d = two_wait(open_office, watch=True)
    cancel(office, by)
    ended = a.closed(timeout=4).at
    assert d.answer().at > ended
    b.answer()
    d.hang_up()
    office.until_logged("204-202-.* completed:")
    assert office.ended() == [("201-202", "cancelled"), ("204-202", "completed")]
    assert (a.rings, d.rings, b.rings) == (1, 1, 1)
    assert office.asterisk.log_text(LOG).count("cancelled") == 2


def test_who_answers_a_recall_that_was_cancelled_hears_so(open_office: OpenOffice) -> None:
    """No poller is there to end the ringing: 201, who answers, hears that it is cancelled, and 202 is not rung."""
    office, a, b, d = two_wait(open_office, watch=False)
    cancel(office, "command")
    a.accept()
    a.established()
    a.closed()
    assert heard(prompt("busy-callback-cancelled"), a.recordings()[-1])
    assert (d.rings, b.rings) == (0, 0)
    office.wait_idle("201", "202", "204")
    office.until_recalled("204-202")
    assert office.ended() == [("201-202", "cancelled")]
    assert office.command("cancel", "201-202").returncode == 1


def test_a_recall_that_is_answered_is_a_call(open_office: OpenOffice) -> None:
    """Once 201 has answered there is nothing to cancel: the command says so, and the two talk."""
    office, a, b, _ = two_wait(open_office, watch=False)
    a.accept()
    b.ring()
    assert office.command("cancel", "201-202").returncode == 1
    b.accept()
    a.wait_until_tone(b.tone)
    a.hang_up()
    b.closed()
    office.until_report("callee")
    office.command("poll")
    assert ("201-202", "completed") in office.ended()
