"""The times from hang-up to ring as a picture: an SVG, written by hand, with a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .samples import Samples, show

WIDTH, ROW, LEFT, RIGHT, TOP = 860, 44, 270, 40, 46
LOW, HIGH = 1.0, 100_000.0  # ms
COLOURS = ("#888888", "#1f77b4", "#17806d", "#d62728", "#ff7f0e", "#9467bd")


def _x(milliseconds: float) -> float:
    share = math.log(max(LOW, min(HIGH, milliseconds)) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def draw(title: str, subjects: Sequence[Samples]) -> str:
    """Return the picture: a dot for each time, a line at each median."""
    height = TOP + ROW * len(subjects) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="20" y="26" font-size="16">{title}</text>',
    ]
    bottom = TOP + ROW * len(subjects)
    for power in range(6):
        x, label = _x(10**power), f"{10**power} ms" if power < 3 else f"{10 ** (power - 3)} s"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 20}" font-size="12" text-anchor="middle">{label}</text>')
    for row, subject in enumerate(subjects):
        y, colour = TOP + ROW * row + ROW / 2, COLOURS[row % len(COLOURS)]
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4:.0f}" font-size="12" text-anchor="end">{subject.name}</text>')
        for number, value in enumerate(subject.values):
            shift = (number * 7 % 11 - 5) * 1.6  # so that equal times do not hide each other
            parts.append(f'<circle cx="{_x(value):.1f}" cy="{y + shift:.1f}" r="2.2" fill="{colour}" opacity="0.5"/>')
        x = _x(subject.median)
        parts.append(f'<line x1="{x:.1f}" y1="{y - 14}" x2="{x:.1f}" y2="{y + 14}" stroke="black" stroke-width="2"/>')
        parts.append(f'<text x="{x + 5:.1f}" y="{y - 9}" font-size="11">{show(subject.median)}</text>')
    return "\n".join([*parts, "</svg>", ""])
