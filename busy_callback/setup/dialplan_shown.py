"""Makes a dialplan of what a running Asterisk prints on ``dialplan show``: the truth, whatever the files say.

The form is main/pbx.c's, show_dialplan_helper. Long steps are cut at 255 characters there.
"""

from __future__ import annotations

import re

from busy_callback.setup.extensions import HINT, Dialplan, Step
from busy_callback.setup.extensions_conf import split_call

CUT = 255
_CONTEXT = re.compile(r"\[ Context '(.*)' created by '(.*)' \]")
_EXTENSION = re.compile(r"  '(.*?)'(?: \(CID match '.*?'\))? =>\s+(.*)")
_LABEL = re.compile(r"     \[(.*?)\]\s+(\d+\. .*)")
_STEP = re.compile(r"(?:(hint): |([0-9]{1,9})\. )(.*?)\s*\[([^\[\]]*)\]")
_OTHER = re.compile(r"  (Include|Alt\. Switch) =>\s+'(.*)'\s+\[.*\]")
_GLOBAL = re.compile(r"   (\S+?)=(.*)")


def read(shown: str, variables: str = "") -> Dialplan:
    """Return the dialplan of ``dialplan show`` and of ``dialplan show globals``."""
    dialplan = Dialplan()
    context, extension, counts_for_all = "", "", True
    for row in shown.splitlines():
        header, named, labelled, other = (p.fullmatch(row) for p in (_CONTEXT, _EXTENSION, _LABEL, _OTHER))
        if header:
            context = header[1]
            dialplan.context(context)
        elif other and context:
            known = dialplan.context(context)
            (known.includes if other[1] == "Include" else known.switches).append(other[2])
        elif context:
            if named:
                extension, counts_for_all = named[1], "(CID match" not in row.partition("=>")[0]
            label = labelled[1] if labelled else ""
            step = _STEP.fullmatch(named[2] if named else labelled[2] if labelled else row.strip())
            if step and counts_for_all:
                dialplan.add(_step(context, extension, label, step))
    for row in variables.splitlines():
        found = _GLOBAL.fullmatch(row)
        if found:
            dialplan.globals[found[1]] = found[2]
    return dialplan


def _step(context: str, extension: str, label: str, found: re.Match[str]) -> Step:
    """Return the step that a row tells of."""
    hint, number, call, source = found.groups()
    if hint:
        return Step(context, extension, HINT, call.strip(), source=source)
    application, arguments = split_call(call)
    if len(call) >= CUT - 1:
        arguments = call.partition("(")[2]  # its end is missing
    return Step(context, extension, int(number), application, arguments, label, source=source)
