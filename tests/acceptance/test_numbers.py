"""Numbering plans, and what a dialplan hands to the AGI script, good and bad."""

from __future__ import annotations

import pytest

from ..lab.audio import heard
from ..lab.office import Office
from .conftest import OpenOffice, complaints, prompt

# Each is one dialplan argument list; URIDECODE makes the characters that a dialplan can't spell.
BAD = {
    "empty": ",202",
    "no_callee": "201",
    "letters": "alice,202",
    "two_numbers": "201&203,202",
    "forty_digits": "201," + "2" * 40,
    "newline": "201,${URIDECODE(202%0AApplication: System)}",
    "carriage_return": "${URIDECODE(201%0D%0A)},202",
    "dial_options": "201,202@trunk",
    "expression": "201,${URIDECODE(%24%7BSHELL(id)%7D)}",
    "outside_the_plan": "201,902",
    "itself": "201,201",
    "unknown_kind": "201,202,sometimes",
}
TEST_DIALPLAN = """\
[from-internal]
exten => bad,1,AGI(busy_callback.py,{arguments})
 same => n,UserEvent(Lab,Status: ${{BUSY_CALLBACK_STATUS}})
 same => n,Playback(busy-callback-ok)
"""


def refused(office: Office) -> list[str]:
    """Return the log lines about refused requests."""
    return [line for line in office.asterisk.log_text().splitlines() if "REFUSED:" in line and "WARNING[" in line]


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused(open_office: OpenOffice, arguments: str) -> None:
    """REFUSED: the failure prompt, hung up before the page's confirmation, nothing stored, one clear log line."""
    dialplan = TEST_DIALPLAN.format(arguments=arguments)
    office = open_office("201", more_dialplan=dialplan, settings={"extensions": "2XX"})
    (a,) = office.phones.values()
    a.dial("bad")
    a.closed()
    assert heard(prompt("busy-callback-failed"), a.recordings()[-1])
    assert not heard(prompt("busy-callback-ok"), a.recordings()[-1])
    assert office.waiting() == []
    assert len(refused(office)) == 1
    assert [line for line in complaints(office) if "REFUSED" not in line] == []


@pytest.mark.parametrize(("caller", "callee", "other"), [("2001", "2002", "2003"), ("201", "3002", "203")])
def test_longer_and_mixed_extensions(open_office: OpenOffice, caller: str, callee: str, other: str) -> None:
    """The page's flow with four-digit, and with three- and four-digit extensions."""
    office = open_office(caller, callee, other)
    a, b, c = office.phones.values()
    office.watch()
    office.talk(c, b)
    office.ask(a, b)
    office.wait_idle(caller)
    c.hang_up()
    assert a.answer().caller_id == f"ReDial {callee} <{callee}>"
    assert b.answer().caller_id == f"Phone {caller} <{caller}>"
    a.hang_up()
    office.until_logged("completed:")
    assert complaints(office) == []


def test_both_ways_between_lengths(open_office: OpenOffice) -> None:
    """A four-digit caller and a three-digit callee: the name rdFROMTO alone could be read in two ways."""
    office = open_office("3002", "201", "202")
    a, b, c = office.phones.values()
    office.watch()
    office.talk(c, b)
    office.ask(a, b)
    office.wait_idle("3002")
    c.hang_up()
    assert a.answer().caller_id == "ReDial 201 <201>"
    assert b.answer().caller_id == "Phone 3002 <3002>"
    a.hang_up()
    office.until_logged("completed:")


def test_a_call_file_written_by_hand_works_as_on_the_page(open_office: OpenOffice) -> None:
    """Without the variables of our call files, rdFROMTO rings FROM and dials TO, as the page's script had it."""
    office = open_office("201", "202")
    a, b = office.phones.values()
    call_file = office.asterisk.folder / "by-hand.call"
    call_file.write_text(
        "Channel: Local/rd201202@custom-auto-redial\nContext: from-internal\nExtension: 202\nPriority: 1\n"
    )
    call_file.rename(office.asterisk.folder / "spool/outgoing/by-hand.call")
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.wait_until_tone(b.tone)
    a.hang_up()
    b.closed()
    assert complaints(office) == []
