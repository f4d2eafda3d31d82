"""The calls of one phone, as its own events tell them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..lab.phone import Event

EPOCH = time.time() - time.monotonic()  # from a phone's clock to that of Asterisk's log
RECALL = "ReDial "  # how a recall shows itself, before the callee's number


@dataclass
class Call:
    """One call at one phone: when it began to ring or was dialled, was answered and ended (epoch; 0: not yet).

    ``name`` is what an incoming one shows beside the number of the other end.
    """

    phone: str
    other: str
    name: str
    incoming: bool
    begun: float
    answered: float = 0.0
    ended: float = 0.0
    id: str = ""

    @property
    def recalled_for(self) -> str:
        """The callee for whom this recall is, or nothing: it is no recall."""
        return self.name.removeprefix(RECALL) if self.incoming and self.name.startswith(RECALL) else ""

    def lasts(self, at: float) -> bool:
        """Tell whether it has begun and not ended at that time."""
        return self.begun <= at and (not self.ended or at < self.ended)

    def __str__(self) -> str:
        way = "rung by" if self.incoming else "dials"
        times = [f"{way} {self.name or self.other} {clock(self.begun)}"]
        times += [f"answered {clock(self.answered)}"] if self.answered else []
        times += [f"ended {clock(self.ended)}"] if self.ended else []
        return f"{self.phone} {', '.join(times)}"


def clock(at: float) -> str:
    """Return a time of day as Asterisk's log has it."""
    return time.strftime("%H:%M:%S", time.localtime(at)) + f"{at % 1:.3f}"[1:]


class Calls:
    """All calls of a phone; ``current`` is the one that it has now."""

    def __init__(self, phone: str) -> None:
        self._phone = phone
        self.all: list[Call] = []

    @property
    def current(self) -> Call | None:
        """The call that it has now, the newest of them."""
        return next((call for call in reversed(self.all) if not call.ended), None)

    def note(self, event: Event) -> Call | None:
        """Note what the phone reports; return the call that began, was answered or ended by it."""
        data = event.data
        at = EPOCH + event.at
        incoming = data.get("direction") == "incoming"
        if event.type == "CALL_INCOMING" or (event.type == "CALL_LOCAL_SDP" and not incoming and "id" not in data):
            other = str(data.get("peeruri", "")).partition(":")[2].partition("@")[0]
            name = str(data.get("peerdisplayname", ""))
            self.all.append(Call(self._phone, other, name, incoming, at, id=str(data.get("id", ""))))
            return self.all[-1]
        if event.type not in {"CALL_ESTABLISHED", "CALL_CLOSED"}:
            return None
        call = self._find(str(data.get("id", "")), incoming)
        if call and event.type == "CALL_ESTABLISHED":
            call.answered = at
        elif call:
            call.ended = at
        return call

    def _find(self, call_id: str, incoming: bool) -> Call | None:
        """Return the open call with that id; one that the phone has dialled gets its id late."""
        for call in reversed(self.all):
            if not call.ended and call.incoming == incoming and call.id in {"", call_id}:
                call.id = call_id
                return call
        return None
