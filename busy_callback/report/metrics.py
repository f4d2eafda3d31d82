"""The metrics in Prometheus's text format, for node_exporter's textfile collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from busy_callback import request as rq
from busy_callback.report import service
from busy_callback.report.counted import Counted, Histogram, count
from busy_callback.report.sentences import ENDS
from busy_callback.store.spool import Spool

_NAME = "busy_callback"


def text(spool: Spool) -> bytes:
    """Return the metrics of the spool, now. Raises SpoolError."""
    registry = CollectorRegistry()
    registry.register(_Spool(spool))
    return generate_latest(registry)


class _Spool(Collector):
    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def collect(self) -> Iterator[Metric]:
        spool = self._spool
        yield self._live()
        counted = count(spool)
        yield _ended(counted)
        yield _histogram(
            f"{_NAME}_wait_seconds", "Time from asking to talking, of those who talked in a recall.", counted.waits
        )
        yield _histogram(
            f"{_NAME}_free_to_ring_seconds",
            "Time from the callee's being free to the caller's ring, guard_time included.",
            counted.rings,
        )
        last = service.last_poll(spool.directory)
        poll = GaugeMetricFamily(
            f"{_NAME}_last_poll_timestamp_seconds", "When the poller last began its turn; 0: never."
        )
        poll.add_metric([], last or 0.0)
        yield poll
        faults = GaugeMetricFamily(f"{_NAME}_faults", "Complaints in the log that are not over.", labels=["kind"])
        for kind in service.FAULTS:
            faults.add_metric([kind], len(service.faults(spool.directory, kind)))
        yield faults
        corrupt = GaugeMetricFamily(f"{_NAME}_corrupt_files", "Files that could not be read and were set aside.")
        corrupt.add_metric([], service.corrupt_files(spool.directory))
        yield corrupt

    def _live(self) -> Metric:
        states: Counter[str] = Counter()
        for request in self._spool.live():
            states[request.state] += 1
        family = GaugeMetricFamily(f"{_NAME}_requests", "Requests that live now.", labels=["state"])
        for state in rq.LIVE_STATES:
            family.add_metric([state], states[state])
        return family


def _ended(counted: Counted) -> Metric:
    family = CounterMetricFamily(f"{_NAME}_requests_ended", "Requests that ended.", labels=["outcome", "reason"])
    known = [(state, code) for state, rows in ENDS.items() for code, _, _ in rows]
    for outcome, reason in dict.fromkeys([*known, *sorted(counted.ended)]):  # at 0 too: a rate needs its beginning
        family.add_metric([outcome, reason], counted.ended[outcome, reason])
    return family


def _histogram(name: str, documentation: str, histogram: Histogram) -> Metric:
    so_far, buckets = 0, []
    for limit, number in zip((*map(str, histogram.limits), "+Inf"), histogram.counts):
        so_far += number
        buckets.append((limit, so_far))
    return HistogramMetricFamily(name, documentation, buckets=buckets, sum_value=histogram.total)
