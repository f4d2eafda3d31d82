"""Writes Asterisk call files, and reads back what the dialplan reported of the recall.

The rules of call files are those of Asterisk's pbx/pbx_spool.c. One recall attempt N of request ID has
two files: ``outgoing/busy-callback-ID.N.call``, which Asterisk keeps until the attempt is over, and the
spool's ``recalls/ID.N``, to which the dialplan appends a line a fact (dialplan/extensions_busy_callback.conf):

    claimed UNIQUEID CHANNEL                             this run of the call file may ring the caller, by CHANNEL
    answered                                             the caller took it
    caller DIALSTATUS CAUSE RANG STATES                  how ringing the caller ended
    callee DIALSTATUS SECONDS CAUSE RANG BEFORE AFTER    how the call to the callee ended, how long they talked

CAUSE is HANGUPCAUSE, RANG whether a phone rang, yes or no; STATES are those of the devices when ringing had
ended, BEFORE and AFTER those before the call and after it: words, joined by &.

The first line decides who has the attempt: ``claimed`` by a run of the call file, or ``withdrawn`` or
``cancelled`` by us. Appending is atomic (O_APPEND), so there is exactly one first line; and the dialplan sees
whether ``cancelled`` stands before its ``answered``: then the callee is not dialled. What the disk does not take
the dialplan keeps in global variables, one a fact: see ``untold``.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Sequence

from busy_callback.errors import CorruptRequestError, SettingsError
from busy_callback.request import RESTRICTED, Request
from busy_callback.settings import Settings
from busy_callback.settlement import Outcome
from busy_callback.store.durable import CANCELLED, WITHDRAWN, exists, move, read_file

RECALL_CONTEXT = "custom-auto-redial"
MAX_LINE = 1022  # bytes; pbx_spool.c skips longer lines
MOST_SHOWN = 60  # characters of a caller ID's text; more than a phone shows, and no line gets too long
_NOT_SHOWN = '"\\<>#$[]{}|^`'  # of a name
_NEVER_AGAIN = 86400  # seconds; RetryTime longer than any call (pbx_spool.c dials twice otherwise)
_WAIT_MARGIN = 10  # seconds for the Local channel beyond the caller's own ring time
_FRESH = 1.0  # seconds; the legs of a call end within milliseconds of each other
_TALKING = frozenset({"INUSE", "BUSY", "RINGINUSE", "ONHOLD"})  # policy.TALKING_STATES, as words
_TAKEN = _TALKING | {"RINGING"}


def call_file_name(request: Request) -> str:
    """Return the name of the call file of the request's current attempt."""
    return f"busy-callback-{request.id}.{request.attempt}.call"


def report_name(request: Request) -> str:
    """Return the name, in the spool's recalls/, of the current attempt's report."""
    return f"{request.id}.{request.attempt}"


def clean(value: str) -> str:
    """Return ``value`` if it can stand in a call file's line as it is; raise ValueError otherwise.

    Refused: control characters (a line feed would add a field), a comment's start (``;``, ``#`` after a
    blank), blanks at the ends, anything that is not ASCII.
    """
    if not value.isascii() or ";" in value:
        raise ValueError(f"{value[:40]!r} can't stand in a call file")
    return clean_text(value)


def clean_text(value: str) -> str:
    r"""Return an admin's ``value``, which may hold any script and ``;``, as it can stand in a call file's line.

    Raises ValueError for control characters, a comment's start, a backslash and blanks at the ends. ``;`` is
    written ``\;`` (pbx/pbx_spool.c, apply_outgoing).
    """
    if not value.isprintable() or "\\" in value or value != value.strip() or value.startswith("#") or " #" in value:
        raise ValueError(f"{value[:40]!r} can't stand in a call file")
    return value.replace(";", "\\;")


def shown_text(text: str, number: str, name: str) -> str:
    """Return the setting's ``text`` with number and name of an extension, as a phone can show it.

    Whoever chose the name may be hostile: what a call file, a SIP header or a dialplan could take for its own is left
    out. Where nothing is left, the number stands for it.
    """
    plain = "".join(c if c.isprintable() and c not in _NOT_SHOWN else " " for c in name)
    name = " ".join(plain.split())[:MOST_SHOWN].strip() or number
    return text.replace("{callee}", number).replace("{name}", name)[:MOST_SHOWN].strip()


