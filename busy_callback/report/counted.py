"""What is counted for good: by outcome and in histograms, also of requests that the history has forgotten since.

A counter must never go back. So each ended request is counted once, and what was counted is kept in the spool:

    metrics   JSON: the numbers, a fingerprint of each counted request that has a file of its own in the history, and
              up to which byte each past day's file was counted

Without numbers of extensions, as it outlives them. Whoever counts holds ``metrics.lock``, and writes ``metrics.new``
first. A file that is lost or can't be read begins anew, which Prometheus takes for a restart.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.report.records import record_of
from busy_callback.report.sentences import LABELS, OTHER
from busy_callback.request import Request
from busy_callback.store import day_lines, past_days
from busy_callback.store.durable import Lock, replace_note
from busy_callback.store.history import read_request
from busy_callback.store.spool import Spool

FORMAT = 2
_WITHOUT_DAYS = 1  # as an older version wrote it, to which past days were files like the others
WAITS = (30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 2700.0, 3600.0, 7200.0, 10800.0)  # seconds
_MOST = 16 << 20  # characters of the file; it has 20 for each request in the history
_MOST_OF_A_DAY = 1 << 40  # bytes
RINGS = (0.5, 1.0, 2.0, 5.0, 5.5, 6.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0)  # seconds; guard_time is 5 by default


@dataclass
class Histogram:
    """How many values lie up to each limit but not to the one before, and above the last; and their sum."""

    limits: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.limits) + 1)

    def add(self, value: float) -> None:
        """Count one more."""
        self.counts[next((n for n, limit in enumerate(self.limits) if value <= limit), len(self.limits))] += 1
        self.total += value


@dataclass
class Counted:
    """What was counted by now; ``ended`` is by (outcome, reason)."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: Histogram = field(default_factory=lambda: Histogram(WAITS))
    rings: Histogram = field(default_factory=lambda: Histogram(RINGS))
    fingerprints: set[str] = field(default_factory=set)
    days: dict[str, int] = field(default_factory=dict)


def count(spool: Spool) -> Counted:
    """Count the ended requests that were not counted yet, and return all that was. Raises SpoolError."""
    try:
        with Lock(spool.path("", "metrics.lock")):
            counted = _load(spool)
            before, days_before = set(counted.fingerprints), dict(counted.days)
            counted.fingerprints = set()
            for name in os.listdir(spool.path("ended", "")):  # first: what is moved meanwhile is met in its day's file
                fingerprint = _fingerprint(name)
                if fingerprint in before or _add_single(counted, spool, name):
                    counted.fingerprints.add(fingerprint)
            _add_days(counted, spool, before)
            if counted.fingerprints != before or counted.days != days_before:
                _save(spool, counted)
            return counted
    except OSError as error:
        raise SpoolError(f"the spool {spool.directory} can't be counted: {error}") from error


def _fingerprint(name: str) -> str:
    return blake2b(name.encode(errors="replace"), digest_size=8).hexdigest()


def _add_single(counted: Counted, spool: Spool, name: str) -> bool:
    """Count one that has a file of its own; tell whether it could be read."""
    try:
        request = read_request(spool, "ended", name)
    except CorruptRequestError:
        return False
    if request is None or request.state not in rq.END_STATES:
        return False
    _add(counted, request)
    return True


def _add_days(counted: Counted, spool: Spool, before: set[str]) -> None:
    """Count what was moved into the files of past days, unless it was counted ``before``, or now, as a single file."""
    known = before | counted.fingerprints
    sizes: dict[str, int] = {}
    for day in past_days.days(spool.directory):
        begin = sizes[day] = counted.days.get(day, 0)
        try:
            for line in past_days.read_lines(spool.directory, day, begin):
                sizes[day] += len(line)
                with contextlib.suppress(CorruptRequestError):
                    request = day_lines.decode(line)
                    if _fingerprint(request.id) not in known:
                        _add(counted, request)
        except (CorruptRequestError, FileNotFoundError):
            pass
    counted.days = sizes


def _add(counted: Counted, request: Request) -> None:
    record = record_of(request)
    counted.ended[record.state, record.reason if record.reason in LABELS else OTHER] += 1
    if record.waited is not None:
        counted.waits.add(record.waited)
    for rang_after in record.rang_after:
        counted.rings.add(rang_after)


def _load(spool: Spool) -> Counted:
    try:
        descriptor = os.open(spool.path("", "metrics"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, encoding="ascii") as file:
            text = file.read(_MOST + 1)
        data = json.loads(text) if len(text) <= _MOST else {}
        known = Counted()
        for histogram, kept in ((known.waits, data["waits"]), (known.rings, data["rings"])):
            if data["format"] not in (FORMAT, _WITHOUT_DAYS) or tuple(kept["limits"]) != histogram.limits:
                return Counted()
            histogram.counts = [int(number) for number in kept["counts"]]
            histogram.total = float(kept["total"])
        ended = {(str(outcome), str(reason)): int(number) for outcome, reason, number in data["ended"]}
        if any(outcome not in rq.END_STATES or reason not in {*LABELS, OTHER} for outcome, reason in ended):
            return Counted()  # what goes to Prometheus has our own words alone
        known.ended.update(ended)
        known.fingerprints = set(data["fingerprints"])
        if data["format"] == FORMAT:
            known.days = {str(day): min(max(0, int(size)), _MOST_OF_A_DAY) for day, size in data["days"].items()}
        return known
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Counted()


def _save(spool: Spool, counted: Counted) -> None:
    def plain(histogram: Histogram) -> dict[str, Any]:
        return {"limits": histogram.limits, "counts": histogram.counts, "total": histogram.total}

    data = {
        "format": FORMAT,
        "ended": [[*key, number] for key, number in sorted(counted.ended.items())],
        "waits": plain(counted.waits),
        "rings": plain(counted.rings),
        "fingerprints": sorted(counted.fingerprints),
        "days": counted.days,
    }
    # Not in tmp/, which a poll may clear away meanwhile.
    replace_note(json.dumps(data), spool.path("", "metrics.new"), spool.path("", "metrics"))
