"""Where the offer goes into a plain Asterisk's dialplan: a line after the Dial that rings the phones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line, read_text
from busy_callback.setup.marked_blocks import block_lines

GOSUB = "Gosub(busy-callback,${EXTEN},1)"
CODES = "busy-callback-codes"

_STEP = re.compile(
    r"\s*(?:(same)|exten)\s*=>?\s*(?:(?P<exten>[^,]+?)\s*,)?\s*(?P<prio>n|[0-9]+)(?:\([^)]*\))?\s*,\s*(?P<app>.*)",
    re.IGNORECASE,
)
_DIAL = re.compile(
    r"Dial\(\s*(?:[A-Za-z0-9]+/(?P<who>[^,)&@]*)(?P<trunk>@?)|(?P<contacts>\$\{PJSIP_DIAL_CONTACTS\(\$\{EXTEN\}\)\}))",
    re.IGNORECASE,
)
_PHONES = re.compile(r"_?(?:[0-9XZN]|\[[0-9-]+\]){2,6}[.!]?|_[0-9XZN.!]+", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One priority of an extension."""

    line: Line
    extension: str
    priority: str
    application: str

    @property
    def rings_phone(self) -> bool:
        """Whether it dials the phone that has the extension's number, not a trunk."""
        dial = _DIAL.match(self.application)
        if not dial or dial["trunk"] or not _PHONES.fullmatch(self.extension):
            return False
        return bool(dial["contacts"]) or dial["who"] in {"${EXTEN}", self.extension}


def steps_in(lines: Iterable[Line], context: str) -> list[Step]:
    """Return the steps of a context, in the order they stand."""
    steps = []
    extension = ""
    for line in lines:
        match = _STEP.fullmatch(line.text)
        if line.section == context and match:
            extension = match["exten"] if not match[1] and match["exten"] else extension
            steps.append(Step(line, extension, match["prio"].lower(), match["app"].strip()))
    return steps


def after_dials(lines: Sequence[Line], context: str) -> list[Line]:
    """Return the lines of a context behind which the offer belongs; raise SetupError saying what to do by hand."""
    steps = steps_in(lines, context)
    if not steps:
        known = sorted({line.header for line in lines if line.header} - {"general", "globals"})
        raise SetupError(f"no context {context!r} has extensions in extensions.conf; there are: {', '.join(known)}")
    places, found = [], False
    for step, following in zip(steps, [*steps[1:], None]):
        if not step.rings_phone:
            continue
        if following and GOSUB.lower() in following.application.lower():
            found = True  # by the admin's own hand
            continue
        if following and following.extension == step.extension and following.priority != "n":
            raise SetupError(
                f"{step.line.path}:{step.line.number + 1}: the steps after this Dial are numbered; "
                f"write n instead of the numbers, then try again, or put {GOSUB} after it by hand"
            )
        places.append(step.line)
    if not places and not found:
        raise SetupError(
            f"context {context!r} has no Dial(TECHNOLOGY/${{EXTEN}}) of its own; put this line after the one that "
            f"rings the phones: same => n,{GOSUB}"
        )
    return places


def wired_contexts(lines: Iterable[Line]) -> list[str]:
    """Return the contexts that install wired, by the marked lines in the files of ``lines``."""
    found: dict[str, None] = {}
    for path in dict.fromkeys(line.path for line in lines):
        section = ""
        text = read_text(path)
        ours = block_lines(text)
        for number, row in enumerate(text.splitlines()):
            section = Line(path, number, section, row).header or section
            if number in ours and GOSUB in row:
                found[section] = None
    return list(found)
