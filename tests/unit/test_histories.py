"""Random histories of calls, polls, crashes and clock steps hold the invariants of the design."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from busy_callback import policy, settlement
from busy_callback import request as rq
from busy_callback.pbx import callfile
from busy_callback.policy import Line
from busy_callback.request import Request
from busy_callback.settings import Settings
from busy_callback.store.spool import Spool

from .conftest import NOW

NUMBERS = ["201", "202", "203", "3001"]
STATES = [policy.NOT_INUSE, policy.NOT_INUSE, policy.NOT_INUSE, policy.INUSE, policy.UNAVAILABLE, policy.RINGING]
numbers = st.sampled_from(NUMBERS)
# What the phones do in a recall, as the dialplan reports it, and whether anybody rings.
DEEDS = {
    "": True,  # nothing is reported yet
    "caller NOANSWER 019 yes NOT_INUSE&": True,
    "caller BUSY 017 yes NOT_INUSE&": True,  # rejects
    "caller CHANUNAVAIL 021 yes NOT_INUSE&": True,  # rejects by 603
    "caller BUSY 017 no INUSE&": False,  # was dialling in that instant
    "caller BUSY 00 no NOT_INUSE&": True,  # forwards
    "caller CHANUNAVAIL 020 no UNAVAILABLE&": False,  # vanished
    "caller NOT-RUNG 00 no &": False,
    "callee ANSWER 05 016 yes NOT_INUSE& INUSE&": True,
    "callee BUSY 00 017 no INUSE& INUSE&": True,  # taken again
    "callee BUSY 00 017 yes NOT_INUSE& NOT_INUSE&": True,  # rejects
    "callee BUSY 00 017 no NOT_INUSE& NOT_INUSE&": True,  # wants not to be disturbed
    "callee CHANUNAVAIL 00 021 yes NOT_INUSE& NOT_INUSE&": True,  # rejects by 603
    "callee CHANUNAVAIL 00 020 no UNAVAILABLE& UNAVAILABLE&": True,  # vanished
    "callee NOANSWER 00 019 yes NOT_INUSE& NOT_INUSE&": True,
}


class History(RuleBasedStateMachine):
    """A PBX of four phones. The spool is real; Asterisk is a list of the recalls that rang.

    ``handed`` are the call files in outgoing, by name; ``rang`` the attempts that were claimed; ``rings`` when each
    request rang anybody, by ``elapsed``, the seconds that have passed whatever the clock says.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.spool = Spool(str(self.folder))
        self.spool.prepare()
        self.settings = Settings()
        self.settings.queue_per_callee = 2
        self.clock = NOW
        self.lines = {number: Line(policy.NOT_INUSE) for number in NUMBERS}
        self.start = 1
        self.handed: dict[str, Request] = {}
        self.reports: dict[str, list[str]] = {}
        self.rang: list[str] = []
        self.rings: dict[str, list[float]] = {}
        self.refused: set[str] = set()
        self.elapsed = 0.0
        self.registered: set[str] = set()
        self.cancelled: set[str] = set()

    def teardown(self) -> None:
        """Clean up."""
        shutil.rmtree(self.folder)

    # -- what people and machines do ---------------------------------------------------------------

    @rule(caller=numbers, callee=numbers, kind=st.sampled_from(rq.KINDS))
    def somebody_asks(self, caller: str, callee: str, kind: str) -> None:
        """Somebody asks for a callback."""
        self.ask(caller, callee, kind)

    def ask(self, caller: str, callee: str, kind: str) -> None:
        """Register, as the AGI does."""
        if caller != callee:
            status, request_id = self.spool.register(caller, callee, kind, "", self.settings, self.clock)
            assert status in {"REGISTERED", "DUPLICATE", "FULL"}
            if request_id:
                self.registered.add(request_id)
                self.cancelled.discard(request_id)

    @rule(number=numbers, state=st.sampled_from(STATES))
    def use(self, number: str, state: int) -> None:
        """A phone gets into another state."""
        self.lines[number] = Line(state, self.clock)

    @rule(seconds=st.sampled_from([0.01, 1, 5, 61, 1000, -3600, 3600]))
    def wait(self, seconds: float) -> None:
        """Time passes, or the clock is set back."""
        self.clock += seconds
        self.elapsed += max(0.0, seconds)

    @rule()
    def poll(self) -> None:
        """A look."""
        self.look(crash=False, talk=False)

    @rule(crash=st.booleans(), talk=st.booleans())
    def look(self, crash: bool, talk: bool) -> None:
        """A look, as the poller has it; a crash hits between the request's write and its call file's."""
        live = [self._settled(request) for request in self.spool.live()]
        live = [request for request in live if request.state in rq.LIVE_STATES]
        talking = {r.id for r in live if talk and policy.may_be_talking(r, self.lines)}
        plan = policy.decide(live, self.lines, talking, self.clock, self.settings)
        for old, new in plan.changes:
            assert self.spool.replace(old, new)
        for request in plan.recalls:
            assert self._passed_over(live, plan.recalls, request) == []
            assert request.id not in self.cancelled
            recalling = policy.begin(request, self.start, self.clock)
            assert self.spool.replace(request, recalling)
            if crash:
                return
            name = callfile.call_file_name(recalling)
            assert name not in self.handed
            self.handed[name] = recalling

    def _passed_over(self, live: list[Request], recalls: tuple[Request, ...], chosen: Request) -> list[Request]:
        """Return the requests that asked before the chosen one for its callee and could have been recalled."""
        under_way = [r for r in live if r.state == rq.RECALLING]
        taken = {n for r in (*under_way, *recalls) if r.id != chosen.id for n in (r.caller, r.callee)}
        return [
            r
            for r in live[: [r.id for r in live].index(chosen.id)]
            if r.callee == chosen.callee
            and r.caller not in taken
            and r.not_before <= self.clock < r.expires
            and policy.is_free(self.lines[r.caller].state)
            and (r.kind == rq.BUSY or r.callee_used)
        ]

    def _settled(self, request: Request) -> Request:
        if request.state != rq.RECALLING:
            return request
        report = self.folder / "recalls" / callfile.report_name(request)
        restarted = request.asterisk_start != self.start
        waits = callfile.call_file_name(request) in self.handed
        outcome = callfile.read_report(str(report))
        new = settlement.settle(request, outcome, waits, restarted, self.clock, self.settings)
        if new is None:
            return request
        assert self.spool.replace(request, new)
        if restarted or not outcome.claimed:
            self.handed.pop(callfile.call_file_name(request), None)
        return new

    def _report(self, request: Request, line: str) -> None:
        with (self.folder / "recalls" / callfile.report_name(request)).open("a") as file:
            file.write(f"{line}\n")

    @precondition(lambda self: self.handed)
    @rule(data=st.data(), outcome=st.sampled_from(list(DEEDS)))
    def run_call_file(self, data: st.DataObject, outcome: str) -> None:
        """Asterisk runs a call file: for this start of Asterisk only, and only the first claim rings.

        The phones answer or not, reject, forward, are taken, vanish.
        """
        name = data.draw(st.sampled_from(sorted(self.handed)))
        request = self.handed[name]
        if request.asterisk_start != self.start:
            return
        self._report(request, f"claimed {len(self.rang)}.{name}")
        report = (self.folder / "recalls" / callfile.report_name(request)).read_text().splitlines()
        if report[0] == f"claimed {len(self.rang)}.{name}":
            self.rang.append(name)
            assert request.id not in self.refused
            if DEEDS[outcome]:
                self.rings.setdefault(request.id, []).append(self.elapsed)
            if outcome.startswith("callee") and ("021" in outcome or "017 yes" in outcome or "no NOT_INUSE" in outcome):
                self.refused.add(request.id)
            if outcome.startswith("callee"):
                self._report(request, "answered")
            if outcome:
                self._report(request, outcome)
                del self.handed[name]

    @rule(data=st.data(), outcome=st.sampled_from(list(DEEDS)), seconds=st.sampled_from([1, 61]))
    def everybody_is_free(self, data: st.DataObject, outcome: str, seconds: float) -> None:
        """Nobody uses the phone: whoever may be recalled is, and the poller looks afterwards."""
        self.wait(seconds)
        self.lines = {number: Line(policy.NOT_INUSE) for number in NUMBERS}
        self.poll()
        if self.handed:
            self.run_call_file(data, outcome)
        self.poll()

    @rule()
    def restart_asterisk(self) -> None:
        """Asterisk dies and starts again; its call files stay."""
        self.start += 1

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Somebody cancels what has not been answered, and was not cancelled yet."""
        live = self.spool.live()
        if live:
            request = data.draw(st.sampled_from(live))
            report = self.folder / "recalls" / callfile.report_name(request)
            answered = request.state == rq.RECALLING and callfile.read_report(str(report)).answered
            assert self.spool.cancel(request.id, "test", self.clock) != (answered or request.cancelled)
            self.cancelled |= set() if answered else {request.id}

    @rule()
    def end_the_ringing(self) -> None:
        """Asterisk ends the ringing of all that were cancelled."""
        for name, request in list(self.handed.items()):
            if request.id in self.cancelled and name in self.rang and request.asterisk_start == self.start:
                self._report(request, "caller CANCEL 0")
                del self.handed[name]

    @rule()
    def sweep(self) -> None:
        """The poller cleans up."""
        self.spool.sweep(time.time())  # it goes by the files' own times

    # -- what always holds -------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """Two wait for 202, and one of them for 3001 too."""
        for caller, callee in (("201", "202"), ("203", "202"), ("201", "3001")):
            self.ask(caller, callee, rq.BUSY)

    @rule()
    def set_back_and_asked_again(self) -> None:
        """The clock is set back, and the second of those who wait for 202 asks again: the first is still the first."""
        self.clock -= 3600
        self.ask("203", "202", rq.BUSY)

    @invariant()
    def nothing_is_lost(self) -> None:
        """Each confirmed request is in exactly one live state or has ended, with time and reason."""
        live = [request.id for request in self.spool.live()]
        ended = {request.id: request for request in self.spool.ended()}
        assert sorted(live) == sorted(set(live))
        assert set(live) | set(ended) == self.registered
        assert not set(live) & set(ended)
        assert all(request.ended and request.reason for request in ended.values())
        assert not list((self.folder / "corrupt").iterdir())

    @invariant()
    def nobody_is_rung_twice(self) -> None:
        """No attempt rings twice."""
        assert len(self.rang) == len(set(self.rang))

    @invariant()
    def nobody_is_harassed(self) -> None:
        """For one request nobody is rung twice within the pause, nor more often than its attempts."""
        for rings in self.rings.values():
            assert len(rings) <= self.settings.attempts
            assert all(later - earlier >= self.settings.retry_pause for earlier, later in zip(rings, rings[1:]))

    @invariant()
    def one_recall_at_a_time(self) -> None:
        """For each caller and each callee there is one recall at most, and never with itself."""
        taken = [n for r in self.spool.live() if r.state == rq.RECALLING for n in (r.caller, r.callee)]
        assert len(taken) == len(set(taken))


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
