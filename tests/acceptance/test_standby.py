"""Two machines for one office: the standby's Asterisk and poller go on with the spool of one that was killed."""

from __future__ import annotations

from ..lab.office import Office
from ..lab.phone import Phone
from .conftest import OpenOffice, waits_for


def take_over(office: Office) -> None:
    """Kill Asterisk and poller as a power cut would, and start those of the other machine.

    That has the same settings and paths, the spool and the address; what Asterisk kept in its own database is gone.
    """
    office.kill_watches()
    office.asterisk.kill()
    for phone in office.phones.values():
        phone.close()
    lib = office.asterisk.folder / "lib"
    lib.rename(lib.with_name("lib-of-the-active"))
    lib.mkdir()
    office.asterisk.start()


def meet(caller: Phone, callee: Phone) -> None:
    """Let a recalled caller and the callee answer."""
    caller.answer()
    callee.answer()
    caller.hang_up()


def test_the_standby_takes_over(open_office: OpenOffice) -> None:
    """One waits, and one is being rung: the first is served, the second is not rung again at once; each once."""
    office = open_office("201", "202", "203", "204", "205", settings={"retry_pause": "3"})
    a, b, c, d, _e = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    waits_for(office, "204", "205")
    d.ring()
    office.until_logged("204-205-.*recall 1")
    take_over(office)
    office.watch()
    office.until_logged("204-205-.*Asterisk stopped during the recall")
    assert sorted(office.waiting()) == [("201", "202"), ("204", "205")]
    d, e = office.phone("204"), office.phone("205")
    meet(d, e)
    office.until_logged("completed: 204 and 205")
    assert a.rings == 0
    a = office.phone("201")
    meet(a, office.phone("202"))
    office.until_logged("completed: 201 and 202")
    assert (a.rings, d.rings, e.rings) == (1, 1, 1)
    assert sorted(office.ended()) == [("201-202", "completed"), ("204-205", "completed")]
    assert office.asterisk.log_text("busy_callback.log").count(": ringing 204") == 2
