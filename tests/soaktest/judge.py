"""What must hold, whatever happened. Pure functions of the case; each finding says what is wrong, and of whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from busy_callback import request as rq

from .calls import clock
from .case import ALIKE, CONNECTS, SHOWN, Case, Finding, Life
from .evidence import SCRIPT_TIME, Facts

PATIENCE = 8.0  # seconds in which a poller that works has begun a recall
UNLOGGED = 2.0  # seconds of an Asterisk's life that its log may lack when it was killed

Rule = Callable[[Case], Iterator[Finding]]


def no_second_request(case: Case) -> Iterator[Finding]:
    """Who was told once that it is set has one request; each request was asked for."""
    for life in case.lives:
        asked = [
            press
            for press in case.facts.presses
            if (press.caller, press.callee) == life.pair
            and press.at - ALIKE <= life.request.requested <= press.at + SCRIPT_TIME
        ]
        if not asked and not case.has_died(life.request.requested, life.request.requested + UNLOGGED):
            yield Finding("no request without a wish", life.request.requested, life.pair, life.request.id)
        firsts = [told for told in life.told if told.prompt == "ok"]
        if len(firsts) > 1:
            yield Finding("never lost", firsts[1].at, life.pair, f"told twice that it is set: {life.request.id}")


def already_waiting(case: Case) -> Iterator[Finding]:
    """Who was told that it was set before had a request that waited when the script looked."""
    for life in case.lives:
        for told in life.told:
            if told.prompt == "already" and life.request.ended and life.request.ended < told.press - ALIKE:
                yield Finding("never lost", told.at, life.pair, f"told 'already', but {life.request.id} had ended")


def no_ring_after_the_end(case: Case) -> Iterator[Finding]:
    """No ring begins when its request has ended, or is cancelled for certain."""
    for life in case.lives:
        ended = life.request.ended
        for call in life.rings + life.far_rings:
            if ended and call.begun > case.shown(ended):
                what = f"{call}; {life.request.state} at {clock(ended)}: {life.request.reason}"
                yield Finding("no ring without a request", call.begun, life.pair, what)


def not_too_often(case: Case) -> Iterator[Finding]:
    """No phone rings twice for one request within the pause, nor more often than the attempts for each wish."""
    for life in case.lives:
        for rings in (life.rings, life.far_rings):
            for one, two in zip(rings, rings[1:]):
                if two.begun - one.begun < case.facts.settings.retry_pause - ALIKE:
                    yield Finding("pause", two.begun, life.pair, f"{two}, {two.begun - one.begun:.1f} s after {one}")
            asked = [p for p in case.facts.presses if (p.caller, p.callee) == life.pair and life.is_live(p.at)]
            if len(rings) > case.facts.settings.attempts * (1 + len(asked)):
                yield Finding("attempts", rings[-1].begun, life.pair, f"ring {len(rings)} for {life.request.id}")


def served_once(case: Case) -> Iterator[Finding]:
    """Who has answered a recall is not rung again for it, unless the callee was taken again, or no evidence is left."""
    for life in case.lives:
        for one, two in zip(life.rings, life.rings[1:]):
            others = [call for call in case.calls_of(life.request.callee) if call not in life.far_rings]
            taken = any(c.begun < one.answered + CONNECTS and one.answered < case.until(c) for c in others)
            if one.answered and not taken and not case.is_forgotten(one.answered):
                yield Finding("served once", two.begun, life.pair, f"{two}, though answered before: {one}")


def one_at_a_time(case: Case) -> Iterator[Finding]:
    """A callee, and a caller, has one recall at a time."""
    recalls = [call for call in case.facts.calls if call.recalled_for]
    for position, one in enumerate(recalls):
        for two in recalls[position + 1 :]:
            same = one.recalled_for == two.recalled_for or one.phone == two.phone
            if same and two.begun < case.served_until(one) - ALIKE:
                people = (one.phone, two.phone, two.recalled_for)
                yield Finding("one recall at a time", two.begun, people, f"{two}, while {one}")


def in_order(case: Case) -> Iterator[Finding]:
    """Callers of one callee are recalled in the order they asked; who is busy, or just was rung, is passed over."""
    tried = case.facts.settings.retry_pause + case.facts.settings.ring_time + SHOWN
    for life in case.lives:
        for ring in life.rings:
            since = case.decided(ring.begun)
            for other in case.lives:
                if other.request.callee != life.request.callee or other.request.stamp >= life.request.stamp:
                    continue
                waits = other.is_live(since) and other.is_live(ring.begun + ALIKE) and other.request.kind == rq.BUSY
                rung = any(
                    pair == "".join(other.pair) and since - tried < at < ring.begun for at, pair in case.facts.dials
                )
                busy = case.was_busy(other.request.caller, since, ring.begun)
                if waits and not rung and not busy and not case.was_disturbed(since - tried, ring.begun):
                    what = f"{ring}, but {other.request.id} came before {life.request.id}"
                    yield Finding("order", ring.begun, (*life.pair, other.request.caller), what)


def served_when_free(case: Case) -> Iterator[Finding]:
    """Whoever waits is recalled soon when caller and callee are idle, nothing is broken and nobody else is served."""
    for life in case.lives:
        for since, until in case.idle(*life.pair):
            begun, ended = max(since, life.request.requested), min(until, life.request.ended or until)
            busy = life.request.kind == rq.BUSY
            # Until shortly before its end: a recall ends it, too.
            if busy and ended - begun > PATIENCE and not case.has_reason(life, ended - PATIENCE, ended - 2 * SHOWN):
                what = f"{life.request.id}: both were idle from {clock(begun)} to {clock(ended)}"
                yield Finding("never lost", ended, life.pair, what)


def ended_rightly(case: Case) -> Iterator[Finding]:
    """What a request's end says did happen, by the phones and by whoever cancelled."""
    for life in case.lives:
        request = life.request
        if request.ended and not _has_happened(case, life):
            what = f"{request.id} {request.state}: {request.reason}; but nobody saw it"
            yield Finding("ended rightly", request.ended, life.pair, what)


