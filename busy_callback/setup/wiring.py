"""Where the offer goes into a plain Asterisk's dialplan: behind each Dial that rings the phone of the number dialled.

What the running Asterisk has loaded says which Dials there are; the files say where they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.request import is_number
from busy_callback.setup.call_paths import CallPaths
from busy_callback.setup.extensions import Dialplan, Step
from busy_callback.setup.insertion import Insertion
from busy_callback.setup.reached import Reach, Reached, number_expression
from busy_callback.setup.wired import OFFER

BUSY = "Set(DIALSTATUS=BUSY)"
_PLACE = re.compile(r"(.+):(\d+)")
_IN_DIAL = re.compile(r"\$\{(ARG\d|LOCAL\(ARG\d\)|[A-Za-z_]\w*)\}")


def gosub(number: str) -> str:
    """Return the call that offers a callback to the number that the expression has."""
    return f"Gosub({OFFER},s,1({number}))"


@dataclass(frozen=True)
class Offer:
    """An offer behind a Dial; ``number`` is the expression of the number dialled, there."""

    step: Step
    number: str
    tests: tuple[tuple[Step, str], ...] = ()  # that go round the Dial when a phone is busy: step, call that sees it


@dataclass
class Offers:
    """The offers to make, and what an admin has to do by hand, or should know."""

    made: list[Offer] = field(default_factory=list)
    by_hand: dict[Step, str] = field(default_factory=dict)  # by the Dial: why, and what to do
    done: list[Step] = field(default_factory=list)  # the admin's own hand has put one there

    def add(self, more: Offers) -> None:
        """Add those of another place."""
        self.made += more.made
        self.by_hand.update(more.by_hand)
        self.done += more.done

    def insertions(self) -> list[Insertion]:
        """Return what is to be put into the dialplan."""
        found = [Insertion(offer.step, (gosub(offer.number),)) for offer in self.made]
        tests = {test: (call, gosub(offer.number)) for offer in self.made for test, call in offer.tests}
        return found + [Insertion(test, calls, before=True) for test, calls in tests.items()]


class Places:
    """Where what a dialplan has is written: that of the running Asterisk and that of the files side by side."""

    def __init__(self, written: Dialplan) -> None:
        self.written = written
        self._by_line = {(s.line.path.name, s.line.shown): s for s in written.steps() if s.line}

    def written_as(self, step: Step) -> Step | None:
        """Return the step as the files have it; None when it is not from there, or they were changed since."""
        if step.line:
            return step
        name, colon, number = step.source.rpartition(":")
        if colon and re.fullmatch("[0-9]{1,9}", number):
            found = self._by_line.get((name, int(number)))
            return found if found and _is_same(step, found) else None
        own = self.written.contexts.get(step.context)
        some = [s for s in (own.steps.get(step.extension, {}).values() if own else ()) if _is_same(step, s)]
        return some[0] if len(some) == 1 else None

    def at(self, place: str, etc: Path) -> Step | None:
        """Return the step at ``FILE:LINE``, the file by its name or path, the line as an editor counts."""
        match = _PLACE.fullmatch(place)
        if not match:
            return None
        for step in self.written.steps():
            if step.line and step.line.shown == int(match[2]):
                path = step.line.path
                if match[1] in {str(path), path.name} or (etc / match[1]).resolve() == path.resolve():
                    return step
        return None


def _is_same(shown: Step, written: Step) -> bool:
    """Tell whether a step that Asterisk shows, its end cut perhaps, is the one that is written."""
    words = ["".join(step.arguments.split()) for step in (shown, written)]
    same = words[0] == words[1] or (len(shown.arguments) > 200 and words[1].startswith(words[0]))
    return same and shown.application.lower() == written.application.lower()


def is_place(text: str) -> bool:
    """Tell whether an admin's --wire names a line, ``FILE:LINE``, not a context."""
    return bool(_PLACE.fullmatch(text))


