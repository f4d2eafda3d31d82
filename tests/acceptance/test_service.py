"""The call-completion service beyond the page's flow, feature by feature, shown by phones on both Asterisks."""

from __future__ import annotations

import json
import re
import time

from ..lab.audio import heard
from ..lab.lamp import Lamp
from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, asks, complaints, one_waits, prompt

# Phones ring for as long as the test wants, when it wants a call to ring out.
SHORT_RING = """\
[globals]
TECH = @TECH@
RING = 15
[from-internal]
include => busy-callback-codes
exten => _2XX,1,Dial(${TECH}/${EXTEN},${RING})
 same => n,Gosub(busy-callback,s,1(${EXTEN}))
 same => n,VoiceMail(${EXTEN}@default,u)
 same => n,Hangup()
#include extensions_busy_callback.conf
"""


def let_ring(office: Office, seconds: int) -> None:
    """Let phones ring that long from now on, in the dialplan of SHORT_RING."""
    office.asterisk.console(f"dialplan set global RING {seconds}")


def reason(office: Office, pair: str) -> str:
    """Return why the pair's last request ended, as `busy-callback history` tells."""
    found = json.loads(office.command("history", "--json").stdout)
    return [str(request["reason"]) for request in found if request["id"].startswith(pair)][-1]


def listen(office: Office, phone: Phone, number: str) -> None:
    """Dial a number and stay until the other end hangs up."""
    phone.dial(number)
    phone.closed()
    office.wait_idle(phone.number)


def test_a_busy_caller_is_suspended_and_resumes(open_office: OpenOffice) -> None:
    """The first caller is busy when the callee gets free: the next is recalled; the first when it is free too."""
    office = open_office("201", "202", "203", "204", "205")
    a, b, c, d, e = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.ask(d, b)
    office.wait_idle("201", "204")
    office.talk(a, e)
    c.hang_up()
    d.answer()
    b.answer()
    office.until_logged("201-202-.* suspended: 202 is free, but 201 is not")
    assert office.command("list").stdout.count("suspended") == 1
    d.hang_up()
    office.until_logged("204-202-.* completed")
    office.wait_idle("202")
    assert a.rings == 0
    e.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("201-202-.* completed")


def test_the_callee_has_time_for_a_call_of_its_own(open_office: OpenOffice) -> None:
    """In the guard time after hanging up the callee may call somebody: nobody is recalled until after that."""
    office, a, b, c = one_waits(open_office, settings={"guard_time": "60"})
    b.hang_up()
    b.closed()
    office.wait_idle("202", "203")
    office.talk(b, c)
    assert a.rings == 0
    office.set(guard_time="2")
    office.watch()
    office.until_taken_over()
    hung_up = time.monotonic()
    c.hang_up()
    assert a.answer().at - hung_up > 2
    b.answer()
    a.hang_up()
    office.until_logged("completed")


def test_an_outcome_is_known_without_a_poller(open_office: OpenOffice) -> None:
    """No poller runs while the recall goes on: the next one knows how both legs ended, and for how long they talked."""
    office = open_office(settings={"attempts": "2"})
    a, b, c = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    b.hang_up()
    office.wait_idle("201", "202")
    office.command("poll")
    a.ring()
    a.hang_up()
    office.until_report("caller")
    office.command("poll")
    assert re.search("201 (was busy or )?rejected the recall", office.command("show", "201-202").stdout)
    office.wait_idle("201", "202")
    office.until_recalled("201-202")
    a.answer()
    b.answer()
    a.wait_until_tone(b.tone)
    b.hang_up()
    office.until_report("callee ANSWER")
    office.command("poll")
    assert office.ended() == [("201-202", "completed")]
    assert re.fullmatch(r"201 and 202 talked for \d s", reason(office, "201-202"))


def test_a_callee_that_does_not_answer_ends_the_request(open_office: OpenOffice) -> None:
    """The caller answered the recall, the callee did not: the request is done, and the history says so."""
    office, a, b, c = one_waits(open_office, extensions=SHORT_RING)
    let_ring(office, 1)
    c.hang_up()
    a.answer()
    b.ring()
    b.closed()
    a.hang_up()
    office.until_logged("completed: 201 answered, 202 did not")


def test_without_retention_a_callee_taken_again_ends_the_request(open_office: OpenOffice) -> None:
    """With retention = no the request ends when the callee is taken again, and the usual prompt offers another."""
    office, a, b, c = one_waits(open_office, settings={"retention": "no"})
    c.hang_up()
    a.ring()
    office.talk(c, b)
    a.accept()
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    a.hang_up()
    office.until_logged("failed: 202 was taken again when 201 answered")
    assert office.waiting() == []


