"""A dialplan as data, whether read from files or shown by Asterisk: contexts, extensions, priorities, and what matches.

Matching is main/pbx.c's: an extension by its own name first, then the patterns, the more specific first, then the
includes in their order.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from busy_callback.setup.config_files import Line

HINT = -1  # the priority of a hint (include/asterisk/pbx.h, PRIORITY_HINT)
OURS = "busy-callback"  # how the names of this package's contexts begin
_SETS = {"X": "0-9", "Z": "1-9", "N": "2-9"}
_PART = re.compile(r"\[([^]]*)\]|(.)", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One priority of an extension; ``line`` is where it is written, if that was read, ``source`` Asterisk's word."""

    context: str
    extension: str
    priority: int
    application: str
    arguments: str = ""
    label: str = ""
    line: Line | None = None
    source: str = ""  # as "extensions.conf:12", or the module that made it

    def __str__(self) -> str:
        if self.line or ":" in self.source:
            return str(self.line or self.source)
        return f"{self.extension}@{self.context} ({self.source})"

    @property
    def call(self) -> str:
        """Application and arguments, as they are written."""
        return f"{self.application}({self.arguments})"


@dataclass
class Context:
    """A context; ``switches`` are dialplans elsewhere, as Realtime/..., that it looks in too."""

    name: str
    steps: dict[str, dict[int, Step]] = field(default_factory=dict)  # by extension and priority
    includes: list[str] = field(default_factory=list)
    switches: list[str] = field(default_factory=list)


@functools.lru_cache(maxsize=10000)
def _compiled(pattern: str) -> tuple[re.Pattern[str], tuple[tuple[int, str], ...]]:
    """Return what a pattern (without _) matches, and what sorts it: smaller sets first."""
    regex, order = "", []
    for chosen, char in _PART.findall(pattern):
        if char == ".":
            regex += ".+"
            order.append((1000, ""))
        elif char == "!":
            regex += ".*"
            order.append((1001, ""))
        elif char.upper() in _SETS:
            regex += f"[{_SETS[char.upper()]}]"
            order.append(({"X": 10, "Z": 9, "N": 8}[char.upper()], char))
        elif char and char not in "- ":
            regex += re.escape(char)
            order.append((1, char))
        elif chosen:
            members = "".join(_members(chosen))
            regex += f"[{re.escape(members)}]"
            order.append((len(members), members))
    return re.compile(regex, re.DOTALL), tuple(order)


def _members(chosen: str) -> Iterator[str]:
    """Yield the characters of a set's text, ``1-57``."""
    for first, last in re.findall(r"(.)(?:-(.))?", chosen):
        yield from (chr(c) for c in range(ord(first), ord(last or first) + 1))


def matches(extension: str, number: str) -> bool:
    """Tell whether an extension, a pattern or not, is meant by the number that was dialled."""
    if extension.startswith("_"):
        return bool(_compiled(extension[1:])[0].fullmatch(number))
    return extension.replace("-", "") == number.replace("-", "")


@dataclass
class Dialplan:
    """All contexts, by name, and the global variables."""

    contexts: dict[str, Context] = field(default_factory=dict)
    globals: dict[str, str] = field(default_factory=dict)

    def context(self, name: str) -> Context:
        """Return the context of that name, made when there is none."""
        return self.contexts.setdefault(name, Context(name))

    def add(self, step: Step) -> None:
        """Add a step; where its priority is taken, the first stays, as in Asterisk."""
        self.context(step.context).steps.setdefault(step.extension, {}).setdefault(step.priority, step)

    def steps(self) -> Iterator[Step]:
        """Yield every step."""
        for context in self.contexts.values():
            for steps in context.steps.values():
                yield from steps.values()

    def tree(self, name: str) -> list[Context]:
        """Return the context with all that it includes, in the order in which Asterisk looks; ours are left out."""
        found: dict[str, Context] = {}

        def visit(name: str) -> None:
            if name in found or name not in self.contexts or name.startswith(OURS):
                return
            found[name] = self.contexts[name]
            for included in self.contexts[name].includes:
                visit(included.split(",")[0].split("|")[0].strip())  # what follows is a time

        visit(name)
        return list(found.values())

    def extensions(self, name: str, number: str) -> Iterator[tuple[Context, str]]:
        """Yield what a number that is dialled in a context matches, the first choice first."""
        for context in self.tree(name):
            own = number.replace("-", "")
            yield from ((context, e) for e in context.steps if not e.startswith("_") and e.replace("-", "") == own)
            patterns = [e for e in context.steps if e.startswith("_") and matches(e, number)]
            yield from ((context, e) for e in sorted(patterns, key=lambda e: _compiled(e[1:])[1]))

    def find(self, name: str, number: str, priority: int = 1) -> Step | None:
        """Return the step that a number has at a priority, or None."""
        for context, extension in self.extensions(name, number):
            step = context.steps[extension].get(priority)
            if step:
                return step
        return None

    def labelled(self, name: str, number: str, label: str) -> Step | None:
        """Return the step of a number that has a label, or None."""
        for context, extension in self.extensions(name, number):
            for step in context.steps[extension].values():
                if step.label == label:
                    return step
        return None

    def hint(self, name: str, number: str) -> str:
        """Return the devices that are a number's hint in a context, or ''."""
        step = self.find(name, number, HINT)
        return step.application.split(",")[0] if step else ""

    def hints(self) -> Iterator[Step]:
        """Yield every hint that is no pattern."""
        return (s for s in self.steps() if s.priority == HINT and not s.extension.startswith("_"))

    def switches(self, name: str) -> list[str]:
        """Return the dialplans elsewhere that a context looks in."""
        return [switch for context in self.tree(name) for switch in context.switches]
