"""Attack: outsiders on a trunk, and numbers that lead out of the house."""

from __future__ import annotations

import pytest

from ..lab.audio import heard
from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, prompt

# A phone called trunk stands for one: its far end claims to be whoever it likes. 77 calls an extension, 78 a code;
# 79 and 76 are dialplans that register and cancel for the caller ID, as the page's does and ours once did.
TRUNK = """\
[globals]
TECH = @TECH@
[from-internal]
include => busy-callback-codes
exten => _2XX,1,Dial(${TECH}/${EXTEN},2)
 same => n,Gosub(busy-callback,s,1(${EXTEN}))
 same => n,VoiceMail(202@default,u)
 same => n,Hangup()
exten => _77XXX,1,Set(CALLERID(num)=@CALLER@)
 same => n,Goto(from-internal,${EXTEN:2},1)
exten => _78XX,1,Set(CALLERID(num)=@CALLER@)
 same => n,Goto(from-internal,*${EXTEN:2},1)
exten => _79XXX,1,Set(CALLERID(num)=@CALLER@)
 same => n,AGI(busy_callback.py,${CALLERID(num)},${EXTEN:2})
 same => n,Playback(busy-callback-ok)
 same => n,Hangup()
exten => 76,1,AGI(busy_callback.py,cancel,@CALLER@)
 same => n,UserEvent(Lab,Cancelled: ${BUSY_CALLBACK_STATUS})
 same => n,Hangup()
#include extensions_busy_callback.conf
"""
WAY_OUT = """\
[from-internal]
exten => ask,1,AGI(busy_callback.py,201,911)
 same => n,UserEvent(Lab,Status: ${BUSY_CALLBACK_STATUS})
 same => n,Hangup()
exten => _9XX,1,UserEvent(Lab,Out: ${EXTEN})
 same => n,Hangup()
"""
CALLERS = [
    "201",
    "0912345678",
    "+886212345678",
    "20\\${EXTEN:0:1}",
    "201&PJSIP/203",
    "201|202",
    "2" * 4000,
]


def open_with_trunk(open_office: OpenOffice, caller: str) -> tuple[Office, Phone, Phone, Phone, Phone]:
    """Open an office where 202 talks with 203, and whose trunk claims to be that caller."""
    extensions = TRUNK.replace("@CALLER@", caller)
    office = open_office("201", "202", "203", "trunk", extensions=extensions, voicemail=("202",))
    a, b, c, outsider = office.phones.values()
    office.talk(b, c)
    return office, a, b, c, outsider


def reaches_voicemail(office: Office, outsider: Phone, number: str) -> None:
    """Let the outsider call an extension: it is asked nothing and goes on to voicemail."""
    mark = office.asterisk.manager.mark()
    outsider.dial(number)
    office.asterisk.manager.wait("voicemail", mark, Event="Newexten", Application="VoiceMail")
    with pytest.raises(AssertionError, match="no prompt"):
        office.asterisk.manager.wait("prompt", mark, 0.0, Event="Newexten", Application="Read")
    outsider.established()
    outsider.hang_up()
    outsider.closed()
    office.wait_idle("trunk")


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller[:15])
def test_nobody_outside_is_offered_anything(open_office: OpenOffice, caller: str) -> None:
    """Whatever caller ID comes over a trunk, of an extension too: on to voicemail, busy or not answered, at once."""
    office, _a, _b, _c, outsider = open_with_trunk(open_office, caller)
    reaches_voicemail(office, outsider, "77202")
    reaches_voicemail(office, outsider, "77201")
    assert office.waiting() == []


def test_nobody_outside_has_extensions_rung(open_office: OpenOffice) -> None:
    """A dialplan that registers for the caller ID: refused, and heard."""
    office, _a, _b, _c, outsider = open_with_trunk(open_office, "201")
    outsider.dial("79202")
    outsider.closed()
    assert heard(prompt("busy-callback-failed"), outsider.recordings()[-1])
    assert office.waiting() == []


def test_nobody_outside_cancels(open_office: OpenOffice) -> None:
    """*86 with an extension's caller ID, over a trunk: what the extension asked for goes on waiting."""
    office, a, b, _c, outsider = open_with_trunk(open_office, "201")
    office.ask(a, b)
    outsider.dial("7886")
    outsider.closed()
    assert heard(prompt("busy-callback-failed"), outsider.recordings()[-1])
    office.wait_idle("trunk")
    mark = office.asterisk.manager.mark()
    outsider.dial("76")
    outsider.closed()
    office.asterisk.manager.wait("the script's end", mark, Event="UserEvent", Cancelled="REFUSED")
    assert office.waiting() == [("201", "202")]


def test_nobody_outside_leaves_a_last_number(open_office: OpenOffice) -> None:
    """A trunk that claims to be 201 changes nothing of what 201's *66 asks for; AstDB has one row an extension."""
    office, a, _b, _c, outsider = open_with_trunk(open_office, "${IF($[${RAND(0,1)}]?201:09${RAND(1000,9999)})}")
    for number in ("202", "203"):
        a.dial(number)
        a.established()
        a.wait_until_sound()
        a.hang_up()
        a.closed()
        office.wait_idle("201")
    for _ in range(3):
        reaches_voicemail(office, outsider, "77202")
    rows = [line for line in office.asterisk.console("database show").splitlines() if "busy-callback" in line]
    assert [row.split() for row in rows] == [["/busy-callback-last/201", ":", "203,busy"]]
    a.dial("*66")
    a.closed()
    assert office.waiting() == [("201", "203")]
    outsider.dial("7866")
    outsider.closed()
    assert heard(prompt("busy-callback-failed"), outsider.recordings()[-1])


def test_no_recall_leads_out_of_the_house(open_office: OpenOffice) -> None:
    """A request for a number that is no phone, but that the dialplan would dial out: it is never dialled."""
    office = open_office("201", more_dialplan=WAY_OUT)
    (a,) = office.phones.values()
    mark = office.asterisk.manager.mark()
    a.dial("ask")
    a.closed()
    office.asterisk.manager.wait("the script's end", mark, Event="UserEvent", Status="")
    office.wait_idle("201")
    for _ in range(3):
        assert office.command("poll").returncode == 0
    assert a.rings == 0
    assert [request.attempt for request in office.live()] == [0]
    with pytest.raises(AssertionError, match="no call out"):
        office.asterisk.manager.wait("call out", mark, 0.5, Event="UserEvent", Out="")
