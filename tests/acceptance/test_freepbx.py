"""The offer in dialplans of FreePBX's kind, in both their forms: as 15 and 16 write them, and as 17 does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from busy_callback.setup.config_files import lines_of
from busy_callback.setup.extensions_conf import read
from busy_callback.setup.freepbx import takeover_lines

from ..lab.freepbx_dialplans import FREEPBX, ISSABEL, additional, files, follow_me
from ..lab.office import Office
from ..lab.phone import Phone
from ..lab.releases import Release
from .conftest import prompt
from .test_trial import left, tried

CODES = "[from-internal-custom]\ninclude => busy-callback-codes\n"
MARKS = ("BUSY_TONE", "CONG", "BACK", "MAIL", "FOLL", "GROUP")
OpenFreepbx = Callable[..., Office]


@pytest.fixture
def open_freepbx(release: Release, tmp_path: Path) -> Iterator[OpenFreepbx]:
    """Open an office whose dialplan is FreePBX's; Asterisk 16 has it in the form of Macros, 22 of Gosubs."""
    offices: list[Office] = []

    def open_one(
        *people: str, trace: bool = False, busy_destination: str = "", product: str = FREEPBX, no_reply: bool = False
    ) -> Office:
        form = "Macro" if release.version == "16" else "Gosub"
        generated = files(product, additional(form, trace, release.technology, busy_destination, product))
        settings = {"device": "freepbx", "extensions": "XXX XXXX XXXXXXXX"}
        main = generated.pop("extensions.conf")
        office = Office(release, tmp_path / "office", people, settings=settings, extensions=main, files=generated)
        offices.append(office)
        etc = office.asterisk.folder / "etc"
        offers = takeover_lines(read(tuple(lines_of(etc / "extensions.conf", etc))), no_reply)
        custom = "\n".join(["#include extensions_busy_callback.conf", *offers, CODES])
        office.asterisk.configure("extensions_custom.conf", custom)
        office.__enter__()
        for number in people:
            office.phone(number)
            office.asterisk.console(f"database put AMPUSER/{number} device {number}")
            office.asterisk.console(f"database put AMPUSER {number}/cidname Phone{number}")
            office.asterisk.console(f"database put DEVICE/{number} dial {release.technology}/{number}")
            office.asterisk.console(f"database put DEVICE/{number} user {number}")
        return office

    yield open_one
    for office in offices:
        office.close()
        print(office.asterisk.log_text())


def marks(office: Office) -> str:
    """Return the globals by which the dialplan tells where it went."""
    found = [line.strip() for line in office.asterisk.console("dialplan show globals").splitlines()]
    return " ".join(sorted(line for line in found if line.startswith(MARKS)))


def presses_nothing(a: Phone, number: str) -> None:
    """Let 201 find a number busy, hear the offer, and press nothing until the call ends."""
    a.dial(number)
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    a.closed()


@pytest.mark.parametrize(("trace", "product"), [(True, FREEPBX), (False, FREEPBX), (False, ISSABEL)])
def test_without_voicemail(open_freepbx: OpenFreepbx, trace: bool, product: str) -> None:
    """The busy 202 is offered, registered and called back; who presses nothing hears FreePBX's busy tone."""
    office = open_freepbx("201", "202", "203", trace=trace, product=product)
    a, b, c = office.phones.values()
    office.watch()
    office.talk(c, b)
    a.dial("202")
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    a.closed()
    assert marks(office) == "BUSY_TONE=202"
    office.wait_idle("201")
    office.ask(a, b)
    assert office.waiting() == [("201", "202")]
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.wait_until_tone(b.tone)
    a.hang_up()
    b.closed()
    office.until_logged("completed:")


def test_with_voicemail(open_freepbx: OpenFreepbx) -> None:
    """The offer comes once, before the mailbox; who presses nothing goes on to it."""
    office = open_freepbx("201", "203", "202")
    a, b, c = office.phones.values()
    office.talk(c, b)
    presses_nothing(a, "203")
    assert marks(office) == "MAILBOX=203"
    assert office.waiting() == []
    office.wait_idle("201")
    office.ask(a, b)
    assert office.waiting() == [("201", "203")]


