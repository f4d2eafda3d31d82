"""What becomes of a request whose recall was under way: a pure function of what is known of the attempt."""

from __future__ import annotations

from dataclasses import dataclass

from busy_callback import request as rq
from busy_callback.policy import is_overdue
from busy_callback.request import Request
from busy_callback.settings import Settings

_UNREACHABLE = ("CHANUNAVAIL", "CONGESTION", "INVALIDARGS")  # of DIALSTATUS (apps/app_dial.c)
_USER_BUSY, _REJECTED = 17, 21  # of HANGUPCAUSE (Q.850): user busy, call rejected
_TAKEN_PAUSE = 1.0  # seconds; without it a PBX that takes a free phone for taken would be asked without end


@dataclass(frozen=True)
class Outcome:
    """What is known of a recall attempt: who has it, and how each leg ended.

    ``answered``: the caller took it. ``caller`` and ``callee`` are Dial's DIALSTATUS, or NOT-RUNG, or NO-PHONE
    (none that may be rung), or '' while unknown; ``cause`` and ``callee_cause`` are the legs' HANGUPCAUSE.
    ``rang``, ``callee_rang``: a phone of theirs said that it rings. ``caller_in_use``, ``callee_in_use``: another call
    had a device of theirs when the leg ended, as far as is known. ``talked`` is in seconds. ``fresh``: something was
    reported just now, and more may follow. Neither ``claimed`` (by Asterisk, for ``channel``) nor ``withdrawn`` (by
    us): not begun. ``cancelled``: withdrawn between the claim and the caller's answer.
    """

    claimed: bool = False
    channel: str = ""
    withdrawn: bool = False
    cancelled: bool = False
    answered: bool = False
    caller: str = ""
    cause: int = 0
    rang: bool = False
    caller_in_use: bool = False
    callee: str = ""
    talked: int = 0
    callee_cause: int = 0
    callee_rang: bool = True
    callee_in_use: bool = True
    fresh: bool = False


def settle(
    request: Request, outcome: Outcome, file_waits: bool, restarted: bool, now: float, settings: Settings
) -> Request | None:
    """Return what becomes of a request whose recall was under way, or None: nothing new.

    ``file_waits`` says that its call file was in ``outgoing``, looked at before the report was read
    (Asterisk takes it away when the caller's call has ended). ``restarted`` says that Asterisk
    started anew since the recall was handed over: then whatever was under way is over.

    Who rang, or may have rung, is not rung again within ``retry_pause``, nor more than ``attempts`` times.
    """
    caller, callee = request.caller, request.callee
    over = restarted or (not file_waits and is_overdue(request, now, settings))
    if request.cancelled and not outcome.answered:
        return rq.end(request, rq.CANCELLED, request.reason, now) if outcome.caller or over else None
    if outcome.cancelled and outcome.caller:
        return _wait(request, "the recall was withdrawn while it rang", now, settings.retry_pause)
    if outcome.withdrawn:
        return _wait(request, "the recall was taken back before it rang", now, settings.retry_pause)
    if not outcome.claimed:
        if not over:
            return None
        why = "Asterisk restarted" if restarted else "Asterisk did not run the recall; is its dialplan loaded?"
        return _wait(request, why, now, settings.retry_pause)
    if outcome.callee:
        return _settle_callee(request, outcome, now, settings)
    if outcome.answered or outcome.caller == "ANSWER":
        if outcome.caller and not file_waits and not outcome.fresh and not restarted:
            # Gone before the callee's leg was there to tell of itself.
            return rq.end(request, rq.COMPLETED, f"{caller} answered and hung up", now)
        if restarted or (over and not outcome.fresh):
            return rq.end(request, rq.COMPLETED, f"{caller} answered; Asterisk stopped during the call", now)
        return None if request.answered else request.but(now, f"{caller} answered", answered=now)
    if outcome.caller == "NOT-RUNG":
        return _wait(request, f"{callee} was taken again before {caller} was rung", now, _TAKEN_PAUSE)
    if outcome.caller:
        return _settle_caller(request, outcome, now, settings)
    if restarted:
        # Whether the caller was rung can't be told: taken for rung and unanswered, never repeated at once.
        return _rung_in_vain(request, "Asterisk stopped during the recall", now, settings)
    if over:
        # They may have talked: no call is better than a second one.
        return rq.end(request, rq.FAILED, "nothing was reported of the recall, so it is not repeated", now)
    return None


