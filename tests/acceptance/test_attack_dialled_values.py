"""Attack: a number that is dialled, or handed over, in a form that ends its call before voicemail."""

from __future__ import annotations

from urllib.parse import quote

from ..lab.office import Office
from .conftest import OpenOffice, complaints

# In place of a phone that is busy, for an extension of any name: Dial's word alone.
ANY = """\
[globals]
TECH = @TECH@
[from-internal]
exten => 202,1,Dial(${TECH}/202,15)
 same => n,Hangup()
exten => old,1,Set(DIALSTATUS=BUSY)
 same => n,Gosub(busy-callback,${URIDECODE(${VALUE})},1)
 same => n,Goto(mailbox,1)
exten => new,1,Set(DIALSTATUS=BUSY)
 same => n,Gosub(busy-callback,s,1(${URIDECODE(${VALUE})}))
 same => n,Goto(mailbox,1)
exten => sub,1,Gosub(ring,s,1(${URIDECODE(${VALUE})}))
 same => n,Goto(mailbox,1)
exten => mailbox,1,VoiceMail(202@default,u)
 same => n,Hangup()
[ring]
exten => s,1,Set(DIALSTATUS=BUSY)
 same => n,Gosub(busy-callback,s,1(${ARG1}))
 same => n,Gosub(busy-callback,${EXTEN},1)
 same => n,Return()
#include extensions_busy_callback.conf
"""
VALUES = [
    "",
    "2",
    "bob",
    "s",
    "h",
    "i",
    "t",
    "T",
    "+886212345678",
    "20&2",
    "busy",
    '"202"',
    '20"2',
    "${EXTEN}",
    "$[1/0]",
    "20 2",
    " 202",
    "-",
    "_X.",
    "[2",
    "20\\2",
    "20|2",
    "王五",
    "202;x",
    "2" * 40,
    "202\nHANGUP",
]
NEW_ONLY = ["202,busy,more", "20(2", "20)2", "${SHELL(touch /tmp/owned)}"]  # Gosub's own syntax, in the older form


def goes_on(office: Office, form: str, value: str) -> None:
    """Let 201 call; it goes on to voicemail, and hears no prompt of ours."""
    a, manager = office.phones["201"], office.asterisk.manager
    manager.act(Action="Setvar", Variable="VALUE", Value=quote(value))
    mark = manager.mark()
    a.dial(form)
    manager.wait(f"voicemail after {value!r} in the form {form}", mark, Event="Newexten", Application="VoiceMail")
    a.established()
    a.hang_up()
    a.closed()
    office.wait_idle("201")


def test_no_value_ends_a_call(open_office: OpenOffice) -> None:
    """One digit, a name, s in a subroutine, a plus, nothing at all, what an attacker dials: on to voicemail."""
    office = open_office("201", extensions=ANY, voicemail=("202",))
    for value in VALUES:
        for form in ("old", "new", "sub"):
            goes_on(office, form, value)
    for value in NEW_ONLY:
        for form in ("new", "sub"):
            goes_on(office, form, value)
    assert office.waiting() == []
    assert complaints(office) == []
