"""What the acceptance tests share: an office on each Asterisk."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from busy_callback.request import BUSY

from ..lab.audio import heard
from ..lab.office import REPOSITORY, Office
from ..lab.phone import Event, Phone
from ..lab.releases import RELEASES, Release

OpenOffice = Callable[..., Office]
# While it boots, Asterisk complains of the configuration files that the lab leaves out: no matter here.
AT_BOOT = re.compile(r"(WARNING|ERROR)\S* (pbx|extconf|ast_expr2)")
IN_SERVICE = re.compile(r"(WARNING|ERROR)\[|Traceback")
# Asterisk's own: macros are on the page; from 17 on chan_sip says so when all has booted (channels/chan_sip.c); and a
# caller's voice may come as the callee's phone hangs up. The lab has none of voicemail's own prompts.
NO_MATTER = re.compile(
    r" app_macro\.c|chan_sip\.c: (chan_sip has no|chan_pjsip is rec|https://wiki\.asterisk\.org/)"
    r"|app_dial\.c: Unable to forward frametype|file\.c: .* vm-"
)


@pytest.fixture(params=RELEASES, ids=lambda release: f"asterisk{release.version}")
def release(request: pytest.FixtureRequest) -> Release:
    """Each of the two Asterisks."""
    found: Release = request.param
    return found


@pytest.fixture
def open_office(release: Release, tmp_path: Path) -> Iterator[OpenOffice]:
    """Open an office with a phone for each number; it closes with the test, and its logs are shown.

    ``more`` are numbers that Asterisk knows too, whose phones the test brings.
    """
    offices: list[Office] = []

    def open_one(*people: str, more: tuple[str, ...] = (), **options: Any) -> Office:
        numbers = (*(people or ("201", "202", "203")), *more)
        office = Office(release, tmp_path / f"office{len(offices)}", numbers, **options)
        offices.append(office)
        office.__enter__()
        for number in people or ("201", "202", "203"):
            office.phone(number)
        return office

    yield open_one
    for office in offices:
        office.close()
        print(office.asterisk.log_text())
        print(office.asterisk.log_text("busy_callback.log"))


def one_waits(open_office: OpenOffice, **options: Any) -> tuple[Office, Phone, Phone, Phone]:
    """Open an office with a watch where 202 talks with 203 and 201, idle again, waits for 202."""
    office = open_office(**options)
    return office, *let_wait(office)


def let_wait(office: Office) -> tuple[Phone, Phone, Phone]:
    """Start a watch, and let 202 talk with 203, and 201, idle again, wait for 202; return the three phones."""
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    return a, b, c


def asks(caller: Phone, number: str, language: str = "en") -> None:
    """Let a caller find a number busy, hear the prompt to its end, press 5 and hear the confirmation."""
    caller.dial(number)
    caller.established()
    caller.wait_until_heard(prompt("busy-callback", language))
    caller.press("5")
    caller.closed()
    assert heard(prompt("busy-callback-ok", language), caller.recordings()[-1])


def talk_again(caller: Phone, callee: Phone) -> Event:
    """Let both answer a recall, that shows the callee's number, the caller first; both hear the other.

    Return how the callee was rung.
    """
    rings = callee.rings
    assert caller.ring().caller_id == f"ReDial {callee.number} <{callee.number}>"
    assert callee.rings == rings
    caller.accept()
    caller.established()
    ring = callee.answer()
    caller.wait_until_tone(callee.tone)
    callee.wait_until_tone(caller.tone)
    caller.hang_up()
    callee.closed()
    return ring


def waits_for(office: Office, caller: str, callee: str) -> None:
    """Let a caller wait for a callee that was never busy, as if it had asked."""
    office.spool.prepare()
    office.spool.register(caller, callee, BUSY, "", office.settings, time.time())


def prompt(name: str, language: str = "en") -> Path:
    """Return a prompt's file, as a phone with g711 hears it."""
    return REPOSITORY / "sounds" / language / f"{name}.wav"


def complaints(office: Office) -> list[str]:
    """Return what Asterisk complained of: of the dialplan as it loaded it, and of anything at work."""
    boot, _, service = office.asterisk.log_text().partition("Asterisk Ready")
    return [
        line
        for text, pattern in ((boot, AT_BOOT), (service, IN_SERVICE))
        for line in text.splitlines()
        if pattern.search(line) and not NO_MATTER.search(line)
    ]
