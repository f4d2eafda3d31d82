"""The page: the figures as pictures, each with its numbers, in one file that needs no other."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from busy_callback import request as rq
from busy_callback.language import Language
from busy_callback.report import pictures
from busy_callback.report.figures import STATES, Callee, Figures, percentile, shares
from busy_callback.report.tables import BUSIEST, offers, reason_name, share, state_name, times

DAYS_IN_A_PICTURE = 62  # of a longer time, weeks are shown
WAITS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 120)  # minutes
RINGS = (0.5, 1, 2, 5, 5.1, 5.2, 5.5, 6, 8, 15, 30)  # seconds; the guard time is 5 by default
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Chapter:
    """A picture with its numbers.

    ``legend`` and the ``head`` of the table have pairs of a colour ('': none) and a text; ``note`` may be ''.
    """

    title: str
    note: str
    legend: Sequence[tuple[str, str]]
    picture: Markup
    head: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]


def render(found: Figures, language: Language, anonymous: bool = False) -> str:
    """Return the page in HTML; ``anonymous``: without any extension's number."""
    template = resources.files("busy_callback.report").joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    chapters = [
        _by_day(found, language),
        _outcomes(found, language),
        _by_hour(found, language),
        _waits(found, language),
        _rings(found, language),
        _callees(found, language, anonymous),
    ]
    return environment.from_string(template).render(
        say=language.say,
        language=language.name,
        since=_minute(found.since),
        until=_minute(found.until),
        tiles=list(_tiles(found, language)),
        chapters=chapters if found.asked else [],
        unreadable=found.unreadable,
    )


def _minute(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))


def _tiles(found: Figures, language: Language) -> Iterator[tuple[str, str, str]]:
    """Yield what is shown large: a number, what it is, and something about it."""
    say = language.say
    completed = found.states[rq.COMPLETED]
    middle, most = times(found.waits, language)
    yield f"{found.asked:,}", say("callbacks asked for"), offers(found, language) if found.offered else ""
    yield share(completed, found.asked) or "-", say("completed"), f"{completed:,}"
    yield middle, say("from asking to talking (median)"), say("90 % within {time}", time=most)
    middle, most = times(found.rings, language)
    yield middle, say("from free to ring (median)"), say("90 % within {time}", time=most)


def _shown_states(states: Counter[str]) -> list[str]:
    return [state for state in STATES if states[state] or state == rq.COMPLETED]


