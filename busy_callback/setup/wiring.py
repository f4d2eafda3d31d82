"""Where the offer goes into a dialplan: a line after Dial on plain Asterisk, the override file on FreePBX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line, read_text
from busy_callback.setup.marked_blocks import block_lines

GOSUB = "Gosub(busy-callback,s,1(${EXTEN}))"
OFFER = "gosub(busy-callback,"  # what any form of it begins with
CODES = "busy-callback-codes"
OVERRIDE = "extensions_override_freepbx.conf"

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
        if following and OFFER in following.application.lower():
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
            if number in ours and OFFER in row.lower():
                found[section] = None
    return list(found)


# FreePBX, core module 15 to 17: where an extension is found busy or has not answered, and who holds the number
# called there. Who does not answer but has a mailbox: the caller goes on to it, as ever.
TAKEOVERS = (
    ("macro-exten-vm", "s-BUSY", "EXTTOCALL"),
    ("macro-exten-vm", "s-NOANSWER", "EXTTOCALL"),
    ("macro-vm", "s-BUSY", "MEXTEN"),
    ("macro-simple-dial", "s-BUSY", "EXTTOCALL"),
)
# Whom it is offered to, the AGI script decides by the channel: to phones of this PBX alone, and to no leg of a queue
# or ring group. Follow-me may end in voicemail, which must not offer again.
_ONCE = '"${BUSY_CALLBACK_OFFERED}" = ""'


def freepbx_override(lines: Sequence[Line]) -> list[str]:
    """Return the lines for FreePBX's override file; raise SetupError when its dialplan is not the known one.

    Asterisk keeps the definition of a step that it reads first: the override's. For whoever presses nothing
    all goes on as FreePBX wants it, by FreePBX's own steps.
    """
    wanted: list[str] = []
    for context, extension, variable in TAKEOVERS:
        steps = steps_in(lines, context)
        own = [step for step in steps if step.extension == extension]
        if own and own[0].line.path.name == OVERRIDE:
            where = f"{own[0].line.path}:{own[0].line.number + 1}"
            raise SetupError(f"{where} takes over {extension} of {context} already; take that out, then try again")
        if not steps:
            continue  # a module that is not installed
        only = ",busy" if extension == "s-BUSY" else ""
        wanted += [
            f"[{context}]",
            f"exten => {extension},1,GosubIf($[{_ONCE}]?busy-callback,s,1(${{{variable}}}{only}))",
        ]
        if own and not re.match(r"noop", own[0].application, re.IGNORECASE):
            # FreePBX's trace is off: its first step counts, so all of them come after ours.
            wanted += [f"exten => {extension},{n},{step.application}" for n, step in enumerate(own, 2)]
        elif not own:
            # FreePBX has a pattern for it, _s-. or _s-!, which goes on in its own form.
            wanted += [
                f"exten => {extension},2,Set(BUSY_CALLBACK_OFFERED=${{{variable}}})",
                f"exten => {extension},3,Goto(s-OFFERED,1)",
            ]
    if not wanted:
        raise SetupError("FreePBX's dialplan has no macro-exten-vm: press Apply Config once, then try again")
    return wanted
