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

CLOCK_IS_SET = 1.5e9  # 2017: a clock before that was never set
NOTICED = 300.0  # seconds within which a poll notices that the clock was set
OVERDUE = 20.0  # seconds beyond the ring time after which an unclaimed or lost recall is given up
TRANSFERRING = 5.0  # seconds between looks at two that are both in use: a transfer changes no device's state
CONNECTING = 1.0  # seconds within which two phones that are both in use have been connected, if with each other


class Line(NamedTuple):
    """An extension's device state, and since when (epoch) it has been free, or in use, as far as is known."""

    state: int
    since: float = 0.0


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
            connected = max(lines[n].since for n in (request.caller, request.callee)) + CONNECTING
            due.append(connected if connected > now else now + TRANSFERRING)
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
        not_before = now + settings.retry_pause if request.attempt else 0.0
        return request.but(now, "the clock was set", requested=requested, expires=now + left, not_before=not_before)
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


def is_overdue(request: Request, now: float, settings: Settings) -> bool:
    """Tell whether the recall was handed over so long ago that ringing the caller must be over."""
    return not 0 <= now - request.started < settings.ring_time + OVERDUE
