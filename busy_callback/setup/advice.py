"""What an admin is told of a dialplan: what can be wired, what is not and why, and the right line for its place."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from busy_callback.numbering import one_line
from busy_callback.request import is_number
from busy_callback.setup.config_files import read_text
from busy_callback.setup.extensions import Dialplan, Step
from busy_callback.setup.reached import Reached, number_expression
from busy_callback.setup.wired import OFFER
from busy_callback.setup.wiring import Offers, gosub

MOST = 8  # Dials that are told one by one


def proposal(offers: dict[str, Offers], command: str) -> str:
    """Return what to run so that somebody is offered a callback; '' when nothing can be wired.

    ``offers`` has those of each context in which phones' calls begin.
    """
    can = {context: found.made for context, found in offers.items() if found.made}
    if not can:
        return ""
    words = " ".join(f"--wire {shlex.quote(context)}" for context in can)
    steps = list(dict.fromkeys(offer.step for made in can.values() for offer in made))
    shown = [f"{step} {step.call}" for step in steps[:MOST]]
    more = f", and {len(steps) - MOST} more" if len(steps) > MOST else ""
    return f"{command} install {words}   (behind {', '.join(shown)}{more})"


def not_wired(reached: Reached, contexts: Sequence[str], offers: Offers, etc: Path) -> Iterator[str]:
    """Yield a sentence for each Dial that rings phones and gets no offer: why, and what to do by hand."""
    told = {step: why or elsewhere(reached, step, etc) for step, why in offers.by_hand.items()}
    told.update((passed.step, passed.why) for passed in reached.passed if passed.context in contexts)
    for step, why in list(told.items())[:MOST]:
        yield f"not wired: {step} {step.call}: {why}"
    if len(told) > MOST:
        yield f"not wired: {len(told) - MOST} more"


def elsewhere(reached: Reached, step: Step, etc: Path) -> str:
    """Return what to do for a Dial that extensions.conf does not have."""
    number = number_expression(reach for reach in reached.reaches if reach.step == step) or "NUMBER"
    if step.source == "pbx_ael":
        place = _ael_line(etc, step) or "extensions.ael"
        return f"it is AEL ({place}); put this line behind it: Exec({gosub(number)});"
    if step.source == "pbx_config" and step.arguments == "${HINT}":
        line = f"exten => {step.extension},{step.priority + 1},{gosub('${EXTEN}')}"
        return f"users.conf makes it; put this line into [{step.context}] of extensions.conf: {line}"
    if ":" in step.source:
        return (
            "the file was changed since Asterisk loaded it: run dialplan reload in Asterisk's console, then this again"
        )
    return f"it was made by {step.source}; put a step behind it there: {gosub(number)}"


def _ael_line(etc: Path, step: Step) -> str:
    """Return the one line of AEL that may have the step; '' when that can't be told."""
    words = "".join(re.sub(r"~~(\w+)~~", r"\1", step.arguments).split())
    found = [
        f"{one_line(path.name)}:{number}"
        for path in sorted(etc.glob("*.ael"))
        for number, row in enumerate(read_text(path).splitlines(), 1)
        if words in "".join(row.split()) and step.application.lower() in row.lower()
    ]
    return found[0] if len(found) == 1 else ""


def other_dialplans(dialplan: Dialplan, contexts: Iterable[str], etc: Path, runs: bool) -> Iterator[str]:
    """Yield what to do where a context's extensions are in a database, in Lua, or in AEL that nobody has loaded."""
    for switch in dict.fromkeys(switch for context in contexts for switch in dialplan.switches(context)):
        kind = switch.partition("/")[0].lower()
        if kind == "realtime":
            yield (
                f"extensions of {switch} are in a database: behind the row of the Dial put one of the next priority "
                f"with app Gosub and appdata {OFFER},s,1(${{EXTEN}})"
            )
        elif kind == "lua":
            yield (
                "extensions.lua: let the function that dials end with  "
                f'return app.gosub("{OFFER},s,1(" .. extension .. ")")  '
                "and let what comes behind it, as voicemail, be priority 2 of the same extension in extensions.conf: "
                "Lua does not go on behind a Gosub"
            )
    text = "" if runs else read_text(etc / "extensions.ael")
    for context in contexts:
        if re.search(rf"\bcontext\s+{re.escape(context)}\s*\{{", text):
            yield f"{context} is a context of extensions.ael, which a running Asterisk alone can tell: start it first"


def only_includes(dialplan: Dialplan, context: str, offers: Offers) -> str:
    """Return a sentence on a context that has nothing of its own: where what it includes is wired; '' for others."""
    found = dialplan.contexts.get(context)
    if not found or found.steps or not found.includes:
        return ""
    inner = {included.name for included in dialplan.tree(context)}
    wired = ", ".join(dict.fromkeys(o.step.context for o in offers.made if o.step.context in inner))
    where = f"the offer goes into {wired}" if wired else "the offer goes where the calls from there come to a Dial"
    return f"{context} only includes {', '.join(found.includes)}: {where}, the feature codes into {context}"


def not_served(reached: Reached) -> str:
    """Return a sentence on phones whose numbers this package does not serve; '' when there are none."""
    numbers = dict.fromkeys(reach.number for reach in reached.reaches if not is_number(reach.number))
    if not numbers:
        return ""
    shown = ", ".join(list(numbers)[:MOST])
    return (
        f"only extensions of 1 to 15 digits are served: {shown} {'is' if len(numbers) == 1 else 'are'} offered nothing"
    )
