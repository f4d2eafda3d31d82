"""The Dials by which calls leave for a branch: behind them a callback to its extensions is offered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from busy_callback.branches import Branch
from busy_callback.numbering import classes
from busy_callback.setup.call_paths import CallPaths
from busy_callback.setup.reached import Reach, Reached


def with_branches(found: Reached, contexts: Iterable[str], branches: Sequence[Branch]) -> Reached:
    """Return what calls reach, with the Dials that calls from these contexts to a branch's extensions come to."""
    more = list(_leaving(found, contexts, branches)) if branches else []
    return replace(found, reaches=[*found.reaches, *more]) if more else found


def _leaving(found: Reached, contexts: Iterable[str], branches: Sequence[Branch]) -> Iterator[Reach]:
    paths = CallPaths(found.dialplan)
    for context in contexts:
        for number in (_number(pattern) for branch in branches for pattern in branch.extensions.patterns):
            for ring in paths.rings(context, number):
                if any(number in re.findall(r"\d+", device, re.ASCII) for device in ring.devices):
                    yield Reach(context, number, ring, ())


def _number(pattern: str) -> str:
    """Return a number of a pattern: of each place the last digit, which an office has less often than the first."""
    return "".join(max(digits) for digits in classes(pattern))
