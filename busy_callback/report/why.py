"""Why a caller was not called back, or not yet: in sentences, by the facts that policy decides by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.language import Language, clock
from busy_callback.policy import Line
from busy_callback.report import sentences
from busy_callback.report.service import POLL_AGE
from busy_callback.request import Request
from busy_callback.settings import Settings


@dataclass(frozen=True)
class Facts:
    """What is known now, beside the request itself.

    ``live`` are all live requests in the order they were made; ``lines`` the extensions' states, as the watch knows
    them (a ``since`` of 0: not since when), None where no watch could be asked. ``last_poll`` is when the poller
    began its turn (epoch), None: never. ``faults`` are what the log was told of and is not over.
    """

    now: float
    settings: Settings
    live: Sequence[Request] = ()
    lines: Mapping[str, Line] | None = None
    last_poll: float | None = None
    faults: Sequence[str] = ()


def tell(request: Request, facts: Facts, language: Language) -> list[str]:
    """Return the sentences that say why."""
    return list((_Live if request.ended == 0 else _Ended)(request, facts, language).sentences())


class _Teller:
    def __init__(self, request: Request, facts: Facts, language: Language) -> None:
        self.request = request
        self.facts = facts
        self.language = language

    def say(self, english: str, **values: object) -> str:
        names = {"caller": self.request.caller, "callee": self.request.callee}
        return self.language.say(english, **{**names, **values})

    def clock(self, when: float) -> str:
        return clock(when, self.facts.now)

    def told(self, text: str) -> str:
        """Return a sentence of the history as people are told of it."""
        return sentences.tell(self.request, text, self.language)


class _Ended(_Teller):
    """Of a request that has ended."""

    def sentences(self) -> Iterator[str]:
        request, when = self.request, self.clock(self.request.ended)
        yield self.say("At {when}, {caller} asked to be called back by {callee}.", when=self.clock(request.requested))
        why = self.told(request.reason)
        if request.state == rq.COMPLETED:
            yield self.say("That is done since {when}: {why}.", when=when, why=why)
        elif request.state == rq.CANCELLED:
            yield self.say("That was cancelled at {when}, {why}.", when=when, why=why)
        elif request.state == rq.EXPIRED:
            waited = self.language.duration(request.ended - max(request.requested, request.renewed))
            yield self.say("That ended at {when}: a callback waits for {duration}.", when=when, duration=waited)
            yield self._why_not_in_time()
        else:
            yield self.say("That was given up at {when}: {why}.", when=when, why=why)
        for moment, event in request.events[1:-1]:
            yield f"  {self.clock(moment)}  {self.told(event)}"

    def _why_not_in_time(self) -> str:
        request = self.request
        codes = [sentences.understand(event).code for _, event in request.events]
        turns = [code for code in codes if code in {"suspended", "resumed", "recall"}]
        if request.kind == rq.NO_REPLY and not request.callee_used:
            return self.say("{callee} did not use its phone in that time, so that nobody knew it to be back.")
        if turns[-1:] == ["suspended"]:
            return self.say("{callee} was free in the end, but {caller} was not.")
        if "recall" in turns:
            return self.say("{caller} was rung in that time, but the two did not get to talk:")
        return self.say("In that time {callee} was not free for {caller}.")


class _Live(_Teller):
    """Of a request that waits, or whose recall is under way."""

    def sentences(self) -> Iterator[str]:
        request = self.request
        yield self.say(
            "{caller} waits to be called back by {callee} since {when}, until {end} at the longest.",
            when=self.clock(request.requested),
            end=self.clock(request.expires),
        )
        if request.state == rq.RECALLING and request.answered:
            yield self.say("{caller} has answered the recall; the call to {callee} is under way.")
        elif request.state == rq.RECALLING:
            yield self.say("{caller} is being rung now, since {when}.", when=self.clock(request.started))
            if request.cancelled:
                yield self.say("It is cancelled, {why}: the ringing is about to end.", why=self.told(request.reason))
        else:
            yield from self._what_it_waits_for()
            yield from self._place_in_line()
        yield from self._service()

    def _what_it_waits_for(self) -> Iterator[str]:
        request, now = self.request, self.facts.now
        if request.kind == rq.NO_REPLY and not request.callee_used:
            yield self.say("{callee} did not answer then: it is waited for until it has used its phone.")
        if request.kind == rq.NOT_LOGGED_IN:
            yield self.say("{callee} was not logged in then: it is waited for until its phone is there.")
        if request.not_before > now:
            yield self.say(
                "The last attempt came to nothing: {why}. The next one is made from {when} on.",
                why=self.told(request.events[-1][1]),
                when=self.clock(request.not_before),
            )
        for other in self.facts.live:
            ends = {other.caller, other.callee}
            if other.state == rq.RECALLING and ends & {request.caller, request.callee}:
                yield self.say("{other} is being called back by {its} now.", other=other.caller, its=other.callee)
        yield from self._phones()

    def _phones(self) -> Iterator[str]:
        lines, request = self.facts.lines, self.request
        if lines is None:
            if request.state == rq.SUSPENDED:
                yield self.say("{callee} was free, but {caller} was not; those who asked later are served meanwhile.")
            yield self.say("What their phones do now is not known: no watch runs that could be asked.")
            return
        callee, caller = lines.get(request.callee), lines.get(request.caller)
        yield self._phone(request.callee, callee)
        if callee is None or not policy.is_free(callee.state):
            return
        if caller is None or not policy.is_free(caller.state):
            yield self._phone(request.caller, caller)
        elif callee.since and callee.since + self.facts.settings.guard_time > self.facts.now:
            yield self.say("It is left alone for a moment, for a call of its own.")

    def _phone(self, number: str, line: Line | None) -> str:
        """Say what the phone of an extension does."""
        state = line.state if line else policy.INVALID
        text = _SINCE.get(state) if line and line.since else None
        when = self.clock(line.since) if line and line.since else ""
        return self.say(text or _STATES.get(state, "The state of {phone} is not known."), phone=number, when=when)

    def _place_in_line(self) -> Iterator[str]:
        request = self.request
        before = [r.caller for r in self.facts.live if r.callee == request.callee and r.stamp < request.stamp]
        if before:
            place, others = len(before) + 1, self.language.join(before)
            yield self.say("{caller} is number {place} in line; before it asked {others}.", place=place, others=others)

    def _service(self) -> Iterator[str]:
        """Say what is wrong with the service itself."""
        last, now = self.facts.last_poll, self.facts.now
        if last is None:
            yield self.say("No poll has run yet, so that nobody is called back: busy-callback doctor says why.")
        elif now - last > POLL_AGE:
            yield self.say(
                "The last poll began at {when}, so that nobody is called back now: busy-callback doctor says why.",
                when=self.clock(last),
            )
        for fault in self.facts.faults:
            yield self.say("Something is wrong with the service: {fault}", fault=self.language.tell(fault))


_STATES = {
    policy.UNKNOWN: "{phone} is free.",
    policy.NOT_INUSE: "{phone} is free.",
    policy.INUSE: "{phone} is in a call.",
    policy.BUSY: "{phone} is in a call.",
    policy.INVALID: "Asterisk knows no phone of {phone}.",
    policy.UNAVAILABLE: "The phone of {phone} is not there (not registered).",
    policy.RINGING: "{phone} is being rung.",
    policy.RINGINUSE: "{phone} is in a call, and being rung.",
    policy.ONHOLD: "{phone} has a call on hold.",
}
_SINCE = {
    policy.UNKNOWN: "{phone} is free since {when}.",
    policy.NOT_INUSE: "{phone} is free since {when}.",
    policy.INUSE: "{phone} is in a call since {when}.",
    policy.BUSY: "{phone} is in a call since {when}.",
    policy.UNAVAILABLE: "The phone of {phone} is not there (not registered) since {when}.",
    policy.RINGINUSE: "{phone} is in a call since {when}, and being rung.",
    policy.ONHOLD: "{phone} has a call on hold since {when}.",
}
