"""FreePBX: which steps of its generated dialplan are taken over, in its override file, to offer the callback."""

from __future__ import annotations

import re
from collections.abc import Sequence

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line
from busy_callback.setup.extensions_conf import read

OVERRIDE = "extensions_override_freepbx.conf"

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
    contexts = read(lines).contexts
    for context, extension, variable in TAKEOVERS:
        steps = contexts[context].steps if context in contexts else {}
        own = [step for _, step in sorted(steps.get(extension, {}).items())]
        where = own[0].line if own else None
        if where and where.path.name == OVERRIDE:
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
            wanted += [f"exten => {extension},{n},{step.call}" for n, step in enumerate(own, 2)]
        elif not own:
            # FreePBX has a pattern for it, _s-. or _s-!, which goes on in its own form.
            wanted += [
                f"exten => {extension},2,Set(BUSY_CALLBACK_OFFERED=${{{variable}}})",
                f"exten => {extension},3,Goto(s-OFFERED,1)",
            ]
    if not wanted:
        raise SetupError("FreePBX's dialplan has no macro-exten-vm: press Apply Config once, then try again")
    return wanted
