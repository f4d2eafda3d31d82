"""A recall rings its caller, all of it, and nobody else; what each end sees of the other is what it should see."""

from __future__ import annotations

import pytest

from busy_callback.request import RESTRICTED

from ..lab.oddphone import OddPhone
from ..lab.phone import Phone
from ..lab.releases import ASTERISK_22, Release
from .conftest import OpenOffice, complaints, one_waits, waits_for

HIDING = """\
[from-internal]
exten => _*67XXX,1,Set(CALLERID(pres)=prohib)
 same => n,Goto(${EXTEN:3},1)
"""
only_pjsip = pytest.mark.parametrize("release", [ASTERISK_22], ids=["asterisk22"])


@only_pjsip
def test_every_phone_of_an_extension_rings(open_office: OpenOffice) -> None:
    """Two phones are registered as 201 (max_contacts = 2): both ring, and the one that answers has the call.

    No variable that the office uses for itself is in the way.
    """
    office = open_office(place_lines="max_contacts = 2\nremove_existing = no")
    a, b, c = office.phones.values()
    for name in ("PHONES", "PLAIN", "CONTACTS", "DEVICE", "STATES"):
        office.asterisk.console(f"dialplan set global {name} &PJSIP/203")
    with Phone("201", office.asterisk.folder / "phones/201-2", office.asterisk.sip_port, tone=1300) as a2:
        office.wait_places("201", 2)
        office.watch()
        office.talk(b, c)
        office.ask(a, b)
        office.wait_idle("201")
        b.hang_up()
        assert a.ring().caller_id == "ReDial 202 <202>"
        assert a2.answer().caller_id == "ReDial 202 <202>"
        a.closed()
        b.answer()
        a2.wait_until_tone(b.tone)
        a2.hang_up()
        office.until_logged("completed: 201 and 202 talked")
        assert c.rings == 1
        assert complaints(office) == []


def hiding(release: Release) -> str:
    """Return the lines of a phone that is told who calls in every way that there is."""
    return "send_pai = yes\nsend_rpid = yes" if release.technology == "PJSIP" else "sendrpid = pai"


def test_a_hidden_number_stays_hidden(open_office: OpenOffice, release: Release) -> None:
    """201 hid its number in the call that found 202 busy: 202's phone never hears it, nor its name, in the recall."""
    office = open_office(more_dialplan=HIDING, phone_lines=hiding(release))
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    a.dial("*67202")
    a.established()
    a.wait_until_sound()
    a.press("5")
    a.closed()
    assert [request.presentation for request in office.live()] == [RESTRICTED]
    office.wait_idle("201")
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.wait_until_tone(b.tone)
    b.wait_until_tone(a.tone)
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
    for secret in ("Phone 201", "sip:201@"):
        assert secret not in b.sip_trace()
    assert complaints(office) == []


def test_a_hidden_number_stays_hidden_by_the_code(open_office: OpenOffice, release: Release) -> None:
    """201 hid its number in the call, pressed nothing, and asks with *66, which hides nothing: hidden still."""
    office = open_office(more_dialplan=HIDING, phone_lines=hiding(release))
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    a.dial("*67202")
    a.established()
    a.wait_until_sound()
    a.hang_up()
    a.closed()
    office.wait_idle("201")
    a.dial("*66")
    a.closed()
    assert [request.presentation for request in office.live()] == [RESTRICTED]
    office.wait_idle("201")
    b.hang_up()
    a.answer()
    b.answer()
    a.wait_until_tone(b.tone)
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
    for secret in ("Phone 201", "sip:201@"):
        assert secret not in b.sip_trace()


def test_a_number_that_is_shown_is_shown(open_office: OpenOffice, release: Release) -> None:
    """The same without hiding anything: 202's phone hears name and number."""
    office, a, b, _c = one_waits(open_office, phone_lines=hiding(release))
    b.hang_up()
    a.answer()
    assert b.answer().caller_id == "Phone 201 <201>"
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "Back: Phone 202 <202>"),
        ("回撥部門 台北", "Back: 回撥部門 台北 <202>"),
        ('O\'Brien, (Sales) "x" <911>; #1 ${EXTEN} \\', "Back: O'Brien, (Sales) x 911 ; 1 EXTEN <202>"),
        ("名" * 200, f"Back: {'名' * 54} <202>"),
        ("a" * 200, f"Back: {'a' * 54} <202>"),
        ("status will follow", "Back: 202 <202>"),
    ],
    ids=["endpoint", "script", "hostile", "long-script", "long", "trap"],
)
def test_the_caller_sees_the_callees_name(open_office: OpenOffice, name: str, shown: str) -> None:
    """{name} is the endpoint's or peer's callerid, or FreePBX's cidname; made harmless; else the number."""
    office = open_office("201", more=("202",), settings={"caller_id": "Back: {name}"})
    (a,) = office.phones.values()
    if name:
        office.asterisk.manager.act(Action="DBPut", Family="AMPUSER/202", Key="cidname", Val=name)
    b = OddPhone("202", office.asterisk.sip_port)
    office.wait_idle("202")
    office.watch()
    waits_for(office, "201", "202")
    assert a.ring().caller_id == shown
    a.hang_up()
    b.close()
    assert complaints(office) == []


FREEPBX = """\
[globals]
TECH = @TECH@
[from-internal]
exten => _2XX,1,GotoIf($[${LEN(${AMPUSERCIDNAME})} > 0]?dial)
 same => n,Set(CALLERID(all)="FreePBX ${CALLERID(num)}" <${CALLERID(num)}>)
 same => n(dial),Dial(${TECH}/${EXTEN},15)
 same => n,Gosub(busy-callback,${EXTEN},1)
 same => n,Hangup()
#include extensions_busy_callback.conf
"""


@pytest.mark.parametrize("extensions", ["", FREEPBX], ids=["plain", "freepbx"])
def test_the_callee_sees_that_it_is_a_callback(open_office: OpenOffice, extensions: str) -> None:
    """callee_prefix stands before the caller's name, where FreePBX sets names too."""
    office, a, b, _c = one_waits(open_office, extensions=extensions, settings={"callee_prefix": "回撥:"})
    b.hang_up()
    a.answer()
    assert b.answer().caller_id == "回撥: Phone 201 <201>"
    a.wait_until_tone(b.tone)
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
    assert complaints(office) == []