@pytest.mark.parametrize("strategy", ["hunt", "ringallv2-prim"])
def test_with_follow_me(open_freepbx: OpenFreepbx, strategy: str) -> None:
    """The busy 204 is offered before the call follows it, whether follow-me tries it first or rings its list at once.

    Who presses nothing rings 205, and is not asked again.
    """
    office = open_freepbx("201", "204", "205", "202")
    a, b, d, c = office.phones.values()
    for (family, key), value in follow_me("204", "204-205", strategy).items():
        office.asterisk.console(f"database put {family} {key} {value}")
    office.talk(b, c)
    a.dial("204")
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    d.ring()
    d.hang_up()
    a.closed()
    log = office.asterisk.log_text()
    assert log.index('"BUSY_CALLBACK_DIGIT,') < log.index("RGFMDIAL=")  # what follow-me does last before it rings
    assert marks(office) == "FOLLOWED=204 MAILBOX=204"
    office.wait_idle("201", "205")
    office.ask(a, b)
    assert office.waiting() == [("201", "204")]


def test_call_forward_on_busy_goes_first(open_freepbx: OpenFreepbx) -> None:
    """A busy 202 that forwards to 203 rings 203; nothing is offered unless 203 is busy too."""
    office = open_freepbx("201", "202", "203", "204")
    a, b, d, c = office.phones.values()
    office.asterisk.console("database put CFB 202 203")
    office.talk(c, b)
    a.dial("202")
    d.answer()
    a.established()
    a.wait_until_tone(d.tone)
    a.hang_up()
    d.closed()
    assert office.waiting() == []


@pytest.mark.parametrize("product", [FREEPBX, ISSABEL])
def test_who_gives_up_while_it_rings_may_ask_by_the_code(open_freepbx: OpenFreepbx, product: str) -> None:
    """Without a mailbox FreePBX rings for ever: the number that 201 gave up on is served by *66."""
    office = open_freepbx("201", "20010001", product=product)
    a, b = office.phones.values()
    a.dial("20010001")
    b.ring()
    a.hang_up()
    a.closed()
    office.until_kept("201")
    a.dial("*66")
    a.closed()
    assert [(request.callee, request.kind) for request in office.live()] == [("20010001", "no-reply")]


def test_no_answer_goes_on_to_voicemail(open_freepbx: OpenFreepbx) -> None:
    """With a mailbox the caller goes on to it as ever, and may ask by the code afterwards."""
    office = open_freepbx("201", "203")
    a, b = office.phones.values()
    a.dial("203")
    b.ring()
    a.closed()
    assert marks(office) == "MAILBOX=203 unavailable"
    a.dial("*66")
    a.closed()
    assert [(request.callee, request.kind) for request in office.live()] == [("203", "no-reply")]


def test_no_answer_before_voicemail(open_freepbx: OpenFreepbx) -> None:
    """Where the admin wants it, it is offered before the mailbox; who presses nothing goes on to that."""
    office = open_freepbx("201", "203", no_reply=True)
    a, b = office.phones.values()
    a.dial("203")
    b.ring()
    a.established()
    a.wait_until_heard(prompt("busy-callback-noanswer"))
    a.closed()
    assert marks(office) == "MAILBOX=203 unavailable"
    office.wait_idle("201", "203")
    office.ask(a, b)
    assert [(request.callee, request.kind) for request in office.live()] == [("203", "no-reply")]


def test_a_phone_that_is_off(open_freepbx: OpenFreepbx) -> None:
    """202's phone is not registered: 201 is offered a callback for when it is back."""
    office = open_freepbx("201", "202")
    a, b = office.phones.values()
    b.switch_off()
    office.asterisk.manager.wait_for_state(office.asterisk.device("202"), "UNAVAILABLE")
    office.ask(a, b)
    assert [(request.callee, request.kind) for request in office.live()] == [("202", "not-logged-in")]


def test_do_not_disturb_is_not_offered(open_freepbx: OpenFreepbx) -> None:
    """An idle 202 on do-not-disturb says busy: 201 hears the busy tone at once, without an offer."""
    office = open_freepbx("201", "202")
    a, b = office.phones.values()
    office.asterisk.console("database put DND 202 YES")
    a.dial("202")
    a.closed()
    assert marks(office) == "BUSY_TONE=202"
    assert b.rings == 0
    assert office.waiting() == []


def test_a_busy_destination_goes_first(open_freepbx: OpenFreepbx) -> None:
    """Where the admin has set a destination for busy, FreePBX goes there, without an offer."""
    office = open_freepbx("201", "206", "202", "203", busy_destination="ext-local,203,1")
    a, b, c, d = office.phones.values()
    office.talk(c, b)
    a.dial("206")
    d.ring()
    a.hang_up()
    assert office.waiting() == []


def test_back_to_the_ivr(open_freepbx: OpenFreepbx) -> None:
    """A call that came through an IVR and presses nothing returns to it, as FreePBX wants."""
    office = open_freepbx("201", "202", "203")
    a, b, c = office.phones.values()
    office.asterisk.console("dialplan add extension 900,1,Set(IVR_RETVM=RETURN), into from-internal-custom")
    office.asterisk.console("dialplan add extension 900,2,Set(IVR_CONTEXT=ivr-1) into from-internal-custom")
    office.asterisk.console("dialplan add extension 900,3,Goto(ext-local,202,1) into from-internal-custom")
    office.talk(c, b)
    a.dial("900")
    a.established()
    a.wait_until_heard(prompt("busy-callback"))
    a.closed()
    assert marks(office) == "BACK_TO_IVR=202"


