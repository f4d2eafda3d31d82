"""What breaks, and is mended again: processes, Asterisk, the disk."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..lab.asterisk import Asterisk
from .calls import Call
from .deeds import choose
from .disk import Disk

RELOADS = {"reload the dialplan": "dialplan reload", "reload all of Asterisk": "core reload"}

# Seconds without a trouble, and seconds that one lasts, at least and at most.
PAUSES = {"process": (1, 5), "disk": (4, 12)}
LENGTHS = {"process": (0.3, 2.5), "disk": (1, 4)}
IN_A_RECALL, BETWEEN_RECALLS = "read-only in a recall", "read-only between recalls"
LONGEST = 20.0  # seconds that it lasts


@dataclass
class Trouble:
    """What was wrong, from when to when (epoch; 0: still)."""

    what: str
    begun: float
    ended: float = 0.0

    @property
    def is_death(self) -> bool:
        """Whether Asterisk ended in it, and every call with it."""
        return self.what in {"kill Asterisk", "shut Asterisk down"}


class Troubles:
    """Begins a trouble every few seconds, of the processes' and of the disk's, and ends it: see ``step``.

    ``watch`` returns the process of the watch; ``poll`` starts a poll beside it; ``lines_are_dead`` is called when
    Asterisk is gone; ``recalls`` returns the recalls that ring or are answered. Asterisk is started by ``step``
    itself, in the thread that calls it, with which it would end.
    """

    def __init__(
        self,
        asterisk: Asterisk,
        disk: Disk,
        chance: random.Random,
        watch: Callable[[], subprocess.Popen[bytes]],
        poll: Callable[[], None],
        lines_are_dead: Callable[[], None],
        recalls: Callable[[], list[Call]],
    ) -> None:
        self.all: list[Trouble] = []
        self.done: Counter[str] = Counter()
        self._asterisk = asterisk
        self._disk = disk
        self._chance = chance
        self._watch = watch
        self._poll = poll
        self._lines_are_dead = lines_are_dead
        self._recalls = recalls
        self._lanes: dict[str, tuple[float, Callable[[], None]]] = {}
        self._hunting: signal.Signals | None = None  # what a script gets, when there is one
        self._stopped = 0  # the process that is stopped
        for lane in PAUSES:
            self._pause(lane)

    def step(self) -> None:
        """Begin and end what is due."""
        self._hunt()
        for due, act in list(self._lanes.values()):
            if time.monotonic() >= due:
                act()

    def heal(self) -> None:
        """End every trouble, and begin none any more."""
        for trouble in self.all:
            if not trouble.ended:
                self._end(trouble)
        self._lanes = {}

    def _in(self, lane: str, low: float, high: float, act: Callable[[], None]) -> None:
        self._lanes[lane] = time.monotonic() + self._chance.uniform(low, high), act

    def _pause(self, lane: str) -> None:
        low, high = PAUSES[lane]
        self._in(lane, low, high, lambda: self._begin(lane))

    def _begin(self, lane: str) -> None:
        what = choose(lane, self._chance)
        if not self._is_time_for(what):
            self._in(lane, 0.05, 0.05, lambda: self._begin(lane))
            return
        trouble = Trouble(what, time.time())
        self.all.append(trouble)
        self.done[what] += 1
        begin = {
            "kill the watch": lambda: self._watch().kill(),
            "stop the watch for a while": self._stop_watch,
            "poll beside the watch": self._poll,
            "kill Asterisk": self._kill,
            "stop Asterisk for a while": lambda: os.kill(self._asterisk.pid, signal.SIGSTOP),
            "shut Asterisk down": self._shut_down,
            "kill a script": lambda: self._look_for_a_script(signal.SIGKILL),
            "stop a script for a while": lambda: self._look_for_a_script(signal.SIGSTOP),
            "fill it": self._disk.fill,
            BETWEEN_RECALLS: self._disk.set_read_only,
            IN_A_RECALL: self._disk.set_read_only,
        }
        if what in RELOADS:
            self._reload(RELOADS[what])
        else:
            begin[what]()

        low, high = LENGTHS[lane]
        self._in(lane, low, high, lambda: self._stop(lane, trouble))

    def _is_time_for(self, what: str) -> bool:
        """Tell whether a trouble that has to do with recalls may begin."""
        if what == IN_A_RECALL:
            return any(not call.answered for call in self._recalls())
        if what == BETWEEN_RECALLS:
            return not self._recalls() and not any((self._asterisk.folder / "spool/outgoing").iterdir())
        return True

    def _stop(self, lane: str, trouble: Trouble) -> None:
        """End a trouble; one in a recall lasts until that is over, so that nothing of it could be written down."""
        if trouble.what == IN_A_RECALL and self._recalls() and time.time() < trouble.begun + LONGEST:
            self._in(lane, 0.3, 0.3, lambda: self._stop(lane, trouble))
            return
        self._end(trouble)
        self._pause(lane)

    def _end(self, trouble: Trouble) -> None:
        if trouble.is_death:
            self._asterisk.start()
            self._lines_are_dead()  # of those who have dialled in vain
        elif trouble.what == "stop Asterisk for a while":
            os.kill(self._asterisk.pid, signal.SIGCONT)
        elif trouble.what in {"stop the watch for a while", "stop a script for a while"}:
            self._continue()
        elif trouble.what == "kill a script":
            self._hunting = None
        elif trouble.what == "fill it" or trouble.what.startswith("read-only"):
            self._disk.heal()
        trouble.ended = time.time()

    def _stop_watch(self) -> None:
        watch = self._watch()
        if watch.poll() is None:
            self._stopped = watch.pid
            watch.send_signal(signal.SIGSTOP)

    def _continue(self) -> None:
        self._hunting = None
        if self._stopped:
            with contextlib.suppress(ProcessLookupError):  # killed meanwhile, with Asterisk
                os.kill(self._stopped, signal.SIGCONT)
        self._stopped = 0

    def _kill(self) -> None:
        self._asterisk.kill()
        self._lines_are_dead()

    def _shut_down(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._asterisk.console("core stop now")
        self._kill()

    def _reload(self, command: str) -> None:
        words = [*self._asterisk.release.command(), "-C", str(self._asterisk.conf), "-rx", command]
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _look_for_a_script(self, what: signal.Signals) -> None:
        self._hunting = what

    def _hunt(self) -> None:
        """Kill or stop an AGI script, if one is to be and one runs, at whatever it is just doing."""
        for children in Path(f"/proc/{self._asterisk.pid}/task").glob("*/children") if self._hunting else ():
            with contextlib.suppress(OSError):
                for child in children.read_text().split():
                    is_script = b"busy_callback.py" in Path(f"/proc/{child}/cmdline").read_bytes()
                    if self._hunting and is_script and self._chance.random() < 0.3:
                        os.kill(int(child), self._hunting)
                        self.done[f"a script got {self._hunting.name}"] += 1
                        self._stopped = int(child) if self._hunting == signal.SIGSTOP else 0
                        self._hunting = None
