"""What is counted for good: by outcome and in histograms, also of requests that the history has forgotten since.

A counter must never go back. So each ended request is counted once, and what was counted is kept in the spool:

    metrics   JSON: the numbers, and a fingerprint of each counted request that is still in the history

Without numbers of extensions, as it outlives them. Whoever counts holds ``metrics.lock``, and writes ``metrics.new``
first. A file that is lost or can't be read begins anew, which Prometheus takes for a restart.
"""

from __future__ import annotations

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
from busy_callback.store.durable import Lock, replace_note
from busy_callback.store.history import read_request
from busy_callback.store.spool import Spool

FORMAT = 1
WAITS = (30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 2700.0, 3600.0, 7200.0, 10800.0)  # seconds
_MOST = 16 << 20  # characters of the file; it has 20 for each request in the history
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


def count(spool: Spool) -> Counted:
    """Count the ended requests that were not counted yet, and return all that was. Raises SpoolError."""
    try:
        with Lock(spool.path("", "metrics.lock")):
            counted = _load(spool)
            before = set(counted.fingerprints)
            counted.fingerprints = set()
            for name in os.listdir(spool.path("ended", "")):
                fingerprint = blake2b(name.encode(errors="replace"), digest_size=8).hexdigest()
                if fingerprint in before or _add(counted, spool, name):
                    counted.fingerprints.add(fingerprint)
            if counted.fingerprints != before:
                _save(spool, counted)
            return counted
    except OSError as error:
        raise SpoolError(f"the spool {spool.directory} can't be counted: {error}") from error


def _add(counted: Counted, spool: Spool, name: str) -> bool:
    """Count one; tell whether it could be read."""
    try:
        request = read_request(spool, "ended", name)
    except CorruptRequestError:
        return False
    if request is None or request.state not in rq.END_STATES:
        return False
    record = record_of(request)
    counted.ended[record.state, record.reason if record.reason in LABELS else OTHER] += 1
    if record.waited is not None:
        counted.waits.add(record.waited)
    for rang_after in record.rang_after:
        counted.rings.add(rang_after)
    return True


def _load(spool: Spool) -> Counted:
    try:
        descriptor = os.open(spool.path("", "metrics"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, encoding="ascii") as file:
            text = file.read(_MOST + 1)
        data = json.loads(text) if len(text) <= _MOST else {}
        known = Counted()
        for histogram, kept in ((known.waits, data["waits"]), (known.rings, data["rings"])):
            if data["format"] != FORMAT or tuple(kept["limits"]) != histogram.limits:
                return Counted()
            histogram.counts = [int(number) for number in kept["counts"]]
            histogram.total = float(kept["total"])
        ended = {(str(outcome), str(reason)): int(number) for outcome, reason, number in data["ended"]}
        if any(outcome not in rq.END_STATES or reason not in {*LABELS, OTHER} for outcome, reason in ended):
            return Counted()  # what goes to Prometheus has our own words alone
        known.ended.update(ended)
        known.fingerprints = set(data["fingerprints"])
        return known
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
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
    }
    # Not in tmp/, which a poll may clear away meanwhile.
    replace_note(json.dumps(data), spool.path("", "metrics.new"), spool.path("", "metrics"))
