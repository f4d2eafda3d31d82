"""Doctor's trial: a whole callback inside the admin's own Asterisk, between two phones that are none.

The callee, a Local channel, talks; the caller, another one, calls it, is offered a callback by Asterisk's own run of
the AGI script, presses 5, and is called back as soon as the callee is free: the request, the poller, the manager,
ChanIsAvail, the call file and the dialplan are those of every callback. What it writes lies in a folder of its own
below the spool (store/trial_place.py), its calls have no records, and all of it ends by itself within a minute
should the trial be killed; the next one takes away what is left.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from busy_callback.errors import BusyCallbackError, CorruptRequestError
from busy_callback.pbx import callfile
from busy_callback.pbx.ami import DEVICE_STATES, Ami
from busy_callback.request import COMPLETED, WAITING, Request
from busy_callback.settings import Directories, Settings
from busy_callback.settlement import Outcome
from busy_callback.setup.check import INSTALL, Check, CheckFailed
from busy_callback.setup.console import Console
from busy_callback.setup.survey import COMMAND
from busy_callback.setup.trial_traces import alone, take_away
from busy_callback.store.durable import read_file
from busy_callback.store.spool import Spool
from busy_callback.store.trial_place import CALLEE, CALLER, CONTEXT, PHONE_CONTEXT, TrialDirectories, phone

PATIENCE = 15.0  # seconds for one step; the longest is a prompt that is played to its end
WATCH = 20  # seconds that the trial's poller watches, at most twice
_LOOK_AGAIN = 0.02
LOOK = "look at Asterisk's log"
_SETTINGS = """\
[general]
extensions = {caller} {callee}
device = Local/{{ext}}@{phones}
context = {context}
guard_time = 0
attempts = 1
language = {settings.language}
[manager]
host = {settings.host}
port = {settings.port}
tls = {tls}
user = {settings.user}
secret = {settings.secret}
"""


@dataclass
class _Trial:
    """A trial under way, and what it has found so far."""

    real: Directories
    settings: Settings
    console: Console
    asterisk_conf: str

    def __post_init__(self) -> None:
        self.directories = TrialDirectories(self.real)
        self.folder = Path(self.directories.spool)
        self.spool = Spool(self.directories.spool)
        self.facts = self.folder / "facts"
        self.poller: subprocess.Popen[bytes] | None = None
        self.request_id = ""

    def wait(self, what: Callable[[], bool], why: Callable[[], tuple[str, str]]) -> None:
        """Wait until it is so; raise CheckFailed with what ``why`` says where it takes too long."""
        until = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > until:
                raise CheckFailed(*why())
            time.sleep(_LOOK_AGAIN)

    # -- the steps: each returns what it has seen, or raises CheckFailed or an error of ours ---------

    def start_poller(self, ami: Ami) -> str:
        """Start a poller as cron does, and wait until it is at work."""
        conf = ["--asterisk-conf", self.asterisk_conf] if self.asterisk_conf else []
        words = [sys.executable, "-m", "busy_callback", *conf, "poll", "--trial", "--watch", str(WATCH)]
        nowhere = subprocess.DEVNULL
        self.poller = process = subprocess.Popen(
            words, stdin=nowhere, stdout=nowhere, stderr=nowhere, cwd="/", start_new_session=True
        )
        lock = self.folder / "poller.lock"

        def at_work() -> bool:
            if process.poll() is not None:
                raise CheckFailed(*self._poller_failed())
            return _text(lock).split()[:1] == [str(process.pid)]

        self.wait(at_work, self._poller_failed)
        return "a poller runs, and is logged in at Asterisk's manager"

    def _poller_failed(self) -> tuple[str, str]:
        said = self._last_of_log()
        return f"the poller does not get to work: {said or 'it says nothing'}", f"{INSTALL}, or do what that says"

    def make_busy(self, ami: Ami) -> str:
        """Let the callee talk, so that Asterisk itself says that it is in use."""
        ami.call(phone(CALLEE), CONTEXT, "talk", BUSY_CALLBACK_TRIAL="talk")
        why = (f"the callee talks, but DEVICE_STATE({phone(CALLEE)}) does not say so", LOOK)
        self.wait(lambda: DEVICE_STATES[ami.device_state(phone(CALLEE))] == "INUSE", lambda: why)
        return "the callee is in a call"

    def ask(self, ami: Ami) -> str:
        """Let the caller call, find the callee busy, and press 5 in the offer."""
        ami.call(phone(CALLER), CONTEXT, CALLEE, BUSY_CALLBACK_TRIAL=str(self.facts))

        def asked() -> bool:
            self.request_id = next((request.id for request in self.spool.live()), "")
            if not self.request_id and self._told():
                raise CheckFailed(*self._not_asked())
            return bool(self.request_id)

        self.wait(asked, self._not_asked)
        return "the caller found it busy, was offered a callback by the AGI script and pressed 5: it is on disk"

    def _told(self) -> list[str]:
        """Return what the caller's channel told when it ended; nothing before that."""
        words = _text(self.facts).strip().split(":")
        return words if len(words) == 6 else []

    def _not_asked(self) -> tuple[str, str]:
        """Return why there is no request: by how far the caller came."""
        script, log = f"{self.real.astagidir}/busy_callback.py", "look for busy_callback.py in Asterisk's log"
        dialled, ran, prompt, digit, status, _ = self._told() or [""] * 6
        if not dialled:
            return "the caller's call has not ended; nothing tells how far it came", LOOK
        if dialled != "BUSY":
            return f"the call to a busy phone ended as {dialled}, not as BUSY", LOOK
        if not ran:
            return f"Asterisk did not come to {script}", f"{INSTALL}; then run: asterisk -rx 'module load res_agi.so'"
        if ran != "SUCCESS" and not status:
            return f"Asterisk could not run {script} (AGISTATUS is {ran})", f"{INSTALL}; {log}"
        if not prompt:
            return f"{script} ran and offered nothing", f"{log} at verbose level 3"
        if digit != "5":
            return (
                f"the offer was played, and the 5 that was pressed did not arrive ({digit or 'no digit'})",
                "see that a module for timing is loaded: asterisk -rx 'timing test'",
            )
        return f"the request was not registered: {status or 'the script says nothing'}", log

    def hear(self, ami: Ami) -> str:
        """Wait until the caller has heard that the callback is set, and was hung up."""
        why = ("the caller does not get to the end of the confirmation", LOOK)
        self.wait(lambda: bool(self._told()), lambda: why)
        status, played = self._told()[4:]
        if (status, played) != ("REGISTERED", "SUCCESS"):
            said = f"busy-callback-ok could not be played (PLAYBACKSTATUS is {played or 'not set'})"
            raise CheckFailed(said, f"{INSTALL}, which places the prompts")
        return "the caller heard that it is set"

    def get_free(self, ami: Ami) -> str:
        """Let the callee hang up, and wait until its call file is handed over."""
        for channel in sorted(ami.channels([phone(CALLEE)])):
            ami.hang_up(channel)

        def why() -> tuple[str, str]:
            state = DEVICE_STATES[ami.device_state(phone(CALLEE))]
            said = self._last_of_log()
            return f"the callee hung up (its state is {state}) and nobody is recalled: {said}", "do what that says"

        self.wait(lambda: self._request().state != WAITING, why)
        return "the callee hung up; ChanIsAvail says that it is free, and a call file is in outgoing"

    def ring(self, ami: Ami) -> str:
        """Wait until Asterisk has taken the call file and rings the caller."""

        def why() -> tuple[str, str]:
            if callfile.waits(self.real.outgoing, self._request()):
                told = f"Asterisk does not take call files from {self.real.outgoing}"
                return told, "run: asterisk -rx 'module load pbx_spool.so'"
            return "Asterisk took the call file and did not begin the recall", f"look at Asterisk's log; {INSTALL}"

        self.wait(lambda: self._outcome().claimed, why)
        return "Asterisk took the call file and rings the caller"

    def answer(self, ami: Ami) -> str:
        """Wait until the caller has answered."""
        why = ("the caller's phone does not answer the recall", LOOK)
        self.wait(lambda: self._outcome().answered, lambda: why)
        return "the caller answered"

    def talk(self, ami: Ami) -> str:
        """Wait until both have talked and the poller has read it back."""

        def why() -> tuple[str, str]:
            return f"the recall's end is not reported: {self._last_of_log()}", LOOK

        self.wait(lambda: bool(self._request().ended), why)
        request = self._request()
        if request.state != COMPLETED:
            raise CheckFailed(f"the recall failed: {request.reason}", LOOK)
        return f"both talked, and the poller read the report: {request.reason}"

    def _request(self) -> Request:
        """Return the trial's request, live or ended."""
        found = self.spool.load(self.request_id) or next(iter(self.spool.ended()), None)
        if not found:
            raise CheckFailed("the trial's request is gone from the spool", f"look at {self.folder}/corrupt")
        return found

    def _outcome(self) -> Outcome:
        return callfile.read_report(self.spool.path("recalls", callfile.report_name(self._request())))

    def _last_of_log(self) -> str:
        lines = _text(Path(self.directories.log)).splitlines()
        return lines[-1].partition("] ")[2] if lines else ""

    # -- before and after ----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Take away what a killed trial left, and write this one's settings."""
        if self.folder.exists():
            take_away(self.real, self.settings, self.console)
        self.spool.prepare()
        words = {"caller": CALLER, "callee": CALLEE, "phones": PHONE_CONTEXT, "context": CONTEXT}
        words["tls"] = "yes" if self.settings.tls else "no"
        text = _SETTINGS.format(**words, settings=self.settings)
        with open(os.open(self.directories.conf, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)


def _text(path: Path) -> str:
    """Return what a file of the trial's says, '' where there is none; never wait for one, whoever has made it."""
    try:
        return read_file(str(path)).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except CorruptRequestError as error:
        raise CheckFailed(f"{path}: {error}", "look who has put that there") from None


STEPS: dict[str, Callable[[_Trial, Ami], str]] = {
    "poller": _Trial.start_poller,
    "busy": _Trial.make_busy,
    "request": _Trial.ask,
    "confirmation": _Trial.hear,
    "free": _Trial.get_free,
    "recall": _Trial.ring,
    "answer": _Trial.answer,
    "report": _Trial.talk,
}


def run(directories: Directories, settings: Settings, console: Console, asterisk_conf: str) -> Iterator[Check]:
    """Yield what each step of the trial found, with the seconds it took; the first that fails is the last.

    It is for Asterisk's user to run. Whatever happens, nothing of it is left.
    """
    trial = _Trial(directories, settings, console, asterisk_conf)
    begun = time.monotonic()
    name = "begin"
    try:
        with alone(directories.spool):
            try:
                trial.prepare()
                with Ami(settings) as ami:
                    for name, step in STEPS.items():
                        since = time.monotonic()
                        message = step(trial, ami)
                        yield Check(f"trial {name}", True, f"{message} ({time.monotonic() - since:.2f} s)")
            finally:
                take_away(directories, settings, console)
                if trial.poller:
                    trial.poller.kill()
                    trial.poller.wait()
    except CheckFailed as failure:
        yield Check(f"trial {name}", False, str(failure), failure.cure)
    except (BusyCallbackError, OSError, subprocess.SubprocessError) as error:
        yield Check(f"trial {name}", False, str(error), f"run: {COMMAND} doctor")
    else:
        yield Check("trial", True, f"a callback works from end to end ({time.monotonic() - begun:.1f} s)")
