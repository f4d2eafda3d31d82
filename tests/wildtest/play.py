"""What is played on a machine, step by step: each is a function whose docstring says what was seen when it is right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from unittest import mock

from .acts import Skipped, add, calls, cleared, code, hung_up, in_voicemail, log_since, mark, until
from .groups import follow_me, page, queue, ring_group
from .machine import BOXED, CALLER, DEVICE, OTHER, PLAIN, TRUNK, USER, Machine

OURS_TO_STAY = ("busy_callback.conf", "spool/busy_callback")  # they hold what was set, and asked for, since
TWICE = "already in use"
GREEN = (
    "asterisk",
    "manager",
    "permissions",
    "contexts",
    "offer",
    "calls",
    "probe",
    "prompts",
    "extensions",
    "reach",
    "codes",
)
Step = Callable[[Machine], None]


# -- the steps -------------------------------------------------------------------------------------


def doctor(machine: Machine) -> None:
    """Doctor finds the offer, the contexts and the manager right."""
    found = machine.doctor()
    for name in GREEN:
        ok, message = found[name]
        assert ok, f"{name}: {message}"


def doctor_looks(machine: Machine) -> None:
    """Doctor is red while a code is the machine's own, and while a line of one's own calls us wrongly."""
    context = "from-internal-custom"
    for check, number, step in (
        ("codes", code(machine, "code_count"), "NoOp()"),
        ("calls", "98815", "Gosub(busy-callback,s,7(${EXTEN}))"),
    ):
        add(machine, number, step)
        ok, message = machine.doctor()[check]
        machine.asterisk.console(f"dialplan remove extension {number}@{context}")
        assert not ok, f"{check}: {message}"
        assert number in message, message


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
    doctor_looks,
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
    queue,
    page,
    from_outside,
    user_and_device,
    alias,
    feature_codes,
    apply_config,
)


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
