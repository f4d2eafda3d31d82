"""The admin's language. A text is English where it is made, logged, kept and sent; where people read it, it is told.

``say`` has a message of the catalog and its values. ``tell`` has the English alone, as it comes from an error, from a
child of another user's, from the spool's notes or from an older version's history: it finds the message of the catalog
that the text is made of, and tells its values in turn. What it finds nowhere stays as it is.

The catalog is gettext's, ``locale/zh_TW/LC_MESSAGES/busy_callback.mo``; python -m tests.catalog keeps it. Nothing here
is for the AGI or for a log.
"""

from __future__ import annotations

import codecs
import gettext
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from string import Formatter

LOCALE = os.path.join(os.path.dirname(__file__), "locale")  # not by pathlib: a poller waits for what is imported
DOMAIN = "busy_callback"
_FEWEST_LETTERS = 5  # of a message beside its values, by which a text is known to be it
_DEEPEST, _LONGEST = 8, 10000  # messages in one another, characters of a text that may be made of them
JOINTS = ("\n", "; ", ": ", ", ")  # of texts that are told together


class _Catalog(gettext.GNUTranslations):
    """gettext's catalog, whose messages can be looked through."""

    @property
    def texts(self) -> dict[str, str]:
        """All messages with their translations."""
        known: Mapping[object, str] = vars(self)["_catalog"]
        return {message: text for message, text in known.items() if isinstance(message, str) and message}


class _Message:
    """A message with values, as a text is known to be it; ``letters`` and ``length`` are without the values."""

    def __init__(self, message: str, told: str) -> None:
        self._told = told
        self._names: list[str] = []
        self._texts = [""]  # before, between and behind the values
        for text, name, _, _ in Formatter().parse(message):
            self._texts[-1] += text
            if name is not None:
                self._names.append(name)
                self._texts.append("")
        self.length = sum(map(len, self._texts))
        self.letters = sum(c.isalpha() for text in self._texts for c in text)
        clear = self.letters >= _FEWEST_LETTERS or sum(map(str.isalpha, self._texts[0])) > 2
        self.distinct = bool(self._names) and clear

    def values(self, text: str) -> dict[str, str] | None:
        """Return the values of the text, None when it is not this message; in one go, whoever wrote the text."""
        first, *between, last = self._texts
        if not text.startswith(first) or not text.endswith(last):
            return None
        found, place, end = [], len(first), len(text) - len(last)
        for part in between:
            begin = text.find(part, place, end)
            if begin < 0:
                return None
            found.append(text[place:begin])
            place = begin + len(part)
        return dict(zip(self._names, [*found, text[place:end]])) if place <= end else None

    def told(self, values: Mapping[str, str]) -> str:
        """Return the translation with these values."""
        return self._told.format(**values)


class Language:
    """A language that the admin may read; ``name`` is that of HTML's lang attribute, ``catalog`` gettext's."""

    def __init__(self, name: str, catalog: str = "") -> None:
        self.name = name
        self._catalog = catalog

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The messages with their translations; none where the catalog can't be read."""
        if not self._catalog:
            return {}
        try:
            with open(f"{LOCALE}/{self._catalog}/LC_MESSAGES/{DOMAIN}.mo", "rb") as file:
                return _Catalog(file).texts
        except OSError:
            return {}

    @cached_property
    def _messages(self) -> list[_Message]:
        """The messages that have values and can be told from others, those with most letters first."""
        found = [_Message(message, told) for message, told in self.texts.items() if "{" in message]
        return sorted((m for m in found if m.distinct), key=lambda m: (-m.letters, -m.length))

    def say(self, english: str, **values: object) -> str:
        """Return a message in this language, with ``values`` in its placeholders."""
        return self.texts.get(english, english).format(**values)

    def tell(self, text: str, depth: int = 0) -> str:
        """Return an English text in this language, as far as it is made of messages, one in another."""
        if not self.texts or not text.strip() or depth > _DEEPEST or len(text) > _LONGEST:
            return text

        def value(part: str) -> str:  # one word is a name or a number, which has no language
            return self.tell(part, depth + 1) if " " in part.strip() else part

        known = self._known(text, value) or self._known(text[0].lower() + text[1:], value)
        if known:
            return known
        for joint in filter(text.__contains__, JOINTS):
            parts = text.split(joint)
            told = [value(part) for part in parts]
            if told != parts:
                return self.texts.get(joint, joint).join(told)
        begin, bracket, more = text.rstrip(")").rpartition(" (")
        if bracket and text.endswith(")") and value(begin) != begin:
            return self.say("{text} ({more})", text=value(begin), more=value(more))
        return text

    def _known(self, text: str, value: Callable[[str], str]) -> str:
        """Return the translation of a text that is a message, '' for another."""
        whole = self.texts.get(text.replace("{", "{{").replace("}", "}}"))
        if whole is not None:
            return whole.format()
        for message in self._messages:
            values = message.values(text)
            if values is not None:
                return message.told({name: value(part) for name, part in values.items()})
        return ""

    def join(self, words: Sequence[str]) -> str:
        """Return the words as an enumeration."""
        if len(words) < 2:
            return "".join(words)
        return self.say("{first} and {last}", first=self.say(", ").join(words[:-1]), last=words[-1])

    def duration(self, seconds: float) -> str:
        """Return a duration as people say it."""
        if seconds < 60:
            return self.say(
                "{number} s", number=f"{seconds:.1f}" if seconds < 9.95 and seconds % 1 else f"{seconds:.0f}"
            )
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.say("{number} min", number=minutes)
        hours, minutes = divmod(minutes, 60)
        text = self.say("{number} h", number=hours)
        return f"{text} {self.say('{number} min', number=minutes)}" if minutes else text


