"""The page's flow on a machine where the package was installed, and whose poller nobody but cron starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..lab.machine import Machine
from ..lab.phone import Phone
from .conftest import asks, talk_again

SPOOL = "/var/spool/asterisk/busy_callback"
MINUTE = 240.0  # seconds in which cron has surely run the poller for the first time; it takes one minute


def wait_for_cron(machine: Machine, since: float) -> None:
    """Wait until cron, which began at ``since`` (monotonic), has run the poller."""
    lock = machine.root / SPOOL[1:] / "poller.lock"
    while not lock.exists() or not lock.read_text():
        assert time.monotonic() < since + MINUTE, machine.run("cat /tmp/daemon.log; ls -lR /var/spool")
        time.sleep(0.2)


@contextmanager
def plugged_in(machine: Machine, folder: Path) -> Iterator[list[Phone]]:
    """Phones 201, 202 and 203, registered."""
    with ExitStack() as stack:
        found = []
        for number, tone in (("201", 440), ("202", 620), ("203", 880)):
            phone = Phone(number, folder / number, machine.sip_port, tone)
            found.append(stack.enter_context(phone))
        for phone in found:
            machine.wait_until_registered(phone.number)
        yield found


def is_called_back(machine: Machine, phones: list[Phone], command: str) -> None:
    """Let 201 find 202 busy, press 5, and be called back when 202 is free."""
    a, b, c = phones
    b.dial("203")
    c.answer()
    b.established()
    asks(a, b.number)
    assert "201-202" in machine.run(f"{command} list").stdout
    b.hang_up()
    talk_again(a, b)
