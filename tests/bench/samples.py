"""Measured values: their percentiles, and tables of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Samples:
    """Times in milliseconds that one subject took for one thing."""

    name: str
    values: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        """Note one more."""
        self.values.append(seconds * 1000)

    def percentile(self, percent: float) -> float:
        """Return the smallest value that this share of them does not exceed (nearest rank)."""
        ordered = sorted(self.values)
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]

    @property
    def median(self) -> float:
        """The middle one."""
        return self.percentile(50)


def show(value: float) -> str:
    """Return a number with three significant digits at most."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def compare(title: str, subjects: Sequence[Samples], yardstick: Samples) -> str:
    """Return a table of the subjects' times, each with the ratio of its median to the yardstick's."""
    rows = [
        (
            subject.name,
            str(len(subject.values)),
            *(show(subject.percentile(p)) for p in (50, 95, 99)),
            f"{subject.median / yardstick.median:.2f}",
        )
        for subject in subjects
    ]
    return table((f"{title} (ms)", "n", "median", "p95", "p99", "ratio"), rows)