def _has_happened(case: Case, life: Life) -> bool:
    request, (caller, callee) = life.request, life.pair
    if request.state == rq.COMPLETED:
        return any(ring.answered for ring in life.rings) or case.have_met(caller, callee, request.ended)
    if request.state == rq.CANCELLED:
        for cancel in case.facts.cancels:
            # One that rings ends when the ringing has.
            rung = [ring.ended for ring in life.rings if ring.lasts(cancel.begun) or ring.lasts(cancel.ended)]
            until = max([cancel.ended, *(case.decided_by(end) for end in rung)])
            mine = cancel.caller == caller and cancel.callee in {"", callee}
            if mine and cancel.begun - ALIKE <= request.ended <= until + ALIKE:
                return True
        return False
    if request.state == rq.EXPIRED:
        return request.ended - request.requested >= case.facts.settings.service_time - ALIKE
    return any(pair == caller + callee and request.requested <= at for at, pair in case.facts.dials)


def nobody_is_forgotten(case: Case) -> Iterator[Finding]:
    """In the calm at the end everybody is served; nothing is left lying about."""
    for life in case.lives:
        if not life.request.ended:
            what = f"{life.request.id} is {life.request.state} when all are free"
            what += "; its call file is there" * any(life.request.id in name for name in case.facts.undeleted)
            yield Finding("never lost", case.facts.ended, life.pair, what)
    for what in case.facts.left:
        yield Finding("left behind", case.facts.ended, (), what)


RULES: tuple[Rule, ...] = (
    no_second_request,
    already_waiting,
    no_ring_after_the_end,
    not_too_often,
    served_once,
    one_at_a_time,
    in_order,
    served_when_free,
    ended_rightly,
    nobody_is_forgotten,
)


def judge(facts: Facts) -> Case:
    """Return the case with all that is wrong in its findings, in the order it happened."""
    case = Case(facts)
    for rule in RULES:
        case.findings += rule(case)
    case.findings.sort(key=lambda finding: finding.at)
    return case
