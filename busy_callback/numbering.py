"""The numbering plan: which numbers are extensions; and hostile text made fit for a log.

The AGI imports this module on the caller's time.
"""

from __future__ import annotations

import re

from busy_callback.errors import NumberError
from busy_callback.request import is_number

_PATTERN = re.compile(r"(?:[0-9XZN]|\[[0-9](?:-?[0-9])*\])+")
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}


class NumberingPlan:
    """The extensions that may ask for and be given a callback: Asterisk's patterns, without ``.`` and ``!``.

    No pattern at all means any 2 to 6 digits.
    """

    def __init__(self, patterns: tuple[str, ...] = ()) -> None:
        self.patterns = patterns
        texts = []
        for pattern in patterns:
            text = pattern.lstrip("_").upper()
            if not _PATTERN.fullmatch(text):
                raise ValueError(f"{pattern!r} is not a pattern of digits, X, Z, N and [1-5]")
            texts.append("".join(_CLASSES.get(c, c) for c in text))
        self._regex = re.compile("|".join(texts)) if texts else None

    def __contains__(self, number: str) -> bool:
        return is_number(number) and (self._regex is None or self._regex.fullmatch(number) is not None)

    def check_pair(self, caller: str, callee: str) -> None:
        """Raise NumberError unless both are extensions of the plan and are not the same."""
        for role, number in (("caller", caller), ("callee", callee)):
            if number not in self:
                plan = ", ".join(self.patterns) or "2 to 6 digits"
                raise NumberError(f"{role} {printable(number)!r} is not in the numbering plan ({plan})")
        if caller == callee:
            raise NumberError(f"{caller} can't be called back by itself")


def visible(text: str) -> str:
    """Return ``text`` as it can be printed: what would move a terminal's cursor or colour it shows as an escape."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def printable(text: str, limit: int = 40) -> str:
    """Return hostile ``text`` made safe for a log line: cut, and only harmless ASCII kept."""
    safe = "".join(c if c.isascii() and c.isprintable() and c not in "\"\\'$`,|;" else "?" for c in text[:limit])
    return safe + ("..." if len(text) > limit else "")
