"""The numbering plan: which numbers are extensions; and hostile text made fit for a log.

The AGI imports this module on the caller's time.
"""

from __future__ import annotations

import re

from busy_callback.errors import NumberError
from busy_callback.request import MOST_DIGITS, is_number

_CLASS = r"[0-9XZN]|\[[0-9](?:-?[0-9])*\]"  # compiled where there is a pattern
_DIGITS: dict[str, frozenset[str]] = {}  # by what stands for a place: found out once
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}


def classes(pattern: str) -> tuple[frozenset[str], ...]:
    """Return the digits that each place of a pattern allows."""
    places = re.findall(_CLASS, pattern.lstrip("_").upper())
    for place in set(places) - _DIGITS.keys():
        _DIGITS[place] = frozenset(c for c in "0123456789" if re.fullmatch(_CLASSES.get(place, place), c))
    return tuple(_DIGITS[place] for place in places)


class Numbers:
    """Some numbers, named by Asterisk's patterns, without ``.`` and ``!``; no pattern, no number.

    Raises ValueError, saying what is allowed, for a pattern that is none.
    """

    def __init__(self, patterns: tuple[str, ...] = ()) -> None:
        self.patterns = patterns
        texts = []
        for pattern in patterns:
            text = pattern.lstrip("_").upper()
            digits = re.findall(_CLASS, text)
            if "".join(digits) != text or not 1 <= len(digits) <= MOST_DIGITS:
                raise ValueError(f"{pattern!r} is not a pattern of 1 to {MOST_DIGITS} digits, X, Z, N and [1-5]")
            texts.append("".join(_CLASSES.get(c, c) for c in digits))
        self._texts = texts
        self.regex = "|".join(texts)  # POSIX's extended ones have the same form

    def __contains__(self, number: str) -> bool:
        return is_number(number) and bool(self.regex) and re.fullmatch(self.regex, number) is not None

    def listed(self, most: int) -> list[str]:
        """Return all of the numbers, or none where there are more than ``most``, or no patterns."""
        found: list[str] = []
        for text in self._texts:
            some = [""]
            for digit in re.findall(_CLASS, text):
                allowed = [c for c in "0123456789" if re.fullmatch(digit, c)]
                some = [number + c for number in some for c in allowed]
                if len(found) + len(some) > most:
                    return []
            found += some
        return found


class NumberingPlan(Numbers):
    """The extensions that may ask for and be given a callback; no pattern at all means any 2 to 6 digits."""

    def __contains__(self, number: str) -> bool:
        return super().__contains__(number) if self.patterns else is_number(number) and 2 <= len(number) <= 6

    def check(self, role: str, number: str) -> None:
        """Raise NumberError unless the number, which has that role in a request, is an extension of the plan."""
        if number not in self:
            plan = ", ".join(self.patterns) or "2 to 6 digits"
            raise NumberError(f"{role} {printable(number)!r} is not in the numbering plan ({plan})")

    def check_pair(self, caller: str, callee: str) -> None:
        """Raise NumberError unless both are extensions of the plan and are not the same."""
        self.check("caller", caller)
        self.check("callee", callee)
        if caller == callee:
            raise NumberError(f"{caller} can't be called back by itself")


def visible(text: str) -> str:
    """Return ``text`` as it can be printed: what would move a terminal's cursor or colour it shows as an escape."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """Return ``text`` as ``visible`` does, and in one line: what a file is called can't pass for a line of ours."""
    return visible(text).replace("\n", "\\n")


def printable(text: str, limit: int = 40) -> str:
    """Return hostile ``text`` made safe for a log line: cut, and only harmless ASCII kept."""
    safe = "".join(c if c.isascii() and c.isprintable() and c not in "\"\\'$`,|;" else "?" for c in text[:limit])
    return safe + ("..." if len(text) > limit else "")
