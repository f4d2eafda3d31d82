"""One look at the requests, and the watch that repeats it: glue between policy, spool, callfile and view."""

from __future__ import annotations

import logging
import os
import queue
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from busy_callback import callfile, exposure, policy
from busy_callback import request as rq
from busy_callback.ami import DEVICE_STATES, Ami
from busy_callback.durable import flush_directory, withdraw
from busy_callback.errors import AsteriskError, SpoolError
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.spool import Spool
from busy_callback.trouble import Trouble
from busy_callback.turn import RELIEF, Turn
from busy_callback.view import View

log = logging.getLogger(__name__)

RECONNECT_PAUSE = 0.25  # seconds between tries to reach an Asterisk that is away
ENDING = 0.2  # seconds between looks at a recall that is about to end
LAMP_TIME = 3600.0  # seconds after its request's end within which a lamp that was left lit is put out
LONGEST_SLEEP = 60.0  # seconds after which the watch looks again though nothing happened


if TYPE_CHECKING:
    Inbox = queue.SimpleQueue[tuple[str, dict[str, str]]]
_RELIEVED = "relieved"


class Poller:
    """Looks after the requests of one PBX. Only one works at a time: see ``turn``."""

    def __init__(self, directories: Directories, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.directories = directories
        self.settings = settings
        self.spool = Spool(directories.spool)
        self._clock = clock
        self._soon = 0.0

    # -- one look ----------------------------------------------------------------------------------

    def look(self, view: View) -> float | None:
        """Settle what ended, recall whom policy says, and return when to look again (None: no time is set).

        Raises AsteriskError and SpoolError; what was done by then is on disk.
        """
        self._soon = 0.0
        try:
            requests = [self._settled(request) for request in self.spool.live()]
        except OSError as error:
            raise SpoolError(f"what became of a recall can't be told: {error}") from error
        live = [request for request in requests if request.state in rq.LIVE_STATES]
        for request in live:
            view.ask(request.callee)
            view.ask(request.caller)
        pairs = [request for request in live if policy.may_be_talking(request, view.lines)]
        talking = {request.id for request in pairs if view.are_talking(request)}
        plan = policy.decide(live, view.lines, talking, self._clock(), self.settings)
        now = {request.id: request for request in live}
        for old, new in plan.changes:
            if self._change(old, new):
                now[old.id] = new
        for request in plan.recalls:
            now[request.id] = self._recall(view, request)
        view.show_lamps(policy.lamps(now.values()))
        return min((time for time in (plan.look_again, self._soon) if time), default=None)

    def _change(self, old: Request, new: Request) -> bool:
        """Write a change and log it; False when somebody else changed the request meanwhile."""
        changed = self.spool.replace(old, new)
        if changed:
            log.info("%s: %s", new.id, new.events[-1][1])
        return changed

    def _settled(self, request: Request) -> Request:
        """Return the request as it stands after looking at the recall under way, if there is one."""
        if request.state != rq.RECALLING:
            return request
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
        if new is None or not self._change(request, new):
            return request
        if restarted or not outcome.claimed:
            callfile.remove(outgoing, request)  # a new Asterisk would keep it for ever, or run it in vain
        return new

    def _asterisk_start(self) -> int:
        """Return when Asterisk started, as the dialplan sees it too: STAT(M) of its control socket, else 0."""
        try:
            return int(os.stat(self.directories.control_socket).st_mtime)
        except FileNotFoundError:
            return 0

    def _recall(self, view: View, request: Request) -> Request:
        """Recall one caller, if ChanIsAvail, as the last word, says that the callee is free.

        Return the request as it stands then.
        """
        status = view.last_word(request.callee)
        if not policy.is_free(status):
            log.info("%s: %s is %s after all", request.id, request.callee, state_name(status))
            return request
        recalling = policy.begin(request, self._asterisk_start(), self._clock())
        report = self.spool.path("recalls", callfile.report_name(recalling))
        devices = "&".join(view.devices(request.caller)), "&".join(view.devices(request.callee))
        data = callfile.compose(recalling, self.settings, devices, report, self.directories.control_socket)
        outgoing, temporary = self.directories.outgoing, f"{self.spool.directory}/tmp"
        try:
            flush_directory(outgoing)  # before anything is changed: is it there, and does its disk work?
            with self.spool.lock():
                if not self.spool.replace_locked(request, recalling):
                    return request  # cancelled meanwhile
                # From here on a crash leaves a recall that nobody claimed: settle puts it back.
                try:
                    callfile.hand_over(data, callfile.call_file_name(recalling), temporary, outgoing)
                except OSError:
                    self.spool.replace_locked(recalling, request)
                    raise
        except OSError as error:
            raise SpoolError(f"the call file of {request.id} can't be written: {error}") from error
        log.info("%s: recall %d: ringing %s", request.id, recalling.attempt, request.caller)
        return recalling

    # -- runs --------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Look once. When another poller is at work there is nothing to do."""
        self.spool.prepare()
        trouble = Trouble(self.spool.path("", "trouble"))
        with Turn(self.spool.path("", "poller.lock")) as turn:
            if not turn.try_take():
                log.info("another poll is at work; nothing to do")
                return
            self._tell_exposure()
            try:
                self.spool.sweep(self._clock())
                if self.spool.live() or self._ended_lately():
                    with Ami(self.settings) as ami:
                        self.look(self._view(ami))
            except (AsteriskError, SpoolError) as error:
                trouble.note(str(error))
                raise
            trouble.over()

    def watch(self, seconds: float) -> None:
        """Look, and look again at each event, until the next watch takes over.

        Ends after ``seconds`` and a quarter more when none comes: cron may start it late. While Asterisk
        is away or the spool unusable it tries again a few times a second.
        """
        self.spool.prepare()
        inbox: Inbox = queue.SimpleQueue()
        signal.signal(RELIEF, lambda signum, frame: inbox.put((_RELIEVED, {})))
        ends = time.monotonic() + seconds * 1.25
        trouble = Trouble(self.spool.path("", "trouble"))
        with Turn(self.spool.path("", "poller.lock")) as turn:
            while True:
                try:
                    with Ami(self.settings, lambda name, headers: inbox.put((name, headers))) as ami:
                        # Events are heard from here on, so that nothing is missed between the two watches.
                        turn.take()
                        self.spool.sweep(self._clock())
                        self._tell_exposure()
                        self._follow(self._view(ami, self._clock()), inbox, ends, trouble)
                        return
                except (AsteriskError, SpoolError) as error:
                    turn.take()  # now nobody can serve: one is enough to try and to complain
                    trouble.note(str(error))
                if time.monotonic() >= ends or _relieved(inbox):
                    return

    def _tell_exposure(self) -> None:
        """Log what would let strangers at the manager interface, once, and when it is no longer so."""
        told = Trouble(
            self.spool.path("", "exposed"), "", "the manager interface and its secret are closed to strangers"
        )
        found = exposure.complaints(self.directories, self.settings)
        for complaint in found:
            told.note(complaint)
        if not found:
            told.over()

    def _view(self, ami: Ami, begun: float = 0.0) -> View:
        """Return a new view that knows which lamps may still be lit: those whose requests ended lately."""
        view = View(ami, begun)
        for request in self._ended_lately():
            view.lamps[request.caller] = ami.lamp(request.caller)
        return view

    def _ended_lately(self) -> list[Request]:
        return [request for request in self.spool.ended() if request.ended > self._clock() - LAMP_TIME]

    def _follow(self, view: View, inbox: Inbox, ends: float, trouble: Trouble) -> None:
        """Look and follow the events of one connection until the watch is over; AsteriskError if it breaks."""
        while True:
            look_again = self.look(view)
            trouble.over()
            wait = LONGEST_SLEEP if look_again is None else min(LONGEST_SLEEP, look_again - self._clock())
            due = min(ends, time.monotonic() + wait)
            news, left = False, 1
            while left:
                try:
                    name, headers = inbox.get(timeout=max(0.0, due - time.monotonic()))
                except queue.Empty:
                    break
                if name == _RELIEVED:
                    return
                if not name:
                    raise AsteriskError("the connection to Asterisk ended")
                if view.note(name, headers, self._clock()) and not news:
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
