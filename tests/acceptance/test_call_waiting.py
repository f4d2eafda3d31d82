"""Phones with call waiting, which are busy for nobody: what is true of them, and what offers a callback."""

from __future__ import annotations

from pathlib import Path

from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, prompt

# the manual's two lines before the Dial
LINES = """
[from-internal]
exten => _XXX,1,ExecIf($["${DEVICE_STATE(@TECH@/${EXTEN})}" = "BUSY"]?Set(DIALSTATUS=BUSY))
 same => n,Gosub(busy-callback,s,1(${EXTEN}))
 same => n,Dial(@TECH@/${EXTEN},15)
 same => n,Hangup()

#include extensions_busy_callback.conf
"""


def two_lines(office: Office, folder: Path) -> Phone:
    """Return 202's phone, which takes a second call while it talks; it talks with 203."""
    phone = Phone("202", folder / "202", office.asterisk.sip_port, tone=620, calls=2)
    office.phones["202"] = phone
    office.wait_idle("202")
    office.talk(phone, office.phones["203"])
    return phone


def test_a_phone_with_call_waiting_rings_though_it_is_seen_to_be_busy(open_office: OpenOffice, tmp_path: Path) -> None:
    """Neither device_state_busy_at = 1 nor busylevel = 1 keeps Dial from ringing it: nobody hears busy."""
    office = open_office("201", "203", more=("202",))
    b = two_lines(office, tmp_path)
    office.asterisk.manager.wait_for_state(office.asterisk.device("202"), "BUSY")
    office.phones["201"].dial("202")
    assert b.ring()


def test_two_lines_before_the_dial_offer_a_callback_all_the_same(open_office: OpenOffice, tmp_path: Path) -> None:
    """Its caller is offered a callback before it rings; who presses nothing goes on, and it rings."""
    office = open_office("201", "203", more=("202",), extensions=LINES)
    b = two_lines(office, tmp_path)
    office.asterisk.manager.wait_for_state(office.asterisk.device("202"), "BUSY")
    a = office.phones["201"]
    a.dial("202")
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    assert b.count("CALL_INCOMING") == 0
    assert b.ring()