def _variables(
    request: Request, settings: Settings, devices: tuple[str, str], report: str, control_socket: str
) -> dict[str, str]:
    """Return what the dialplan is told of each recall."""
    caller, callee = request.caller, request.callee
    return {
        "BUSY_CALLBACK_FROM": caller,
        "BUSY_CALLBACK_TO": callee,
        "BUSY_CALLBACK_FROM_DEVICE": devices[0],
        "BUSY_CALLBACK_TO_DEVICE": devices[1],
        "BUSY_CALLBACK_RING_TIME": str(settings.ring_time),
        "__BUSY_CALLBACK_REPORT": report,  # and to the phone that is rung: its answer is reported
        "BUSY_CALLBACK_CONTROL": control_socket,
        "BUSY_CALLBACK_STARTED": str(request.asterisk_start),
        # FreePBX: keeps its intercom auto-answer off for a recalled call.
        "CC_RECALL": "1",
        "BUSY_CALLBACK_CONTEXT": request.context or settings.context,
        # No record of calling the caller: that of the call to the callee tells of the recall.
        "CDR_PROP(disable)": "1",
        # For a caller who hangs up before the callee is dialled; then the callee's leg reports its own end.
        "CHANNEL(hangup_handler_push)": "busy-callback-report,far-end,1",
    }


def _ring(request: Request, settings: Settings, caller_devices: str) -> dict[str, str]:
    """Return the variables by which the caller's phone rings as it should: with the header, a hidden number hidden."""
    technologies = {device.partition("/")[0] for device in caller_devices.split("&")}
    variables = {}
    if request.presentation == RESTRICTED:
        variables["_BUSY_CALLBACK_PRESENTATION"] = "prohib"
    if settings.alert_info and "PJSIP" in technologies:
        variables["__BUSY_CALLBACK_ALERT_INFO"] = settings.alert_info
    if variables:
        variables["BUSY_CALLBACK_ALERT"] = "b(busy-callback-alert^s^1)"
    if settings.alert_info and "SIP" in technologies:
        variables["_SIPADDHEADER01"] = f"Alert-Info: {settings.alert_info}"  # as SIPAddHeader has it (chan_sip.c)
    return variables


def compose(
    request: Request,
    settings: Settings,
    devices: tuple[str, str],
    report: str,
    control_socket: str,
    callee_name: str = "",
    sounds: str = "",
) -> bytes:
    """Return the call file of the request's current attempt.

    ``devices`` are the dial strings of caller and callee, ``report`` the absolute path of the attempt's
    report; ``callee_name`` is whatever the callee is called; ``sounds`` goes before a prompt's name (prompts.folder).
    Raises SettingsError for a path, and ValueError for another value, that can't stand there.
    """
    for path in (report, control_socket):
        if not re.fullmatch(r"[A-Za-z0-9_./+:@=-]+", path):
            raise SettingsError(f"{path}: a dialplan can't name this path; see asterisk.conf's [directories]")
    caller, callee = request.caller, request.callee
    variables = _variables(request, settings, devices, report, control_socket)
    texts = {"BUSY_CALLBACK_NAME": shown_text(settings.caller_id, callee, callee_name) or f"ReDial {callee}"}
    if settings.callee_prefix:
        texts["BUSY_CALLBACK_PREFIX"] = settings.callee_prefix.strip()
    texts.update(_ring(request, settings, devices[0]))
    if sounds:
        variables["_BUSY_CALLBACK_SOUNDS"] = sounds  # for the phone's channel, which the Local channel dials
    if request.language:
        variables["CHANNEL(language)"] = request.language
    fields = [
        ("Callerid", f"{caller} <{caller}>"),
        ("Context", "busy-callback-callee"),
        ("Extension", callee),
        ("Priority", "1"),
        ("WaitTime", str(settings.ring_time + _WAIT_MARGIN)),
        ("MaxRetries", "0"),
        ("RetryTime", str(_NEVER_AGAIN)),
        # /n: the Local channel must stay in the call, else its end would tell nothing of the call's end. It comes last:
        # of a file that a power cut has cut short Asterisk makes no call.
        ("Channel", f"Local/rd{caller}{callee}@{RECALL_CONTEXT}/n"),
    ]
    lines = [f"Setvar: {name}={clean(value)}" for name, value in variables.items()]
    lines += [f"Setvar: {name}={clean_text(value)}" for name, value in texts.items()]
    lines += [f"{key}: {clean(value)}" for key, value in fields]
    encoded = [line.encode("utf-8") for line in lines]
    if any(len(line) > MAX_LINE for line in encoded):
        raise ValueError(f"a line of more than {MAX_LINE} bytes can't stand in a call file")
    return b"\n".join([*encoded, b""])


