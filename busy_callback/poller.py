"""One look at the requests, and the watch that repeats it: glue between policy, spool, callfile and view."""

from __future__ import annotations

import gc
import logging
import os
import queue
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.clock import ClockSteps, since_boot
from busy_callback.errors import AsteriskError, SpoolError
from busy_callback.pbx import callfile, manager_exposure
from busy_callback.pbx.ami import DEVICE_STATES, Ami
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.store.durable import Note, flush_directory, withdraw
from busy_callback.store.handover import RELIEF, PollerLock
from busy_callback.store.known_states import ASK, write_states
from busy_callback.store.live_requests import LiveRequests
from busy_callback.store.logged_faults import LoggedFaults
from busy_callback.store.spool import Spool

log = logging.getLogger(__name__)

RECONNECT_PAUSE = 0.25  # seconds between tries to reach an Asterisk that is away
ENDING = 0.2  # seconds between looks at a recall that is about to end
LAMP_TIME = 3600.0  # seconds after its request's end within which a lamp that was left lit is put out
LONGEST_SLEEP = 5.0  # seconds after which the watch looks for requests that nobody told of: a caller who hung up early

if TYPE_CHECKING:
    Inbox = queue.SimpleQueue[tuple[str, dict[str, str]]]
_RELIEVED = "relieved"
_ASKED = "asked"  # for what is known


