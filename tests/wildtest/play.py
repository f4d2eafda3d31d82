"""What is played on a machine, step by step: each is a function whose docstring says what was seen when it is right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from unittest import mock

from ..lab import WAIT
from .machine import BOXED, CALLER, DEVICE, OTHER, PLAIN, TRUNK, USER, Machine

OURS_TO_STAY = ("busy_callback.conf", "spool/busy_callback")  # they hold what was set, and asked for, since
TWICE = "already in use"
Step = Callable[[Machine], None]


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


# -- the steps -------------------------------------------------------------------------------------


def doctor(machine: Machine) -> None:
    """Doctor finds the offer, the contexts and the manager right."""
    found = machine.doctor()
    for name in ("asterisk", "manager", "permissions", "contexts", "offer", "probe", "prompts", "extensions"):
        ok, message = found[name]
        assert ok, f"{name}: {message}"


def nothing_twice(machine: Machine) -> None:
    """A reload warns of nothing that is defined twice by us."""
    begin = mark(machine)
    machine.reload()
    assert TWICE not in "".join(line for line in log_since(machine, begin).splitlines() if "s-" in line)


def busy(machine: Machine) -> None:
    """busy, no mailbox: offered, 5, registered, recalled, connected."""
    machine.talk(OTHER, PLAIN)
    assert calls(machine, PLAIN, "5"), "not offered"
    assert machine.waiting() == [(CALLER, PLAIN, "busy")]
    machine.asterisk.console("channel request hangup all")
    a, b = machine.phones[CALLER], machine.phones[PLAIN]
    a.answer()
    b.answer()
    a.wait_until_tone(b.tone)
    hung_up(machine)
    until("end of the request", lambda: not machine.waiting())


def busy_tone(machine: Machine) -> None:
    """busy, nothing pressed: goes on to the machine's own busy tone."""
    begin = mark(machine)
    assert calls(machine, PLAIN), "not offered"
    assert "Busy(" in log_since(machine, begin), "no busy tone"
    assert machine.waiting() == []


def busy_with_mailbox(machine: Machine) -> None:
    """busy, mailbox: offered before it, once; nothing pressed goes on to it."""
    machine.talk(OTHER, BOXED)
    machine.phones[CALLER].dial(BOXED)
    machine.phones[CALLER].established()
    begin = mark(machine)
    until("voicemail", lambda: in_voicemail(log_since(machine, begin)))
    machine.phones[CALLER].hang_up()
    machine.phones[CALLER].closed()
    machine.idle(CALLER)
    assert machine.waiting() == []
    assert calls(machine, BOXED, "5")
    assert machine.waiting() == [(CALLER, BOXED, "busy")]


def given_up(machine: Machine) -> None:
    """No answer, no mailbox: rings on; who gives up asks with the code."""
    machine.phones[CALLER].dial(PLAIN)
    machine.phones[PLAIN].ring()
    machine.phones[CALLER].hang_up()
    machine.phones[CALLER].closed()
    asks = f"database get busy-callback-last {CALLER}"
    until("last number", lambda: "Value:" in machine.asterisk.console(asks))
    machine.idle()
    calls(machine, code(machine, "code_request"))
    assert machine.waiting() == [(CALLER, PLAIN, "no-reply")]


def unanswered_with_mailbox(machine: Machine) -> None:
    """No answer, mailbox: goes on to it as ever; the code asks afterwards."""
    begin = mark(machine)
    machine.phones[CALLER].dial(BOXED)
    machine.phones[BOXED].ring()
    until("voicemail", lambda: in_voicemail(log_since(machine, begin)))
    machine.phones[CALLER].hang_up()
    machine.phones[CALLER].closed()
    machine.idle()
    calls(machine, code(machine, "code_request"))
    assert machine.waiting() == [(CALLER, BOXED, "no-reply")]


def follow_me(machine: Machine) -> None:
    """follow-me: offered before the call follows."""
    context = "ext-findmefollow"
    if f"Context '{context}'" not in machine.asterisk.console(f"dialplan show {context}"):
        raise Skipped("no follow-me here")
    call = "Macro(simple-dial" if machine.form == "Macro" else "Gosub(macro-simple-dial,s,1("
    step = f"{call},{PLAIN},15)" if machine.form == "Macro" else f"{call}{PLAIN},15))"
    for n, app in enumerate((f"Set(__NODEST={PLAIN})", step, "Hangup()"), 1):
        machine.asterisk.console(f"dialplan add extension 98810,{n},{app} into from-internal-custom")
    machine.talk(OTHER, PLAIN)
    assert calls(machine, "98810", "5"), "not offered"
    assert machine.waiting() == [(CALLER, PLAIN, "busy")]