def clock(when: float, now: float) -> str:
    """Return a time as people say it, by the local clock: with the day, unless it is today's."""
    told, today = time.localtime(when), time.localtime(now)
    return time.strftime("%H:%M" if told[:3] == today[:3] else "%Y-%m-%d %H:%M", told)


ENGLISH = Language("en")
LANGUAGES = {"en": ENGLISH, "zh": Language("zh-Hant-TW", "zh_TW")}


def _locale_name(environ: Mapping[str, str]) -> str:
    """Return the locale of messages, as locale(7) has it; '' for none."""
    return next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")


def of_locale(environ: Mapping[str, str]) -> Language:
    """Return the language of the environment's locale, as gettext has it: Chinese, else English."""
    name = _locale_name(environ)
    plain = re.split(r"[_.@]", name)[0] in {"", "C", "POSIX"}  # then LANGUAGE counts for nothing
    names = [] if plain else [*environ.get("LANGUAGE", "").split(":"), name]
    known = (LANGUAGES.get(re.split(r"[_.@-]", each)[0]) for each in names)
    return next(filter(None, known), ENGLISH)


def of_terminal(environ: Mapping[str, str]) -> Language:
    """Return the language of the environment's locale, English where standard output could not show it."""
    encoding = codecs.lookup(sys.stdout.encoding or "ascii").name
    _, dot, codeset = _locale_name(environ).partition(".")
    try:
        # A locale that the system does not have leaves Python with an encoding that is not the terminal's.
        same = not dot or codecs.lookup(codeset.partition("@")[0]).name == encoding or "PYTHONIOENCODING" in environ
    except LookupError:
        same = False
    language = of_locale(environ)
    return language if same and shown(language.say("yes or no"), encoding) else ENGLISH


def shown(text: str, encoding: str = "") -> bool:
    """Tell whether standard output can show a text."""
    try:
        text.encode(encoding or sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def spoken(text: str) -> str:
    """Return an English text in the admin's language, for a terminal."""
    told = of_terminal(os.environ).tell(text)
    return told if shown(told) else text


def said(english: str, **values: object) -> str:
    """Return a message in the admin's language, with its values, for a terminal."""
    told = of_terminal(os.environ).say(english, **values)
    return told if shown(told) else english.format(**values)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for an East Asian wide character."""
    import unicodedata  # large, and only for tables

    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def cut(text: str, columns: int) -> str:
    """Return as much of a text as fits into so many columns of a terminal."""
    while width(text) > columns:
        text = text[: max(columns // 2, len(text) - (width(text) - columns + 1) // 2)] if len(text) > 1 else ""
    return text


def wrapped(text: str, columns: int) -> list[str]:
    """Return the text as lines of so many columns of a terminal; Chinese breaks between any two characters."""
    import textwrap  # only for tables

    if width(text) == len(text):
        return textwrap.wrap(text, columns, break_on_hyphens=False)
    lines = []
    while text:
        lines.append(cut(text, max(2, columns)))
        text = text[len(lines[-1]) :]
    return lines


def aligned(rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Return the rows as lines, the first ``left`` columns to the left, the others to the right."""
    rows = list(rows)
    widths = [max(map(width, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = []
        for number, (cell, wide) in enumerate(zip(row, widths)):
            blanks = " " * (wide - width(cell))
            cells.append(cell + blanks if number < left else blanks + cell)
        lines.append("  ".join(cells).rstrip())
    return lines
