"""Attack: outsiders on a trunk, and numbers that lead out of the house."""

from __future__ import annotations

import pytest

from ..lab.audio import heard
from .conftest import OpenOffice, prompt

# 299 stands for a trunk: its far end claims to be whoever it likes.
TRUNK = """\
[from-internal]
exten => _77XXX,1,Set(CALLERID(num)={caller})
 same => n,Goto(from-internal,${{EXTEN:2}},1)
exten => _78XX,1,Set(CALLERID(num)={caller})
 same => n,Goto(from-internal,*${{EXTEN:2}},1)
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
    ("201", True),
    ("0912345678", True),
    ("+886212345678", False),
    ("20\\${EXTEN:0:1}", False),
    ("201&PJSIP/203", False),
    ("201|202", False),
]


@pytest.mark.parametrize(("caller", "offered"), CALLERS)
def test_nobody_outside_has_extensions_rung(open_office: OpenOffice, caller: str, offered: bool) -> None:
    """Whatever caller ID comes over a trunk, of an extension too: pressing 5 registers nothing and says so."""
    office = open_office("202", "203", "299", more_dialplan=TRUNK.format(caller=caller))
    b, c, outsider = office.phones.values()
    office.talk(b, c)
    outsider.dial("77202")
    if offered:
        outsider.established()
        outsider.wait_until_sound()
        outsider.press("5")
    outsider.closed()
    assert office.waiting() == []
    assert outsider.count("CALL_ESTABLISHED") == offered
    if offered:
        assert heard(prompt("busy-callback-failed"), outsider.recordings()[-1])


def test_nobody_outside_cancels(open_office: OpenOffice) -> None:
    """*86 with an extension's caller ID, over a trunk: what the extension asked for goes on waiting."""
    office = open_office("201", "202", "203", "299", more_dialplan=TRUNK.format(caller="201"))
    a, b, c, outsider = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    outsider.dial("7886")
    outsider.closed()
    assert office.waiting() == [("201", "202")]


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
