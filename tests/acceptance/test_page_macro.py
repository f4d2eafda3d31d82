"""The page's own way: its s-BUSY lines in a dialplan of macros, which Asterisk 16 still has."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..lab.audio import heard
from ..lab.office import REPOSITORY, Office
from ..lab.releases import ASTERISK_16, Release
from .conftest import OpenOffice, complaints, prompt

PAGE = """\
[from-internal]
exten => _XXX,1,Macro(exten-vm,novm,${EXTEN})

[macro-exten-vm]
exten => s,1,Dial(SIP/${ARG2},15)
exten => s,2,Goto(s-${DIALSTATUS},1)
#include page_macro.conf
exten => s-NOANSWER,1,Hangup()
exten => _s-.,1,Hangup()

#include extensions_busy_callback.conf
"""


@pytest.fixture(params=[ASTERISK_16], ids=["asterisk16"])
def release(request: pytest.FixtureRequest) -> Release:
    """Only the Asterisk that has macros."""
    found: Release = request.param
    return found


@pytest.fixture
def office(open_office: OpenOffice, tmp_path: Path) -> Office:
    """An office with the page's dialplan."""
    (tmp_path / "office0" / "etc").mkdir(parents=True)
    lines = (REPOSITORY / "dialplan" / "page_macro.conf").read_text()
    (tmp_path / "office0" / "etc" / "page_macro.conf").write_text(lines)
    return open_office(extensions=PAGE)


def test_the_pages_macro_works(office: Office) -> None:
    """The page's lines, with AGI(busy_callback.py,${CALLERID(number)},${MACRO_EXTEN}), give the page's flow."""
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    assert heard(prompt("busy-callback-ok"), a.recordings()[-1])
    assert office.waiting() == [("201", "202")]
    office.wait_idle("201")
    b.hang_up()
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.wait_until_tone(b.tone)
    b.hang_up()
    office.until_logged("completed:")
    assert complaints(office) == []


def test_the_page_never_confirms_what_is_not_on_disk(office: Office) -> None:
    """The page's dialplan does not look at the status: a full spool is told by the script itself."""
    a, b, c = office.phones.values()
    office.spool.prepare()
    office.talk(b, c)
    a.dial("202")
    a.established()
    Path(office.directories.spool, "requests").rmdir()
    Path(office.directories.spool, "requests").write_text("in the way")
    a.press("5")
    a.closed()
    assert heard(prompt("busy-callback-failed"), a.recordings()[-1])
    assert not heard(prompt("busy-callback-ok"), a.recordings()[-1])


def test_the_page_offers_nothing_to_do_not_disturb(office: Office) -> None:
    """A phone that says busy while it is idle: the page's check of AVAILSTATUS goes to s-NOANSWER."""
    a, b, _ = office.phones.values()
    a.dial("202")
    b.ring()
    b.hang_up()
    a.closed()
    assert a.count("CALL_ESTABLISHED") == 0
