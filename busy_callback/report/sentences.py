"""What stands in a request's history, each sentence with a code: why it ended, and what happened before.

The sentences are those that policy and the spool write; a test holds them together. One that is not here any more,
or not yet, as an older or a newer version wrote it, is told as it stands. Placeholders: ``caller``, ``callee``,
``seconds``, ``number``.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from busy_callback import request as rq
from busy_callback.language import ENGLISH, Language, of_terminal
from busy_callback.request import Request

# By state: why a request ended. Beside the sentence, what the statistics call it: without a number in it.
ENDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    rq.COMPLETED: (
        ("talked", "{caller} and {callee} talked for {seconds} s", "they talked"),
        ("met", "{caller} and {callee} reached each other", "they reached each other by themselves"),
        ("hung-up", "{caller} answered and hung up", "the caller answered and hung up"),
        ("callee-silent", "{caller} answered, {callee} did not", "the caller answered, the callee did not"),
        ("cut", "{caller} answered; Asterisk stopped during the call", "Asterisk stopped during the call"),
    ),
    rq.EXPIRED: (("time-over", "the service duration is over", "its time was over"),),
    rq.CANCELLED: (
        ("by-caller", "by the caller", "by the caller"),
        ("by-admin", "by the admin", "by the admin"),
    ),
    rq.FAILED: (
        ("unanswered", "{caller} did not answer the recall", "the caller did not answer"),
        ("rejected", "{caller} rejected the recall", "the caller rejected the recall"),
        ("caller-busy", "{caller} was busy or rejected the recall", "the caller was busy or rejected the recall"),
        ("stopped", "Asterisk stopped during the recall", "Asterisk stopped during the recall"),
        ("unreported", "nothing was reported of the recall, so it is not repeated", "nothing is known of the recall"),
        ("taken-again", "{callee} was taken again when {caller} answered", "the callee was taken again"),
        ("callee-gone", "{callee} could not be reached when {caller} answered", "the callee could not be reached"),
        ("refused", "{callee} refused the call", "the callee refused the call"),
        (
            "no-phone",
            "{caller} has no phone that may be rung: its redirect_method would let it send the recall elsewhere",
            "the caller has no phone that may be rung",
        ),
    ),
}
# What happens to one that lives on, and how people are told of it where that is not the sentence itself. Each of the
# sentences above may stand there too, when there is another attempt.
EVENTS: tuple[tuple[str, str, str], ...] = (
    ("asked", "registered", "{caller} asks to be called back by {callee}"),
    ("asked", "asked again", "{caller} asks again"),
    ("recall", "recall {number}", "{caller} is rung (recall {number})"),
    (
        "recall",
        "recall {number}: {callee} free for {seconds} s",
        "{caller} is rung (recall {number}), {seconds} s after {callee} got free",
    ),
    ("answered", "{caller} answered", ""),
    ("asked", "{caller} asked again for {callee} in the recall", ""),
    ("suspended", "suspended: {callee} is free, but {caller} is not", "{callee} is free, but {caller} is not"),
    ("resumed", "resumed: {caller} is free again", "{caller} is free again"),
    ("used", "{callee} uses the phone", ""),
    ("not-rung", "{callee} was taken again before {caller} was rung", ""),
    ("in-a-call", "{caller} was in another call when it was to be rung", ""),
    ("unreached", "{caller} could not be reached", ""),
    ("withdrawn", "the recall was withdrawn before it rang", ""),
    ("withdrawn", "the recall was taken back before it rang", ""),
    ("withdrawn", "the recall was withdrawn while it rang", ""),
    ("cancelling", "cancelled by the caller, while {caller} rings", ""),
    ("cancelling", "cancelled by the admin, while {caller} rings", ""),
    ("restarted", "Asterisk restarted", "Asterisk restarted before it rang {caller}"),
    ("not-run", "Asterisk did not run the recall; is its dialplan loaded?", ""),
    ("clock", "the clock was set", ""),
    ("clock", "the clock was set back", ""),
    ("clock", "the clock was set forth by {seconds} s", ""),
    ("clock", "the clock was set back by {seconds} s", ""),
)
LABELS = {code: label for rows in ENDS.values() for code, _, label in rows}
OTHER = "other"

_NUMBERS = {"caller": "[0-9]+", "callee": "[0-9]+", "seconds": r"[0-9]+(?:\.[0-9]+)?", "number": "[0-9]+"}


class Told(NamedTuple):
    """A sentence of a history: its code (OTHER: none of ours), how people are told of it, and the values in that.

    ``count`` and ``most`` are among the values where it tells of an attempt in vain: the how-manieth of how many.
    """

    code: str
    english: str
    values: dict[str, str]


def sentences() -> list[tuple[str, str, str]]:
    """Return code, pattern and English of each sentence."""
    ends = [(code, pattern, pattern) for rows in ENDS.values() for code, pattern, _ in rows]
    return [*ends, *((code, pattern, english or pattern) for code, pattern, english in EVENTS)]


def understand(text: str) -> Told:
    """Return what a sentence of a history says; the state that it ended in is left out."""
    attempts = _ATTEMPTS.search(text)
    bare = text[: attempts.start()] if attempts else text
    match = _ANY.fullmatch(bare)
    if match is None:
        return Told(OTHER, "{text}", {"text": text})
    number = int(str(match.lastgroup)[1:])
    values = attempts.groupdict() if attempts else {}
    found = _EACH[number].search(bare)
    code, _, english = _ALL[number]
    return Told(code, english, {**values, **found.groupdict()} if found else values)


def _regex(pattern: str, groups: bool) -> str:
    text = re.escape(pattern)
    for name, value in _NUMBERS.items():
        text = text.replace(rf"\{{{name}\}}", f"(?P<{name}>{value})" if groups else f"(?:{value})")
    return text


_ALL = sentences()
_ATTEMPTS = re.compile(r" \((?P<count>[0-9]+) of (?P<most>[0-9]+) attempts\)$")
# One for all finds out which it is, and that one's own takes the values out: twice as fast as to do both at once.
_ANY = re.compile(
    f"(?:(?:{'|'.join(rq.END_STATES)}): )?"
    f"(?:{'|'.join(f'(?P<_{number}>{_regex(pattern, False)})' for number, (_, pattern, _) in enumerate(_ALL))})"
)
_EACH = [re.compile(f"{_regex(pattern, True)}$") for _, pattern, _ in _ALL]


def tell(request: Request, text: str, language: Language) -> str:
    """Return a sentence of the request's history as people are told of it."""
    told = understand(text)
    if told.code == OTHER:
        return language.tell(text)
    said = language.say(told.english, **{"caller": request.caller, "callee": request.callee, **told.values})
    return said + (language.say(" ({count} of {most} attempts)", **told.values) if "count" in told.values else "")


def as_told(request: Request, text: str) -> str:
    """Return a sentence of the request's history for a terminal: as it stands, but in the admin's language."""
    language = of_terminal(os.environ)
    return text if language is ENGLISH else tell(request, text, language)
