"""Who has talked is not called back, however the two reached each other; who has not is."""

from __future__ import annotations

import pytest

from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, complaints, prompt, waits_for

# 202 waits to be called back by nobody; 201 waits for 202, which is left alone for the guard time.
PATIENCE = {"guard_time": "60", "retry_pause": "60"}
WAYS = """\
[from-internal]
exten => 300,1,Queue(lab,,,,20)
 same => n,Hangup()
exten => 301,1,Dial(Local/202@group/n&Local/204@group/n,15)
 same => n,Hangup()
exten => 302,1,ConfBridge(lab)
 same => n,Hangup()
exten => _*9XXX,1,Dial(@TECH@/${EXTEN:2},15,T)
 same => n,Hangup()
[group]
exten => _2XX,1,Dial(@TECH@/${EXTEN},15)
 same => n,Hangup()
[lab-queue]
exten => _2XX,1,Dial(@TECH@/${EXTEN},15)
"""
FILES = {
    "queues.conf": "[general]\n[lab]\nstrategy = ringall\nmember => Local/202@lab-queue/n\nmusicclass = none\n",
    "confbridge.conf": "[general]\n[default_user]\ntype = user\nquiet = yes\n[default_bridge]\ntype = bridge\n",
    "features.conf": "[featuremap]\natxfer => *2\n[general]\natxfernoanswertimeout = 15\nfeaturedigittimeout = 2000\n",
}
NUMBERS = ("201", "202", "203", "204")


@pytest.fixture
def open_house(open_office: OpenOffice) -> OpenOffice:
    """Open an office with a queue, a ring group, a conference and transfers, where 201 waits for 202."""

    def open_one(*people: str) -> Office:
        more = tuple(set(NUMBERS) - set(people))
        office = open_office(*people, more=more, settings=PATIENCE, more_dialplan=WAYS, files=FILES)
        office.watch()
        waits_for(office, "201", "202")
        return office

    return open_one


def have_talked(office: Office, *phones: Phone) -> None:
    """See the request end while they talk, and nobody recalled when they have hung up."""
    office.until_logged("completed: 201 and 202 reached each other")
    for phone in phones:
        phone.hang_up()
    office.wait_idle(*(phone.number for phone in phones))
    assert office.command("poll").returncode == 0
    assert office.ended() == [("201-202", "completed")]
    assert complaints(office) == []


def test_a_direct_call(open_house: OpenOffice) -> None:
    """201 calls 202 again by itself and gets through."""
    office = open_house("201", "202")
    a, b = office.phones.values()
    office.talk(a, b)
    have_talked(office, a)


def test_a_queue(open_house: OpenOffice) -> None:
    """201 calls a queue, and 202 takes the call there, through a Local channel."""
    office = open_house("201", "202")
    a, b = office.phones.values()
    a.dial("300")
    b.answer()
    a.wait_until_tone(b.tone)
    have_talked(office, a)


def test_a_ring_group(open_house: OpenOffice) -> None:
    """201 calls a ring group of Local channels that stay in the call, and 202 takes it."""
    office = open_house("201", "202", "204")
    a, b, d = office.phones.values()
    a.dial("301")
    d.ring()
    b.answer()
    a.wait_until_tone(b.tone)
    have_talked(office, a)


def test_a_transfer(open_house: OpenOffice) -> None:
    """203 talks with 201, asks 202, and joins the two by hanging up: no device's state tells of that."""
    office = open_house("201", "202", "203")
    a, b, c = office.phones.values()
    for name in ("pbx-transfer", "beep"):
        (office.asterisk.folder / f"data/sounds/{name}.wav").symlink_to(prompt("busy-callback-none"))
    c.dial("*9201")
    a.answer()
    c.established()
    c.wait_until_tone(a.tone)
    for key in "*2202":
        c.press(key)
    b.answer()
    c.wait_until_tone(b.tone)
    assert office.waiting() == [("201", "202")]
    c.hang_up()
    a.wait_until_tone(b.tone)
    have_talked(office, a)


def test_a_conference(open_house: OpenOffice) -> None:
    """201, 202 and 203 call a conference."""
    office = open_house("201", "202", "203")
    for phone in office.phones.values():
        phone.dial("302")
        phone.established()
    have_talked(office, *office.phones.values())


def test_two_who_are_in_calls_with_others_have_not_talked(open_office: OpenOffice) -> None:
    """201 talks with 203 and 202 with 204: the request waits, however often they are looked at."""
    office = open_office(*NUMBERS, settings=PATIENCE)
    a, b, c, d = office.phones.values()
    waits_for(office, "201", "202")
    office.talk(a, c)
    office.talk(d, b)
    for _ in range(3):
        assert office.command("poll").returncode == 0
    assert office.waiting() == [("201", "202")]
