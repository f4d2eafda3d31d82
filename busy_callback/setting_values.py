"""A line of the settings, which there are, and their values: readers, which raise ValueError saying what is allowed.

The AGI imports this module on the caller's time: a regular expression would take longer to be compiled than all else.
"""

from __future__ import annotations

import re

from busy_callback.numbering import NumberingPlan, Numbers
from busy_callback.request import is_language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


def like(pattern: str, meaning: str) -> Callable[[str], str]:
    """Return the reader of a text that matches the regular expression; ``meaning`` says what that is."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(meaning)
        return text

    return parse


device_form = like(
    r"auto|freepbx|hint@[A-Za-z0-9_.-]{1,70}|[A-Za-z0-9]+/[A-Za-z0-9_.@-]*\{ext\}[A-Za-z0-9_.@/-]*",
    "auto, freepbx, hint@CONTEXT, or a dial string with {ext} for the extension, as PJSIP/{ext}",
)
_SHOWN = r"[^\x00-\x1f\x7f\"\\<>;#$\[\](),|&^`{}]"  # a character of a text that phones show
TEXTS = {
    "caller_id": like(
        rf"({_SHOWN}|\{{callee\}}|\{{name\}}){{0,60}}",
        "a text with {callee} for the number and {name} for the name, without quotes, brackets and ; # $ , | & ^",
    ),
    "callee_prefix": like(
        rf"{_SHOWN}{{0,40}}", "a text of 40 characters, without quotes, brackets and ; # $ , | & ^, or nothing"
    ),
    "alert_info": like(
        r"[A-Za-z0-9_.:/<>=; -]{0,100}", "an Alert-Info header: letters, digits and _.:/<>=; -, or nothing"
    ),
    **dict.fromkeys(
        ("code_request", "code_cancel", "code_count"),
        like(r"[*#][0-9*]{1,5}", "a feature code: * or # and up to five digits, as *66"),
    ),
}
BEFORE_VOICEMAIL = "before voicemail"
no_reply = like(f"{BEFORE_VOICEMAIL}|code only", f"{BEFORE_VOICEMAIL} or code only")


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


state_form = like(
    r"[A-Za-z0-9]{1,20}/[A-Za-z0-9_.@-]{0,20}\{ext\}[A-Za-z0-9_.@-]{0,20}",
    "the device whose state the branch publishes, with {ext} for the extension, as PJSIP/{ext}",
)

OWN = "own"


def prompt_language(text: str) -> str:
    """Return the language that the prompts are heard in, '' where each phone hears them in its own."""
    if text in {"", OWN}:
        return ""
    if not is_language(text):
        raise ValueError("own (each phone hears its own) or a language that there are prompts in, as zh or en")
    return text


KEYS: Mapping[str, Mapping[str, Callable[[str], object]]] = {
    "general": {
        "extensions": plan,
        **dict.fromkeys(("not_callers", "not_callees"), numbers),
        **dict.fromkeys(("offer", "not_logged_in", "retention"), yes_or_no),
        "offer_pause": seconds(1, 30),
        "offer_no_reply": no_reply,
        "device": device_form,
        "context": like(r"[A-Za-z0-9_.-]{1,79}", "a dialplan context's name"),
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
        "callers": like("own|any", "own (from the extension's own phone) or any (whom the dialplan lets in)"),
        **TEXTS,
    },
    "manager": {
        "host": like(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", "a host's name or address, as 127.0.0.1 or ::1"),
        "port": whole(1, 65535),
        "tls": yes_or_no,
        "user": like(r"[A-Za-z0-9_.-]{1,79}", "a user of manager.conf"),
        "secret": like(r"[!-:<-~]{0,200}", "printable ASCII without blanks and ;"),
    },
    "devices": {  # the key is an extension
        "": device_list,
    },
    BRANCH: {
        "extensions": numbers_of_branch,
        "state": state_form,
    },
}
