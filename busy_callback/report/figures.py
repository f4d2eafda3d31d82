"""The figures of a history: how many asked, what became of them, how long they waited; pure functions of records."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from busy_callback import request as rq
from busy_callback.report.records import Record
from busy_callback.store.offers import Offer

ANSWERED_WITHIN = 120.0  # seconds from an offer, which is decided before the prompt, to the registration by its 5
_QUARTER = 900  # seconds
_EARLY = 2.0  # seconds: the two are noted by two processes
STATES = (*rq.END_STATES, *rq.LIVE_STATES)


@dataclass
class Callee:
    """An extension that others asked to be called back by."""

    number: str
    states: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many requests there were for it."""
        return sum(self.states.values())


@dataclass
class Figures:
    """The figures of the requests that were asked for from ``since`` until ``until`` (seconds, epoch).

    ``reasons`` counts (state, reason); ``days`` has a Counter of states for each local day, in order, ``hours`` the
    requests by weekday (0: Monday) and hour. ``offered`` counts offers, ``taken`` those whose caller asked then;
    ``anonymous_offers`` those that were noted without numbers. ``unreadable`` counts files that were no request.
    """

    since: float
    until: float
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    rings: list[float] = field(default_factory=list)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    hours: list[list[int]] = field(default_factory=lambda: [[0] * 24 for _ in range(7)])
    callees: dict[str, Callee] = field(default_factory=dict)
    offered: int = 0
    taken: int = 0
    anonymous_offers: int = 0
    unreadable: int = 0

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return sum(self.states.values())

    def busiest(self, most: int) -> list[Callee]:
        """Return the callees with most requests, the busiest first."""
        return sorted(self.callees.values(), key=lambda callee: (-callee.asked, callee.number))[:most]


def figures(records: Iterable[Record], offers: Iterable[Offer], since: float, until: float) -> Figures:
    """Return the figures of the records and offers of that time; others are passed over."""
    found = Figures(since, until)
    for day in _days(since, until):
        found.days[day] = Counter()
    asked: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if not since <= record.asked[0] <= until:
            continue
        day, weekday, hour = _local(int(record.asked[0]) // _QUARTER)
        found.states[record.state] += 1
        if day not in found.days:
            found.days[day] = Counter()
        found.days[day][record.state] += 1
        found.hours[weekday][hour] += 1
        if record.reason:
            found.reasons[record.state, record.reason] += 1
        found.rings.extend(record.rang_after)
        callee = found.callees.get(record.callee)
        if callee is None:
            callee = found.callees[record.callee] = Callee(record.callee)
        callee.states[record.state] += 1
        if record.waited is not None:
            found.waits.append(record.waited)
            callee.waits.append(record.waited)
        asked.setdefault((record.caller, record.callee), []).extend(record.asked)
    _count_offers(found, offers, asked)
    return found


@lru_cache(4096)
def _local(quarter: int) -> tuple[str, int, int]:
    """Return day, weekday and hour by the local clock; every zone's hours begin with a quarter of one."""
    local = time.localtime(quarter * _QUARTER)
    return time.strftime("%Y-%m-%d", local), local.tm_wday, local.tm_hour


def _days(since: float, until: float) -> list[str]:
    """Return the local days of the time, also those on which nobody asked."""
    first = time.localtime(since)
    days = []
    for number in range(int((until - since) / 86400) + 2):
        noon = time.mktime((first.tm_year, first.tm_mon, first.tm_mday + number, 12, 0, 0, 0, 0, -1))
        days.append(time.strftime("%Y-%m-%d", time.localtime(noon)))
    last = time.strftime("%Y-%m-%d", time.localtime(until))
    return [day for day in days if day <= last]


def _count_offers(found: Figures, offers: Iterable[Offer], asked: dict[tuple[str, str], list[float]]) -> None:
    """Count the offers, and those of them after which the same caller asked for the same callee."""
    times: dict[tuple[str, str], list[float]] = {}
    for offer in offers:
        if found.since <= offer.when <= found.until:
            found.offered += 1
            found.anonymous_offers += not offer.caller
            times.setdefault((offer.caller, offer.callee), []).append(offer.when)
    for pair, offered in times.items():
        offered.sort()
        taken = set()
        for when in asked.get(pair, ()):
            last = bisect_right(offered, when + _EARLY) - 1
            if last >= 0 and when - offered[last] <= ANSWERED_WITHIN:
                taken.add(last)
        found.taken += len(taken)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the smallest value that this share of them does not exceed (nearest rank), None without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else None


def shares(values: Sequence[float], limits: Sequence[float]) -> list[int]:
    """Return how many values are up to the first limit, above that and up to the next, ..., above the last."""
    ordered = sorted(values)
    up_to = [bisect_right(ordered, limit) for limit in limits]
    return [high - low for low, high in zip([0, *up_to], [*up_to, len(ordered)])]