class Finder:
    """Which offers belong behind the Dials that were found, with what many contexts have in common found out once."""

    def __init__(self, reached: Reached, places: Places) -> None:
        self._dialplan = reached.dialplan
        self._places = places
        self._steps: dict[str, dict[Step, None]] = {}  # by context
        self._by_step: dict[Step, list[Reach]] = {}
        for reach in reached.reaches:
            if is_number(reach.number):
                self._steps.setdefault(reach.context, {})[reach.step] = None
                self._by_step.setdefault(reach.step, []).append(reach)
        self._written = {step: places.written_as(step) for step in {reach.step for reach in reached.reaches}}
        self._ringing = set(self._written.values())
        self._known: dict[Step, Offers] = {}

    def offers(self, contexts: Iterable[str], named: Sequence[Step] = ()) -> Offers:
        """Return the offers behind the Dials that calls from ``contexts`` come to, and behind the ``named`` steps."""
        found = Offers()
        known: set[Step] = set()
        for step in dict.fromkeys(step for context in contexts for step in self._steps.get(context, ())):
            place = self._written[step]
            if not place:
                found.by_hand[step] = ""
            elif place not in known:
                known.add(place)
                if step not in self._known:
                    self._known[step] = self._behind(place, self._by_step[step])
                found.add(self._known[step])
        for place in dict.fromkeys(named):
            if place not in known:
                some = [reach for step, more in self._by_step.items() if self._written[step] == place for reach in more]
                found.add(self._behind(place, some) if some else Offers([Offer(place, _number_at(place))]))
        return found

    def _behind(self, place: Step, reaches: list[Reach]) -> Offers:
        """Return the offer behind a Dial, unless it is there by hand or the next step rings the same phones."""
        found = Offers()
        following = self._places.written.contexts[place.context].steps[place.extension].get(place.priority + 1)
        if following and f"{OFFER}," in following.arguments.replace(" ", ""):
            found.done.append(place)
        elif not following or following not in self._ringing:
            number = number_expression(reaches)
            if number:
                tests = tuple(_tests(found, self._dialplan, self._places, place, reaches))
                found.made.append(Offer(place, number, tests))
            else:
                found.by_hand[place] = (
                    "the number that was dialled is in no variable there: hand it on as an argument, "
                    "Gosub(...,1(${EXTEN}))"
                )
        return found


def _tests(
    found: Offers, dialplan: Dialplan, places: Places, place: Step, reaches: list[Reach]
) -> Iterator[tuple[Step, str]]:
    """Yield the tests of a phone's state that go round its Dial, each with the call that sees what it sees."""
    paths = CallPaths(dialplan)
    for test, dial in dict.fromkeys((test, reach.step) for reach in reaches for test in reach.ring.tests):
        leads = [any(ring.step == dial for ring in paths.rings_from(way)) for way in test.ways]
        at = places.written_as(test.step)
        if leads.count(True) != 1:
            continue
        condition = test.step.arguments.partition("?")[0]
        seen = f"ExecIf({condition}?{BUSY})" if leads[1] else f"ExecIf({condition}?NoOp():{BUSY})"
        if at and (at.context, at.extension) == (place.context, place.extension):
            yield at, seen
        else:
            found.by_hand[test.step] = (
                f"looks whether the phone is busy before {place}: put two steps before it, "
                f"{seen} and {gosub('NUMBER')}, NUMBER being the expression that has the number dialled there"
            )


def _number_at(step: Step) -> str:
    """Return the expression of the number dialled at a step that an admin named: by where it stands alone."""
    if step.context.lower().startswith("macro-"):
        return "${MACRO_EXTEN}"
    if re.fullmatch(r"_.*|\d+", step.extension):
        return "${EXTEN}"
    found = (
        _IN_DIAL.search(step.arguments.partition(",")[0]) if step.application.lower() in {"dial", "retrydial"} else None
    )
    if not found:
        raise SetupError(
            f"{step.line}: the number that was dialled is in no variable there; put the offer by hand where it is: "
            f"{gosub('NUMBER')}"
        )
    return f"${{{found[1]}}}"