def test_calls_from_outside_are_offered_nothing(open_freepbx: OpenFreepbx) -> None:
    """A trunk's call that claims to be 201, without FROM_DID: FreePBX's busy tone, or its mailbox, at once."""
    office = open_freepbx("trunk", "202", "203", "201")
    outsider, b, c, _ = office.phones.values()
    office.asterisk.console("dialplan add extension 902,1,Set(CALLERID(num)=201), into from-internal-custom")
    office.asterisk.console("dialplan add extension 902,2,Set(AMPUSER=201) into from-internal-custom")
    office.asterisk.console("dialplan add extension 902,3,Goto(ext-local,202,1) into from-internal-custom")
    office.asterisk.console("database del AMPUSER/trunk device")
    office.asterisk.console("database del DEVICE/trunk dial")
    office.talk(c, b)
    outsider.dial("902")
    outsider.closed(40)
    assert marks(office) == "BUSY_TONE=202"
    assert outsider.count("CALL_ESTABLISHED") == 0
    assert office.waiting() == []


def test_users_and_devices(open_freepbx: OpenFreepbx) -> None:
    """User 201 is logged in at device 5001, whose caller ID is a direct number: offered, registered, called back."""
    office = open_freepbx("5001", "202", "203")
    a, b, c = office.phones.values()
    for family, key, value in [
        ("AMPUSER", "201/device", "5001"),
        ("DEVICE", "5001/user", "201"),
        ("AMPUSER", "5001/device", "none"),
    ]:
        office.asterisk.console(f"database put {family} {key} {value}")
    office.watch()
    office.talk(c, b)
    office.ask(a, b)
    assert office.waiting() == [("201", "202")]
    office.wait_idle("5001")
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.hang_up()
    office.until_logged("completed:")


def test_a_caller_id_alias(open_freepbx: OpenFreepbx) -> None:
    """201 shows its direct number to others (cidnum): it is offered and registered as 201 all the same."""
    office = open_freepbx("201", "202", "203")
    a, b, c = office.phones.values()
    office.asterisk.console("database put AMPUSER 201/cidnum 0223456789")
    office.talk(c, b)
    office.ask(a, b)
    assert office.waiting() == [("201", "202")]


def test_a_ring_group_is_offered_nothing(open_freepbx: OpenFreepbx) -> None:
    """A ring group whose members are busy ends as FreePBX wants, without an offer.

    No member's number is kept, nor is it when the caller gives up while the group rings.
    """
    office = open_freepbx("201", "202", "203")
    a, b, c = office.phones.values()
    office.talk(c, b)
    a.dial("600")
    a.closed()
    assert a.count("CALL_ESTABLISHED") == 0
    assert "GROUP_ENDED" in marks(office)
    b.hang_up()
    office.wait_idle("201", "202", "203")
    a.dial("600")
    b.ring()
    a.hang_up()
    office.wait_idle("201")
    a.dial("*66")
    a.closed()
    assert office.waiting() == []


def test_a_trial_works_beside_freepbx(open_freepbx: OpenFreepbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor's trial needs nothing of FreePBX's, goes through none of its dialplan, and leaves nothing."""
    office = open_freepbx("201")
    office.spool.prepare()
    assert [check for check in tried(office, monkeypatch) if not check.ok] == []
    assert left(office) == []
    assert marks(office) == ""


def test_nothing_is_defined_twice(open_freepbx: OpenFreepbx) -> None:
    """A reload of the dialplan has no complaint about what is put before FreePBX's own steps."""
    office = open_freepbx("201")
    office.asterisk.console("dialplan reload")
    assert "already in use" not in office.asterisk.log_text()
    assert "Unable to register" not in office.asterisk.log_text()


def test_a_ring_groups_leg_is_not_answered_by_an_offer(open_freepbx: OpenFreepbx) -> None:
    """A Local channel, as ring groups and queues use, is offered nothing: the group would take it for answered."""
    office = open_freepbx("201", "202", "203")
    a, b, c = office.phones.values()
    office.talk(c, b)
    office.asterisk.console("dialplan add extension 901,1,Dial(Local/202@ext-local/n) into from-internal-custom")
    a.dial("901")
    a.closed()
    assert a.count("CALL_ESTABLISHED") == 0
    assert office.waiting() == []
