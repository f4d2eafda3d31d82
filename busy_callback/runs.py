"""Cron's runs: one look, or a watch that follows Asterisk's events until the next watch takes over."""

from __future__ import annotations

import gc
import logging
import os
import queue
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from busy_callback.errors import AsteriskError, BusyCallbackError, CallFileError, DeadlineError, SpoolError
from busy_callback.pbx import manager_exposure
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.settings import Directories, Settings
from busy_callback.store.durable import write_durably
from busy_callback.store.handover import PollerLock, Shift
from busy_callback.store.heard import write_heard
from busy_callback.store.known_states import ASK, write_states
from busy_callback.store.last_good_settings import load_or_last_good
from busy_callback.store.live_requests import LiveRequests
from busy_callback.store.logged_faults import LoggedFaults
from busy_callback.store.spool import Spool

log = logging.getLogger(__name__)

RECONNECT_PAUSE = 0.25  # seconds between tries to reach an Asterisk that is away
LONGEST_SLEEP = 5.0  # seconds after which the watch looks for requests that nobody told of: a caller who hung up early

if TYPE_CHECKING:
    Inbox = queue.SimpleQueue[tuple[str, dict[str, str]]]
_CALLED = "called"  # by another watch: see Shift
_ASKED = "asked"  # for what is known of the phones


class Runs(ABC):
    """Runs looks at the requests of one PBX, and says in the log what is wrong and when it is over."""

    def __init__(self, directories: Directories, settings: Settings, clock: Callable[[], float]) -> None:
        self.directories = directories
        self.settings = settings
        self.spool = Spool(directories.spool)
        self._clock = clock
        self._live = LiveRequests(self.spool)
        self._works: set[str] = set()  # subjects of faults that have worked in the last look
        path = self.spool.path("", "trouble")
        self._faults = LoggedFaults(path, fallback=f"{directories.astrundir}/busy_callback.trouble")

    @abstractmethod
    def look(self, device_states: DeviceStates) -> float | None:
        """Do what is to be done now, and return when to look again (None: no time is set)."""

    @abstractmethod
    def learn(self, ami: Ami, begun: float = 0.0) -> DeviceStates:
        """Return a new view of the lines and lamps of all in the spool; change nothing."""

    @abstractmethod
    def has_work(self) -> bool:
        """Tell whether there is anything to look at."""

    def poll(self) -> None:
        """Look once. When another poller is at work there is nothing to do."""
        self.spool.prepare()
        with PollerLock(self.spool.path("", "poller.lock")) as lock:
            if not lock.try_take():
                log.info("another poll is at work; nothing to do")
                return
            manager_exposure.tell(self.directories, self.settings, self.spool.path("", "exposed"))
            try:
                self.spool.sweep(self._clock(), self.settings.history_days, self.directories.outgoing)
                if self.has_work():
                    with Ami(self.settings) as ami:
                        self.look(self.learn(ami))
            except (AsteriskError, SpoolError) as error:
                self._faults.note(str(error), error.subject)
                raise
            finally:
                self._note_what_works()

    def watch(self, seconds: float) -> None:
        """Look, and look again at each event, until the next watch takes over.

        Ends after twice the ``seconds`` when none comes. While Asterisk is away or the spool unusable it tries again
        a few times a second, or leaves the turn to a watch before it that can serve.
        """
        self.spool.prepare()
        with PollerLock(self.spool.path("", "poller.lock")) as lock:
            try:
                self._work(lock, seconds)
            except DeadlineError as error:
                self._faults.note(str(error), error.subject, "; the next run asks it again")
                raise

    def _work(self, lock: PollerLock, seconds: float) -> None:
        inbox: Inbox = queue.SimpleQueue()
        shift = Shift(lock, seconds, lambda: inbox.put((_CALLED, {})))
        signal.signal(ASK, lambda number, frame: inbox.put((_ASKED, {})))
        while True:
            try:
                with Ami(self.settings, lambda name, headers: inbox.put((name, headers))) as ami:
                    # Events are heard from here on, so that nothing is missed between the two watches;
                    # and the one before goes on while this one learns what it must know.
                    learnt = time.time_ns()
                    device_states = self.learn(ami, self._clock())
                    gc.freeze()  # it lives as long as this process: no pause to look for garbage in it
                    lock.take()
                    self._faults.over(DeadlineError.subject)
                    self._live.reread(since=learnt)  # the one before may have begun a recall meanwhile
                    self._look(device_states)
                    self.spool.sweep(self._clock(), self.settings.history_days, self.directories.outgoing)
                    manager_exposure.tell(self.directories, self.settings, self.spool.path("", "exposed"))
                    self._follow(device_states, inbox, shift)
                    return
            except (AsteriskError, SpoolError) as error:
                if lock.leave():
                    then = "; the run before this one, which can still serve, goes on"
                    self._faults.note(str(error), error.subject, then)
                    return
                self._faults.note(str(error), error.subject)  # nobody can serve: one tries, and complains
            _pause(inbox)
            if shift.is_over(False, str):
                return

    def _follow(self, device_states: DeviceStates, inbox: Inbox, shift: Shift) -> None:
        """Look and follow the events of one connection until the watch is over; AsteriskError if it breaks."""
        while True:
            look_again = self._look(device_states)
            wait = LONGEST_SLEEP if look_again is None else min(LONGEST_SLEEP, look_again - self._clock())
            due = min(shift.ends, time.monotonic() + wait)
            news, left = False, 1
            while left:
                try:
                    name, headers = inbox.get(timeout=max(0.0, due - time.monotonic()))
                except queue.Empty:
                    break
                if not name:
                    raise AsteriskError("the connection to Asterisk ended")
                if name in {_CALLED, _ASKED}:
                    write_states(self.spool.directory, device_states.lines, device_states.begun, self._clock())
                    write_heard(self.spool.directory, device_states.heard)
                    if name == _CALLED:
                        break
                    continue
                if device_states.note(name, headers, self._clock()) and not news:
                    # One look for all that has come by now: a storm of events costs no storm of looks.
                    news, left = True, inbox.qsize() + 1
                left -= news
            if shift.is_over(True, self._why_no_other):
                return

    def _look(self, device_states: DeviceStates) -> float | None:
        """Look, log what is wrong with handing over a recall and what works again; return when to look again."""
        try:
            look_again = self.look(device_states)
        except CallFileError as error:
            self._faults.note(str(error), error.subject)
            look_again = self._clock() + RECONNECT_PAUSE
        self._note_what_works()
        return look_again

    def _note_what_works(self) -> None:
        """Note which troubles are over; that of the spool is, when it takes a file."""
        if self._faults.concern(SpoolError.subject):
            try:
                write_durably(b"", self.spool.path("tmp", f"try.{os.getpid()}"), self.spool.path("tmp", "try"))
                self._works.add(SpoolError.subject)
            except OSError:
                self._works.discard(SpoolError.subject)
        if self._works:
            self._faults.over(*self._works)

    def _why_no_other(self) -> str:
        """Return why a new watch, with the settings of now, could not serve; '' where it could."""
        try:
            with Ami(load_or_last_good(self.directories.conf, self.spool)[0]):
                return ""
        except BusyCallbackError as error:
            return str(error)


def _pause(inbox: Inbox) -> None:
    """Wait a little before the next try, or until another watch has something to say; drop what else comes."""
    until = time.monotonic() + RECONNECT_PAUSE
    try:
        while inbox.get(timeout=max(0.0, until - time.monotonic()))[0] != _CALLED:
            pass
    except queue.Empty:
        pass
