"""Reads Asterisk's configuration files as lines, following their includes; never changes them.

Our own marked blocks are left out: what is read is the PBX as it is without us, and so are the line numbers.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.settings import open_regular
from busy_callback.setup.marked_blocks import strip_text

_INCLUDE = re.compile(r"\s*#\s*(?:try)?include\s+[\"<]?([^\">;]+?)[\">]?\s*(?:;.*)?$")
_SECTION = re.compile(r"\s*\[([^]]+)\]\s*(\([^)]*\))?")
_SETTING = re.compile(r"\s*([^;=\s][^;=]*?)\s*=>?\s*(.*)")
MOST = 64 << 20  # bytes; ten times a large PBX's generated dialplan
_COST = 1 << 14  # bytes that the opening of a file counts for
_DEPTH = 10  # of includes; a file that includes itself must not hold us for ever


@dataclass(frozen=True)
class Line:
    """One line of a file, without its end: where it stands and what it says, comments taken off."""

    path: Path
    number: int  # from 0
    section: str
    text: str

    @property
    def include(self) -> str:
        """The file or pattern that the line includes, or ''."""
        match = _INCLUDE.fullmatch(self.text)
        return match[1].strip() if match else ""

    @property
    def header(self) -> str:
        """The section that begins here, or ''."""
        match = _SECTION.match(self.text)
        return match[1] if match else ""

    @property
    def template(self) -> str:
        """What stands in the parentheses of a section's header: ``!`` makes it a template."""
        match = _SECTION.match(self.text)
        return (match[2] or "()")[1:-1] if match else ""

    @property
    def setting(self) -> tuple[str, str]:
        """Key (in lower case) and value, or two empty texts."""
        match = None if self.header or self.include else _SETTING.fullmatch(self.text)
        return (match[1].lower(), match[2].strip()) if match else ("", "")


def without_comment(text: str) -> str:
    """Return the line up to its first ``;`` that has no backslash before it."""
    return re.split(r"(?<!\\);", text, maxsplit=1)[0].rstrip()


def read_text(path: Path) -> str:
    """Return a file's text, so that it can be written back byte for byte; '' when it is not there.

    Nobody is waited for: what is no regular file is an error. It is read with the rights of whoever runs this, so
    root must not, where others decide what the path leads to.
    """
    try:
        with open(open_regular(str(path)), "rb") as file:
            content = file.read(MOST + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}") from error
    if len(content) > MOST:
        raise SetupError(f"{path} is larger than {MOST >> 20} MB")
    return content.decode("utf-8", "surrogateescape")


def lines_of(
    path: Path, directory: Path, section: str = "", depth: int = 0, sizes: list[int] | None = None
) -> Iterator[Line]:
    """Yield the lines of ``path`` and, where they stand, of the files that it includes.

    Relative includes are of ``directory``, Asterisk's astetcdir. ``sizes`` has those of the files read so far:
    files that include each other many times over must not hold us for ever either.
    """
    content = read_text(path)
    sizes = [] if sizes is None else sizes
    sizes.append(len(content) + _COST)
    if sum(sizes) > MOST:
        raise SetupError(f"{path} and what includes it are too many files: look at the #include lines")
    for number, text in enumerate(strip_text(content).splitlines()):
        line = Line(path, number, section, without_comment(text))
        section = line.header or section
        yield replace(line, section=section)
        if line.include and depth < _DEPTH:
            for found in sorted(glob.glob(str(directory / line.include))):
                for inner in lines_of(Path(found), directory, section, depth + 1, sizes):
                    section = inner.section
                    yield inner


def value_of(lines: Sequence[Line], section: str, key: str, default: str = "") -> str:
    """Return a key's value in a section: the last one, as in Asterisk."""
    values = (line.setting[1] for line in reversed(lines) if line.section == section and line.setting[0] == key)
    return next(values, default)


def phones_in(lines: list[Line]) -> dict[str, str]:
    """Return the sections that look like phones (named by 2 to 6 digits) with their contexts, '' if not told."""
    contexts: dict[str, str] = {}
    parents: dict[str, list[str]] = {}
    for line in lines:
        if line.header:
            parents.setdefault(line.header, []).extend(p.strip() for p in line.template.split(",") if p.strip("! "))
        key, value = line.setting
        if key == "context":
            contexts.setdefault(line.section, value)

    def context(name: str, depth: int = 0) -> str:
        own = contexts.get(name, "")
        if own or depth > _DEPTH:
            return own
        return next(filter(None, (context(parent, depth + 1) for parent in parents.get(name, []))), "")

    return {name: context(name) for name in parents if re.fullmatch(r"[0-9]{2,6}", name)}
