"""What the values of settings may be: readers, each of which raises ValueError saying what is allowed.

The AGI imports this module on the caller's time.
"""

from __future__ import annotations

import re

from busy_callback.numbering import NumberingPlan, Numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"": 1, "s": 1, "min": 60, "h": 3600}


def seconds(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of a time between ``low`` and ``high`` seconds; it returns seconds."""

    def parse(text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,7}) *(s|min|h|)", text)
        if not match or not low <= int(match[1]) * _UNITS[match[2]] <= high:
            raise ValueError(f"a time from {low} s to {high} s, as 90, 90 s, 45 min or 3 h")
        return int(match[1]) * _UNITS[match[2]]

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of a whole number between ``low`` and ``high``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,7}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def yes_or_no(text: str) -> bool:
    """Return whether the text is yes; it is yes or no."""
    if text not in {"yes", "no"}:
        raise ValueError("yes or no")
    return text == "yes"


DEVICE = r"[A-Za-z0-9]+/[A-Za-z0-9_.@/-]{1,60}"


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
