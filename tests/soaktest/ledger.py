"""Who was told that a callback is set, and what became of each: the soak's last page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from busy_callback import request as rq

from .calls import Call, clock
from .case import Case, Finding
from .office import SoakOffice

AROUND = 20.0  # seconds before a finding that are told with it
ENDS = (rq.COMPLETED, rq.CANCELLED, rq.FAILED, rq.EXPIRED)


def totals(case: Case) -> tuple[int, dict[str, int]]:
    """Return how many callers were told that their callback is set, and what became of these."""
    told = sum(told.prompt == "ok" for told in case.facts.told)
    lives = [life for life in case.lives if any(told.prompt == "ok" for told in life.told)]
    states = Counter(life.request.state if life.request.ended else rq.WAITING for life in lives)
    return told, {state: states[state] for state in (*ENDS, rq.WAITING)}


def balances(case: Case) -> bool:
    """Tell whether all who were told are accounted for, and nothing else is wrong."""
    told, states = totals(case)
    return told == sum(states.values()) and not case.findings


def lines(office: SoakOffice, case: Case) -> Iterator[str]:
    """Yield the ledger's lines."""
    told, states = totals(case)
    facts = case.facts
    silent = [life for life in case.lives if not any(t.prompt == "ok" for t in life.told)]
    others = Counter(life.request.state for life in silent)
    settings = ", ".join(f"{name} {value}" for name, value in office.settings.items())
    yield f"  {settings}"
    yield f"  {office.calm_since - office.begun:.0f} s, then {office.ended - office.calm_since:.0f} s of calm"
    yield "  what people did:"
    for name, times in sorted(office.deeds.items()):
        yield f"    {times:5} {name}"
    yield "  what broke:"
    for name, times in sorted(office.troubles.done.items()):
        lasted = sum(trouble.ended - trouble.begun for trouble in facts.troubles if trouble.what == name)
        yield f"    {times:5} {name}" + (f", for {lasted:.0f} s in all" if lasted else "")
    rings = sum(len(life.rings) for life in case.lives)
    far = sum(len(life.far_rings) for life in case.lives)
    heard = sum(t.heard for t in facts.told if t.prompt == "ok")
    yield f"  {len(facts.calls)} calls at {len(office.people)} phones; recalls rang {rings} callers, {far} callees"
    yield f"  told that a callback is set: {told} ({heard} heard it whole)"
    yield "  = " + " + ".join(f"{count} {state}" for state, count in states.items()) + f" = {sum(states.values())}"
    yield f"  not told, for they hung up or something broke: {len(silent)} " + str(dict(others) if others else "")
    yield f"  told that it was set before: {sum(t.prompt == 'already' for t in facts.told)}"
    yield f"  call files that Asterisk could not delete: {len(facts.undeleted)}"


def story(case: Case, finding: Finding) -> Iterator[str]:
    """Yield what the phones concerned, and whatever broke, did before a finding and just after."""
    since, until = finding.at - AROUND, finding.at + 2
    near: list[tuple[float, str]] = [(finding.at, f"{'=' * 8} {finding.rule}")]
    own = [life for life in case.lives if set(life.pair) <= set(finding.people)]
    own = [life for life in own if not life.request.ended or life.request.ended > since]
    since = min([since, *(life.request.requested - 2 for life in own)])
    for number in sorted(set(finding.people)):
        near += [(call.begun, str(call)) for call in case.calls_of(number) if _meets(call, since, until)]
    near += [(t.begun, f"{t.what}, until {clock(t.ended)}") for t in case.facts.troubles if since <= t.begun <= until]
    for life in own:
        near += [(at, f"by its file: {life.request.id}: {what}") for at, what in life.request.events]
        near += [(told.at, f"{told.caller} is told: {told.prompt}") for told in life.told]
    yield from (f"      {clock(at)} {what}" for at, what in sorted(near) if since <= at <= until)


def _meets(call: Call, since: float, until: float) -> bool:
    return call.begun <= until and (not call.ended or call.ended >= since)
