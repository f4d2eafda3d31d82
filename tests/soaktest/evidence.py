"""What happened, by witnesses that are not the package's: the phones, what they heard, and Asterisk's log."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from busy_callback.request import Request
from busy_callback.settings import Settings, load

from ..lab.audio import heard
from ..lab.office import LOG, REPOSITORY
from .calls import Call
from .office import Cancel, SoakOffice
from .troubles import Trouble

PROMPTS = REPOSITORY / "sounds" / "en"
SCRIPT_TIME = 30.0  # seconds within which a script that was begun has done what it does
_LINE = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{3})\] [A-Z]+\[\d+\](?:\[C-[0-9a-f]+\])? \S+ (.*)")
_REGISTERS = re.compile(r'Executing \[.*\] AGI\("([^"]+)", "busy_callback\.py,(\d+),(\d+)[,"]')
_CANCELS = re.compile(r'Executing \[.*\] AGI\("([^"]+)", "busy_callback\.py,cancel,(\d+)(?:,(\d+))?"')
_PLAYS = re.compile(r"<([^>]+)> Playing 'busy-callback-(ok|already|cancelled(?:-one)?)\.")
_RINGS = re.compile(r'Executing \[rd\d+@custom-auto-redial:\d+\] Dial\("Local/rd(\d+)@')


@dataclass(frozen=True)
class Press:
    """A script that registers: when it began (epoch), and whose wish for whom."""

    at: float
    caller: str
    callee: str


@dataclass(frozen=True)
class Told:
    """The caller was told that its callback is set (``ok``), or was set before (``already``); when, and of whom.

    ``press`` is when the script began; ``heard`` tells whether its phone has heard the whole of the prompt.
    """

    at: float
    press: float
    caller: str
    callee: str
    prompt: str
    heard: bool


@dataclass
class Facts:
    """All that the judge hears: the settings, when it all ended, and what witnesses say."""

    settings: Settings
    ended: float
    calls: list[Call] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    dials: list[tuple[float, str]] = field(default_factory=list)  # when Asterisk began to ring FROMTO's caller
    cancels: list[Cancel] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    crons: list[float] = field(default_factory=list)  # when a watch was started
    requests: list[Request] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # what should not be there in the end
    undeleted: list[str] = field(default_factory=list)  # call files


def gather(office: SoakOffice) -> Facts:
    """Return what is known when the soak is over."""
    facts = Facts(load(office.office.directories.conf), office.ended)
    for person in office.people.values():
        person.step()
        facts.calls += person.calls.all
    facts.calls.sort(key=lambda call: call.begun)
    facts.cancels = list(office.cancels)
    facts.troubles = office.troubles.all
    facts.crons = office.crons
    spool = office.office.spool
    facts.requests = sorted([*spool.live(), *spool.ended()], key=lambda request: (request.stamp, request.id))
    recordings = {number: _recordings(person.phone.folder) for number, person in office.people.items()}
    read_log(office.office.asterisk.log_text().splitlines(), facts, recordings)
    facts.left += [f"set aside as corrupt: {name}: {reason}" for name, reason in spool.corrupt()]
    for path in office.folder.glob("spool/outgoing/*"):
        facts.undeleted.append(path.name)  # Asterisk can't delete what lies on a disk that it can't write to
    for path in (office.folder / "cron.txt", office.folder / "log" / LOG, office.folder / "log/console"):
        if path.exists() and "Traceback" in path.read_text(errors="replace"):
            facts.left.append(f"a traceback in {path.name}")
    return facts


def _recordings(folder: Path) -> list[tuple[float, Path]]:
    """Return what a phone has recorded, with the time of its beginning, which is in its name."""
    paths = sorted(folder.glob("dump-*-dec.wav"))
    return [(time.mktime(time.strptime(path.name[5:24], "%Y-%m-%d-%H-%M-%S")), path) for path in paths]


def read_log(lines: Iterable[str], facts: Facts, recordings: Mapping[str, list[tuple[float, Path]]]) -> None:
    """Add to the facts what Asterisk's log tells."""
    presses: dict[str, Press] = {}  # by channel; after a restart names begin anew
    cancels: dict[str, Cancel] = {}
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        at = time.mktime(time.strptime(match[1], "%Y-%m-%d %H:%M:%S")) + float(match[2])
        text = match[3]
        if found := _REGISTERS.search(text):
            presses[found[1]] = Press(at, found[2], found[3])
            facts.presses.append(presses[found[1]])
        elif found := _CANCELS.search(text):
            cancels[found[1]] = Cancel(at, at + SCRIPT_TIME, found[2], found[3] or "", False)
            facts.cancels.append(cancels[found[1]])
        elif found := _RINGS.search(text):
            facts.dials.append((at, found[1]))
        elif (found := _PLAYS.search(text)) and found[2].startswith("cancelled"):
            if begun := cancels.pop(found[1], None):
                facts.cancels.remove(begun)
                facts.cancels.append(Cancel(begun.begun, at, begun.caller, begun.callee, True))
        elif found and (press := presses.pop(found[1], None)):
            was_heard = _was_heard(found[2], at, press.caller, facts.calls, recordings)
            facts.told.append(Told(at, press.at, press.caller, press.callee, found[2], was_heard))


def _was_heard(
    prompt: str, at: float, number: str, calls: Iterable[Call], recordings: Mapping[str, list[tuple[float, Path]]]
) -> bool:
    """Tell whether a phone has heard the whole of a prompt in the call that it had at that time."""
    for call in calls:
        if call.phone == number and call.answered and call.lasts(at):
            near = [path for begun, path in recordings.get(number, []) if -2 < begun - call.answered < 2]
            return any(heard(PROMPTS / f"busy-callback-{prompt}.wav", path) for path in near)
    return False