def test_completion_on_no_reply(open_office: OpenOffice) -> None:
    """After a call that rang out: 5 registers; the recall comes when the callee has used the phone and is free."""
    office = open_office(extensions=SHORT_RING)
    a, b, c = office.phones.values()
    office.watch()
    let_ring(office, 1)
    a.dial("202")
    a.established()
    a.wait_until_heard(prompt("busy-callback-noanswer"))
    a.press("5")
    a.closed()
    let_ring(office, 15)
    assert heard(prompt("busy-callback-ok"), a.recordings()[-1])
    assert [request.kind for request in office.live()] == ["no-reply"]
    office.wait_idle("201", "202")
    assert a.rings == 0
    office.talk(b, c)
    office.until_logged("202 uses the phone")
    assert a.rings == 0
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")


def test_who_reached_the_callee_otherwise_is_not_recalled(open_office: OpenOffice) -> None:
    """The callee calls the caller in the guard time: the request is completed, nobody is recalled."""
    office, a, b, _c = one_waits(open_office, settings={"guard_time": "60"})
    b.hang_up()
    b.closed()
    office.wait_idle("202")
    office.talk(b, a)
    office.until_logged("completed: 201 and 202 reached each other")
    rings = a.rings
    b.hang_up()
    office.wait_idle("201", "202")
    assert office.command("poll").returncode == 0
    assert office.waiting() == []
    assert a.rings == rings == 1


def test_who_calls_the_callee_again_is_not_recalled(open_office: OpenOffice) -> None:
    """The caller tries again by itself and gets through: the request is completed."""
    office, a, b, c = one_waits(open_office, settings={"guard_time": "60"})
    c.hang_up()
    b.closed()
    office.wait_idle("202")
    office.talk(a, b)
    office.until_logged("completed: 201 and 202 reached each other")
    assert a.rings == 0


def test_feature_codes(open_office: OpenOffice) -> None:
    """*66 asks for the last busy number after hanging up, *87 tells how many wait, *86 cancels them."""
    office = open_office()
    a, b, c = office.phones.values()
    listen(office, a, "*66")
    assert heard(prompt("busy-callback-nolast"), a.recordings()[-1])
    office.talk(b, c)
    a.dial("202")
    a.established()
    a.hang_up()
    a.closed()
    office.wait_idle("201")
    assert office.waiting() == []
    for code, name in [
        ("*87", "busy-callback-none"),
        ("*66", "busy-callback-ok"),
        ("*87", "busy-callback-waiting-1"),
        ("*66", "busy-callback-already"),
        ("*86", "busy-callback-cancelled"),
        ("*86", "busy-callback-none"),
    ]:
        listen(office, a, code)
        assert heard(prompt(name), a.recordings()[-1]), code
    assert office.ended() == [("201-202", "cancelled")]
    assert complaints(office) == []


def test_other_feature_codes(open_office: OpenOffice) -> None:
    """The codes are settings: the dialplan has them, and the key with the lamp has the new one."""
    office = open_office("201", settings={"code_request": "*5", "code_cancel": "#37", "code_count": "*600"})
    a = office.phones["201"]
    for code, name in [("*5", "nolast"), ("#37", "none"), ("*600", "none"), ("*5201", "nolast")]:
        listen(office, a, code)
        assert heard(prompt(f"busy-callback-{name}"), a.recordings()[-1]), code
    listen(office, a, "*66")
    assert a.count("CALL_ESTABLISHED") == 4
    assert complaints(office) == []


def test_voicemail_comes_after_the_offer(open_office: OpenOffice) -> None:
    """Who presses nothing at the offer goes on to voicemail, as always."""
    office = open_office(extensions=SHORT_RING, voicemail=("202",))
    a, b, c = office.phones.values()
    office.talk(b, c)
    mark = office.asterisk.manager.mark()
    a.dial("202")
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    office.asterisk.manager.wait("voicemail", mark, Event="Newexten", Application="VoiceMail")
    assert office.waiting() == []
    a.hang_up()


