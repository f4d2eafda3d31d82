"""The admin's language: texts are written in English where they are used, and looked up in a table."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from busy_callback.report.chinese import CHINESE


class Language:
    """A language that the admin may read; ``name`` is that of HTML's lang attribute."""

    def __init__(self, name: str, texts: Mapping[str, str]) -> None:
        self.name = name
        self._texts = texts

    def say(self, english: str, **values: object) -> str:
        """Return the text in this language, with ``values`` in its placeholders."""
        return self._texts.get(english, english).format(**values)

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


ENGLISH = Language("en", {})
LANGUAGES = {"en": ENGLISH, "zh": Language("zh-Hant-TW", CHINESE)}


def of_locale(environ: Mapping[str, str]) -> Language:
    """Return the language of the environment's locale (locale(7)): Chinese, else English."""
    names = (environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next(filter(None, names), "")
    return LANGUAGES.get(re.split(r"[_.@]", name)[0], ENGLISH)
