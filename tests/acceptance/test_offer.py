"""Who is offered a callback, and who is not: decided by the channel and the callee's devices, shown by phones."""

from __future__ import annotations

import pytest

from ..lab.audio import heard
from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, asks, complaints, prompt

# As in an office with voicemail: whatever is not offered, or not taken, ends there.
VOICEMAIL = """\
[globals]
TECH = @TECH@
[from-internal]
include => busy-callback-codes
exten => _2XX,1,Dial(${TECH}/${EXTEN}${SUFFIX},2)
 same => n,Gosub(busy-callback,s,1(${EXTEN}))
 same => n,Goto(mailbox,1)
exten => mailbox,1,VoiceMail(202@default,u)
 same => n,Hangup()
; a code to hide one's number
exten => _31XXX,1,Set(CALLERID(num)=)
 same => n,Set(CALLERID(num-pres)=prohib)
 same => n,Goto(${EXTEN:2},1)
#include extensions_busy_callback.conf
#tryinclude extensions_test.conf
"""


def goes_to_voicemail(office: Office, phone: Phone, number: str) -> None:
    """Let a phone dial: it is not asked anything and goes on to voicemail."""
    mark = office.asterisk.manager.mark()
    phone.dial(number)
    office.asterisk.manager.wait("voicemail", mark, Event="Newexten", Application="VoiceMail")
    with pytest.raises(AssertionError, match="no prompt"):
        office.asterisk.manager.wait("prompt", mark, 0.0, Event="Newexten", Application="Read")
    phone.established()
    phone.hang_up()
    phone.closed()
    office.wait_idle(phone.number)


def is_offered(office: Office, phone: Phone, number: str) -> None:
    """Let a phone dial: it hears the offer, and hangs up."""
    phone.dial(number)
    phone.established()
    phone.wait_until_heard(prompt("busy-callback"))
    phone.hang_up()
    phone.closed()
    office.wait_idle(phone.number)


@pytest.mark.parametrize(
    ("caller_id", "dialled"),
    [("0912345678", "202"), ("+886212345678", "202"), ("201", "31202"), ("305", "202")],
    ids=["direct_number", "plus", "hidden", "another_extensions"],
)
def test_a_phone_is_known_whatever_its_caller_id_is(open_office: OpenOffice, caller_id: str, dialled: str) -> None:
    """A direct number as caller ID, or none at all: the offer, the request and the recall are the phone's own."""
    office = open_office("201", "202", "203", extensions=VOICEMAIL, endpoints={"201": f"callerid = Anna <{caller_id}>"})
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    asks(a, dialled)
    assert office.waiting() == [("201", "202")]
    office.wait_idle("201")
    a.dial("*87")
    a.closed()
    assert heard(prompt("busy-callback-waiting-1"), a.recordings()[-1])
    office.wait_idle("201")
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    assert complaints(office) == []


@pytest.mark.parametrize("way", ["by_hint", "by_its_own_variable"])
def test_a_phone_of_any_name_is_known(open_office: OpenOffice, way: str) -> None:
    """201's endpoint is called anna: its hint tells, looked for through the plan, or its set_var."""
    own = "callerid = Anna <0912345678>\n"
    settings = {"device": "hint@hints", "extensions": "2XX"}
    if way == "by_its_own_variable":
        own += "SET_VAR = OTHER=x\nSET_VAR = BUSY_CALLBACK_FROM=201\n"
        settings["extensions"] = "2XX, XXXX"  # too many to look through
    hints = "".join(f"exten => {e},hint,@TECH@/{d}\n" for e, d in (("201", "anna"), ("202", "202"), ("203", "203")))
    office = open_office(
        "anna", "202", "203", settings=settings, endpoints={"anna": own}, more_dialplan=f"[hints]\n{hints}"
    )
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    assert office.waiting() == [("201", "202")]
    office.wait_idle("anna")
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    assert complaints(office) == []


@pytest.mark.parametrize("way", ["auto", "hint@hints", "@TECH@/{ext}-desk"])
def test_do_not_disturb_is_not_offered_whatever_device_is(open_office: OpenOffice, way: str) -> None:
    """A phone that says busy though it is idle: on to voicemail. The same phone in a call is offered."""
    suffix = "-desk" if way.endswith("desk") else ""
    numbers = tuple(f"{number}{suffix}" for number in ("201", "202", "203"))
    hints = "".join(f"exten => {n},hint,@TECH@/{n}\n" for n in ("201", "202", "203"))
    office = open_office(
        *numbers,
        extensions=VOICEMAIL.replace("[globals]", f"[globals]\nSUFFIX = {suffix}"),
        settings={"device": way.replace("@TECH@", "PJSIP")},
        more_dialplan=f"[hints]\n{hints}",
        voicemail=("202",),
    )
    if suffix:
        office.set(
            device=way.replace("@TECH@", office.release.technology), retry_pause="1", ring_time="5", guard_time="0"
        )
    a, b, c = office.phones.values()
    mark = office.asterisk.manager.mark()
    a.dial("202")
    b.ring()
    b.hang_up()
    office.asterisk.manager.wait("voicemail", mark, Event="Newexten", Application="VoiceMail")
    a.established()
    a.hang_up()
    office.wait_idle(a.number, b.number)
    c.dial("202")
    b.answer()
    c.established()
    is_offered(office, a, "202")