def do_not_disturb(machine: Machine) -> None:
    """Do not disturb: nothing is offered."""
    machine.put("DND", PLAIN, "YES")
    try:
        assert not calls(machine, PLAIN), "answered by an offer"
    finally:
        machine.drop("DND", PLAIN)


def forward_on_busy(machine: Machine) -> None:
    """Call forward on busy: goes first."""
    machine.put("CFB", PLAIN, BOXED)
    try:
        machine.talk(OTHER, PLAIN)
        machine.phones[CALLER].dial(PLAIN)
        machine.phones[BOXED].answer()
        machine.phones[CALLER].established()
        assert machine.waiting() == []
    finally:
        machine.drop("CFB", PLAIN)


def ring_group(machine: Machine) -> None:
    """Ring group's leg: nothing is offered."""
    app = f"Dial(Local/{PLAIN}@ext-local/n,10)"
    machine.asterisk.console(f"dialplan add extension 98811,1,{app} into from-internal-custom")
    machine.talk(OTHER, PLAIN)
    assert not calls(machine, "98811"), "answered by an offer"


def from_outside(machine: Machine) -> None:
    """Call from outside that claims an extension's number: nothing is offered."""
    machine.talk(OTHER, PLAIN)
    assert not calls(machine, PLAIN, who=TRUNK), "answered by an offer"
    assert machine.waiting() == []


def user_and_device(machine: Machine) -> None:
    """User and device mode: the user of the device is offered and registered."""
    machine.talk(OTHER, PLAIN)
    assert calls(machine, PLAIN, "5", who=DEVICE), "not offered"
    assert machine.waiting() == [(USER, PLAIN, "busy")]


def alias(machine: Machine) -> None:
    """CID number alias: the extension is registered, not the alias."""
    machine.put("AMPUSER", f"{CALLER}/cidnum", "0223456789")
    try:
        machine.talk(OTHER, PLAIN)
        assert calls(machine, PLAIN, "5"), "not offered"
        assert machine.waiting() == [(CALLER, PLAIN, "busy")]
    finally:
        machine.put("AMPUSER", f"{CALLER}/cidnum", CALLER)


def feature_codes(machine: Machine) -> None:
    """Feature codes: count, then cancel."""
    machine.talk(OTHER, PLAIN)
    assert calls(machine, PLAIN, "5"), "not offered"
    assert calls(machine, code(machine, "code_count"))
    assert len(machine.waiting()) == 1
    assert calls(machine, code(machine, "code_cancel"))
    until("cancel", lambda: machine.waiting() == [])


def apply_config(machine: Machine) -> None:
    """Apply Config: the offer is still there."""
    generated = machine.etc / "extensions_additional.conf"
    generated.write_bytes(generated.read_bytes())
    machine.reload()
    assert machine.doctor()["offer"][0]
    machine.talk(OTHER, PLAIN)
    assert calls(machine, PLAIN, "5"), "not offered"


STEPS: tuple[Step, ...] = (
    doctor,
    nothing_twice,
    busy,
    busy_tone,
    busy_with_mailbox,
    given_up,
    unanswered_with_mailbox,
    follow_me,
    do_not_disturb,
    forward_on_busy,
    ring_group,
    from_outside,
    user_and_device,
    alias,
    feature_codes,
    apply_config,
)


def code(machine: Machine, name: str) -> str:
    """Return a feature code as install has set it."""
    from busy_callback.settings import load

    return str(getattr(load(machine.directories.conf), name))


def play(machine: Machine) -> Iterator[tuple[str, str, str]]:
    """Play all steps; yield ok, FAILED or skipped, what, and why."""
    before = machine.files()
    with mock.patch.dict(os.environ, {"PATH": machine.path}):
        try:
            notes = machine.install().notes
        except Exception as error:
            yield "FAILED", "install", str(error)
            return
        yield "ok", "install", " | ".join(notes)
        machine.watch()
        for step in STEPS:
            yield _one(machine, step)
        left = machine.uninstall()
        now = machine.files()
        changed = [str(path) for path, content in before.items() if now.get(path) != content]
        told = "; ".join([*changed, *(path for path in left if not path.endswith(OURS_TO_STAY))])
        yield ("FAILED" if told else "ok"), "uninstall gives back every file", told


def _one(machine: Machine, step: Step) -> tuple[str, str, str]:
    told = (step.__doc__ or "").strip().rstrip(".")
    try:
        if step is busy_tone:
            machine.talk(OTHER, PLAIN)
        step(machine)
    except Skipped as why:
        return "skipped", told, str(why)
    except Exception as error:
        return "FAILED", told, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    finally:
        try:
            cleared(machine)
            hung_up(machine)
        except AssertionError:
            pass
    return "ok", told, ""
