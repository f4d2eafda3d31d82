"""What a text with variables, ``${EXTEN}-desk``, is for a call, as far as its variables are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

UNKNOWN = "\x00"  # stands for text that only a call would tell
_DEEP = 15  # Asterisk's own limit is about that

Functions = Mapping[str, Callable[[str], str]]


def substitute(text: str, variables: Mapping[str, str], functions: Functions | None = None, depth: int = 0) -> str:
    """Return ``text`` with its variables, slices and known functions replaced; UNKNOWN for each that is not known.

    A variable that is not set is unknown too: the phone, or a module, may have set it.
    """
    done, rest = "", text
    while (begin := _begin(rest)) >= 0:
        end = _end(rest, begin)
        if end < 0 or depth > _DEEP:
            return done + rest[:begin] + UNKNOWN
        inner = rest[begin + 2 : end]
        done += rest[:begin]
        done += _value(inner, variables, functions or {}, depth) if rest[begin + 1] == "{" else UNKNOWN
        rest = rest[end + 1 :]
    return done + rest


def _begin(text: str) -> int:
    found = [place for place in (text.find("${"), text.find("$[")) if place >= 0]
    return min(found, default=-1)


def _end(text: str, begin: int) -> int:
    """Return where the bracket that opens behind ``begin`` is closed, or -1."""
    opening = text[begin + 1]
    closing, level = {"{": "}", "[": "]"}[opening], 0
    for place in range(begin + 1, len(text)):
        level += (text[place] == opening) - (text[place] == closing)
        if not level:
            return place
    return -1


def _value(inner: str, variables: Mapping[str, str], functions: Functions, depth: int) -> str:
    """Return the value of what stands in ``${...}``."""
    inner = substitute(inner, variables, functions, depth + 1)
    body, slice_ = _slice_of(inner)
    name, opening, arguments = body.partition("(")
    if not opening:
        value = variables.get(name.strip(), UNKNOWN)
    elif name.upper() in {"GLOBAL", "LOCAL"}:
        value = variables.get(arguments.rstrip(")").strip(), UNKNOWN)
    elif name.upper() in functions and UNKNOWN not in arguments:
        value = functions[name.upper()](arguments.removesuffix(")"))
    else:
        return UNKNOWN
    return value if not slice_ or UNKNOWN in value else _cut(value, slice_)


def _slice_of(inner: str) -> tuple[str, str]:
    """Return name (with arguments) and slice of ``NAME(arguments):from:length``."""
    behind = inner.rfind(")") + 1
    head, colon, slice_ = inner[behind:].partition(":")
    return inner[:behind] + head, slice_ if colon else ""


def _cut(value: str, slice_: str) -> str:
    match = re.fullmatch(r"(-?\d+)(?::(-?\d+))?", slice_)
    if not match:
        return UNKNOWN
    begin = int(match[1])
    value = value[begin:]
    if match[2] is None:
        return value
    return value[: int(match[2])]
