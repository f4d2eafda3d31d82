"""Reads the manual's Markdown as far as its tests need it: chapters with their codes, commands, tables and links."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_HEADING = re.compile(r"(#{1,6}) (.*)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass
class Section:
    """A heading and what stands below it, until the next."""

    level: int
    title: str
    text: list[str] = field(default_factory=list)  # the lines that are no code
    code: list[str] = field(default_factory=list)  # the lines of its blocks of code, with each block's language first

    @property
    def anchor(self) -> str:
        """The name by which a link finds it: lower case, dashes for blanks, without punctuation."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")

    @property
    def spans(self) -> set[str]:
        """The codes, settings, commands and files that its sentences name."""
        return set(re.findall(r"`([^`]+)`", "\n".join(self.text)))

    @property
    def links(self) -> list[str]:
        """The targets of its links and pictures."""
        return _LINK.findall("\n".join(self.text))

    @property
    def rows(self) -> list[list[str]]:
        """The cells of its tables' rows, heads and rules included."""
        lines = [line.strip() for line in self.text]
        return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines if re.fullmatch(r"\|.*\|", line)]

    @property
    def parts(self) -> int:
        """How many paragraphs and points of lists it has."""
        paragraphs = [part for part in re.split(r"\n\s*\n", "\n".join(self.text)) if part.strip()]
        return len(paragraphs) + sum(1 for line in self.text if re.match(r"\s*(- |\d+\. )", line))

    @property
    def commands(self) -> list[str]:
        """The lines of code without their comments, which stand behind two blanks; none of a drawing."""
        return [line for line in (re.sub(r"(?<=\S)\s{2,}.*", "", line).rstrip() for line in self.code) if line]

    @property
    def typed(self) -> list[str]:
        """The commands of its blocks for a shell, as a reader types them."""
        blocks = "\n".join(self.code).split("```")
        lines = [line for block in blocks if block.startswith("sh\n") for line in block.splitlines()[1:]]
        return [line.partition("  #")[0].strip() for line in lines]


def section(path: Path, title: str) -> Section:
    """Return the section of that title."""
    return next(one for one in sections(path) if one.title == title)


def sections(path: Path) -> list[Section]:
    """Return the sections of a file, the first of which begins with its title."""
    found: list[Section] = []
    fence, block = "", [""]
    for line in path.read_text(encoding="utf-8").splitlines():
        bare = line.strip()
        heading = _HEADING.fullmatch(line)
        if bare.startswith("```"):
            fence = "" if fence else bare
            if fence:
                block = [fence]
            elif not any(re.search(r"\+-{5}", one) for one in block):
                found[-1].code += block
        elif fence:
            block.append(bare)
        elif heading:
            found.append(Section(len(heading[1]), heading[2]))
        else:
            found[-1].text.append(line)
    assert not fence, f"{path}: a block of code does not end"
    return found
