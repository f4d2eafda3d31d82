"""The office that the soak plays in: eight phones, a small disk, a cron of its own."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..lab import DIES_WITH_US
from ..lab.asterisk import CONFIG
from ..lab.office import Office
from ..lab.releases import Release
from .calls import Call
from .disk import Disk
from .person import Person
from .troubles import Troubles

NUMBERS = ("201", "202", "203", "204", "205", "206", "207", "208")
RING = 6  # seconds that an ordinary call rings
CRON = 10  # seconds from one watch to the next
TICK = 0.03  # seconds
CALM = 90.0  # seconds in which all who still wait are served, once nothing breaks any more


@dataclass(frozen=True)
class Cancel:
    """A cancel by the command: when it ran (epoch), of whose callback to whom, and whether it says that it is done."""

    begun: float
    ended: float
    caller: str
    callee: str
    confirmed: bool


class SoakOffice:
    """A context manager; ``play`` lets minutes pass in it."""

    def __init__(self, release: Release, folder: Path, seed: int) -> None:
        chance = random.Random(f"{seed} settings")
        self.settings = {
            "retry_pause": "3",
            "ring_time": "5",
            "attempts": "3",
            "service_time": "60",
            "service_time_no_reply": "60",
            "guard_time": chance.choice("01"),
            "retention": chance.choice(("yes", "yes", "no")),
        }
        extensions = (CONFIG / "extensions.conf").read_text().replace(",15)", f",{RING})")
        self.office = Office(release, folder, NUMBERS, settings=self.settings, extensions=extensions)
        self.folder = folder
        self.cancels: list[Cancel] = []
        self.crons: list[float] = []  # when a watch was started (epoch)
        self.begun = self.calm_since = self.ended = 0.0
        self._seed = seed
        self._commands: list[tuple[subprocess.Popen[str], float, str, str]] = []
        self._cron_due = 0.0
        self._programs: list[subprocess.Popen[bytes]] = []
        self._errors = (folder / "cron.txt").open("ab")

    def __enter__(self) -> SoakOffice:
        asterisk = self.office.asterisk
        self.disk = Disk(asterisk.folder / "spool")
        for name in ("outgoing", "outgoing_done"):
            (asterisk.folder / "spool" / name).mkdir()
        try:
            self.office.__enter__()
            self.people: dict[str, Person] = {}
            for number in NUMBERS:
                chance = random.Random(f"{self._seed} {number}")
                self.people[number] = Person(self.office.phone(number), chance, self.people, self._cancel)
        except BaseException:
            self._close()
            raise
        self.troubles = Troubles(
            asterisk,
            self.disk,
            random.Random(f"{self._seed} troubles"),
            lambda: self._programs[-1],
            lambda: self._run("poll"),
            self._lines_are_dead,
            self._recalls,
        )
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for program in self._programs:
            program.kill()
            program.wait()
        self.office.close()
        self.disk.close()
        self._errors.close()

    # -- the soak ----------------------------------------------------------------------------------

    def play(self, minutes: float) -> None:
        """Let people and troubles go on for so long, then let all be well and serve who still waits."""
        self.begun = time.time()
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            self._step()
            self.troubles.step()
        self.troubles.heal()
        for person in self.people.values():
            person.rest()
        self.calm_since = time.time()
        until = time.monotonic() + CALM
        while time.monotonic() < until and (self.office.live() or self._talks()):
            self._step()
            self._use_phones()
        self.ended = time.time()

    def _recalls(self) -> list[Call]:
        current = [person.calls.current for person in self.people.values()]
        return [call for call in current if call and call.recalled_for]

    def _talks(self) -> bool:
        return any(person.calls.current for person in self.people.values())

    def _step(self) -> None:
        """Let cron, people and commands go on for a moment."""
        if time.monotonic() >= self._cron_due:
            self._cron_due = time.monotonic() + CRON
            self.crons.append(time.time())
            self._run("poll", "--watch", str(CRON))
        for person in self.people.values():
            person.step()
        for command in list(self._commands):
            running, begun, caller, callee = command
            if running.poll() is not None:
                self._commands.remove(command)
                self.cancels.append(Cancel(begun, time.time(), caller, callee, running.returncode == 0))
        time.sleep(TICK)

    def _run(self, *words: str) -> None:
        """Start the package's command, as cron does."""
        self._programs = [program for program in self._programs if program.poll() is None]
        program = subprocess.Popen(
            [*DIES_WITH_US, sys.executable, "-m", "busy_callback", *words],
            env=self.office.asterisk.environ,
            stdout=self._errors,
            stderr=self._errors,
        )
        # The watch stays the last of them, which is the one that is disturbed.
        self._programs.insert(len(self._programs) if "--watch" in words else 0, program)

    def _cancel(self, caller: str, callee: str) -> None:
        words = [*DIES_WITH_US, sys.executable, "-m", "busy_callback", "cancel", f"{caller}-{callee}"]
        running = subprocess.Popen(
            words, env=self.office.asterisk.environ, stdout=self._errors, stderr=self._errors, text=True
        )
        self._commands.append((running, time.time(), caller, callee))

    def _lines_are_dead(self) -> None:
        for person in self.people.values():
            person.hang_up()

    def _use_phones(self) -> None:
        """Whoever did not answer a call and is waited for uses the phone, as people do in the end."""
        for request in self.office.live():
            if request.kind == "no-reply" and not request.callee_used:
                self.people[request.callee].use()

    # -- what it leaves ----------------------------------------------------------------------------

    @property
    def deeds(self) -> Counter[str]:
        """What people did, how often."""
        return sum((person.done for person in self.people.values()), Counter())
