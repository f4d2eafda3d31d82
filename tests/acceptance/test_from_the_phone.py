"""Asking without a call before, cancelling one of several, and waiting for a phone that is not logged in."""

from __future__ import annotations

import pytest

from ..lab.audio import heard
from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, complaints, prompt
from .test_offer import VOICEMAIL, goes_to_voicemail
from .test_service import listen


def hears(office: Office, phone: Phone, number: str, name: str) -> None:
    """Let a phone dial a number and stay: it hears the whole of that prompt, to its end."""
    listen(office, phone, number)
    assert heard(prompt(f"busy-callback-{name}"), phone.recordings()[-1]), number


def test_a_number_is_asked_for_without_a_call_before(open_office: OpenOffice) -> None:
    """*66202 while 202 is busy: no call to 202; the recall comes when it is free."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    hears(office, a, "*66202", "ok")
    hears(office, a, "*66202", "already")
    assert [(r.caller, r.callee, r.kind) for r in office.live()] == [("201", "202", "busy")]
    assert (a.rings, b.rings) == (0, 0)
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
    assert complaints(office) == []


def test_a_number_that_is_free_is_recalled_at_once(open_office: OpenOffice) -> None:
    """*66202 while 202 is idle: the recall follows as soon as the caller has hung up."""
    office = open_office("201", "202", settings={"guard_time": "60"})
    a, b = office.phones.values()
    hears(office, a, "*66202", "ok")
    assert office.command("poll").returncode == 0
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_report("callee ANSWER")


@pytest.mark.parametrize("number", ["299", "208", "2021234"], ids=["no_device", "not_a_callee", "not_in_the_plan"])
def test_what_can_not_be_served_is_refused(open_office: OpenOffice, number: str) -> None:
    """*66 and a number without a device, one that the admin took out, or none of the plan: nothing waits."""
    office = open_office("201", settings={"not_callees": "208"}, more=("208",))
    hears(office, office.phones["201"], f"*66{number}", "failed")
    assert office.waiting() == []


def test_who_wants_no_calls_is_not_asked_for(open_office: OpenOffice) -> None:
    """*66202 while 202 has do not disturb, or forwards all, in AstDB: it can't be, nothing waits."""
    office = open_office("201", "202")
    for family in ("CF", "DND"):
        office.asterisk.console(f"database put {family} 202 203")
        hears(office, office.phones["201"], "*66202", "failed")
        office.asterisk.console(f"database del {family} 202")
    assert office.waiting() == []
    hears(office, office.phones["201"], "*66202", "ok")


def test_one_of_several_is_cancelled(open_office: OpenOffice) -> None:
    """*86202 cancels the callback to 202, and no other; a second time there is none such."""
    office = open_office("201", "202", "203", "204")
    a, b, c, d = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    office.ask(d, b)
    hears(office, a, "*66203", "ok")
    hears(office, a, "*86202", "cancelled-one")
    assert office.waiting() == [("204", "202"), ("201", "203")]
    hears(office, a, "*86202", "none-such")
    hears(office, a, "*87", "waiting-1")
    assert complaints(office) == []
    hears(office, a, "*869", "none-such")


def test_other_codes_take_a_number_too(open_office: OpenOffice) -> None:
    """Codes of other lengths, as the settings have them: the number begins behind each one's own."""
    office = open_office("201", "202", settings={"code_request": "*5", "code_cancel": "#37"})
    a = office.phones["201"]
    hears(office, a, "*5202", "ok")
    hears(office, a, "#37202", "cancelled-one")
    assert office.ended() == [("201-202", "cancelled")]


def test_completion_on_not_logged_in(open_office: OpenOffice) -> None:
    """The callee's phone is switched off: 5 registers; the recall comes when it is back and free."""
    office = open_office(extensions=VOICEMAIL, voicemail=("202",))
    a, b, c = office.phones.values()
    office.watch()
    b.switch_off()
    office.asterisk.manager.wait_for_state(office.asterisk.device("202"), "UNAVAILABLE")
    a.dial("202")
    a.established()
    a.wait_until_heard(prompt("busy-callback-unavailable"))
    a.press("5")
    a.closed()
    assert heard(prompt("busy-callback-ok"), a.recordings()[-1])
    assert [request.kind for request in office.live()] == ["not-logged-in"]
    office.wait_idle("201")
    hears(office, c, "*66202", "ok")
    assert [request.kind for request in office.live()] == ["not-logged-in"] * 2
    assert a.rings == c.rings == 0
    b = office.phone("202")
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    assert c.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    c.hang_up()
    office.until_logged("completed: 203 and 202 talked")


def test_completion_on_not_logged_in_is_turned_off(open_office: OpenOffice) -> None:
    """not_logged_in = no, or an offer for busy calls only: on to voicemail; and *66202 can't be."""
    office = open_office("201", more=("202",), extensions=VOICEMAIL, voicemail=("202",))
    office.set(not_logged_in="no")
    a = office.phones["201"]
    goes_to_voicemail(office, a, "202")
    hears(office, a, "*66202", "failed")
    office.set(not_logged_in="yes")
    text = (office.asterisk.folder / "etc/extensions.conf").read_text()
    office.asterisk.configure("extensions.conf", text.replace("s,1(${EXTEN})", "s,1(${EXTEN},busy)"))
    office.asterisk.console("dialplan reload")
    goes_to_voicemail(office, a, "202")
    assert office.waiting() == []


def test_who_asks_again_in_the_recall_is_called_back(open_office: OpenOffice) -> None:
    """Without retention the callee, taken again, is offered anew: 5 keeps the request, whatever becomes of it."""
    office = open_office(settings={"retention": "no", "attempts": "1"})
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    c.hang_up()
    a.ring()
    office.talk(c, b)
    a.accept()
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    a.press("5")
    a.wait_until_heard(prompt("busy-callback-already"))
    a.hang_up()
    office.until_logged("201-202-.* 201 asked again for 202 in the recall")
    c.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
