"""Who is recalled, what ends, when to look again: pure functions of requests, lines, clock and settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from busy_callback import request as rq
from busy_callback.request import Request
from busy_callback.settings import Settings

# AVAILSTATUS, the device states' numbers (include/asterisk/devicestate.h, enum ast_device_state).
UNKNOWN, NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE, ONHOLD = range(9)
FREE_STATES = (UNKNOWN, NOT_INUSE)  # what ChanIsAvail takes for free (apps/app_chanisavail.c)
TALKING_STATES = (INUSE, BUSY, RINGINUSE, ONHOLD)
_UNREACHABLE = ("CHANUNAVAIL", "CONGESTION", "INVALIDARGS")  # of DIALSTATUS (apps/app_dial.c)
_REJECTED = 21  # of HANGUPCAUSE (Q.850): call rejected

CLOCK_IS_SET = 1.5e9  # 2017: a clock before that was never set
NOTICED = 300.0  # seconds within which a poll notices that the clock was set
OVERDUE = 20.0  # seconds beyond the ring time after which an unclaimed or lost recall is given up
CONNECTING = 1.0  # seconds within which two phones that are both in use have been connected, if with each other


class Line(NamedTuple):
    """An extension's device state, and since when (epoch) it has been free, or in use, as far as is known."""

    state: int
    since: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What is known of a recall attempt: who has it, and how each leg ended.

    ``answered``: the caller took it. ``caller`` and ``callee`` are Dial's DIALSTATUS, or NOT-RUNG, or ''
    while unknown; ``cause`` is the caller leg's HANGUPCAUSE; ``talked`` is in seconds. Neither ``claimed``
    (by Asterisk) nor ``withdrawn`` (by us): not begun.
    """

    claimed: bool = False
    withdrawn: bool = False
    answered: bool = False
    caller: str = ""
    cause: int = 0
    callee: str = ""
    talked: int = 0


@dataclass(frozen=True)
class Plan:
    """What to do now: requests to recall, changed requests to write (old, new), and when to look again.

    ``look_again`` is the earliest time at which something is due by the clock alone, or None.
    """

    recalls: tuple[Request, ...]
    changes: tuple[tuple[Request, Request], ...]
    look_again: float | None


def is_free(state: int | None) -> bool:
    """Tell whether an extension's device state lets it be rung for a recall."""
    return state in FREE_STATES


def combine(states: Iterable[int]) -> int:
    """Return the one state of an extension with several devices.

    A person who uses one of them is not free; one free device is enough to reach them otherwise.
    """
    found = list(states)
    in_use = [state for state in found if state not in {*FREE_STATES, INVALID, UNAVAILABLE}]
    free = [state for state in found if state in FREE_STATES]
    return max(in_use, default=max(free, default=max(found, default=INVALID)))


def may_be_talking(request: Request, lines: Mapping[str, Line]) -> bool:
    """Tell whether caller and callee of a waiting request are both in use, so perhaps with each other."""
    return request.state != rq.RECALLING and _talks(lines, request.caller) and _talks(lines, request.callee)


def _talks(lines: Mapping[str, Line], extension: str) -> bool:
    line = lines.get(extension)
    return line is not None and line.state in TALKING_STATES


def decide(
    requests: Sequence[Request],
    lines: Mapping[str, Line],
    talking: Collection[str],
    now: float,
    settings: Settings,
) -> Plan:
    """Return the plan for the live ``requests``, given in the order they were made.

    ``lines`` are the extensions' states; an extension that is missing is not free. ``talking`` are the ids
    of requests whose ends talk with each other now. The order of callers is the order of requests for
    each callee (3GPP TS 24.093 clause 4); a caller that is not free is suspended and passed over; one
    recall at a time for a callee and for a caller.
    """
    taken = {n for r in requests if r.state == rq.RECALLING for n in (r.caller, r.callee)}
    recalls: list[Request] = []
    changes: list[tuple[Request, Request]] = []
    due: list[float] = []
    for found in requests:
        if found.state == rq.RECALLING:
            due.append(found.started + settings.ring_time + OVERDUE)
            continue
        request = _after_a_step(found, now, settings) or found
        if request is not found:
            changes.append((found, request))
        changed = _without_recall(request, lines, talking, now)
        if changed:
            changes.append((request, changed))
            continue
        due.append(request.expires)
        if may_be_talking(request, lines):
            due += [s for s in [max(lines[n].since for n in (request.caller, request.callee)) + CONNECTING] if s > now]
        ready_at = _ready_at(request, lines, now, settings)
        if ready_at is None or request.callee in taken or request.caller in taken:
            continue
        if now < ready_at:
            due.append(ready_at)
        elif _is_free(lines, request.caller):
            recalls.append(request)
            taken |= {request.caller, request.callee}
        elif request.state == rq.WAITING:
            event = f"suspended: {request.callee} is free, but {request.caller} is not"
            changes.append((request, request.but(now, event, state=rq.SUSPENDED)))
    return Plan(tuple(recalls), tuple(changes), min(due, default=None))


