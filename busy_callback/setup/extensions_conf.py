"""Makes a dialplan of extensions.conf, as pbx/pbx_config.c does; a step that Asterisk would not load is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from busy_callback.setup.config_files import Line, section_of, sections_of
from busy_callback.setup.extensions import HINT, Dialplan, Step
from busy_callback.setup.variables import substitute

_NONE = -2  # no priority yet
_PRIORITY = re.compile(r"(?P<what>[^(+]*)(?:\+(?P<more>[0-9]{1,9}))?(?:\((?P<label>[^)]*)\).*)?")


def read(lines: Sequence[Line]) -> Dialplan:
    """Return the dialplan that these lines make."""
    dialplan = Dialplan()
    for line in section_of(lines, "globals").lines:
        key, value = _pair(line)
        if key and not line.header:
            dialplan.globals[key] = substitute(value, dialplan.globals)
    for section in sections_of(lines):
        if not section.template and section.name.lower() not in {"general", "globals"}:
            _Section(dialplan, section.name).read(section.lines)
    return dialplan


def _pair(line: Line) -> tuple[str, str]:
    """Return name and value of a line, the name as it is written."""
    name, sign, value = line.text.partition("=")
    return (name.strip(), value.removeprefix(">").strip()) if sign and line.setting[0] else ("", "")


class _Section:
    """Reads one section of extensions.conf into a context: ``n`` and ``same`` go on from the line before."""

    def __init__(self, dialplan: Dialplan, name: str) -> None:
        self._dialplan = dialplan
        self._context = dialplan.context(name)
        self._extension = ""
        self._priority = _NONE

    def read(self, lines: Sequence[Line]) -> None:
        """Read all its lines."""
        for line in lines:
            key, value = line.setting
            if key == "exten":
                extension, _, rest = value.partition(",")
                self._extension = substitute(extension.strip(), self._dialplan.globals)
                self._step(line, rest)
            elif key[:4] == "same" and self._extension:
                self._step(line, value)
            elif key == "include":
                self._context.includes.append(substitute(value, self._dialplan.globals))
            elif key in {"switch", "lswitch", "eswitch"}:
                self._context.switches.append(value)

    def _step(self, line: Line, text: str) -> None:
        priority, _, call = text.partition(",")
        number, label = self._number(priority.strip())
        extension, slash, _ = self._extension.partition("/")
        if number == HINT:
            self._priority = HINT
            if not slash:
                devices = substitute(call.strip(), self._dialplan.globals)
                self._dialplan.add(Step(self._context.name, extension, HINT, devices, line=line))
        elif number > 0:
            self._priority = number
            if not slash:  # that which counts for some callers only is not followed
                application, arguments = split_call(call)
                self._dialplan.add(Step(self._context.name, extension, number, application, arguments, label, line))

    def _number(self, text: str) -> tuple[int, str]:
        """Return a priority's number and label; 0 for one that Asterisk refuses."""
        match = _PRIORITY.fullmatch(text)
        if not match:
            return 0, ""
        what, label = match["what"].strip(), match["label"] or ""
        more = int(match["more"] or 0)
        if what == "hint":
            return HINT, ""
        if what in {"n", "next"} and self._priority > _NONE:
            return self._priority + 1 + more, label
        if what in {"s", "same"} and self._priority > _NONE:
            return self._priority + more, label
        number = re.match(r"[0-9]{1,9}(?![0-9])", what)
        if number:
            return int(number[0]) + more, label
        found = self._dialplan.labelled(self._context.name, self._extension, what)
        return (found.priority + more, label) if found else (0, "")


def split_call(text: str) -> tuple[str, str]:
    """Return application and arguments of ``App(arguments)``."""
    text = text.strip()
    application, opening, rest = text.partition("(")
    if not opening or "${" in application or "$[" in application:
        return text, ""
    return application.strip(), rest.rpartition(")")[0] if ")" in rest else rest
