"""Follows a call through a dialplan: from the context in which a phone's calls begin to each Dial it may come to.

Both ways of every branch are followed, so that what is found is all that a call may meet, whatever the hour and
whoever is busy. Nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from busy_callback.setup.extensions import OURS, Dialplan, Step
from busy_callback.setup.extensions_conf import split_call
from busy_callback.setup.variables import UNKNOWN, Functions, substitute

MOST = 2000  # steps that one call is followed for
_DEEP = 20  # subroutines within each other, and Local channels
_ENDS = {"hangup", "busy", "congestion", "macroexit"}
_DIALS = {"dial", "retrydial"}
_TESTS = re.compile(r"DEVICE_STATE|EXTENSION_STATE|DEVSTATE|AVAILSTATUS|AVAILORIGCHAN|AVAILCHAN", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a call is: the step to do next is the priority of what the number matches in the context."""

    context: str
    number: str
    priority: int = 1


@dataclass(frozen=True)
class Test:
    """A branch that asks for a phone's state, and where it leads: when what it asks is so, and when not."""

    step: Step
    ways: tuple[Place, Place]


@dataclass(frozen=True)
class Ring:
    """A Dial that a call comes to: the devices that it rings for this number, as far as can be told."""

    step: Step
    devices: tuple[str, ...]
    values: dict[str, str]  # of the variables, there
    tests: tuple[Test, ...] = ()  # that the call passed on its way
    conditional: bool = False  # inside an ExecIf


@dataclass
class _Call:
    """A call on its way: where it is, what its variables are, and who waits for a subroutine's end."""

    place: Place
    values: dict[str, str]
    back: tuple[tuple[Place, dict[str, str]], ...] = ()
    tests: tuple[Test, ...] = ()
    states: frozenset[str] = frozenset()  # variables that hold a phone's state
    depth: int = 0

    def at(self, place: Place) -> _Call:
        """Return the call at another place."""
        return replace(self, place=place, values=dict(self.values))


