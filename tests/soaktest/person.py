"""Somebody at a phone, who does what the dice say."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping

from ..lab.phone import Phone
from .calls import EPOCH, Call, Calls
from .deeds import choose

PATIENCE = 25.0  # seconds after which anybody hangs up
CODES = {"ask for the last one again": "*66", "cancel all": "*86", "ask how many wait": "*87"}


class Person:
    """Acts when its phone reports something, or when it is time for what it has in mind: see ``step``.

    ``people`` are all of them; ``cancel`` cancels a callback to a callee by the command.
    """

    def __init__(
        self, phone: Phone, chance: random.Random, people: Mapping[str, Person], cancel: Callable[[str, str], None]
    ) -> None:
        self.phone = phone
        self.number = phone.number
        self.calls = Calls(phone.number)
        self.done: Counter[str] = Counter()
        self.calm = False
        self._chance = chance
        self._people = people
        self._cancel = cancel
        self._seen = 0
        self._asked: list[str] = []  # callees for whom 5 was pressed
        self._has_asked = False  # in the call that has just ended
        self._plans: list[tuple[float, Callable[[], None]]] = []
        self._rest()

    # -- time --------------------------------------------------------------------------------------

    def step(self) -> None:
        """See what the phone reports, and do what is due."""
        events = self.phone.events(self._seen)
        self._seen += len(events)
        for event in events:
            call = self.calls.note(event)
            if call and call.ended:
                if not self.calls.current:
                    self._rest()
            elif call and call.answered:
                self._answered(call)
            elif call:
                self._begun(call)
        now = time.monotonic()
        due = [plan for plan in self._plans if plan[0] <= now]
        self._plans = [plan for plan in self._plans if plan[0] > now]
        for _, act in due:
            act()
        call = self.calls.current
        if call and time.time() > call.begun + PATIENCE and not due:
            self._in(0, 1, self.phone.hang_up)

    def rest(self) -> None:
        """End what goes on, answer what rings, and do nothing of one's own any more but take recalls to their end."""
        self.calm = True
        self._plans = []
        call = self.calls.current
        if call and call.incoming and not call.answered:
            self.phone.accept()  # to reject it would be a deed
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Hang up: the line is dead, or it is enough."""
        if self.calls.current:
            self.phone.hang_up()

    def _in(self, low: float, high: float, act: Callable[[], None]) -> None:
        self._plans.append((time.monotonic() + self._chance.uniform(low, high), act))

    def _rest(self) -> None:
        """Do nothing for a while; for longer after having asked to be called back."""
        self._plans = []
        if not self.calm:
            low, high = (4, 10) if self._has_asked else (0.5, 3)
            self._in(low, high, self._act)
        self._has_asked = False

    def _choose(self, occasion: str) -> str:
        deed = choose(occasion, self._chance)
        self.done[f"{occasion}: {deed}"] += 1
        return deed

    # -- of one's own ------------------------------------------------------------------------------

    @property
    def recalled_for(self) -> str:
        """For whom it is being recalled just now, or nothing."""
        call = self.calls.current
        return call.recalled_for if call else ""

    def _must_wait(self, number: str) -> bool:
        """Tell whether somebody is being recalled for that number, whose phone is idle, and is to stay so."""
        wanted = any(person.recalled_for == number for person in self._people.values())
        return wanted and self._choose("free for a recall") == "wait"

    def _act(self) -> None:
        if self.calls.current or self.calm:
            return
        if self._must_wait(self.number):
            self._rest()
            return
        deed = self._choose("idle")
        if deed == "call somebody":
            self._call()
        elif deed in CODES:
            self.phone.dial(CODES[deed])
        elif deed == "ask for somebody":
            callee = self._chance.choice([number for number in self._people if number != self.number])
            self._note_asked(callee)
            self.phone.dial(f"*66{callee}")
        elif self._asked and deed == "cancel one":
            self.phone.dial(f"*86{self._chance.choice(self._asked)}")
        elif self._asked:
            self._cancel(self.number, self._chance.choice(self._asked))
        self._in(PATIENCE, PATIENCE + 5, self._act)  # unless a call begins and ends before

    def _call(self) -> None:
        """Call one of the others, rather one who is in a call."""
        others = [person for person in self._people.values() if person is not self]
        weights = [3 if person.calls.current else 1 for person in others]
        callee = self._chance.choices(others, weights)[0]
        if self._must_wait(callee.number):
            self._rest()
        else:
            self.phone.dial(callee.number)

    # -- what happens at the phone -----------------------------------------------------------------

    def _begun(self, call: Call) -> None:
        self._plans = []
        if not call.incoming:
            return
        caller = self._people.get(call.other)
        occasion = "rung"
        if call.recalled_for:
            occasion = "recalled"
        elif caller and caller.recalled_for == self.number:
            occasion = "rung by a recall"
        if self.calm:
            self._in(0, 0.3, self.phone.accept if occasion != "rung" else self.phone.hang_up)
            return
        deed = self._choose(occasion)
        if deed.startswith("answer"):
            self._in(0, 2.5, self.phone.accept)
        elif deed == "reject":
            self._in(0, 2.5, self.phone.hang_up)
        elif deed == "cancel by command":
            self._in(0, 1, lambda: self._cancel(self.number, call.other))
            self._in(2, 3, self.phone.accept)
        if deed == "answer and hang up":
            self._in(2.5, 4, self.phone.hang_up)

    def _answered(self, call: Call) -> None:
        if call.incoming:
            low, high = (1, 2) if self.calm and not call.recalled_for else (4, 12)
            self._in(low, high, self.phone.hang_up)
        else:
            self._in(0.3, 0.3, lambda: self._connected(call))

    def _connected(self, call: Call) -> None:
        """Somebody or something has answered the number that was dialled."""
        if self.calls.current is not call:
            return
        callee = self._people.get(call.other)
        other = callee.calls.current if callee else None
        if other and other.incoming and other.other == self.number:
            self._in(1, 7, self.phone.hang_up)
        elif callee:
            self._offered(call.other)
        elif self._chance.random() < 0.2:
            self._in(0, 3, self.phone.hang_up)

    def _note_asked(self, callee: str) -> None:
        self._has_asked = True
        self._asked = [*self._asked[-4:], callee]

    def _offered(self, callee: str) -> None:
        deed = self._choose("offered")
        pressed = self._chance.uniform(0.3, 2)
        if deed.startswith("press 5"):
            self._note_asked(callee)
            self._in(pressed, pressed, lambda: self.phone.press("5"))
        elif deed == "press something else":
            self._in(pressed, pressed, lambda: self.phone.press("4"))
        elif deed == "hang up":
            self._in(pressed, pressed, self.phone.hang_up)
        if deed == "press 5 and hang up":
            self._in(pressed, pressed + 1.5, self.phone.hang_up)

    def use(self) -> None:
        """Use the phone for a moment: who waits for an answer is called back after that."""
        if not self.calls.current:
            self.phone.dial(CODES["ask how many wait"])

    def since(self) -> float:
        """Return since when the phone has been idle (epoch), or 0 if it is not."""
        ends = [call.ended for call in self.calls.all]
        return 0.0 if self.calls.current else max(ends, default=EPOCH)
