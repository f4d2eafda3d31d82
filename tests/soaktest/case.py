"""The facts in their order: which ring belongs to which request, and who was busy, stopped or dead at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from busy_callback.policy import OVERDUE
from busy_callback.request import Request

from .calls import Call, clock
from .evidence import Facts, Told

ALIKE = 0.3  # seconds between what two witnesses say of the same moment
DECIDED = 3.0  # seconds within which a poller that is not stopped acts on what it knows
CONNECTS = 10.0  # seconds from a caller's answer to the ring at the callee: the prompt comes between
SHOWN = 1.0  # seconds from what Asterisk has begun to the ring at a phone
STOPPED = "stop Asterisk for a while"


@dataclass(frozen=True)
class Finding:
    """Something that must not be: which rule it breaks, when (epoch), and what happened, to which extensions."""

    rule: str
    at: float
    people: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{clock(self.at)} {self.rule}: {self.what}"


@dataclass
class Life:
    """A request, the rings of its recalls at the caller's phone, and at the callee's once the caller had answered."""

    request: Request
    rings: list[Call] = field(default_factory=list)
    far_rings: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    @property
    def pair(self) -> tuple[str, str]:
        """Caller and callee."""
        return self.request.caller, self.request.callee

    def is_live(self, at: float) -> bool:
        """Tell whether it waited, or was served, at that time."""
        return self.request.requested <= at and (not self.request.ended or at < self.request.ended)


class Case:
    """The facts, with every ring given to the request that it belongs to.

    ``findings`` are those of what belongs nowhere; the judge adds the rest.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.findings: list[Finding] = []
        self.lives = [Life(request) for request in facts.requests]
        self._of: dict[str, list[Call]] = {}
        for call in facts.calls:
            self._of.setdefault(call.phone, []).append(call)
        self._deaths = sorted(trouble.begun for trouble in facts.troubles if trouble.is_death)
        self._give_rings()
        self._give_far_rings()
        self._give_told()

    # -- who is who --------------------------------------------------------------------------------

    def _find(self, rule: str, at: float, people: tuple[str, ...], what: str) -> None:
        self.findings.append(Finding(rule, at, people, what))

    def life_of(self, caller: str, callee: str, at: float) -> Life | None:
        """Return the youngest request of that pair that was made by then."""
        made = [life for life in self.lives if life.pair == (caller, callee) and life.request.requested <= at + ALIKE]
        return max(made, key=lambda life: life.request.requested, default=None)

    def calls_of(self, number: str) -> list[Call]:
        """Return all calls of a phone."""
        return self._of.get(number, [])

    def until(self, call: Call) -> float:
        """Return until when a call could go on: its end, or that of Asterisk if it came before."""
        end = call.ended or self.facts.ended
        return min([death for death in self._deaths if call.begun <= death < end], default=end)

    def served_until(self, recall: Call) -> float:
        """Return until when a recall served its caller: not while it listens to a busy tone."""
        far_rings = [far for life in self.lives if recall in life.rings for far in life.far_rings]
        refused = [far.ended for far in far_rings if far.begun > recall.begun and far.ended and not far.answered]
        return min([self.until(recall), *refused])

    def _give_rings(self) -> None:
        for call in self.facts.calls:
            if call.recalled_for:
                life = self.life_of(call.phone, call.recalled_for, call.begun)
                if life:
                    life.rings.append(call)
                else:
                    self._find("no ring without a request", call.begun, (call.phone, call.recalled_for), str(call))

    def _give_far_rings(self) -> None:
        """Give each ring of an ordinary look to the call that made it: the caller's own, or its recall."""
        for call in self.facts.calls:
            if not call.incoming or call.recalled_for:
                continue
            sources = [c for c in self.calls_of(call.other) if c.begun - SHOWN < call.begun < self.slack_after(c)]
            dialled = [c for c in sources if not c.incoming and c.other == call.phone]
            recalls = [c for c in sources if c.recalled_for == call.phone and c.answered]
            life = self.life_of(call.other, call.phone, recalls[-1].begun) if recalls else None
            if life and not dialled:
                life.far_rings.append(call)
            elif not dialled:
                self._find("no ring without a request", call.begun, (call.other, call.phone), str(call))

    def slack_after(self, call: Call) -> float:
        """Return until when a call may still make another phone ring."""
        return self.shown(call.ended or self.facts.ended)

    def shown(self, at: float) -> float:
        """Return when what Asterisk had begun by then can be seen at a phone, if it is to be seen at all."""
        stops = [t.ended or self.facts.ended for t in self.facts.troubles if t.what == STOPPED and t.begun < at + SHOWN]
        return max([at, *stops]) + SHOWN

    def _give_told(self) -> None:
        for told in self.facts.told:
            life = self.life_of(told.caller, told.callee, told.at)
            if life and (told.prompt == "already" or life.request.requested >= told.press - ALIKE):
                life.told.append(told)
            else:
                what = f"{told.caller} was told {told.prompt} of {told.callee}, and there is no such request"
                self._find("never lost", told.at, (told.caller, told.callee), what)

    def was_busy(self, number: str, since: float, until: float) -> bool:
        """Tell whether a phone was in a call, or rung, at any time between."""
        return any(call.begun <= until and since <= (call.ended or until) for call in self.calls_of(number))

    def was_disturbed(self, since: float, until: float) -> bool:
        """Tell whether Asterisk or the disk was not well at any time between: what was begun may have failed."""
        return any(
            trouble.begun <= until and since <= (trouble.ended or until)
            for trouble in self.facts.troubles
            if trouble.is_death or trouble.what.startswith(("fill", "read-only"))
        )

    def is_forgotten(self, at: float) -> bool:
        """Tell whether no disk took what happened then, and Asterisk died before one did: nobody knows of it."""
        disks = [t for t in self.facts.troubles if t.what.startswith(("fill", "read-only"))]
        refused = [t for t in disks if t.begun <= at <= (t.ended or self.facts.ended)]
        deaths = [t.begun for t in self.facts.troubles if t.is_death]
        return any(at <= death <= (t.ended or self.facts.ended) for t in refused for death in deaths)

    def decided(self, at: float) -> float:
        """Return since when what the poller acts on at that time may have been so: stopped, it sees nothing."""
        left, since = DECIDED, at
        stops = [t for t in self.facts.troubles if t.what.startswith("stop ") and t.begun < at]
        for stop in sorted(stops, key=lambda stop: stop.begun, reverse=True):
            gone = max(0.0, since - (stop.ended or at))
            if gone >= left:
                break
            left, since = left - gone, min(since, stop.begun)
        return since - left

    def decided_by(self, at: float) -> float:
        """Return until when a poller has acted on what happened at that time."""
        until = at + DECIDED
        for stop in sorted((t for t in self.facts.troubles if not t.is_death), key=lambda trouble: trouble.begun):
            if stop.begun <= until and at <= (stop.ended or self.facts.ended):
                until = max(until, (stop.ended or self.facts.ended) + DECIDED)
        return until

    def idle(self, one: str, other: str) -> list[tuple[float, float]]:
        """Return the times in which neither phone was in a call or rung."""
        calls = sorted((call.begun, call.ended or self.facts.ended) for n in (one, other) for call in self.calls_of(n))
        found, since = [], 0.0
        for begun, ended in [*calls, (self.facts.ended, self.facts.ended)]:
            if begun > since:
                found.append((since, begun))
            since = max(since, ended)
        return found

    def has_reason(self, life: Life, since: float, until: float) -> bool:
        """Tell whether a request may have waited from then till then: its pause, others who were served, a fault."""
        settings = self.facts.settings
        pause = since - settings.retry_pause - settings.ring_time - settings.guard_time - SHOWN
        tried = any(pair == "".join(life.pair) and pause <= at <= until for at, pair in self.facts.dials)
        taken = any(
            {call.phone, call.recalled_for} & set(life.pair) and call.begun <= until and since <= self.until(call)
            for call in self.facts.calls
            if call.recalled_for
        )
        # A recall that could not claim its request, on a full disk, is given up after that long.
        return tried or taken or self.was_broken(pause - OVERDUE, until)

    def was_broken(self, since: float, until: float) -> bool:
        """Tell whether anything was broken at any time between; a watch that was killed, until cron's next."""
        for trouble in self.facts.troubles:
            ended = trouble.ended or until
            if trouble.what == "kill the watch":
                ended = min((cron for cron in self.facts.crons if cron > trouble.begun), default=until) + DECIDED
            if trouble.begun <= until and since <= ended:
                return True
        return False

    def has_died(self, since: float, until: float) -> bool:
        """Tell whether Asterisk ended at any time between."""
        return any(since <= death <= until for death in self._deaths)

    def have_met(self, caller: str, callee: str, at: float) -> bool:
        """Tell whether the two talked, in a call of their own or in a recall of either, that ended then, or lasted."""
        for one in self.calls_of(caller):
            for two in self.calls_of(callee):
                recalled = one.recalled_for == callee or two.recalled_for == caller
                each_other = one.other == callee and two.other == caller and (recalled or one.incoming != two.incoming)
                both = max(one.answered, two.answered) < min(self.until(one), self.until(two), at + ALIKE)
                if each_other and one.answered and two.answered and both and at < self.until(one) + CONNECTS:
                    return True
        return False
