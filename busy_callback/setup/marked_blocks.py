"""Marked blocks in Asterisk's configuration files: put in, found, and taken out again without a trace.

A block adds lines, or stands in place of some: those it keeps as comments, so that taking it out gives them back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

BEGIN = "; BEGIN busy-callback"
END = "; END busy-callback"
KEPT = "; was: "  # before a line of the admin's that the block stands in place of


def split(text: str) -> list[str]:
    """Return the lines with their ends, as Asterisk and editors count them: only a line feed ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def edit(text: str, after: Mapping[int, Sequence[str]], instead: Mapping[int, Sequence[str]] | None = None) -> str:
    """Return ``text``, which has no blocks, with blocks: lines ``after`` a line and ``instead`` of one.

    Of several instead of one, the last is that line as it is now. Lines are numbered from 0; -1 is before all, and
    what lies behind the last is behind the last.
    """
    instead = instead or {}
    parts = split(text)
    end = "\r\n" if parts and parts[0].endswith("\r\n") else "\n"
    behind: dict[int, list[str]] = {}
    for number, lines in sorted(after.items()):
        behind.setdefault(min(number, len(parts) - 1), []).extend(lines)
    done: list[str] = []
    if -1 in behind:
        _add(done, behind[-1], end)
    for number, part in enumerate(parts):
        whole = part if part.endswith("\n") or (number not in instead and number not in behind) else part + end
        if number in instead:
            *before, now = instead[number]
            _add(done, [*before, KEPT + whole.rstrip("\r\n"), now], end)
        else:
            done.append(whole)
        if number in behind:
            _add(done, behind[number], end)
    return "".join(done)


def _add(done: list[str], lines: Iterable[str], end: str) -> None:
    """Add a block of ``lines``, or add them to the block that has just ended."""
    if done and done[-1] == END + end:
        done.pop()
    else:
        done.append(BEGIN + end)
    done += [f"{line}{end}" for line in (*lines, END)]


def insert(text: str, after: int, lines: Sequence[str]) -> str:
    """Return ``text`` with a block of ``lines`` behind line number ``after`` (from 0; -1: before all).

    ``text`` may have other blocks: the lines of these count.
    """
    return edit(text, {after: lines})


def append(text: str, lines: Sequence[str]) -> str:
    """Return ``text`` with a block at its end."""
    return insert(text, len(split(text)), lines)


def block_lines(text: str) -> set[int]:
    """Return the numbers of the lines that are in our blocks, marks included; a block without end is none."""
    found: set[int] = set()
    block: set[int] = set()
    for number, line in enumerate(split(text)):
        if line.strip() == BEGIN:
            block = set()  # one that was begun before lost its end
        if block or line.strip() == BEGIN:
            block.add(number)
            if line.strip() == END:
                found, block = found | block, set()
    return found


def without_blocks(text: str) -> list[tuple[int, str]]:
    """Return the lines, with their ends, as they were without our blocks, each with its number in ``text``.

    The number of one that a block stands in place of is that of the line that it is now.
    """
    ours = block_lines(text)
    kept = []
    for number, line in enumerate(split(text)):
        if number not in ours:
            kept.append((number, line))
        elif line.startswith(KEPT):
            kept.append((number + 1, line[len(KEPT) :]))
    return kept


def strip_text(text: str) -> str:
    """Return ``text`` without our blocks; a block whose end is missing stays as it is."""
    return "".join(line for _, line in without_blocks(text))


def strip(content: bytes) -> bytes:
    """Return a file's content without our blocks."""
    if BEGIN.encode() not in content:
        return content  # whoever made it huge does not have us read it line by line
    return strip_text(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
