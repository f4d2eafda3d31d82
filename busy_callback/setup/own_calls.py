"""Calls into our contexts, whoever wrote them: where they lead, and whether they do what they should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from busy_callback.setup.extensions import OURS, Dialplan, Step, matches

_CALLERS = {"gosub", "gosubif", "goto", "gotoif", "execif", "macro"}
# context,extension,priority(arguments): an expression in them has brackets of its own, and no comma
_TARGET = re.compile(r"(?<![\w-])(busy-callback[\w-]*),([^,()]*),([^,():]*)(?:\(([^()]*)\))?")
_ENDS = {"hangup", "goto", "return", "busy", "congestion", "macroexit", "macro-exit"}
_JUMPS = {"goto", "gotoif", "gotoiftime", "execif"}
_NAMES = {"s", "h", "i", "t", "o", "a"}  # Asterisk's own extensions, which are nobody's number


@dataclass(frozen=True)
class OwnCall:
    """A step outside our contexts that calls into one of them."""

    step: Step
    context: str
    extension: str
    priority: str
    arguments: str

    def __str__(self) -> str:
        return f"{self.step} {self.step.call}"


def find(dialplan: Dialplan) -> Iterator[OwnCall]:
    """Yield every call into our contexts from a step that is none of theirs."""
    for step in dialplan.steps():
        if not step.context.startswith(OURS) and step.application.lower() in _CALLERS:
            for target in _TARGET.finditer(step.arguments):
                yield OwnCall(step, target[1], target[2].strip(), target[3].strip(), (target[4] or "").strip())


def left_dangling(written: Dialplan, loaded: Dialplan) -> list[OwnCall]:
    """Return the calls that would lead nowhere without us: in extensions.conf, but for our lines, and elsewhere."""
    return [*find(written), *(call for call in find(loaded) if ":" not in call.step.source and not call.step.line)]


def faults(dialplan: Dialplan) -> Iterator[tuple[OwnCall, str, str]]:
    """Yield each such call that can't do what it should, with what is wrong and what to write instead."""
    for call in find(dialplan):
        right = f"{OURS},s,1({_number(call)})"
        if not _is_there(dialplan, call):
            yield call, f"{call.context},{call.extension},{call.priority} is no step of our dialplan", right
        elif call.context == OURS and call.step.application.lower().startswith("gosub"):
            given = call.arguments.split(",")[0] if call.extension == "s" else call.extension
            if not given:
                yield call, "it is not told which number was dialled", right
            elif "${EXTEN}" in given and call.step.extension in _NAMES:
                yield call, f"in extension {call.step.extension} ${{EXTEN}} is {call.step.extension}, no number", right
            elif _is_never_reached(dialplan, call.step):
                yield call, "no call comes to it, for the step before it ends or leaves the extension", right


def _number(call: OwnCall) -> str:
    """Return what has the number dialled where the call stands, as far as that can be told."""
    if call.step.extension not in _NAMES:
        return "${EXTEN}"
    return "${MACRO_EXTEN}" if call.step.context.startswith("macro-") else "${ARG1}"


def _is_there(dialplan: Dialplan, call: OwnCall) -> bool:
    steps = dialplan.contexts[call.context].steps if call.context in dialplan.contexts else {}
    for extension, priorities in steps.items():
        if "${" in call.extension or extension.startswith("_-!") or matches(extension, call.extension):
            labels = {step.label for step in priorities.values()}
            if call.priority in labels or call.priority in {str(number) for number in priorities if number > 0}:
                return True
    return False


def _is_never_reached(dialplan: Dialplan, step: Step) -> bool:
    """Tell whether the step before always ends the extension, and no jump leads here."""
    steps = dialplan.contexts[step.context].steps[step.extension]
    before = steps.get(step.priority - 1)
    if not before or before.application.lower() not in _ENDS or step.label:
        return False
    jumps = (other.arguments for other in steps.values() if other.application.lower() in _JUMPS)
    return not any(re.search(rf"(?<!\d){step.priority}(?!\d)", arguments) for arguments in jumps)