def _settle_caller(request: Request, outcome: Outcome, now: float, settings: Settings) -> Request:
    """Return what becomes of a request whose caller did not take the recall."""
    caller = request.caller
    if outcome.caller == "NO-PHONE":
        why = f"{caller} has no phone that may be rung: its redirect_method would let it send the recall elsewhere"
        return rq.end(request, rq.FAILED, why, now)
    if not outcome.rang:
        if outcome.caller in _UNREACHABLE and outcome.cause != _REJECTED:
            return _wait(request, f"{caller} could not be reached", now, settings.retry_pause)
        if outcome.caller == "BUSY" and outcome.cause == _USER_BUSY and outcome.caller_in_use:
            # The collision of a recall and a call of the caller's own: nobody let anything ring.
            return _wait(request, f"{caller} was in another call when it was to be rung", now, settings.retry_pause)
    said = "did not answer"
    if outcome.cause == _REJECTED:
        said = "rejected"
    elif outcome.caller == "BUSY":
        said = "was busy or rejected"
    return _rung_in_vain(request, f"{caller} {said} the recall", now, settings)


def _settle_callee(request: Request, outcome: Outcome, now: float, settings: Settings) -> Request:
    """Return what becomes of a request whose caller answered the recall.

    A callee that says busy while no call has its device refuses, as one that rejects does: it is left alone. A branch
    from which nothing at all was heard could not be reached.
    """
    caller, callee = request.caller, request.callee
    silent = outcome.callee == "NOANSWER" and not outcome.callee_rang and settings.branch_of(callee) is not None
    if outcome.callee == "ANSWER":
        return rq.end(request, rq.COMPLETED, f"{caller} and {callee} talked for {outcome.talked} s", now)
    failed = silent or outcome.callee == "BUSY" or outcome.callee in _UNREACHABLE
    if failed and (outcome.callee_cause == _REJECTED or (outcome.callee == "BUSY" and not outcome.callee_in_use)):
        return rq.end(request, rq.FAILED, f"{callee} refused the call", now)
    if request.renewed >= request.started and (failed or outcome.callee == "NOANSWER"):
        # The recall met the offer, and 5 was pressed.
        return _wait(request, f"{caller} asked again for {callee} in the recall", now, settings.retry_pause)
    if failed:
        was = "was taken again" if outcome.callee == "BUSY" else "could not be reached"
        why = f"{callee} {was} when {caller} answered"
        if settings.retention:
            return _rung_in_vain(request, why, now, settings)
        return rq.end(request, rq.FAILED, why, now)
    if outcome.callee == "NOANSWER":
        return rq.end(request, rq.COMPLETED, f"{caller} answered, {callee} did not", now)
    return rq.end(request, rq.COMPLETED, f"{caller} answered and hung up", now)


def _wait(request: Request, event: str, now: float, pause: float, **changes: object) -> Request:
    return request.but(now, event, state=rq.WAITING, not_before=now + pause, reason="", **changes)


def _rung_in_vain(request: Request, event: str, now: float, settings: Settings) -> Request:
    """Count an attempt that rang the caller, or may have, and served nobody; end the request after the last one."""
    count = request.unanswered + 1
    if count >= settings.attempts:
        return rq.end(request, rq.FAILED, f"{event} ({count} of {settings.attempts} attempts)", now)
    return _wait(request, event, now, settings.retry_pause, unanswered=count)
