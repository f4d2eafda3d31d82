"""What an earlier install has put into the dialplan's files, found by its marked blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from busy_callback.setup.config_files import Line, read_text
from busy_callback.setup.marked_blocks import KEPT, block_lines, split, without_blocks

OFFER = "busy-callback"  # the context of the offer
CODES = "busy-callback-codes"  # the context of the feature codes


@dataclass
class Wired:
    """The contexts that have the feature codes, and the lines, as (path, number without our blocks), with an offer."""

    contexts: list[str] = field(default_factory=list)
    lines: set[tuple[Path, int]] = field(default_factory=set)


def find(lines: Iterable[Line]) -> Wired:
    """Return what an earlier install has wired in the files that the lines are of."""
    found = Wired()
    sections = {(line.path, line.number): line.section for line in lines}
    for path in dict.fromkeys(path for path, _ in sections):
        text = read_text(path)
        ours = block_lines(text)
        numbers = {on_disk: number for number, (on_disk, _) in enumerate(without_blocks(text))}
        anchor, tested = -1, False
        for on_disk, row in enumerate(split(text)):
            if row.startswith(KEPT):
                anchor, tested = numbers.get(on_disk + 1, anchor), False
            elif on_disk not in ours:
                anchor, tested = numbers[on_disk], False
            elif CODES in row:
                section = sections.get((path, anchor), "")
                if section and section not in found.contexts:
                    found.contexts.append(section)
            elif "ExecIf(" in row:
                tested = True  # the offer that follows is for a test before the Dial, not behind one
            elif f"Gosub({OFFER}," in row and not tested:
                found.lines.add((path, anchor))
    return found