def _by_day(found: Figures, language: Language) -> Chapter:
    say = language.say
    weeks = len(found.days) > DAYS_IN_A_PICTURE
    groups: dict[str, Counter[str]] = {}
    for day, counted in found.days.items():
        groups.setdefault(_monday(day) if weeks else day, Counter()).update(counted)
    states = _shown_states(found.states)
    stacks = {state: [counted[state] for counted in groups.values()] for state in states}
    title = say("Requests by week") if weeks else say("Requests by day")
    every = max(1, -(-len(groups) // 6))
    return Chapter(
        title,
        say("A week stands by its Monday.") if weeks else "",
        _legend(states, language),
        Markup(pictures.columns([day[5:] for day in groups], stacks, title, every)),  # noqa: S704 - escaped there
        [("", say("week") if weeks else say("day")), ("", say("asked")), *_legend(states, language)],
        [
            [day if weeks else day[5:], f"{sum(counted.values()):,}", *(f"{counted[state]:,}" for state in states)]
            for day, counted in groups.items()
        ],
    )


def _monday(day: str) -> str:
    date = datetime.date.fromisoformat(day)
    return (date - datetime.timedelta(days=date.weekday())).isoformat()


def _legend(states: Sequence[str], language: Language) -> list[tuple[str, str]]:
    return [(state, state_name(state, language)) for state in states]


def _outcomes(found: Figures, language: Language) -> Chapter:
    say = language.say
    reasons = sorted(found.reasons.items(), key=lambda item: (STATES.index(item[0][0]), -item[1], item[0][1]))
    rows = [(state, reason_name(reason, language), number) for (state, reason), number in reasons]
    rows += [(state, "", found.states[state]) for state in rq.LIVE_STATES if found.states[state]]
    names = [
        say("{state}: {reason}", state=state_name(state, language), reason=reason)
        if reason
        else state_name(state, language)
        for state, reason, _ in rows
    ]
    states = list(dict.fromkeys(state for state, _, _ in rows))
    stacks = {state: [number if state == own else 0 for own, _, number in rows] for state in states}
    title = say("What became of them, and why")
    return Chapter(
        title,
        "",
        _legend(states, language),
        Markup(pictures.bars(names, stacks, title, above=True)),  # noqa: S704 - escaped there
        [("", say("outcome")), ("", say("requests")), ("", say("share"))],
        [[name, f"{number:,}", share(number, found.asked)] for name, (_, _, number) in zip(names, rows)],
    )


def _by_hour(found: Figures, language: Language) -> Chapter:
    say = language.say
    days = [say(day) for day in WEEKDAYS]
    title = say("Requests by hour and weekday")
    hours = [hour for hour in range(24) if any(day[hour] for day in found.hours)]
    return Chapter(
        title,
        say("The darker, the more requests."),
        [],
        Markup(pictures.heat(days, found.hours, lambda hour: f"{hour:02}", title)),  # noqa: S704 - escaped there
        [("", say("hour")), *(("", day) for day in days)],
        [[f"{hour:02}", *(f"{day[hour]:,}" for day in found.hours)] for hour in hours],
    )


def _waits(found: Figures, language: Language) -> Chapter:
    title = language.say("From asking to talking")
    note = language.say("Of those who talked in a recall; in minutes.")
    return _spread(title, note, found.waits, WAITS, 60, language)


def _rings(found: Figures, language: Language) -> Chapter:
    title = language.say("From the callee's being free to the caller's ring")
    note = language.say("With the moment in which the callee is left alone (guard_time); in seconds.")
    return _spread(title, note, found.rings, RINGS, 1, language)


def _spread(
    title: str, note: str, values: Sequence[float], limits: Sequence[float], unit: int, language: Language
) -> Chapter:
    """Return a chapter of how many values lie between each two limits, in units of so many seconds."""
    numbers = shares(values, [limit * unit for limit in limits])
    labels = [str(limit) for limit in limits] + [f">{limits[-1]}"]
    middle, most = times(values, language)
    so_far, rows = 0, []
    for label, number in zip(labels, numbers):
        so_far += number
        rows.append([label, f"{number:,}", share(so_far, len(values))])
    about = language.say("Median {middle}, 90 % within {most}.", middle=middle, most=most)
    return Chapter(
        title,
        language.say("{first} {second}", first=note, second=about) if values else note,
        [],
        Markup(pictures.columns(labels, {"accent": numbers}, title)),  # noqa: S704 - escaped there
        [("", language.say("up to")), ("", language.say("requests")), ("", language.say("share up to here"))],
        rows,
    )


def _callees(found: Figures, language: Language, anonymous: bool) -> Chapter:
    say = language.say
    busiest = found.busiest(BUSIEST)
    names = [
        say("no. {number}", number=place) if anonymous else callee.number for place, callee in enumerate(busiest, 1)
    ]
    states = _shown_states(found.states)
    stacks = {state: [callee.states[state] for callee in busiest] for state in states}
    title = say("Who needs a second line: the busiest callees")
    first = say(
        "{callee} was asked for most: {number} requests, {share} of all.",
        callee=names[0] if names else "",
        number=f"{busiest[0].asked:,}" if busiest else 0,
        share=share(busiest[0].asked, found.asked) if busiest else "",
    )
    return Chapter(
        title,
        first,
        _legend(states, language),
        Markup(pictures.bars(names, stacks, title)),  # noqa: S704 - escaped there
        [("", say("callee")), ("", say("asked")), *_legend(states, language), ("", say("median"))],
        [_callee_row(name, callee, states, language) for name, callee in zip(names, busiest)],
    )


def _callee_row(name: str, callee: Callee, states: Sequence[str], language: Language) -> list[str]:
    middle = percentile(callee.waits, 50)
    waited = "-" if middle is None else language.duration(middle)
    return [name, f"{callee.asked:,}", *(f"{callee.states[state]:,}" for state in states), waited]