def _is_free(lines: Mapping[str, Line], extension: str) -> bool:
    line = lines.get(extension)
    return line is not None and is_free(line.state)


def _after_a_step(request: Request, now: float, settings: Settings) -> Request | None:
    """Return the request with times that make sense by this clock, or None: they do.

    A machine without a battery for its clock boots in 1970 and gets the time later; and a clock that was set
    back must not let a request wait for hours more, or for ever.
    """
    left = settings.service_duration(request.kind)
    if min(request.requested, request.expires) < CLOCK_IS_SET <= now:
        requested = request.requested if request.requested >= CLOCK_IS_SET else now
        return request.but(now, "the clock was set", requested=requested, expires=now + left, not_before=0.0)
    if request.expires > now + left + 1 or request.not_before > now + settings.retry_pause + 1:
        not_before = min(request.not_before, now + settings.retry_pause)
        expires = min(request.expires, now + left)
        return request.but(now, "the clock was set back", expires=expires, not_before=not_before)
    return None


def move(request: Request, step: float, now: float) -> Request | None:
    """Return a live request whose times moved with a clock that was set by ``step`` seconds (back: negative).

    None where it was, or may have been, made since then.
    """
    last = max(request.requested, request.renewed)
    old_now = now - step  # what the clock would show had it been left alone
    if (last > old_now and request.expires >= now) if step > 0 else (now - NOTICED <= last <= now):
        return None
    past = ("requested", "renewed", "started", "answered", "callee_used")
    known = {name: getattr(request, name) for name in (*past, "expires", "not_before")}
    # A time that the old clock had not reached yet is of an older one: of before a boot in 1970.
    moved = {name: t + step for name, t in known.items() if t and not (name in past and t > old_now)}
    return request.but(now, f"the clock was set {'forth' if step > 0 else 'back'} by {abs(step):.0f} s", **moved)


def _without_recall(
    request: Request, lines: Mapping[str, Line], talking: Collection[str], now: float
) -> Request | None:
    """Return what becomes of a waiting request by itself, or None: nothing."""
    if now >= request.expires:
        return rq.end(request, rq.EXPIRED, "the service duration is over", now)
    if request.id in talking:
        return rq.end(request, rq.COMPLETED, f"{request.caller} and {request.callee} reached each other", now)
    callee = lines.get(request.callee)
    if request.kind == rq.NO_REPLY and not request.callee_used and callee and callee.state in TALKING_STATES:
        return request.but(now, f"{request.callee} uses the phone", callee_used=now)
    if request.state == rq.SUSPENDED and _is_free(lines, request.caller) and not _is_free(lines, request.callee):
        return request.but(now, f"resumed: {request.caller} is free again", state=rq.WAITING)
    return None


def _ready_at(request: Request, lines: Mapping[str, Line], now: float, settings: Settings) -> float | None:
    """Return from when on the callee may be called for this request, None while it is not free.

    The callee of NO_REPLY must have used the phone first; each callee has the guard time for a call of its
    own (TS 23.093 clause 5.1, T8).
    """
    if not _is_free(lines, request.callee) or (request.kind == rq.NO_REPLY and not request.callee_used):
        return None
    since = lines[request.callee].since
    if since > now:
        since = 0.0  # the clock was set back meanwhile: nobody knows
    return max(request.not_before, since + settings.guard_time)


def lamps(requests: Iterable[Request]) -> dict[str, int]:
    """Return the state of each caller's lamp: RINGING during a recall, INUSE while a callback waits.

    Those of main/ccss.c (cc_state to device state), which CCSS's hints show. A caller without a live
    request is not in it: its lamp is NOT_INUSE.
    """
    states: dict[str, int] = {}
    for request in requests:
        if request.state == rq.RECALLING and not request.answered:
            states[request.caller] = RINGING
        elif request.state in {rq.WAITING, rq.SUSPENDED}:
            states.setdefault(request.caller, INUSE)
    return states


