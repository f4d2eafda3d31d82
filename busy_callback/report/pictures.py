"""The figures as pictures: SVG that stands in the page itself, drawn by Matplotlib.

Colours are names of the page's style sheet, so that one picture serves light and dark. Texts are text, in the
browser's own fonts: Matplotlib sees a token in each one's place, as its font need not have the script.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import count
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

WIDTH = 360.0  # points; of a picture whose texts can be read on a phone 360 px wide
_POINT = 72.0  # to the inch
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "busy-callback",  # the same figures make the same file
    "font.size": 11,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
# What Matplotlib is told for a colour of the style sheet, by whose name it is then replaced.
_COLOURS = {
    name: f"#0102{number:02x}"
    for number, name in enumerate(
        ("ink", "faint", "accent", "completed", "cancelled", "expired", "failed", "waiting", "suspended", "recalling")
    )
}
_pictures = count(1)


class Picture:
    """A picture of a height in points; the axes take all of it but for the margins."""

    def __init__(self, height: float, left: float, right: float = 8, top: float = 8, bottom: float = 22) -> None:
        self._tokens: dict[str, str] = {}
        with mpl.rc_context(_STYLE):
            self._figure = Figure(figsize=(WIDTH / _POINT, height / _POINT))
            self.axes: Axes = self._figure.add_axes(
                (left / WIDTH, bottom / height, 1 - (left + right) / WIDTH, 1 - (top + bottom) / height)
            )
            self.axes.tick_params(labelcolor=_COLOURS["ink"], length=0)
            for spine in self.axes.spines.values():
                spine.set_edgecolor(_COLOURS["faint"])

    def fill(self, boxes: Iterable[tuple[float, float, float, float]], colour: str, strength: float = 1.0) -> None:
        """Draw boxes (left, bottom, width, height) in a colour: as one thing, a dozen times as fast as one by one."""
        corners = [((x, y), (x + width, y), (x + width, y + height), (x, y + height)) for x, y, width, height in boxes]
        if not corners:
            return
        filled = PolyCollection(corners, facecolors=_COLOURS[colour], edgecolors="none", linewidths=0, alpha=strength)
        self.axes.add_collection(filled, autolim=False)  # whoever draws sets the limits

    def token(self, text: str) -> str:
        """Return what Matplotlib is to draw where the text is to stand."""
        token = f"text{len(self._tokens):03}"
        self._tokens[token] = text
        return token

    def svg(self, name: str) -> str:
        """Return the SVG element; ``name`` is what a screen reader calls it."""
        buffer = io.StringIO()
        with mpl.rc_context(_STYLE):
            self._figure.savefig(buffer, format="svg", transparent=True)
        text = buffer.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", text, flags=re.DOTALL)
        text = re.sub(r"font-family: [^;]*; ", "", text)
        # Several stand in one page: an id is one picture's own.
        own = f"p{next(_pictures)}-"
        text = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{own}", text)
        head, _, text = text.partition(">")
        view = re.findall(r'viewBox="[^"]*"', head)[0]
        text = f'<svg role="img" aria-label="{escape(name)}" {view}>{text}'
        text = re.sub(r"#0102[0-9a-f]{2}", lambda colour: f"var(--{_NAMES[colour[0]]})", text)
        return re.sub(r"text[0-9]{3}", lambda token: escape(self._tokens.get(token[0], token[0])), text)


_NAMES = {colour: name for name, colour in _COLOURS.items()}


def _whole_numbers(axes: Axes, axis: str, most: float) -> None:
    """Draw grid lines at a few whole numbers."""
    step = next(s for s in _steps() if s * 5 >= most)
    ticks = [step * number for number in range(int(most // step) + 1)]
    if axis == "y":
        axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.set_ylim(0, max(most, 1) * 1.05)
    else:
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.set_xlim(0, max(most, 1) * 1.05)
    axes.grid(axis="y" if axis == "y" else "x", color=_COLOURS["faint"], linewidth=0.8)


def _steps() -> Iterator[int]:
    for power in count():
        for step in (1, 2, 5):
            yield step * 10**power


def columns(labels: Sequence[str], stacks: Mapping[str, Sequence[int]], name: str, every: int = 1) -> str:
    """Return stacked columns: ``stacks`` has a number for each label, by colour; each ``every``-th label is shown."""
    picture = Picture(200, left=44)
    bottoms = [0] * len(labels)
    for colour, numbers in stacks.items():
        picture.fill(((at - 0.4, bottoms[at], 0.8, number) for at, number in enumerate(numbers) if number), colour)
        bottoms = [bottom + number for bottom, number in zip(bottoms, numbers)]
    shown = range(every // 2, len(labels), every)
    picture.axes.set_xticks(list(shown), [picture.token(labels[place]) for place in shown])
    picture.axes.set_xlim(-0.6, len(labels) - 0.4)
    _whole_numbers(picture.axes, "y", max(bottoms, default=0))
    return picture.svg(name)


def bars(labels: Sequence[str], stacks: Mapping[str, Sequence[int]], name: str, above: bool = False) -> str:
    """Return stacked bars to the right, each beside its label, a long one ``above`` it; as for ``columns``."""
    row, left, place, high = (30, 8, -0.32, 0.42) if above else (20, 52, 0.0, 0.7)
    picture = Picture(row * len(labels) + 26, left=left, right=12, top=2, bottom=24)
    axes = picture.axes
    lefts = [0] * len(labels)
    for colour, numbers in stacks.items():
        picture.fill(((lefts[at], at - high / 2, number, high) for at, number in enumerate(numbers) if number), colour)
        lefts = [before + number for before, number in zip(lefts, numbers)]
    axes.set_yticks([])
    for number, label in enumerate(labels):
        where: dict[str, Any] = {"va": "bottom"} if above else {"va": "center", "ha": "right"}
        shift = 0 if above else -0.02 * max(max(lefts, default=0), 1)
        axes.text(shift, number + place, picture.token(label), color=_COLOURS["ink"], **where)
    axes.set_ylim(len(labels) - (0.6 if above else 0.4), -0.9 if above else -0.6)
    _whole_numbers(axes, "x", max(lefts, default=0))
    return picture.svg(name)


def heat(rows: Sequence[str], cells: Sequence[Sequence[int]], label: Callable[[int], str], name: str) -> str:
    """Return a field for each number, the darker the larger; ``label`` names each third column."""
    picture = Picture(22 * len(rows) + 28, left=44)
    axes = picture.axes
    most = max(max(row) for row in cells) or 1
    fields: dict[int, list[tuple[float, float, float, float]]] = {}
    for place, row in enumerate(cells):
        for column, number in enumerate(row):
            fields.setdefault(number, []).append((column + 0.06, place + 0.06, 0.88, 0.88))
    for number, boxes in fields.items():
        picture.fill(boxes, *(("accent", 0.12 + 0.88 * number / most) if number else ("faint", 0.35)))
    shown = range(0, len(cells[0]), 3)
    axes.set_xticks([column + 0.5 for column in shown], [picture.token(label(column)) for column in shown])
    axes.set_yticks([place + 0.5 for place in range(len(rows))], [picture.token(row) for row in rows])
    axes.set_xlim(0, len(cells[0]))
    axes.set_ylim(len(rows), 0)
    axes.spines["bottom"].set_visible(False)
    return picture.svg(name)
