"""Who is recalled, what ends, when to look again: pure functions of requests, states, clock and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from busy_callback import request as rq
from busy_callback.request import Request
from busy_callback.settings import Settings

# AVAILSTATUS that ChanIsAvail takes for free (apps/app_chanisavail.c): UNKNOWN and NOT_INUSE.
FREE_STATES = (0, 1)
_UNREACHABLE = ("CHANUNAVAIL", "CONGESTION", "INVALIDARGS")  # of DIALSTATUS (apps/app_dial.c)

OVERDUE = 20.0  # seconds beyond the ring time after which an unclaimed or lost recall is given up


@dataclass(frozen=True)
class Outcome:
    """What is known of a recall attempt: who has it, and how each leg ended.

    ``caller`` and ``callee`` are Dial's DIALSTATUS, or NOT-RUNG, or '' while unknown; ``talked`` is in
    seconds. Neither ``claimed`` (by Asterisk) nor ``withdrawn`` (by us): not begun.
    """

    claimed: bool = False
    withdrawn: bool = False
    caller: str = ""
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


def decide(requests: Sequence[Request], states: Mapping[str, int], now: float, settings: Settings) -> Plan:
    """Return the plan for the live ``requests``, given in the order they were made.

    ``states`` maps extensions to AVAILSTATUS numbers; an extension that is missing is not free. The
    order of callers is the order of requests for each callee (3GPP TS 24.093 clause 4); a caller that is
    not free is suspended and passed over; one recall at a time for a callee and for a caller.
    """
    taken = {n for r in requests if r.state == rq.RECALLING for n in (r.caller, r.callee)}
    recalls: list[Request] = []
    changes: list[tuple[Request, Request]] = []
    due: list[float] = []
    for request in requests:
        if request.state == rq.RECALLING:
            due.append(request.started + settings.ring_time + OVERDUE)
            continue
        if now >= request.expires:
            changes.append((request, rq.end(request, rq.EXPIRED, "the service duration is over", now)))
            continue
        due.append(request.expires)
        if now < request.not_before:
            due.append(request.not_before)
            continue
        if request.callee in taken or request.caller in taken or not is_free(states.get(request.callee)):
            continue
        if not is_free(states.get(request.caller)):
            if request.state == rq.WAITING:
                event = f"suspended: {request.callee} is free, but {request.caller} is not"
                changes.append((request, request.but(now, event, state=rq.SUSPENDED)))
            continue
        recalls.append(request)
        taken |= {request.caller, request.callee}
    return Plan(tuple(recalls), tuple(changes), min(due, default=None))


def begin(request: Request, asterisk_start: int, now: float) -> Request:
    """Return ``request`` with its next recall attempt under way, for the Asterisk started at that time."""
    return request.but(
        now,
        f"recall {request.attempt + 1}",
        state=rq.RECALLING,
        attempt=request.attempt + 1,
        started=now,
        asterisk_start=asterisk_start,
    )


def settle(
    request: Request, outcome: Outcome, file_waits: bool, restarted: bool, now: float, settings: Settings
) -> Request | None:
    """Return what becomes of a request whose recall was under way, or None while it still is.

    ``file_waits`` says that its call file was in ``outgoing``, looked at before the report was read
    (Asterisk takes it away after the reports of an answered call). ``restarted`` says that Asterisk
    started anew since the recall was handed over: then whatever was under way is over.
    """
    caller, callee = request.caller, request.callee
    over = restarted or (not file_waits and is_overdue(request, now, settings))
    if outcome.withdrawn:
        return _wait(request, "the recall was withdrawn before it rang", now, pause=settings.retry_pause)
    if not outcome.claimed:
        if not over:
            return None
        why = "Asterisk restarted" if restarted else "Asterisk did not run the recall; is its dialplan loaded?"
        return _wait(request, why, now, pause=settings.retry_pause)
    if outcome.callee:
        return _settle_callee(request, outcome, now)
    if outcome.caller == "NOT-RUNG":
        return _wait(request, f"{callee} was taken again before {caller} was rung", now)
    if outcome.caller in _UNREACHABLE:
        return _wait(request, f"{caller} could not be reached", now, pause=settings.retry_pause)
    if outcome.caller == "BUSY":
        return _unanswered(request, f"{caller} was busy or rejected the recall", now, settings)
    if outcome.caller and outcome.caller != "ANSWER":
        return _unanswered(request, f"{caller} did not answer the recall", now, settings)
    if over:
        # Whether the caller was rung can't be told: taken for rung and unanswered, never repeated at once.
        return _unanswered(request, "Asterisk stopped during the recall", now, settings)
    return None


def is_overdue(request: Request, now: float, settings: Settings) -> bool:
    """Tell whether the recall was handed over so long ago that ringing the caller must be over."""
    return not 0 <= now - request.started < settings.ring_time + OVERDUE


def _settle_callee(request: Request, outcome: Outcome, now: float) -> Request:
    """Return what becomes of a request whose caller answered the recall."""
    caller, callee = request.caller, request.callee
    if outcome.callee == "ANSWER":
        return rq.end(request, rq.COMPLETED, f"{caller} and {callee} talked for {outcome.talked} s", now)
    if outcome.callee == "BUSY" or outcome.callee in _UNREACHABLE:
        # The standards' retention option: the request keeps its place.
        return _wait(request, f"{callee} was taken again when {caller} answered", now)
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