class Poller:
    """Looks after the requests of one PBX. Only one works at a time: see ``turn``."""

    def __init__(
        self,
        directories: Directories,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = since_boot,
    ) -> None:
        self.directories = directories
        self.settings = settings
        self.spool = Spool(directories.spool)
        self._clock = clock
        self._steps = ClockSteps(Note(self.spool.path("", "clock")), clock, ticks)
        self._live = LiveRequests(self.spool)
        self._soon = 0.0

    # -- one look ----------------------------------------------------------------------------------

    def look(self, device_states: DeviceStates) -> float | None:
        """Settle what ended, recall whom policy says, and return when to look again (None: no time is set).

        Raises AsteriskError and SpoolError; what was done by then is on disk.
        """
        self._soon = 0.0
        live, named, device_states.news = self._live, device_states.news, {}
        step = self._steps.step()
        live.refresh(at_once="" in named or step != 0)
        if step:
            self._keep_time(step)
        for request_id in filter(None, named):
            live.read(request_id)
        try:
            for request in live.recalling():
                self._settle(request)
        except OSError as error:
            raise SpoolError(f"the recalls under way can't be checked: {error}") from error
        while device_states.changed:
            live.touch(device_states.changed.pop())
        queues = live.take_queues(self._clock())
        device_states.ask(number for requests in queues.values() for r in requests for number in (r.callee, r.caller))
        for callee, requests in queues.items():
            self._serve(device_states, callee, requests)
        callers, live.callers = live.callers, set()
        dark = dict.fromkeys(callers, policy.NOT_INUSE)
        device_states.show_lamps({**dark, **policy.lamps(r for caller in callers for r in live.of_caller(caller))})
        return min((due for due in (live.next_due(), self._soon or None) if due is not None), default=None)

    def _serve(self, device_states: DeviceStates, callee: str, requests: list[Request]) -> None:
        """Do what policy says of the requests for one callee."""
        plan = self._plan(device_states, requests)
        self._live.remind(callee, plan.look_again)
        for old, new in plan.changes:
            self._change(old, new)
        for request in plan.recalls:
            self._recall(device_states, request)

    def _plan(self, device_states: DeviceStates, requests: list[Request]) -> policy.Plan:
        """Return what policy says of the requests for one callee; it must know of all recalls under way."""
        recalling = self._live.recalling()
        waiting = [request for request in requests if request.state != rq.RECALLING]
        pairs = [request for request in waiting if policy.may_be_talking(request, device_states.lines)]
        talking = {request.id for request in pairs if device_states.are_talking(request)}
        return policy.decide([*recalling, *waiting], device_states.lines, talking, self._clock(), self.settings)

    def _change(self, old: Request, new: Request) -> bool:
        """Write a change and log it; False when somebody else changed the request meanwhile."""
        changed = self.spool.replace(old, new)
        if changed:
            self._live.put(new)
            log.info("%s: %s", new.id, new.events[-1][1])
        else:
            self._live.read(old.id)
        return changed

    def _keep_time(self, step: float) -> None:
        """Let no request end early, or late, because the clock was set."""
        now = self._clock()
        for request in self._live.everything():
            moved = policy.move(request, step, now)
            if moved:
                self._change(request, moved)
        self._steps.note()

    def _settle(self, request: Request) -> None:
        """See to a request whose recall is under way."""
        outgoing = self.directories.outgoing
        report = self.spool.path("recalls", callfile.report_name(request))
        restarted = self._asterisk_start() != request.asterisk_start
        file_waits = callfile.waits(outgoing, request)  # before the report: see policy.settle
        outcome = callfile.read_report(report)
        now = self._clock()
        overdue = policy.is_overdue(request, now, self.settings)
        if not outcome.claimed and not outcome.withdrawn and file_waits and (restarted or overdue):
            withdraw(report)
            outcome = callfile.read_report(report)
        new = policy.settle(request, outcome, file_waits, restarted, now, self.settings)
        if new is None and outcome.caller:
            self._soon = now + ENDING  # the call is over; Asterisk has not taken its file away yet
        if new and self._change(request, new) and (restarted or not outcome.claimed):
            callfile.remove(outgoing, request)  # a new Asterisk would keep it for ever, or run it in vain

    def _asterisk_start(self) -> int:
        """Return when Asterisk started, as the dialplan sees it too: STAT(M) of its control socket, else 0."""
        try:
            return int(os.stat(self.directories.control_socket).st_mtime)
        except FileNotFoundError:
            return 0

    def _recall(self, device_states: DeviceStates, request: Request) -> None:
        """Recall one caller, if ChanIsAvail, as the last word, says that the callee is free."""
        status = device_states.last_word(request.callee)
        if not policy.is_free(status):
            log.info("%s: %s is %s after all", request.id, request.callee, state_name(status))
            return
        recalling = policy.begin(
            request, self._asterisk_start(), self._clock(), device_states.free_since(request.callee)
        )
        report = self.spool.path("recalls", callfile.report_name(recalling))
        devices = device_states.dial_string(request.caller), device_states.dial_string(request.callee)
        data = callfile.compose(recalling, self.settings, devices, report, self.directories.control_socket)
        outgoing, temporary = self.directories.outgoing, f"{self.spool.directory}/tmp"
        try:
            flush_directory(outgoing)  # before anything is changed: is it there, and does its disk work?
            with self.spool.lock():
                if not self.spool.replace_locked(request, recalling):
                    self._live.read(request.id)  # cancelled meanwhile
                    return
                # From here on a crash leaves a recall that nobody claimed: settle puts it back.
                try:
                    callfile.hand_over(data, callfile.call_file_name(recalling), temporary, outgoing)
                except OSError:
                    self.spool.replace_locked(recalling, request)
                    raise
        except OSError as error:
            raise SpoolError(f"the call file of {request.id} can't be written: {error}") from error
        self._live.put(recalling)
        log.info("%s: recall %d: ringing %s", request.id, recalling.attempt, request.caller)

    # -- runs --------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Look once. When another poller is at work there is nothing to do."""
        self.spool.prepare()
        faults = LoggedFaults(self.spool.path("", "trouble"))
        with PollerLock(self.spool.path("", "poller.lock")) as lock:
            if not lock.try_take():
                log.info("another poll is at work; nothing to do")
                return
            manager_exposure.tell(self.directories, self.settings, self.spool.path("", "exposed"))
            try:
                self.spool.sweep(self._clock(), self.settings.history_days, self.directories.outgoing)
                if self.spool.names()[1] or self._ended_lately():
                    with Ami(self.settings) as ami:
                        self.look(self._learn(ami))
            except (AsteriskError, SpoolError) as error:
                faults.note(str(error))
                raise
            faults.over()

    def watch(self, seconds: float) -> None:
        """Look, and look again at each event, until the next watch takes over.

        Ends after ``seconds`` and a quarter more when none comes: cron may start it late. While Asterisk
        is away or the spool unusable it tries again a few times a second.
        """
        self.spool.prepare()
        inbox: Inbox = queue.SimpleQueue()
        signal.signal(RELIEF, lambda signum, frame: inbox.put((_RELIEVED, {})))
        signal.signal(ASK, lambda signum, frame: inbox.put((_ASKED, {})))
        ends = time.monotonic() + seconds * 1.25
        faults = LoggedFaults(self.spool.path("", "trouble"))
        with PollerLock(self.spool.path("", "poller.lock")) as lock:
            while True:
                try:
                    with Ami(self.settings, lambda name, headers: inbox.put((name, headers))) as ami:
                        # Events are heard from here on, so that nothing is missed between the two watches;
                        # and the one before goes on while this one learns what it must know.
                        learnt = time.time_ns()
                        device_states = self._learn(ami, self._clock())
                        gc.freeze()  # it lives as long as this process: no pause to look for garbage in it
                        lock.take()
                        self._live.reread(since=learnt)  # the one before may have begun a recall meanwhile
                        self.look(device_states)
                        self.spool.sweep(self._clock(), self.settings.history_days, self.directories.outgoing)
                        manager_exposure.tell(self.directories, self.settings, self.spool.path("", "exposed"))
                        self._follow(device_states, inbox, ends, faults)
                        return
                except (AsteriskError, SpoolError) as error:
                    lock.take()  # now nobody can serve: one is enough to try and to complain
                    faults.note(str(error))
                if time.monotonic() >= ends or _relieved(inbox):
                    return

    def _learn(self, ami: Ami, begun: float = 0.0) -> DeviceStates:
        """Begin a new book and return a new view, which knows the lines and lamps of all in it; change nothing.

        The lamps of those whose request ended lately too: they may have been left lit.
        """
        self._live = LiveRequests(self.spool)
        self._live.refresh(at_once=True)
        self._live.callers |= {request.caller for request in self._ended_lately()}
        device_states = DeviceStates(ami, begun)
        device_states.ask(self._live.extensions())
        device_states.read_lamps(self._live.callers)
        for callee, requests in self._live.take_queues(self._clock()).items():
            plan = self._plan(device_states, requests)
            if plan.changes or plan.recalls:
                self._live.touch(callee)  # for the first look: now it may not be our turn
            else:
                self._live.remind(callee, plan.look_again)
        device_states.news[""] = None  # the first look is to see what has changed since
        return device_states

    def _ended_lately(self) -> list[Request]:
        return self.spool.ended(since=self._clock() - LAMP_TIME)

    def _follow(self, device_states: DeviceStates, inbox: Inbox, ends: float, faults: LoggedFaults) -> None:
        """Look and follow the events of one connection until the watch is over; AsteriskError if it breaks."""
        while True:
            look_again = self.look(device_states)
            faults.over()
            wait = LONGEST_SLEEP if look_again is None else min(LONGEST_SLEEP, look_again - self._clock())
            due = min(ends, time.monotonic() + wait)
            news, left = False, 1
            while left:
                try:
                    name, headers = inbox.get(timeout=max(0.0, due - time.monotonic()))
                except queue.Empty:
                    break
                if name in {_RELIEVED, _ASKED}:
                    write_states(self.spool.directory, device_states.lines, device_states.begun, self._clock())
                    if name == _RELIEVED:
                        return
                    continue
                if not name:
                    raise AsteriskError("the connection to Asterisk ended")
                if device_states.note(name, headers, self._clock()) and not news:
                    # One look for all that has come by now: a storm of events costs no storm of looks.
                    news, left = True, inbox.qsize() + 1
                left -= news
            if time.monotonic() >= ends:
                return


def _relieved(inbox: Inbox) -> bool:
    """Wait a little before the next try; tell whether another watch took over meanwhile."""
    until = time.monotonic() + RECONNECT_PAUSE
    while True:
        try:
            if inbox.get(timeout=max(0.0, until - time.monotonic()))[0] == _RELIEVED:
                return True
        except queue.Empty:
            return False


def state_name(status: int) -> str:
    """Return Asterisk's word for an AVAILSTATUS number."""
    return DEVICE_STATES[status] if 0 <= status < len(DEVICE_STATES) else str(status)
