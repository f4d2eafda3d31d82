"""What people do on a machine that is played, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable

from busy_callback.settings import load

from ..lab import WAIT
from .machine import CALLER, Machine


class Skipped(Exception):  # noqa: N818 - nothing is wrong
    """A step that this machine has nothing for."""


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.05)  # nothing tells when


def calls(machine: Machine, number: str, digit: str = "", who: str = CALLER) -> bool:
    """Let a phone call a number, press a digit when something is heard, and tell whether the call was answered."""
    phone = machine.phones[who]
    phone.pass_all()
    before = phone.count("CALL_ESTABLISHED")
    phone.dial(number)
    if digit:
        phone.established()
        phone.wait_until_sound()
        phone.press(digit)
    phone.closed(60)
    machine.idle(who)
    return phone.count("CALL_ESTABLISHED") > before


def cleared(machine: Machine) -> None:
    """Cancel every request and forget the last numbers."""
    for one in machine.spool.live() if machine.waiting() else []:
        machine.spool.cancel(one.id, "by the test", time.time())
    machine.asterisk.console("database deltree busy-callback-last")


def hung_up(machine: Machine) -> None:
    """End every call."""
    machine.asterisk.console("channel request hangup all")
    machine.idle()
    for phone in machine.phones.values():
        phone.pass_all()


def log_since(machine: Machine, begin: int) -> str:
    """Return what Asterisk has logged since."""
    return machine.asterisk.log_text()[begin:]


def in_voicemail(log: str) -> bool:
    """Tell whether a call came to a mailbox: on an Asterisk without voicemail too, and on the generated forms."""
    return "VoiceMail(" in log or "No application 'VoiceMail'" in log or "GLOBAL(MAILBOX)=" in log


def mark(machine: Machine) -> int:
    """Return where the log ends now."""
    return len(machine.asterisk.log_text())


def code(machine: Machine, name: str) -> str:
    """Return a feature code as install has set it."""
    return str(getattr(load(machine.directories.conf), name))


def prompts(log: str) -> int:
    """Return how often a caller was asked for a digit by us."""
    return log.count('"BUSY_CALLBACK_DIGIT,')


def has(machine: Machine, context: str) -> bool:
    """Tell whether the machine has a context."""
    return f"Context '{context}'" in machine.asterisk.console(f"dialplan show {context}")


def add(machine: Machine, number: str, *steps: str, context: str = "from-internal-custom") -> None:
    """Give the machine an extension."""
    for priority, step in enumerate(steps, 1):
        machine.asterisk.console(f"dialplan add extension {number},{priority},{step} into {context}")


def calls_of(machine: Machine, name: str, *arguments: str) -> str:
    """Return the call of a macro, as the machine's form writes it."""
    given = ",".join(arguments)
    return f"Macro({name},{given})" if machine.form == "Macro" else f"Gosub(macro-{name},s,1({given}))"
