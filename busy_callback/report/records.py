"""What the statistics need of a request: the few facts of its history, in a tuple, as there may be very many."""

from __future__ import annotations

import re
from typing import NamedTuple

from busy_callback import request as rq
from busy_callback.report.sentences import LABELS, OTHER, understand
from busy_callback.request import Request

_DIGITS = re.compile("[0-9]+")
_LONGEST_REASON = 60  # characters of a reason that is none of ours


class Record(NamedTuple):
    """A request as the statistics see it; times are in seconds, since the epoch or from one to the other.

    ``reason`` is a code of ``sentences``, or for one that is none of ours its text without numbers. ``asked`` has
    each time that the caller asked, ``waited`` is from the first of them to the beginning of the talk, where the
    two talked in a recall. ``rang_after`` has, for each recall of which that is known, the time from the callee's
    being free to the call file that lets the caller's phone ring (milliseconds before it does).
    """

    caller: str
    callee: str
    kind: str
    state: str
    reason: str
    asked: tuple[float, ...]
    waited: float | None
    rang_after: tuple[float, ...]


def record_of(request: Request) -> Record:
    """Return what the statistics need of the request."""
    asked, rang_after = [request.requested], []
    for when, event in request.events:
        if event == "asked again":
            asked.append(when)
        elif event.startswith("recall "):
            told = understand(event)
            if "seconds" in told.values:
                rang_after.append(float(told.values["seconds"]))
    reason, waited = "", None
    if request.state in rq.END_STATES:
        told = understand(request.reason)
        reason = told.code
        if reason not in LABELS:
            reason = _DIGITS.sub("N", request.reason)[:_LONGEST_REASON] or OTHER
        if reason == "talked":
            # The talk's end and length are the dialplan's word; when it began, a poll may have seen late.
            waited = request.ended - float(told.values["seconds"]) - request.requested
            waited = waited if waited >= 0 else None  # the clock was set meanwhile
    return Record(
        request.caller, request.callee, request.kind, request.state, reason, tuple(asked), waited, tuple(rang_after)
    )