def begin(request: Request, asterisk_start: int, now: float, free_since: float = 0.0) -> Request:
    """Return ``request`` with its next attempt under way, for the Asterisk and the free callee since those times."""
    free = f": {request.callee} free for {now - free_since:.2f} s" if 0 < free_since <= now else ""
    return request.but(
        now,
        f"recall {request.attempt + 1}{free}",
        state=rq.RECALLING,
        attempt=request.attempt + 1,
        started=now,
        answered=0.0,
        asterisk_start=asterisk_start,
    )


def settle(
    request: Request, outcome: Outcome, file_waits: bool, restarted: bool, now: float, settings: Settings
) -> Request | None:
    """Return what becomes of a request whose recall was under way, or None: nothing new.

    ``file_waits`` says that its call file was in ``outgoing``, looked at before the report was read
    (Asterisk takes it away after the reports of an answered call). ``restarted`` says that Asterisk
    started anew since the recall was handed over: then whatever was under way is over.
    """
    caller, callee = request.caller, request.callee
    over = restarted or (not file_waits and is_overdue(request, now, settings))
    if outcome.withdrawn:
        return _wait(request, "the recall was taken back before it rang", now, pause=settings.retry_pause)
    if not outcome.claimed:
        if not over:
            return None
        why = "Asterisk restarted" if restarted else "Asterisk did not run the recall; is its dialplan loaded?"
        return _wait(request, why, now, pause=settings.retry_pause)
    if outcome.callee:
        return _settle_callee(request, outcome, now, settings)
    if outcome.answered or outcome.caller == "ANSWER":
        if outcome.caller and not file_waits:
            return rq.end(request, rq.COMPLETED, f"{caller} answered and hung up", now)
        if over:
            return rq.end(request, rq.COMPLETED, f"{caller} answered; Asterisk stopped during the call", now)
        return None if request.answered else request.but(now, f"{caller} answered", answered=now)
    if outcome.caller == "NOT-RUNG":
        return _wait(request, f"{callee} was taken again before {caller} was rung", now)
    if outcome.caller in _UNREACHABLE:
        return _wait(request, f"{caller} could not be reached", now, pause=settings.retry_pause)
    if outcome.caller:
        said = "did not answer"
        if outcome.caller == "BUSY":
            said = "rejected" if outcome.cause == _REJECTED else "was busy or rejected"
        return _unanswered(request, f"{caller} {said} the recall", now, settings)
    if over:
        # Whether the caller was rung can't be told: taken for rung and unanswered, never repeated at once.
        return _unanswered(request, "Asterisk stopped during the recall", now, settings)
    return None


def is_overdue(request: Request, now: float, settings: Settings) -> bool:
    """Tell whether the recall was handed over so long ago that ringing the caller must be over."""
    return not 0 <= now - request.started < settings.ring_time + OVERDUE


def _settle_callee(request: Request, outcome: Outcome, now: float, settings: Settings) -> Request:
    """Return what becomes of a request whose caller answered the recall."""
    caller, callee = request.caller, request.callee
    if outcome.callee == "ANSWER":
        return rq.end(request, rq.COMPLETED, f"{caller} and {callee} talked for {outcome.talked} s", now)
    if outcome.callee == "BUSY" or outcome.callee in _UNREACHABLE:
        why = f"{callee} was taken again when {caller} answered"
        return _wait(request, why, now) if settings.retention else rq.end(request, rq.FAILED, why, now)
    if outcome.callee == "NOANSWER":
        return rq.end(request, rq.COMPLETED, f"{caller} answered, {callee} did not", now)
    return rq.end(request, rq.COMPLETED, f"{caller} answered and hung up", now)


def _wait(request: Request, event: str, now: float, pause: float = 0.0, **changes: object) -> Request:
    return request.but(now, event, state=rq.WAITING, not_before=now + pause if pause else 0.0, **changes)


def _unanswered(request: Request, event: str, now: float, settings: Settings) -> Request:
    """Count an attempt that the caller did not take; end the request when it was the last one."""
    count = request.unanswered + 1
    if count >= settings.attempts:
        return rq.end(request, rq.FAILED, f"{event} ({count} of {settings.attempts} attempts)", now)
    return _wait(request, event, now, pause=settings.retry_pause, unanswered=count)