def test_who_forwards_everything_is_not_offered(open_office: OpenOffice) -> None:
    """AstDB's CF and DND, as FreePBX keeps them: on to voicemail, busy or not answered; taken out again, offered."""
    office = open_office(extensions=VOICEMAIL, voicemail=("202",))
    a, b, c = office.phones.values()
    office.talk(b, c)
    for family in ("CF", "DND"):
        office.asterisk.console(f"database put {family} 202 203")
        goes_to_voicemail(office, a, "202")
        office.asterisk.console(f"database del {family} 202")
    is_offered(office, a, "202")


def test_extensions_that_were_taken_out(open_office: OpenOffice) -> None:
    """not_callers and not_callees: on to voicemail, and *66 has nothing to ask for."""
    settings = {"not_callers": "204", "not_callees": "20[5-9], 3XX"}
    office = open_office("201", "204", "205", "203", extensions=VOICEMAIL, voicemail=("202",), settings=settings)
    a, d, e, c = office.phones.values()
    office.talk(c, e)
    goes_to_voicemail(office, a, "205")
    goes_to_voicemail(office, d, "203")
    is_offered(office, a, "203")
    d.dial("*66")
    d.closed()
    assert heard(prompt("busy-callback-nolast"), d.recordings()[-1])


def test_the_offer_is_switched_off_and_on_at_once(open_office: OpenOffice) -> None:
    """`busy-callback offer off`: nobody is asked, *66 still serves, and what waits is served. Nothing is reloaded."""
    office = open_office("201", "202", "203", "204", extensions=VOICEMAIL, voicemail=("202",))
    a, b, c, d = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(d, b)
    office.wait_idle("204")
    assert "off" in office.command("offer", "off").stdout
    goes_to_voicemail(office, a, "202")
    a.dial("*66")
    a.closed()
    assert heard(prompt("busy-callback-ok"), a.recordings()[-1])
    assert office.waiting() == [("204", "202"), ("201", "202")]
    b.hang_up()
    d.answer()
    b.answer()
    d.hang_up()
    office.until_logged("204-202-.* completed")
    assert office.command("cancel", "201").returncode == 0
    office.wait_idle("202", "203", "204")
    assert office.command("offer", "on").returncode == 0
    office.talk(b, c)
    office.wait_idle("201")
    is_offered(office, a, "202")


def test_a_full_queue_is_told_and_the_call_goes_on(open_office: OpenOffice) -> None:
    """Beyond the callee's limit the caller hears that the queue is full, then voicemail; nothing is stored."""
    office = open_office("201", "202", "203", "204", extensions=VOICEMAIL, settings={"queue_per_callee": "1"})
    a, b, c, d = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    mark = office.asterisk.manager.mark()
    d.dial("202")
    d.established()
    d.wait_until_heard(prompt("busy-callback-full"))
    office.asterisk.manager.wait("voicemail", mark, Event="Newexten", Application="VoiceMail")
    d.hang_up()
    assert office.waiting() == [("201", "202")]


def test_whoever_presses_nothing_goes_on_soon(open_office: OpenOffice) -> None:
    """Voicemail follows the prompt and a pause that is a setting: 3 s, or what it says."""
    office = open_office(extensions=VOICEMAIL, voicemail=("202",))
    a, b, c = office.phones.values()
    office.talk(b, c)
    for pause in ("", "1 s"):
        if pause:
            office.set(offer_pause=pause)
        mark = office.asterisk.manager.mark()
        a.dial("202")
        read = office.asterisk.manager.wait("offer", mark, Event="Newexten", Application="Read")
        assert read["AppData"] == f"BUSY_CALLBACK_DIGIT,busy-callback,1,,1,{pause[:1] or 3}"
        office.asterisk.manager.wait("voicemail", mark, Event="Newexten", Application="VoiceMail")
        assert heard(prompt("busy-callback"), a.recordings()[-1])
        a.hang_up()
        office.wait_idle("201")
    assert office.waiting() == []


@pytest.mark.parametrize("fault", ["no script", "no package", "no settings"])
def test_where_the_script_cannot_run_the_call_goes_on(open_office: OpenOffice, fault: str) -> None:
    """As if we were not there: no failure prompt, nobody hung up, on to voicemail; the log says why."""
    office = open_office(extensions=VOICEMAIL, voicemail=("202",))
    a, b, c = office.phones.values()
    office.talk(b, c)
    script = office.asterisk.folder / "agi-bin" / "busy_callback.py"
    if fault == "no script":
        script.unlink()
    elif fault == "no package":
        script.write_text(script.read_text().replace("from busy_callback.agi import main", "import no_such_package"))
    else:
        office.set(ring_time="sometimes")
    goes_to_voicemail(office, a, "202")
    assert a.count("CALL_ESTABLISHED") == 1
    assert len(complaints(office)) == 1


def test_the_callee_is_dialled_from_the_callers_own_context(open_office: OpenOffice) -> None:
    """Departments: 201 reaches 202 as 12, from a context of its own; so does the recall, not from the setting's."""
    sales = (
        "[sales]\nexten => 202,1,Set(GLOBAL(FROM_SALES)=yes)\n same => n,Dial(@TECH@/202,15)\n"
        " same => n,Gosub(busy-callback,s,1(202))\n same => n,Hangup()\n[from-internal]\nexten => 202,1,Hangup()\n"
    )
    office = open_office(endpoints={"201": "context = sales"}, more_dialplan=sales)
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    assert [request.context for request in office.live()] == ["sales"]
    office.asterisk.console("dialplan set global FROM_SALES no")
    office.wait_idle("201")
    b.hang_up()
    a.answer()
    b.answer()
    a.wait_until_tone(b.tone)
    a.hang_up()
    office.until_logged("completed:")
    assert "FROM_SALES=yes" in office.asterisk.console("dialplan show globals")
    assert complaints(office) == []