def check_place(temporary_directory: str, outgoing: str) -> None:
    """Raise OSError where no call file could be moved into ``outgoing``."""
    if os.stat(outgoing).st_dev != os.stat(temporary_directory).st_dev:
        raise OSError(errno.EXDEV, "it is on another file system than the spool")


def hand_over(data: bytes, temporary: str, outgoing: str) -> None:
    """Put the call file, whole, into ``outgoing`` by a rename; Asterisk dials within milliseconds.

    ``temporary`` is a path of the same name in the spool. Nothing is flushed: after a power cut no Asterisk runs it.
    Raises OSError, with nothing handed over.
    """
    move(data, temporary, os.path.join(outgoing, os.path.basename(temporary)), flush=False)


def waits(outgoing: str, request: Request) -> bool:
    """Tell whether the current attempt's call file is still in ``outgoing``: not begun, or not over.

    Raises OSError where that can't be told.
    """
    return exists(os.path.join(outgoing, call_file_name(request)))


def remove(outgoing: str, request: Request) -> None:
    """Take the current attempt's call file out of ``outgoing``, if it is there."""
    try:
        os.unlink(os.path.join(outgoing, call_file_name(request)))
    except FileNotFoundError:
        pass


def untold(name: str) -> list[str]:
    """Return the global variables of Asterisk that may hold facts of a recall which its report did not take.

    ``name`` is the report's.
    """
    return [f"BUSY_CALLBACK_{fact}_{name}" for fact in ("answered", "caller", "callee")]


def read_report(report: str, told: Sequence[str] = ()) -> Outcome:
    """Return what the report at that path says, and the lines that it should have; an absent one says nothing.

    One that can't ever be read may have been a claim: it is taken for one. Raises OSError for one that may
    be readable the next time.
    """
    try:
        age = time.time() - os.lstat(report).st_mtime
        lines = read_file(report).decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        return Outcome()
    except CorruptRequestError:
        return Outcome(claimed=True)
    cancelled = CANCELLED in lines and "answered" not in lines[: lines.index(CANCELLED)]
    facts = {line.split()[0]: line.split() for line in reversed([*lines, *told]) if line.strip()}
    answered = "answered" in (told if cancelled else facts)
    caller, callee = facts.get("caller", []), facts.get("callee", [])

    def number(words: list[str]) -> int:
        text = "".join(words)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0

    claimed = bool(lines) and lines[0].startswith("claimed ")
    return Outcome(
        claimed=claimed,
        channel="".join(lines[0].split()[2:3]) if claimed else "",
        withdrawn=lines[:1] in ([WITHDRAWN], [CANCELLED]),
        cancelled=claimed and cancelled and not answered,
        answered=answered,
        caller="".join(caller[1:2]),
        cause=number(caller[2:3]),
        rang=caller[3:4] == ["yes"],
        caller_in_use=not _TAKEN.isdisjoint("".join(caller[4:5]).split("&")),
        callee="".join(callee[1:2]),
        talked=number(callee[2:3]),
        callee_cause=number(callee[3:4]),
        callee_rang=callee[4:5] != ["no"],
        callee_in_use=_was_in_use(callee[4:]),
        fresh=0 <= age < _FRESH,
    )


def _was_in_use(facts: list[str]) -> bool:
    """Tell whether another call had the callee, by RANG, BEFORE and AFTER; it may have where these are not told."""
    if len(facts) < 3:
        return True
    rang, before, after = facts[0] == "yes", facts[1].split("&"), facts[2].split("&")
    # A device that rang for this call may still seem to be in it.
    return not _TAKEN.isdisjoint(before) or (not rang and not _TALKING.isdisjoint(after))
