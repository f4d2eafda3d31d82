"""Marked blocks in Asterisk's configuration files: put in, found, and taken out again without a trace."""

from __future__ import annotations

from collections.abc import Sequence

BEGIN = "; BEGIN busy-callback"
END = "; END busy-callback"


def insert(text: str, after: int, lines: Sequence[str]) -> str:
    """Return ``text`` with a block of ``lines`` behind line number ``after`` (from 0; -1: before all)."""
    parts = text.splitlines(keepends=True)
    end = "\r\n" if parts and parts[0].endswith("\r\n") else "\n"
    place = min(after + 1, len(parts))
    if place and not parts[place - 1].endswith("\n"):
        parts[place - 1] += end
    parts[place:place] = [f"{line}{end}" for line in (BEGIN, *lines, END)]
    return "".join(parts)


def append(text: str, lines: Sequence[str]) -> str:
    """Return ``text`` with a block at its end."""
    return insert(text, len(text.splitlines()), lines)


def block_lines(text: str) -> set[int]:
    """Return the numbers of the lines that are in our blocks, marks included; a block without end is none."""
    found: set[int] = set()
    block: set[int] = set()
    for number, line in enumerate(text.splitlines()):
        if line.strip() == BEGIN:
            block = set()  # one that was begun before lost its end
        if block or line.strip() == BEGIN:
            block.add(number)
            if line.strip() == END:
                found, block = found | block, set()
    return found


def strip_text(text: str) -> str:
    """Return ``text`` without our blocks; a block whose end is missing stays as it is."""
    ours = block_lines(text)
    return "".join(line for number, line in enumerate(text.splitlines(keepends=True)) if number not in ours)


def strip(content: bytes) -> bytes:
    """Return a file's content without our blocks."""
    return strip_text(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
