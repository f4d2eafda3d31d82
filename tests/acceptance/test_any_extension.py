"""Whatever the extension, in either form of the Gosub, the call goes on; extensions of 1 to 15 digits are served."""

from __future__ import annotations

import pytest

from ..lab.audio import heard
from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, complaints, prompt

NAMED = """\
[globals]
TECH = @TECH@
[from-internal]
exten => _X,1,Dial(${TECH}/${EXTEN},15)
 same => n,Gosub(busy-callback,${EXTEN},1)
 same => n,Goto(mailbox,1)
exten => bob,1,Dial(${TECH}/202,15)
 same => n,Gosub(busy-callback,${EXTEN},1)
 same => n,Goto(mailbox,1)
exten => _2XX,1,Gosub(ring,s,1(${EXTEN}))
 same => n,Goto(mailbox,1)
exten => _+886X.,1,Dial(${TECH}/202,15)
 same => n,Gosub(busy-callback,${EXTEN},1)
 same => n,Goto(mailbox,1)
exten => mailbox,1,VoiceMail(202@default,u)
 same => n,Hangup()
[ring]
exten => s,1,Dial(${TECH}/${ARG1},15)
 same => n,Gosub(busy-callback,s,1(${ARG1}))
 same => n,Return()
#include extensions_busy_callback.conf
"""


def presses_nothing(office: Office, phone: Phone, number: str, offered: bool) -> None:
    """Let a phone dial who is busy: it is offered a callback or not, and ends in voicemail."""
    mark = office.asterisk.manager.mark()
    phone.dial(number)
    office.asterisk.manager.wait(f"voicemail of {number}", mark, Event="Newexten", Application="VoiceMail")
    phone.established()
    if offered:
        assert heard(prompt("busy-callback"), phone.recordings()[-1])
    else:
        with pytest.raises(AssertionError, match="no prompt"):
            office.asterisk.manager.wait("prompt", mark, 0.0, Event="Newexten", Application="Read")
    phone.hang_up()
    phone.closed()
    office.wait_idle(phone.number)


def test_voicemail_follows_for_every_kind_of_extension(open_office: OpenOffice) -> None:
    """With real busy phones: one digit, a name, a number with a plus are not in the plan; a subroutine's is offered."""
    office = open_office("201", "202", "5", extensions=NAMED, voicemail=("202",), settings={"offer_pause": "1"})
    a, b, e = office.phones.values()
    e.dial("202")
    b.answer()
    e.established()
    for number, offered in (("5", False), ("bob", False), ("+886212345678", False), ("202", True)):
        presses_nothing(office, a, number, offered)
    assert complaints(office) == []


@pytest.mark.parametrize(("caller", "callee"), [("5", "7"), ("20000001", "886212345678901"), ("886212345678901", "5")])
def test_extensions_of_1_to_15_digits(open_office: OpenOffice, caller: str, callee: str) -> None:
    """Where the settings' plan has them: the offer, the recall, the feature codes, the key with the lamp."""
    plan = "X, 2XXXXXXX, 8862XXXXXXXXXXX"
    extensions = NAMED.replace("_X,1", "_X!,1").replace(
        "Gosub(busy-callback,${EXTEN},1)", "Gosub(busy-callback,s,1(${EXTEN}))"
    )
    extensions = extensions.replace("exten => bob", "include => busy-callback-codes\nexten => bob")
    extensions = extensions.replace("exten => _2XX,", "exten => other,")
    office = open_office(caller, callee, "6", extensions=extensions, settings={"extensions": plan}, voicemail=("202",))
    a, b, c = office.phones.values()
    office.watch()
    office.talk(c, b)
    office.ask(a, b)
    assert office.waiting() == [(caller, callee)]
    office.wait_idle(caller)
    for key, name in ((f"*66{caller}", "cancelled"), (f"*66{caller}", "ok"), ("*87", "waiting-1")):
        office.asterisk.manager.wait_for_state(
            f"Custom:busy-callback-{caller}", "NOT_INUSE" if name == "ok" else "INUSE"
        )
        a.dial(key)
        a.closed()
        assert heard(prompt(f"busy-callback-{name}"), a.recordings()[-1]), (key, name)
        office.wait_idle(caller)
    c.hang_up()
    assert a.answer().caller_id == f"ReDial {callee} <{callee}>"
    assert b.answer().caller_id == f"Phone {caller} <{caller}>"
    a.wait_until_tone(b.tone)
    a.hang_up()
    office.until_logged("completed:")
    assert complaints(office) == []


HANGUP = """\
[from-internal]
exten => h,1,UserEvent(Lab,Ended: ${CHANNEL(name)})
"""


def test_the_callers_own_h_is_run(open_office: OpenOffice) -> None:
    """Who hangs up during the prompt, or after the confirmation, ends in the h of the context that it came from."""
    office = open_office(more_dialplan=HANGUP)
    a, b, c = office.phones.values()
    office.talk(b, c)
    for digit in ("", "5"):
        mark = office.asterisk.manager.mark()
        a.dial("202")
        a.established()
        a.wait_until_sound()
        if digit:
            a.press(digit)
        else:
            a.hang_up()
        a.closed()
        office.asterisk.manager.wait("end", mark, Event="UserEvent", UserEvent="Lab")
        office.wait_idle("201")
    assert office.waiting() == [("201", "202")]
    mark = office.asterisk.manager.mark()
    a.dial("*87")
    a.closed()
    office.asterisk.manager.wait("end", mark, Event="UserEvent", UserEvent="Lab")
