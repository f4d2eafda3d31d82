"""The figures as text for a terminal, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from busy_callback import request as rq
from busy_callback.language import Language, aligned, clock
from busy_callback.report.figures import STATES, Figures, percentile
from busy_callback.report.sentences import LABELS

BUSIEST = 10  # callees in a table
_BAR = 40  # columns


def share(part: int, whole: int) -> str:
    """Return a share in percent, '' of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else ""


def state_name(state: str, language: Language) -> str:
    """Return a state's name."""
    return language.say(STATE_NAMES[state])


STATE_NAMES = {
    rq.COMPLETED: "completed",
    rq.EXPIRED: "expired",
    rq.CANCELLED: "cancelled",
    rq.FAILED: "failed",
    rq.WAITING: "waiting",
    rq.SUSPENDED: "suspended",
    rq.RECALLING: "recalling",
}


def reason_name(reason: str, language: Language) -> str:
    """Return what a reason is called, which may be none of ours."""
    return language.say(LABELS[reason]) if reason in LABELS else reason


def times(values: Sequence[float], language: Language) -> tuple[str, str]:
    """Return the median and the 90th percentile as text."""
    found = (percentile(values, 50), percentile(values, 90))
    middle, most = ("-" if value is None else language.duration(value) for value in found)
    return middle, most


def as_text(found: Figures, language: Language) -> Iterator[str]:
    """Yield the lines of the figures."""
    say = language.say
    yield say("Callbacks asked for since {when}", when=clock(found.since, found.until))
    yield ""
    rows = [(say("asked"), str(found.asked), "")]
    for state in STATES:
        if found.states[state] or state in rq.END_STATES:
            rows.append(
                (state_name(state, language), str(found.states[state]), share(found.states[state], found.asked))
            )
    yield from aligned(rows)
    yield ""
    reasons = sorted(found.reasons.items(), key=lambda item: (STATES.index(item[0][0]), -item[1], item[0][1]))
    for state, reason in (key for key, _ in reasons):
        yield f"{found.reasons[state, reason]:6}  {state_name(state, language)}: {reason_name(reason, language)}"
    yield ""
    if found.offered:
        yield offers(found, language)
        yield ""
    yield from aligned(
        [
            ("", say("median"), say("90 % within")),
            (say("from asking to talking"), *times(found.waits, language)),
            (say("from the callee's being free to the ring"), *times(found.rings, language)),
        ]
    )
    if found.asked:
        yield ""
        yield from _hours(found, language)
        yield ""
        yield from _callees(found, language)
    if found.unreadable:
        yield ""
        yield say("{number} files could not be read", number=found.unreadable)


def offers(found: Figures, language: Language) -> str:
    """Return how many were offered a callback, and the share that asked for it where that is known."""
    known = found.offered - found.anonymous_offers
    if not known:
        return language.say("offered to {number} callers", number=f"{found.offered:,}")
    return language.say(
        "offered to {number} callers, of whom {share} asked for it",
        number=f"{found.offered:,}",
        share=share(found.taken, known),
    )


def _hours(found: Figures, language: Language) -> Iterator[str]:
    by_hour = [sum(day[hour] for day in found.hours) for hour in range(24)]
    longest = max(by_hour)
    yield language.say("asked by hour of day")
    for hour, number in enumerate(by_hour):
        if number:
            yield f"{hour:02}  {number:6}  {'#' * max(1, number * _BAR // longest)}"


def _callees(found: Figures, language: Language) -> Iterator[str]:
    say = language.say
    head = (say("callee"), say("asked"), *(state_name(state, language) for state in rq.END_STATES), say("median"))
    rows = [
        (
            callee.number,
            str(callee.asked),
            *(str(callee.states[state]) for state in rq.END_STATES),
            times(callee.waits, language)[0],
        )
        for callee in found.busiest(BUSIEST)
    ]
    yield from aligned([head, *rows])


def as_data(found: Figures) -> dict[str, Any]:
    """Return the figures for programs; times are in seconds."""

    def spread(values: Sequence[float]) -> dict[str, Any]:
        return {"count": len(values), "median": percentile(values, 50), "percentile_90": percentile(values, 90)}

    return {
        "since": found.since,
        "until": found.until,
        "asked": found.asked,
        "states": {state: found.states[state] for state in STATES},
        "reasons": [
            {"state": state, "reason": reason, "count": count} for (state, reason), count in found.reasons.most_common()
        ],
        "offered": found.offered,
        "offers_taken": None if found.anonymous_offers else found.taken,
        "asking_to_talking": spread(found.waits),
        "free_to_ring": spread(found.rings),
        "by_day": [{"day": day, "states": dict(states)} for day, states in found.days.items()],
        "by_weekday_and_hour": found.hours,
        "callees": [
            {"callee": c.number, "asked": c.asked, "states": dict(c.states), "asking_to_talking": spread(c.waits)}
            for c in found.busiest(len(found.callees))
        ],
        "unreadable": found.unreadable,
    }
