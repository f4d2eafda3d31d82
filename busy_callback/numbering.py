"""The numbering plan: which numbers are extensions; and hostile text made fit for a log.

The AGI imports this module on the caller's time.
"""

from __future__ import annotations

from busy_callback.errors import NumberError
from busy_callback.request import MOST_DIGITS, is_number

_DIGITS = "0123456789"
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
_ALLOWED = {"[0-9]": _DIGITS, "[1-9]": _DIGITS[1:], "[2-9]": _DIGITS[2:]}  # nearly all that anybody has


def _places(pattern: str) -> list[str]:
    """Return what stands for each digit of a pattern, as ``2`` or ``[1-5]``; ValueError where something else does."""
    text = pattern.lstrip("_").upper()
    places = []
    while text:
        end = text.find("]") + 1 if text[0] == "[" else 1
        places.append(_CLASSES.get(text[0], text[:end]))
        if not _allowed(places[-1]):
            raise ValueError(pattern)
        text = text[end:]
    return places


def _allowed(place: str) -> str:
    """Return the digits that a place allows; '' where it is none."""
    if place in _ALLOWED:
        return _ALLOWED[place]
    if not place.startswith("["):
        return place if place in _DIGITS else ""
    inside, found = place[1:-1], ""
    if inside.endswith("-"):
        return ""
    while inside:
        low, high = (inside[0], inside[2]) if inside[1:2] == "-" else (inside[0], inside[0])
        if low not in _DIGITS or high not in _DIGITS[_DIGITS.index(low) :]:
            return ""
        found += _DIGITS[int(low) : int(high) + 1]
        # [1-3-5] is [1-35], as to Asterisk.
        inside = inside[3:].removeprefix("-") if inside[1:2] == "-" else inside[1:]
    return "".join(digit for digit in _DIGITS if digit in found)


def classes(pattern: str) -> tuple[frozenset[str], ...]:
    """Return the digits that each place of a pattern allows."""
    return tuple(frozenset(_allowed(place)) for place in _places(pattern))


class Numbers:
    """Some numbers, named by Asterisk's patterns, without ``.`` and ``!``; no pattern, no number.

    Raises ValueError, saying what is allowed, for a pattern that is none.
    """

    def __init__(self, patterns: tuple[str, ...] = ()) -> None:
        self.patterns = patterns
        self._digits: list[list[str]] = []  # by pattern, what each of its places allows
        texts = []
        for pattern in patterns:
            try:
                places = _places(pattern)
            except ValueError:
                places = []
            if not 1 <= len(places) <= MOST_DIGITS:
                raise ValueError(f"{pattern!r} is not a pattern of 1 to {MOST_DIGITS} digits, X, Z, N and [1-5]")
            texts.append("".join(places))
            self._digits.append([_allowed(place) for place in places])
        self.regex = "|".join(texts)  # for others: no regular expression is read here, on the AGI's caller's time

    def __contains__(self, number: str) -> bool:
        return is_number(number) and any(
            len(digits) == len(number) and all(c in allowed for c, allowed in zip(number, digits))
            for digits in self._digits
        )

    def listed(self, most: int) -> list[str]:
        """Return all of the numbers, or none where there are more than ``most``, or no patterns."""
        found: list[str] = []
        for digits in self._digits:
            some = [""]
            for allowed in digits:
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