def test_an_extension_with_two_devices(open_office: OpenOffice) -> None:
    """By hint: whoever uses one of the devices is not free; a recall of such a caller rings both."""
    hints = "[hints]\nexten => 202,hint,@TECH@/202&@TECH@/212\nexten => 201,hint,@TECH@/201&@TECH@/211\n"
    numbers = ("201", "202", "203", "211", "212", "204")
    office = open_office(*numbers, settings={"device": "hint@hints"}, more_dialplan=hints)
    a, b, c, a2, b2, d = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    office.talk(b2, d)
    b.hang_up()
    office.wait_idle("202", "203")
    assert office.command("list").stdout.count("waiting") == 1
    assert a.rings == 0
    b2.hang_up()
    a.ring()
    assert a2.ring().caller_id == "ReDial 202 <202>"
    a.accept()
    a.established()
    a2.closed()
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")


def test_freepbx_devices(open_office: OpenOffice) -> None:
    """With device = freepbx the devices come from AstDB, whatever their numbers are."""
    office = open_office("201", "212", "203", settings={"device": "freepbx"}, more_dialplan="[from-internal]\n"
        "exten => 202,1,Dial(@TECH@/212,15)\n same => n,Gosub(busy-callback,202,1)\n")  # fmt: skip
    a, b, c = office.phones.values()
    for family, key, value in [
        ("AMPUSER", "201/device", "201"),
        ("AMPUSER", "202/device", "212"),
        ("DEVICE", "201/dial", office.asterisk.device("201")),
        ("DEVICE", "212/dial", office.asterisk.device("212")),
    ]:
        office.asterisk.console(f"database put {family} {key} {value}")
    office.watch()
    office.talk(b, c)
    a.dial("202")
    a.established()
    a.wait_until_sound()
    a.press("5")
    a.closed()
    assert office.waiting() == [("201", "202")]
    office.wait_idle("201")
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")


def test_a_phone_that_is_not_registered_is_not_free(open_office: OpenOffice) -> None:
    """The callee's phone is switched off: the request waits until it is back."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(c, b)
    office.ask(a, b)
    office.wait_idle("201")
    b.switch_off()
    office.asterisk.manager.wait_for_state(office.asterisk.device("202"), "UNAVAILABLE")
    assert c.closed()
    assert office.waiting() == [("201", "202")]
    assert a.rings == 0
    b = office.phone("202")
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")


def test_the_lamp(open_office: OpenOffice) -> None:
    """A key's lamp: off; on while a callback waits; blinking in the recall; the key's number asks and cancels."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    lamp = Lamp(office.asterisk.sip_port, "201", "*66201")
    lamp.wait("off")
    office.talk(b, c)
    office.ask(a, b)
    lamp.wait("on")
    office.wait_idle("201")
    listen(office, a, "*66201")
    assert heard(prompt("busy-callback-cancelled"), a.recordings()[-1])
    lamp.wait("off")
    listen(office, a, "*66201")
    assert heard(prompt("busy-callback-ok"), a.recordings()[-1])
    lamp.wait("on")
    b.hang_up()
    a.ring()
    lamp.wait("blinking")
    a.accept()
    lamp.wait("off")
    b.answer()
    a.hang_up()
    office.until_logged("completed")
    lamp.close()
    assert complaints(office) == []


def test_a_recall_looks_and_sounds_like_one(open_office: OpenOffice) -> None:
    """Alert-Info for a distinctive ring, the caller ID's text as set, and every prompt in the caller's language."""
    office = open_office(
        language="zh",
        settings={"caller_id": "回撥 {callee}", "alert_info": "<http://127.0.0.1/Bellcore-dr2>;info=ring2"},
    )
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    asks(a, "202", "zh")
    office.wait_idle("201")
    b.hang_up()
    assert a.ring().caller_id == "回撥 202 <202>"
    assert "Alert-Info: <http://127.0.0.1/Bellcore-dr2>;info=ring2" in a.sip_trace()
    a.accept()
    a.established()
    a.wait_until_heard(prompt("busy-callback-recall", "zh"))
    b.answer()
    assert "Alert-Info" not in b.sip_trace()
    a.hang_up()
    office.until_logged("completed")
    assert complaints(office) == []


def test_the_leg_of_a_group_is_offered_nothing(open_office: OpenOffice) -> None:
    """A ring group's leg to a busy phone is not answered by the offer: the group's caller goes on waiting."""
    group = "[from-internal]\nexten => group,1,Dial(Local/202@from-internal/n,5)\n same => n,Hangup()\n"
    office = open_office(more_dialplan=group)
    a, b, c = office.phones.values()
    office.talk(b, c)
    a.dial("group")
    a.closed()
    assert a.count("CALL_ESTABLISHED") == 0
    assert complaints(office) == []