@dataclass
class CallPaths:
    """Follows calls through one dialplan."""

    dialplan: Dialplan
    functions: Functions = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.functions = {
            "HINT": self._hint,
            "PJSIP_DIAL_CONTACTS": lambda text: f"PJSIP/{text.split(',')[0].strip()}",
            "FILTER": _filter,
        }

    def _hint(self, text: str) -> str:
        number, _, context = text.partition(",")[0].strip().partition("@")
        return self.dialplan.hint(context or "default", number) or UNKNOWN

    def rings(self, context: str, number: str, depth: int = 0) -> list[Ring]:
        """Return each Dial that a call to ``number``, begun in ``context``, may come to, in the order it does."""
        return self.rings_from(Place(context, number), depth)

    def rings_from(self, place: Place, depth: int = 0) -> list[Ring]:
        """Return each Dial that a call may come to from a place, in the order it does."""
        found: list[Ring] = []
        seen: set[tuple[Place, tuple[Place, ...]]] = set()
        waiting = [_Call(place, dict(self.dialplan.globals), depth=depth)]
        while waiting and len(seen) < MOST:
            call = waiting.pop()
            key = call.place, tuple(place for place, _ in call.back)
            if key in seen:
                continue
            seen.add(key)
            step = self.dialplan.find(call.place.context, call.place.number, call.place.priority)
            if step:
                waiting += reversed(list(self._follow(call, step, found)))
        return found

    def _follow(self, call: _Call, step: Step, found: list[Ring]) -> Iterator[_Call]:
        """Do a step: note the Dials in ``found``, and yield the ways on."""
        call.values |= {"EXTEN": call.place.number, "CONTEXT": call.place.context}
        yield from self._do(call, step, step.application, step.arguments, found)

    def _do(self, call: _Call, step: Step, application: str, arguments: str, found: list[Ring]) -> Iterator[_Call]:
        name = application.lower()
        following = call.at(replace(call.place, priority=step.priority + 1))
        if name in _DIALS:
            found.append(self._ring(call, step, arguments, conditional=application != step.application))
        if name in _ENDS:
            return
        if name == "goto":
            yield from self._to(call, call.place, arguments)
        elif name in {"gotoif", "gotoiftime"}:
            yield from self._branch(call, step, arguments)
        elif name == "execif":
            yield following
            _, _, ways = arguments.partition("?")
            for way in split_ways(ways):
                yield from self._do(call.at(call.place), step, *split_call(way), found)
        elif name in {"gosub", "gosubif", "macro", "macroif"}:
            yield from self._subroutine(call, following, name, arguments)
            yield following
        elif name == "return":
            for place, values in call.back[-1:]:
                yield replace(call, place=place, values=dict(values), back=call.back[:-1])
        else:
            if name in {"set", "mset"}:
                self._set(following, arguments, several=name == "mset")
            yield following

    def _value(self, call: _Call, text: str) -> str:
        return substitute(text, call.values, self.functions)

    def _set(self, call: _Call, arguments: str, several: bool) -> None:
        for part in arguments.split(",") if several else [arguments]:
            name, sign, value = part.partition("=")
            name = re.sub(r"^(?:LOCAL|GLOBAL)\((.*)\)$", r"\1", name.strip().lstrip("_"))
            if sign and re.fullmatch(r"\w+", name):
                call.values[name] = self._value(call, value)
                call.states = call.states | {name} if _asks_for_state(call, value) else call.states - {name}

    def _target(self, call: _Call, place: Place, text: str) -> Place | None:
        """Return where a target, ``[[context,]extension,]priority``, leads; None where only a call would tell."""
        parts = [part.strip() for part in self._value(call, text).split(",")]
        goal, number, context = (*reversed(parts), "", "")[:3]
        number, context = number or place.number, context or place.context
        if not goal or UNKNOWN in context + number + goal:
            return None
        if re.fullmatch("[0-9]{1,9}", goal):
            return Place(context, number, int(goal))
        labelled = self.dialplan.labelled(context, number, goal)
        return Place(context, number, labelled.priority) if labelled else None

    def _to(self, call: _Call, place: Place, text: str) -> Iterator[_Call]:
        target = self._target(call, place, text)
        if target:
            yield call.at(target)

    def _branch(self, call: _Call, step: Step, arguments: str) -> Iterator[_Call]:
        condition, _, ways = arguments.partition("?") if "?" in arguments else ("", "", "")
        following = replace(call.place, priority=step.priority + 1)
        yes, no = (*split_ways(ways), "")[:2]
        goals = tuple(self._target(call, call.place, way) or following for way in (yes, no))
        if _asks_for_state(call, condition):
            call = replace(call, tests=(*call.tests, Test(step, (goals[0], goals[1]))))
        for goal in dict.fromkeys(goals):
            yield call.at(goal)

    def _subroutine(self, call: _Call, following: _Call, name: str, arguments: str) -> Iterator[_Call]:
        ways = split_ways(arguments.partition("?")[2]) if name.endswith("if") else [arguments]
        for way in ways:
            if len(call.back) > _DEEP:
                continue
            inner = call.at(call.place)
            if name.startswith("macro"):
                macro, *values = [part.strip() for part in way.split(",")]
                place: Place | None = Place(f"macro-{self._value(call, macro)}", "s")
                inner.values |= {"MACRO_EXTEN": call.values["EXTEN"], "MACRO_CONTEXT": call.place.context}
            else:
                where, _, inside = way.partition("(") if not way.lstrip().startswith("$") else (way, "", "")
                values = split_arguments(inside.rpartition(")")[0]) if inside else []
                place = self._target(call, call.place, where)
            inner.values |= {f"ARG{n}": self._value(call, value) for n, value in enumerate(values, 1)}
            if place and not place.context.startswith(OURS):
                yield replace(inner, place=place, back=(*call.back, (following.place, following.values)))

    def _ring(self, call: _Call, step: Step, arguments: str, conditional: bool) -> Ring:
        text = split_arguments(arguments)
        dialled = self._value(call, text[3 if step.application.lower() == "retrydial" and len(text) > 3 else 0])
        devices: list[str] = []
        for device in dialled.split(",")[0].split("&"):
            local = re.fullmatch(r"Local/([^@/\x00]+)@([^@/\x00]+)(?:/\w*)?", device.strip(), re.IGNORECASE)
            if local and call.depth < _DEEP:
                inner = self.rings(local[2], local[1], call.depth + 1)
                devices += [device for ring in inner for device in ring.devices]
            else:
                devices.append(device.strip())
        return Ring(step, tuple(dict.fromkeys(devices)), dict(call.values), call.tests, conditional)


def _asks_for_state(call: _Call, text: str) -> bool:
    """Tell whether a text is about a phone's state: a function that tells it, or a variable that holds it."""
    return bool(_TESTS.search(text)) or not call.states.isdisjoint(re.findall(r"\$\{(\w+)", text))


def _filter(text: str) -> str:
    """Return what FILTER(allowed,value) leaves, for the usual 0-9."""
    allowed, _, value = text.partition(",")
    return re.sub(r"[^0-9]", "", value) if allowed.strip() == "0-9" else UNKNOWN


def split_arguments(text: str) -> list[str]:
    """Return an application's arguments, split at the commas outside of brackets and quotes."""
    return _split(text, ",")


def split_ways(text: str) -> list[str]:
    """Return the ways of a branch, ``yes:no``, split at the colon outside of brackets."""
    return _split(text, ":")


def _split(text: str, at: str) -> list[str]:
    parts, level, begin = [], 0, 0
    for place, char in enumerate(text):
        level += (char in "([{") - (char in ")]}")
        if char == at and level <= 0:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]
