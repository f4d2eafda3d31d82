"""Steps with calls that ring more than one phone: a queue, a page, a ring group, follow-me."""

from __future__ import annotations

from ..lab.freepbx_dialplans import follow_me as rows_of
from .acts import Skipped, add, calls, calls_of, cleared, code, has, hung_up, log_since, mark, prompts
from .machine import BOXED, CALLER, OTHER, PLAIN, QUEUE, Machine


def queue(machine: Machine) -> None:
    """Queue: an agent that is busy is not offered, nor is the caller who waits for it."""
    if not has(machine, "from-queue"):
        raise Skipped("no queues here")
    add(machine, QUEUE, "Answer()", f"Set(__NODEST={QUEUE})", f"Queue({QUEUE},t,,,5)", "Hangup()")
    add(machine, QUEUE, "Goto(from-internal,${QAGENT},1)", context="from-queue")
    machine.talk(OTHER, PLAIN)
    begin = mark(machine)
    calls(machine, QUEUE)
    log = log_since(machine, begin)
    assert f"[{PLAIN}@" in log, "the agent was not called"
    assert not prompts(log), "offered"
    nothing_kept(machine)


def page(machine: Machine) -> None:
    """Paging: a phone that is busy is not offered, nor is who pages it."""
    if not has(machine, "app-paging"):
        raise Skipped("no paging here")
    member = f"Local/PAGE{PLAIN}@app-paging"
    add(
        machine,
        "98813",
        "Gosub(app-paging,ssetup,1())",
        "Answer()",
        f"Page({member}&Local/PAGE{BOXED}@app-paging,,5)",
        "Hangup()",
    )
    machine.talk(OTHER, PLAIN)
    begin = mark(machine)
    machine.phones[CALLER].dial("98813")
    machine.phones[CALLER].established()
    machine.phones[BOXED].ring()
    machine.phones[CALLER].hang_up()
    machine.phones[CALLER].closed()
    machine.idle(CALLER, BOXED)
    assert not prompts(log_since(machine, begin)), "offered"
    nothing_kept(machine)


def ring_group(machine: Machine) -> None:
    """Ring group: nothing is offered, and no member's number is kept."""
    add(machine, "98811", f"Dial(Local/{PLAIN}@ext-local/n,10)")
    machine.talk(OTHER, PLAIN)
    assert not calls(machine, "98811"), "answered by an offer"
    steps = [
        "Set(__NODEST=98814)",
        "Set(RingGroupMethod=ringall)",
        calls_of(machine, "dial", "10", "", f"{PLAIN}-{BOXED}"),
        "Hangup()",
    ]
    add(machine, "98814", *steps)
    rings_and_gives_up(machine, "98814")
    nothing_kept(machine)


def follow_me(machine: Machine) -> None:
    """follow-me: offered before the call follows; nothing pressed rings the list; the code asks for the extension."""
    pattern = has(machine, "followme-check")
    if not pattern and not machine.has_follow_me:
        raise Skipped("no follow-me here")
    entry = f"followme-check,{PLAIN},1" if pattern else f"ext-findmefollow,{PLAIN},1"
    add(machine, "98810", f"Goto({entry})")
    # Before FreePBX 14 the strategy is written in the dialplan.
    for strategy in ("hunt", "ringallv2-prim") if pattern else ("ringallv2-prim",):
        machine.talk(OTHER, PLAIN)
        for (family, key), value in rows_of(PLAIN, f"{PLAIN}-{BOXED}", strategy).items():
            machine.put(family, key, value)
        try:
            assert calls(machine, "98810", "5"), f"{strategy}: not offered"
            assert machine.waiting() == [(CALLER, PLAIN, "busy")], strategy
            cleared(machine)
            rings_and_gives_up(machine, "98810", offered=True)
            calls(machine, code(machine, "code_request"))
            assert [callee for _, callee, _ in machine.waiting()] == [PLAIN], strategy
        finally:
            machine.put("AMPUSER", f"{PLAIN}/followme/ddial", "EXTENSION")
        cleared(machine)
        hung_up(machine)


def rings_and_gives_up(machine: Machine, number: str, offered: bool = False) -> None:
    """Let a phone call a number until the second of a list rings, and give up then."""
    begin = mark(machine)
    phone = machine.phones[CALLER]
    phone.pass_all()
    phone.dial(number)
    if offered:
        phone.established()
    machine.phones[BOXED].ring()
    assert prompts(log_since(machine, begin)) == offered, "offered" if not offered else "not offered"
    phone.hang_up()
    phone.closed()
    machine.idle(CALLER, BOXED)


def nothing_kept(machine: Machine) -> None:
    """See that the code for the last number has none to ask for."""
    assert machine.waiting() == []
    calls(machine, code(machine, "code_request"))
    assert machine.waiting() == [], "a number was kept"
