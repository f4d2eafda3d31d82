"""One look at the requests, which its runs repeat: glue between policy, spool, call files and device states."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable

from busy_callback import policy, prompts, settlement
from busy_callback import request as rq
from busy_callback.clock import ClockSteps, since_boot
from busy_callback.errors import AsteriskError, CallFileError, SpoolError
from busy_callback.pbx import callfile
from busy_callback.pbx.ami import DEVICE_STATES, Ami
from busy_callback.pbx.device_states import DeviceStates, lamps
from busy_callback.request import Request
from busy_callback.runs import Runs
from busy_callback.settings import Directories, Settings
from busy_callback.store.durable import Note, why, withdraw
from busy_callback.store.live_requests import LiveRequests

log = logging.getLogger(__name__)

ENDING = 0.2  # seconds between looks at a recall that is about to end
ENDED = 5.0  # seconds after a call within which Asterisk takes its call file away
RINGING = 0.5  # seconds between looks at one that rings: the command may cancel it, and tells nobody
LAMP_TIME = 3600.0  # seconds after its request's end within which a lamp that was left lit is put out


class Poller(Runs):
    """Looks after the requests of one PBX. Only one works at a time: see ``poll`` and ``watch``."""

    def __init__(
        self,
        directories: Directories,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = since_boot,
    ) -> None:
        super().__init__(directories, settings, clock)
        self._steps = ClockSteps(Note(self.spool.path("", "clock")), clock, ticks)
        self._soon = 0.0
        self._fault: CallFileError | None = None
        self._rung: dict[str, float] = {}  # by caller who is about to be rung, until when its lamp waits for that
        self._told: dict[str, list[str]] = {}  # by report: what the disk did not take of it, and Asterisk told

    # -- one look ----------------------------------------------------------------------------------

    def look(self, device_states: DeviceStates) -> float | None:
        """Settle what ended, recall whom policy says, and return when to look again (None: no time is set).

        Raises AsteriskError and SpoolError; what was done by then is on disk. CallFileError means that all is done
        but for a recall.
        """
        self._soon, self._works, self._fault = 0.0, set(), None
        live, named, device_states.news = self._live, device_states.news, {}
        step = self._steps.step()
        live.refresh(at_once="" in named or step != 0)
        if step:
            self._keep_time(step)
        for request_id in filter(None, named):
            live.read(request_id)
        try:
            if device_states.reports_lack and live.recalling():
                self._read_untold(device_states)
            for request in live.recalling():
                self._settle(device_states, request)
        except OSError as error:
            raise SpoolError(f"the recalls under way can't be checked: {why(error)}") from error
        while device_states.changed:
            live.touch(device_states.changed.pop())
        queues = live.take_queues(self._clock())
        device_states.ask(number for requests in queues.values() for r in requests for number in (r.callee, r.caller))
        for callee, requests in queues.items():
            self._serve(device_states, callee, requests)
        callers, live.callers = live.callers - self._awaited(device_states), live.callers & self._rung.keys()
        dark = dict.fromkeys(callers, policy.NOT_INUSE)
        device_states.show_lamps({**dark, **lamps(r for caller in callers for r in live.of_caller(caller))})
        self._works.add(AsteriskError.subject)
        if self._fault:
            raise self._fault
        return min((due for due in (live.next_due(), self._soon or None) if due is not None), default=None)

    def _awaited(self, device_states: DeviceStates) -> set[str]:
        """Return the callers whose phones are about to ring: lamps are shown then, not beside what makes them ring.

        At the latest after RINGING seconds: not every phone's state tells of its ringing.
        """
        now, lines = self._clock(), device_states.lines
        for caller, until in list(self._rung.items()):
            if not 0 < until - now <= RINGING or (caller in lines and not policy.is_free(lines[caller].state)):
                del self._rung[caller]
        if self._rung:
            self._look_within(RINGING)
        return set(self._rung)

    def _serve(self, device_states: DeviceStates, callee: str, requests: list[Request]) -> None:
        """Do what policy says of the requests for one callee."""
        plan = self._plan(device_states, requests)
        self._live.remind(callee, plan.look_again)
        for old, new in plan.changes:
            self._change(old, new)
        for request in plan.recalls:
            try:
                self._recall(device_states, request)
            except CallFileError as error:
                self._fault = error
                self._live.touch(callee)

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
            self._works.add(SpoolError.subject)
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

    def _read_untold(self, device_states: DeviceStates) -> None:
        """Learn what Asterisk keeps of the recalls under way because the disk did not take it."""
        device_states.reports_lack = False
        for name in map(callfile.report_name, self._live.recalling()):
            told = list(filter(None, device_states.ami.get_all(callfile.untold(name))))
            self._told.update({name: told} if told else {})

    def _settle(self, device_states: DeviceStates, request: Request) -> None:
        """See to a request whose recall is under way."""
        outgoing = self.directories.outgoing
        name = callfile.report_name(request)
        report, told = self.spool.path("recalls", name), self._told.get(name, [])
        restarted = self._asterisk_start() != request.asterisk_start
        file_waits = callfile.waits(outgoing, request)  # before the report: see settlement.settle
        outcome = callfile.read_report(report, told)
        now = self._clock()
        overdue = policy.is_overdue(request, now, self.settings)
        if not outcome.claimed and not outcome.withdrawn and file_waits and (restarted or overdue):
            withdraw(report)
            outcome = callfile.read_report(report)
        if outcome.cancelled and not request.cancelled:
            request = self._live.read(request.id) or request  # the command tells nobody else
        # A disk that did not take the report did not let Asterisk take its file away either.
        lingers = file_waits and bool(outcome.caller) and (bool(told) or time.time() - os.stat(report).st_mtime > ENDED)
        new = settlement.settle(request, outcome, file_waits and not lingers, restarted, now, self.settings)
        if new:
            if self._change(request, new) and (restarted or lingers or not outcome.claimed):
                callfile.remove(outgoing, request)  # a new Asterisk would keep it for ever, or run it in vain
        elif outcome.caller:
            self._look_within(ENDING)  # the call is over; its other leg is about to say so too
        elif outcome.claimed and not outcome.answered:
            self._look_within(RINGING)
            if request.cancelled:
                device_states.ami.hang_up(outcome.channel)

    def _look_within(self, seconds: float) -> None:
        self._soon = min(self._soon or math.inf, self._clock() + seconds)

    def _asterisk_start(self) -> int:
        """Return when Asterisk started, as the dialplan sees it too: STAT(M) of its control socket, else 0."""
        try:
            return int(os.stat(self.directories.control_socket).st_mtime)
        except FileNotFoundError:
            return 0

    def _recall(self, device_states: DeviceStates, request: Request) -> None:
        """Recall one caller, if ChanIsAvail, as the last word, says that the callee is free. Raises CallFileError.

        That it begins is written while Asterisk answers, and taken back where it says no.
        """
        outgoing = self.directories.outgoing
        recalling, data = self._next_attempt(device_states, request)
        temporary = self.spool.path("tmp", callfile.call_file_name(recalling))
        handed_over = False
        try:
            status = device_states.last_word(request.callee, lambda: self._begin(request, recalling, temporary))
            if not policy.is_free(status):
                log.info("%s: %s is %s after all", request.id, request.callee, state_name(status))
            elif self.spool.load(request.id) == recalling:  # else somebody else has changed it
                callfile.hand_over(data, temporary, outgoing)
                handed_over = True
        except OSError as error:
            raise CallFileError(f"no recall can be handed to Asterisk in {outgoing}: {error.strerror}") from error
        finally:
            if not handed_over and not self.spool.replace(recalling, request):
                self._live.read(request.id)  # cancelled meanwhile
        if handed_over:
            self._works |= {SpoolError.subject, CallFileError.subject}
            self._live.put(recalling)
            self._rung[request.caller] = self._clock() + RINGING
            log.info("%s: recall %d: ringing %s", request.id, recalling.attempt, request.caller)

    def _next_attempt(self, device_states: DeviceStates, request: Request) -> tuple[Request, bytes]:
        """Return the request as it is while its caller is rung, and the call file that does it."""
        free_since = device_states.free_since(request.callee)
        recalling = policy.begin(request, self._asterisk_start(), self._clock(), free_since)
        report = self.spool.path("recalls", callfile.report_name(recalling))
        devices = device_states.dial_string(request.caller), device_states.dial_string(request.callee)
        name = device_states.name(request.callee) if "{name}" in self.settings.caller_id else ""
        control_socket = self.directories.control_socket
        sounds = prompts.folder(self.settings.language, self.directories.astdatadir)
        return recalling, callfile.compose(recalling, self.settings, devices, report, control_socket, name, sounds)

    def _begin(self, request: Request, recalling: Request, temporary: str) -> None:
        """Write down that the recall begins, unless somebody else has changed the request.

        From here on a crash leaves a recall that nobody claimed: settle puts it back. Raises OSError and SpoolError.
        """
        callfile.check_place(os.path.dirname(temporary), self.directories.outgoing)  # before anything is changed
        with self.spool.lock():
            self.spool.replace_locked(request, recalling)

    def learn(self, ami: Ami, begun: float = 0.0) -> DeviceStates:
        """Begin a new book and return a new view, which knows the lines and lamps of all in it; change nothing.

        The lamps of those whose request ended lately too: they may have been left lit.
        """
        self._live = LiveRequests(self.spool)
        self._live.refresh(at_once=True)
        self._live.callers |= {request.caller for request in self._ended_lately()}
        device_states = DeviceStates(ami, begun, self.settings)
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

    def has_work(self) -> bool:
        """Tell whether there is anything to look at: somebody waits, or a lamp may have been left lit."""
        return bool(self.spool.names()[1] or self._ended_lately())

    def _ended_lately(self) -> list[Request]:
        return self.spool.ended(since=self._clock() - LAMP_TIME)


def state_name(status: int) -> str:
    """Return Asterisk's word for an AVAILSTATUS number."""
    return DEVICE_STATES[status] if 0 <= status < len(DEVICE_STATES) else str(status)
