"""FreePBX and its kin: how they are told, and where in their generated dialplan the callback is offered.

Nothing of theirs is replaced. What goes before it are extensions that count for callers with a caller ID
(``s-BUSY/_.``): Asterisk tries these before FreePBX's own of the same name (main/pbx.c, ast_add_extension2_lockopt),
and takes a priority that they do not have from FreePBX's own (pbx_find_extension). So no step is defined twice, and all
of FreePBX's steps stay its own but for the first, where that is more than a line for the log: it is repeated, and
doctor compares. Where FreePBX has a pattern (``_s-.``), another name that it matches leads there, and none is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line
from busy_callback.setup.extensions import HINT, Dialplan

FREEPBX, ISSABEL, ELASTIX = "FreePBX", "Issabel", "Elastix"
CUSTOM = "extensions_custom.conf"
START = "from-internal"  # the context of all phones
# The admin's own part that is read before what is generated: by its name the product is told.
OVERRIDES = {
    "extensions_override_issabelpbx.conf": ISSABEL,
    "extensions_override_elastix.conf": ELASTIX,
    "extensions_override_freepbx.conf": FREEPBX,
}
OUR_WAY = 1001  # far behind FreePBX's own priorities
ONWARD = "s-ONWARD"  # what only FreePBX's own patterns (_s-.) match
_PAGE = re.compile(r"busy_callback\.py|busy_callback\.sh|custom-auto-redial|busy-callback")


@dataclass(frozen=True)
class Takeover:
    """An extension of the generated dialplan, and what is called before its first step."""

    context: str
    extension: str
    call: str


def product(lines: Sequence[Line], marks: dict[Path, str]) -> str:
    """Return the product's name, '' for a plain Asterisk: by what extensions.conf includes, or a file of its own."""
    included = {line.include for line in lines if line.include}
    named = [name for file, name in OVERRIDES.items() if file in included]
    return next(iter([*named, *(name for mark, name in marks.items() if mark.exists())]), "")


def numbers(dialplan: Dialplan) -> list[str]:
    """Return the extensions that FreePBX has made: those that have a hint."""
    own = dialplan.contexts.get("ext-local")
    return [number for number, steps in own.steps.items() if number.isdigit() and HINT in steps] if own else []


def takeovers(before_voicemail: bool) -> tuple[Takeover, ...]:
    """Return what is taken over: core 2.11 to 17 find an extension busy, or not answering, in these.

    Whom it is offered to, the AGI script decides by the channel: to phones of this PBX alone, and to no leg of a
    queue or ring group. The number of a call that nobody answered is kept for the feature code: at once when the
    caller gives up (h), or before voicemail.
    """
    no_reply = _offer("MEXTEN") if before_voicemail else "Gosub(busy-callback-no-reply,s,1(${MEXTEN},NOANSWER))"
    given_up = "Gosub(busy-callback-given-up,s,1(${EXTTOCALL}))"
    return (
        Takeover("macro-exten-vm", "s-BUSY", _offer("EXTTOCALL", busy=True)),
        Takeover("macro-exten-vm", "s-NOANSWER", _offer("EXTTOCALL")),
        Takeover("macro-exten-vm", "s-CHANUNAVAIL", _offer("EXTTOCALL")),
        Takeover("macro-vm", "s-BUSY", _offer("MEXTEN", busy=True)),
        Takeover("macro-vm", "s-NOANSWER", no_reply),
        Takeover("macro-simple-dial", "s-BUSY", _offer("EXTTOCALL", busy=True)),
        # Follow-me that rings its list without trying the extension first (ringallv2); ring groups come here too.
        Takeover("macro-dial", "s", "Gosub(busy-callback-follow-me,s,1(${FMGRP},busy))"),
        # Who gives up: in the form of Macros the h is that of the context that the call began in; in that of Gosubs,
        # that of the context that dials, of which FreePBX 17 has some with nothing else.
        Takeover("macro-dial-one", "h", given_up),
        Takeover("macro-dial", "h", given_up),
        Takeover("dialOne-with-exten", "h", given_up),
        Takeover("dial-with-exten", "h", given_up),
        Takeover("dial-ext-with-exten", "h", given_up),
        Takeover("ext-local", "h", given_up),
        Takeover("ext-findmefollow", "h", given_up),
        Takeover("followme-sub", "h", given_up),
        Takeover(START, "h", given_up),
    )


def _offer(variable: str, busy: bool = False) -> str:
    return f"Gosub(busy-callback-freepbx,s,1(${{{variable}}}{',busy' if busy else ''}))"


def takeover_lines(dialplan: Dialplan, before_voicemail: bool, name: str = FREEPBX) -> list[str]:
    """Return the lines of our own dialplan that go before FreePBX's, by the dialplan as it is without us.

    Raises SetupError where there is none that is known, or an older recipe is in the way.
    """
    if "macro-exten-vm" not in dialplan.contexts:
        raise SetupError(f"{name}'s dialplan has no macro-exten-vm: press Apply Config once, then try again")
    wanted: list[str] = []
    for one in takeovers(before_voicemail):
        wanted += _lines(dialplan, one)
    return wanted


def _lines(dialplan: Dialplan, one: Takeover) -> Iterator[str]:
    own = dialplan.find(one.context, one.extension)
    if not own and one.extension != "h":
        return  # a module that is not installed
    head = f"exten => {one.extension}/_."
    yield f"[{one.context}]"
    if not own:  # follow-me has none, nor have those that dial in FreePBX 17, to which a 16 may be upgraded
        yield f"{head},1,{one.call}"
        return
    steps = [dialplan.find(one.context, one.extension, priority) for priority in range(1, 20)]
    for step in filter(None, steps):
        if _PAGE.search(step.arguments):
            raise SetupError(
                f"{step.line} offers a callback in {one.extension} of {one.context} already; take that out, then try "
                "again"
            )
    if own.application.lower() == "noop":  # a line for the log: ours stands for it
        yield f"{head},1,{one.call}"
        return
    if own == dialplan.find(one.context, ONWARD) and not any("${EXTEN}" in step.arguments for step in steps if step):
        yield f"{head},1,{one.call}"
        yield f"{head},2,Goto({ONWARD},1)"
        return
    yield f"{head},1,Goto({OUR_WAY})"
    yield f"{head},{OUR_WAY},{one.call}"
    yield f"{head},{OUR_WAY + 1},{_written(own.call)}"
    yield f"{head},{OUR_WAY + 2},Goto(2)"


def _written(call: str) -> str:
    """Return a call as it is written; of what ends each call so that it outlives the change to Gosub (FreePBX 17)."""
    return (
        "Gosub(macro-hangupcall,s,1())"
        if call in {"Macro(hangupcall)", "Macro(hangupcall,)"}
        else call.replace(";", "\\;")
    )
