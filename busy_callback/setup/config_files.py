"""Reads Asterisk's configuration files as lines, following their includes; never changes them.

Our own marked blocks are left out: what is read is the PBX as it is without us. Comments, sections, templates and
includes are what main/config.c makes of them.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.numbering import one_line
from busy_callback.settings import open_regular
from busy_callback.setup.marked_blocks import split, without_blocks

# None of these looks at a text again and again: a line of a million blanks must not hold us for hours.
_INCLUDE = re.compile(r"\s*#\s*(?:try)?include\s+(?:\"([^\"]+)\"\s*|<([^>]+)>\s*|(\S.*))", re.IGNORECASE)
_SECTION = re.compile(r"\s*\[([^]]*)\](?:\(([^)]*)\))?")
MOST = 64 << 20  # bytes; ten times a large PBX's generated dialplan
_COST = 1 << 14  # bytes that the opening of a file counts for
_DEPTH = 10  # of includes; a file that includes itself must not hold us for ever


@dataclass(frozen=True)
class Line:
    """One line of a file, without its end: where it stands and what it says, comments taken off."""

    path: Path
    number: int  # from 0, in the file without our blocks
    section: str
    text: str
    shown: int = 0  # as an editor numbers it: from 1, our blocks included
    end: int = 0  # the line, as ``number``, behind which something may be put: a block comment that began here is over

    def __str__(self) -> str:
        return f"{one_line(self.path.name)}:{self.shown}"

    @property
    def include(self) -> str:
        """The file or pattern that the line includes, or ''."""
        match = _INCLUDE.fullmatch(self.text)
        return (match[1] or match[2] or match[3]).strip() if match else ""

    @property
    def header(self) -> str:
        """The section that begins here, or ''."""
        match = _SECTION.match(self.text)
        return match[1] if match else ""

    @property
    def template(self) -> str:
        """What stands in the parentheses of a section's header: ``!`` makes it a template."""
        match = _SECTION.match(self.text)
        return (match[2] or "") if match else ""

    @property
    def setting(self) -> tuple[str, str]:
        """Key (in lower case) and value, or two empty texts."""
        key, sign, value = self.text.partition("=")
        if not sign or not key.strip() or self.header or self.text.lstrip().startswith("#"):
            return "", ""
        return key.strip().lower(), value.removeprefix(">").strip()


@dataclass
class Section:
    """A section as Asterisk has it: what it inherits from its templates comes first, what is added (+) last."""

    name: str
    template: bool
    lines: list[Line] = field(default_factory=list)

    def value(self, key: str, default: str = "") -> str:
        """Return a key's value: the last one counts."""
        return next((line.setting[1] for line in reversed(self.lines) if line.setting[0] == key), default)


def without_comments(text: str, depth: int) -> tuple[str, int]:
    """Return what of a line is no comment, and how deep in block comments (``;-- --;``) the next line begins.

    As main/config.c, config_text_file_load, does it: a backslash before it saves a ``;``, and ``;---`` begins no block.
    """
    kept, rest = "", text
    while ";" in rest:
        before, _, after = rest.partition(";")
        if not depth:
            kept += before
        if before.endswith("\\"):
            kept = f"{kept[:-1]};" if not depth else kept
        elif after.startswith("--") and not after.startswith("---"):
            depth += 1
            after = after[2:]
        elif depth and before.endswith("--"):
            depth -= 1
        elif not depth:
            return kept.rstrip(), 0
        rest = after
    return (kept + rest if not depth else kept).rstrip(), depth


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


def _own_lines(path: Path, text: str, blocks: bool) -> Iterator[Line]:
    """Yield the lines of one file, sections not told yet; with ``blocks`` those of our blocks too."""
    numbered = list(enumerate(split(text))) if blocks else without_blocks(text)
    depth = 0
    begun: list[Line] = []
    for number, (on_disk, raw) in enumerate(numbered):
        bare = raw.rstrip("\r\n").removeprefix("\ufeff" if number == 0 else "")
        live, depth = without_comments(bare, depth)
        begun.append(Line(path, number, "", live, on_disk + 1, number))
        if not depth:
            yield from (replace(line, end=number) for line in begun)
            begun = []
    yield from begun


@dataclass(frozen=True)
class Reading:
    """How files are read: relative includes are of ``directory``, Asterisk's astetcdir.

    ``texts`` stand for what is on disk; with ``blocks`` our own marked blocks are read too.
    """

    directory: Path
    texts: Mapping[Path, str] = field(default_factory=dict)
    blocks: bool = False

    def lines(self, path: Path, section: str = "", depth: int = 0, sizes: list[int] | None = None) -> Iterator[Line]:
        """Yield the lines of ``path`` and, where they stand, of the files that it includes.

        A file goes on in its own section after an include, whatever sections the included one has. ``sizes`` has
        those of the files read so far: files that include each other many times over must not hold us for ever.
        """
        text = self.texts[path] if path in self.texts else read_text(path)
        sizes = [] if sizes is None else sizes
        sizes.append(len(text) + _COST)
        if sum(sizes) > MOST:
            raise SetupError(f"{path} and what includes it are too many files: look at the #include lines")
        for line in _own_lines(path, text, self.blocks):
            section = line.header or section
            yield replace(line, section=section)
            if line.include and depth < _DEPTH:
                inside = section
                for found in sorted(glob.glob(str(self.directory / line.include))):
                    for inner in self.lines(Path(found), inside, depth + 1, sizes):
                        inside = inner.section
                        yield inner


def lines_of(path: Path, directory: Path) -> Iterator[Line]:
    """Yield the lines of ``path`` and of what it includes, as they are without us."""
    yield from Reading(directory).lines(path)


def sections_of(lines: Sequence[Line]) -> list[Section]:
    """Return the sections, in their order; two of one name are two, unless the second adds (+) to the first."""
    found: list[Section] = []
    open_in: dict[Path, Section] = {}
    current: Section | None = None
    for line in lines:
        if line.header:
            words = [word.strip() for word in line.template.split(",") if word.strip()]
            first = next((s for s in found if s.name.lower() == line.header.lower()), None)
            if first and any(word.startswith("+") for word in words):
                current = first
            else:
                current = Section(line.header, "!" in words)
                found.append(current)
            for word in words:
                base = next((s for s in found if s.name.lower() == word.lower() and s is not current), None)
                current.lines += base.lines if base else []
        elif current and line.section != current.name:
            current = open_in.get(line.path, current)  # back from an include that has sections of its own
        if current:
            current.lines.append(line)
            open_in[line.path] = current
    return found


def section_of(lines: Sequence[Line], name: str) -> Section:
    """Return the section of that name, an empty one when there is none: of several the first, as Asterisk does."""
    found = (s for s in sections_of(lines) if s.name.lower() == name.lower() and not s.template)
    return next(found, Section(name, template=False))


def value_of(lines: Sequence[Line], section: str, key: str, default: str = "") -> str:
    """Return a key's value in a section."""
    return section_of(lines, section).value(key, default)
