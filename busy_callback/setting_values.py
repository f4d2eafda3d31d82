"""A line of the settings, which there are, and their values: readers, which raise ValueError saying what is allowed.

The AGI imports this module on the caller's time: to import re alone would take longer than all else.
"""

from __future__ import annotations

from busy_callback.numbering import NumberingPlan, Numbers
from busy_callback.request import is_language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

_UNITS = {"min": 60, "s": 1, "h": 3600, "": 1}
_MOST_DIGITS = 7


def without_comment(line: str) -> str:
    """Return what a line says: ``;`` begins a comment at its beginning or after a blank, ``#`` at its beginning."""
    at = line.find(";")
    while at > 0 and not line[at - 1].isspace():
        at = line.find(";", at + 1)
    bare = (line if at < 0 else line[:at]).strip()
    return "" if bare.startswith("#") else bare


def key_and_value(bare: str) -> tuple[str, str]:
    """Return both sides of ``key = value``, ``key => value`` or ``key: value``; two empty texts where it is neither."""
    end = min((at for at in (bare.find("="), bare.find(":")) if at >= 0), default=0)
    return bare[:end].rstrip(), bare[end + 1 :].removeprefix(">" if bare[end : end + 1] == "=" else "").lstrip()


def seconds(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of a time between ``low`` and ``high`` seconds; it returns seconds."""

    def parse(text: str) -> int:
        unit = next(unit for unit in _UNITS if text.endswith(unit))
        amount = text[: len(text) - len(unit)].rstrip(" ")
        found = int(amount) * _UNITS[unit] if _is_whole(amount) else -1
        if not low <= found <= high:
            raise ValueError(f"a time from {low} s to {high} s, as 90, 90 s, 45 min or 3 h")
        return found

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of a whole number between ``low`` and ``high``."""

    def parse(text: str) -> int:
        if not _is_whole(text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def yes_or_no(text: str) -> bool:
    """Return whether the text is yes; it is yes or no."""
    if text not in {"yes", "no"}:
        raise ValueError("yes or no")
    return text == "yes"


def _is_whole(text: str) -> bool:
    return 1 <= len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit()


def is_device(text: str) -> bool:
    """Tell whether ``text`` is a device of Asterisk's, as PJSIP/anna, that may stand in a question to it."""
    technology, slash, resource = text.partition("/")
    plain = "".join(c for c in resource if c not in "_.@/-") or "0"
    return bool(slash) and 1 <= len(resource) <= 60 and text.isascii() and technology.isalnum() and plain.isalnum()


def device_list(text: str) -> str:
    """Return an extension's devices, joined by & as they are."""
    if not all(map(is_device, text.split("&"))):
        raise ValueError("an extension's devices, as PJSIP/anna or PJSIP/anna&SIP/anna-mobile")
    return text


BRANCH = "branch"  # a section [branch NAME] has these settings
BRANCH_NAME = 40  # characters at most


def is_branch_name(text: str) -> bool:
    """Tell whether a branch may be called that, here and in pjsip.conf."""
    bare = text.replace("-", "").replace("_", "")
    return len(text) <= BRANCH_NAME and bare.isascii() and bare.isalnum()


_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAME = _LETTERS | set("_.-")  # of a context, a user, a device
_PLAIN = frozenset(map(chr, range(0x21, 0x7F)))


def made_of(allowed: Container[str], low: int, high: int, meaning: str) -> Callable[[str], str]:
    """Return the reader of a text of ``low`` to ``high`` of the allowed characters; ``meaning`` says what that is."""

    def parse(text: str) -> str:
        if not _is_of(text, allowed, low, high):
            raise ValueError(meaning)
        return text

    return parse


def _is_of(text: str, allowed: Container[str], low: int, high: int) -> bool:
    return low <= len(text) <= high and all(c in allowed for c in text)


def one_of(*words: str, meaning: str) -> Callable[[str], str]:
    """Return the reader of one of the words; ``meaning`` says which these are."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(meaning)
        return text

    return parse


def _is_form(text: str, most: int, more: str = "") -> bool:
    """Tell whether ``text`` is TECHNOLOGY/NAME with one {ext} in it, each part of ``most`` characters at most.

    After {ext} may stand what is in ``more``, too.
    """
    technology, _, name = text.partition("/")
    before, *after = name.split("{ext}")
    allowed = _NAME | {"@"}
    return (
        _is_of(technology, _LETTERS, 1, most)
        and _is_of(before, allowed, 0, most)
        and len(after) == 1
        and _is_of(after[0], allowed | set(more), 0, most)
    )


def device_form(text: str) -> str:
    """Return the setting ``device``: how an extension's devices are found."""
    hint = text.startswith("hint@") and _is_of(text[5:], _NAME, 1, 70)
    if not hint and text not in {"auto", "freepbx"} and not _is_form(text, 200, more="/"):
        raise ValueError("auto, freepbx, hint@CONTEXT, or a dial string with {ext} for the extension, as PJSIP/{ext}")
    return text


class _Shown:
    """The characters of a text that phones show."""

    def __contains__(self, c: object) -> bool:
        return isinstance(c, str) and c >= " " and c not in '\x7f"\\<>;#$[](),|&^`{}'


def caller_id(text: str) -> str:
    """Return the text that the caller sees, in which {callee} and {name} stand for one character each."""
    if not _is_of(text.replace("{callee}", "x").replace("{name}", "x"), _Shown(), 0, 60):
        raise ValueError(
            "a text with {callee} for the number and {name} for the name, without quotes, brackets and ; # $ , | & ^"
        )
    return text


def feature_code(text: str) -> str:
    """Return what is dialled for a feature."""
    if text[:1] not in {"*", "#"} or not _is_of(text[1:], "0123456789*", 1, 5):
        raise ValueError("a feature code: * or # and up to five digits, as *66")
    return text


TEXTS = {
    "caller_id": caller_id,
    "callee_prefix": made_of(
        _Shown(), 0, 40, "a text of 40 characters, without quotes, brackets and ; # $ , | & ^, or nothing"
    ),
    "alert_info": made_of(
        _LETTERS | set("_.:/<>=; -"), 0, 100, "an Alert-Info header: letters, digits and _.:/<>=; -, or nothing"
    ),
    **dict.fromkeys(("code_request", "code_cancel", "code_count"), feature_code),
}
BEFORE_VOICEMAIL = "before voicemail"
no_reply = one_of(BEFORE_VOICEMAIL, "code only", meaning=f"{BEFORE_VOICEMAIL} or code only")


def plan(text: str) -> NumberingPlan:
    """Return the numbering plan that the patterns describe."""
    try:
        return NumberingPlan(tuple(text.replace(",", " ").split()))
    except ValueError as error:
        raise ValueError(f"Asterisk patterns as 2XX, 3XXX, or nothing for any 2 to 6 digits: {error}") from None


def numbers(text: str) -> Numbers:
    """Return the numbers that the patterns describe."""
    try:
        return Numbers(tuple(text.replace(",", " ").split()))
    except ValueError as error:
        raise ValueError(f"Asterisk patterns as 299, 28X, or nothing: {error}") from None


def numbers_of_branch(text: str) -> Numbers:
    """Return the numbers that the patterns, one at least, describe."""
    found = numbers(text)
    if not found.patterns:
        raise ValueError("Asterisk patterns as 3XX, which are the branch's extensions")
    return found


def state_form(text: str) -> str:
    """Return the device, with {ext} for the extension, whose state a branch publishes."""
    if not _is_form(text, 20):
        raise ValueError("the device whose state the branch publishes, with {ext} for the extension, as PJSIP/{ext}")
    return text


OWN = "own"


def prompt_language(text: str) -> str:
    """Return the language that the prompts are heard in, '' where each phone hears them in its own."""
    if text in {"", OWN}:
        return ""
    if not is_language(text):
        raise ValueError("own (each phone hears its own) or a language that there are prompts in, as zh or en")
    return text


def host(text: str) -> str:
    """Return where the manager is."""
    if not _is_of(text, _LETTERS | {".", "-"}, 1, 253) and not _is_of(
        text, frozenset("0123456789ABCDEFabcdef:."), 2, 45
    ):
        raise ValueError("a host's name or address, as 127.0.0.1 or ::1")
    return text


KEYS: Mapping[str, Mapping[str, Callable[[str], object]]] = {
    "general": {
        "extensions": plan,
        **dict.fromkeys(("not_callers", "not_callees"), numbers),
        **dict.fromkeys(("offer", "not_logged_in", "retention"), yes_or_no),
        "offer_pause": seconds(1, 30),
        "offer_no_reply": no_reply,
        "device": device_form,
        "context": made_of(_NAME, 1, 79, "a dialplan context's name"),
        "ring_time": seconds(5, 120),
        "guard_time": seconds(0, 60),
        "attempts": whole(1, 20),
        "retry_pause": seconds(1, 3600),
        "service_time": seconds(60, 86400),
        "service_time_no_reply": seconds(60, 86400),
        "queue_per_callee": whole(1, 100),
        "queue_per_caller": whole(1, 100),
        "queue_in_all": whole(1, 1000000),
        "history_days": whole(0, 3650),
        "language": prompt_language,
        "callers": one_of(
            "own", "any", meaning="own (from the extension's own phone) or any (whom the dialplan lets in)"
        ),
        **TEXTS,
    },
    "manager": {
        "host": host,
        "port": whole(1, 65535),
        "tls": yes_or_no,
        "user": made_of(_NAME, 1, 79, "a user of manager.conf"),
        "secret": made_of(_PLAIN - {";"}, 0, 200, "printable ASCII without blanks and ;"),
    },
    "devices": {  # the key is an extension
        "": device_list,
    },
    BRANCH: {
        "extensions": numbers_of_branch,
        "state": state_form,
    },
}
