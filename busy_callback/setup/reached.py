"""Whom each number rings: which Dial of a dialplan rings whose phone, and which devices an extension has.

Every number that may be a phone's is followed from every context in which phones' calls begin.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from busy_callback.request import is_number
from busy_callback.setup.call_paths import CallPaths, Ring
from busy_callback.setup.extensions import Dialplan, Step
from busy_callback.setup.phones import KNOWN, Phone
from busy_callback.setup.variables import UNKNOWN

_TRUNKS = re.compile(r"[gGrRiI]\d+|dsp|default|", re.ASCII)  # DAHDI's groups, the machine's own sound card
USUAL = range(2, 7)  # digits of an extension where nothing but a name tells that it is one: a longer one is a trunk's
_SAMPLES = {"X": "1", "Z": "1", "N": "2"}


@dataclass(frozen=True)
class Reach:
    """A number, dialled in a context, comes to a Dial that rings these devices of its own."""

    context: str
    number: str
    ring: Ring
    devices: tuple[str, ...]

    @property
    def step(self) -> Step:
        """The Dial."""
        return self.ring.step


@dataclass(frozen=True)
class Passed:
    """A Dial that rings phones, but none by the number dialled in this context; why no offer belongs behind it."""

    context: str
    step: Step
    why: str


@dataclass
class Reached:
    """What was found out: whom numbers ring, and the Dials that ring others' phones."""

    dialplan: Dialplan
    phones: tuple[Phone, ...]
    reaches: list[Reach] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)

    @functools.cached_property
    def contexts(self) -> list[str]:
        """The contexts in which the calls of phones that have an extension begin, that of most phones first."""
        owned = {device for reach in self.reaches for device in reach.devices}
        own = [phone for phone in self.phones if phone.device in owned or _is_usual(number_of(phone))]
        counted = Counter(phone.context for phone in own if phone.context)
        if counted or self.phones:
            return [context for context, _ in counted.most_common()]
        tops = dict.fromkeys(reach.context for reach in self.reaches)
        inner = {c.name for top in tops for c in self.dialplan.tree(top)[1:]}
        return [context for context in tops if context not in inner]

    @functools.cached_property
    def devices(self) -> dict[str, str]:
        """The devices of each extension, joined by &; those that are named by their number first."""
        found: dict[str, list[str]] = {}
        for reach in self.reaches:
            if is_number(reach.number) and reach.context in self.contexts:
                known = found.setdefault(reach.number, [])
                known += [device for device in reach.devices if device not in known]
        named = {device for devices in found.values() for device in devices}
        others: dict[str, list[str]] = {}
        for phone in self.phones:
            number = number_of(phone)
            if _is_usual(number) and (phone.device not in named or number == phone.name):
                others.setdefault(number, []).append(phone.device)
        found = {**others, **found}
        owners = {phone.device: number_of(phone) for phone in self.phones}
        aliases = {n for n, devices in found.items() if all(owners.get(d) not in {None, "", n} for d in devices)}
        return {number: "&".join(found[number]) for number in sorted(found, key=lambda n: (n in aliases, n))}


def _is_usual(number: str) -> bool:
    return is_number(number) and len(number) in USUAL


def number_of(phone: Phone) -> str:
    """Return the number that a phone has by itself: its name or its caller ID's, '' if it has none."""
    return phone.name if phone.name.isascii() and phone.name.isdigit() else phone.caller_id


def find(dialplan: Dialplan, phones: Iterable[Phone], more: Iterable[str] = ()) -> Reached:
    """Return what calls reach that begin in the phones' contexts, and in ``more`` contexts."""
    found = Reached(dialplan, tuple(phones))
    paths = CallPaths(dialplan)
    owner = _Owner(dialplan, found.phones)
    contexts = dict.fromkeys([*(phone.context for phone in found.phones if phone.context), *more])
    if not found.phones:
        contexts.update(dict.fromkeys(dialplan.contexts))
    for context in contexts:
        for number in dict.fromkeys(_numbers(dialplan, context, found.phones)):
            for ring in paths.rings(context, number):
                own, why = owner.own(context, number, ring)
                if own:
                    found.reaches.append(Reach(context, number, ring, own))
                elif why:
                    found.passed.append(Passed(context, ring.step, why))
    _leave_groups(found)
    wired = {reach.step for reach in found.reaches}
    found.passed = list({(p.context, p.step): p for p in found.passed if p.step not in wired}.values())
    return found


def _leave_groups(found: Reached) -> None:
    """Pass by the Dials that ring several phones, each of which another number rings alone."""
    alone: dict[str, set[str]] = {}
    for reach in found.reaches:
        if len(reach.devices) == 1:
            alone.setdefault(reach.devices[0], set()).add(reach.number)
    groups = [r for r in found.reaches if sum(bool(alone.get(d, set()) - {r.number}) for d in r.devices) > 1]
    found.reaches = [reach for reach in found.reaches if reach not in groups]
    found.passed += [Passed(reach.context, reach.step, _group(reach.devices)) for reach in groups]


def _group(devices: Iterable[str]) -> str:
    return f"rings {' and '.join(devices)} together: a group, and nobody's own phone"


def _numbers(dialplan: Dialplan, context: str, phones: tuple[Phone, ...]) -> Iterator[str]:
    """Yield the numbers that may be phones' and are dialled in a context."""
    for known in dialplan.tree(context):
        for extension in known.steps:
            if extension.isascii() and extension.isdigit():
                yield extension
            elif extension.startswith("_") and not phones:
                yield _sample(extension[1:])
    for phone in phones:
        numbers = re.findall(r"\d+", phone.name, re.ASCII)
        yield from (n for n in [*numbers, phone.caller_id] if n and any(dialplan.extensions(context, n)))
    for hint in dialplan.hints():
        if hint.extension.isdigit() and any(dialplan.extensions(context, hint.extension)):
            yield hint.extension


def _sample(pattern: str) -> str:
    """Return a number that a pattern means."""
    sets = re.sub(r"\[([^]])[^]]*\]", r"\1", pattern)
    return "".join(_SAMPLES.get(char.upper(), "" if char in ".!-" else char) for char in sets) + "1" * ("." in pattern)


class _Owner:
    """Tells which of the devices that a Dial rings are the number's own."""

    def __init__(self, dialplan: Dialplan, phones: tuple[Phone, ...]) -> None:
        self._dialplan = dialplan
        self._phones = phones
        self._by_device = {_key(phone.device): phone for phone in phones}
        self._by_number: dict[str, list[str]] = {}
        for phone in phones:
            self._by_number.setdefault(number_of(phone), []).append(phone.device)
        self._hints: dict[str, list[Step]] = {}
        for hint in dialplan.hints():
            self._hints.setdefault(hint.extension, []).append(hint)

    def own(self, context: str, number: str, ring: Ring) -> tuple[tuple[str, ...], str]:
        """Return which devices of the number's own a Dial rings, and why none of those that it does."""
        first = self._dialplan.find(context, number)
        origin = first.extension if first else ""
        mine = [found for device in ring.devices if (found := self._phone(device.replace(UNKNOWN, ""), origin))]
        if not mine and any(UNKNOWN in device for device in ring.devices):
            return tuple(self._told_elsewhere(context, number)), ""
        if not mine:
            return (), ""
        named = self._by_number.get(number, [])
        others = {
            n for d in mine if (phone := self._by_device.get(_key(d))) and (n := number_of(phone)) != number and n
        }
        if named and not set(named) & set(mine):
            return (), f"rings {' and '.join(mine)} for {number}, whose own phone is {named[0]}"
        if len(mine) > 1 and others:
            return (), _group(mine)
        if origin.startswith("_"):
            own = tuple(device for device in mine if self._is_of(number, device, context))
            return own, f"rings {' and '.join(mine)} for every number of {origin}"
        return tuple(mine), ""

    def _phone(self, device: str, origin: str) -> str:
        """Return a device's own name if it is one of the phones, or may be one that no list has; else ''."""
        phone = self._by_device.get(_key(device))
        if phone:
            return phone.device
        technology, slash, name = device.partition("/")
        if not slash or not re.fullmatch(r"[\w.-]+", name, re.ASCII) or technology.lower() == "local":
            return ""
        if technology.upper() in KNOWN:
            return device if not self._phones and _is_usual(name) else ""
        return device if not origin.startswith("_") and not _TRUNKS.fullmatch(name) else ""

    def _told_elsewhere(self, context: str, number: str) -> list[str]:
        """Return the devices that a number's hint names, else those whose own number it is."""
        for hint in sorted(self._hints.get(number, []), key=lambda hint: hint.context != context):
            named = [self._by_device.get(_key(device)) for device in hint.application.split(",")[0].split("&")]
            if any(named):
                return [phone.device for phone in named if phone]
        return self._by_number.get(number, [])

    def _is_of(self, number: str, device: str, context: str) -> bool:
        """Tell whether a device that a pattern's number rings is that number's own."""
        name = device.partition("/")[2]
        return number in re.findall(r"\d+", name, re.ASCII) or device in self._told_elsewhere(context, number)


def _key(device: str) -> str:
    """Return what devices are compared by: the technology may be written in any case."""
    technology, slash, name = device.partition("/")
    return f"{technology.lower()}{slash}{name}"


def number_expression(reaches: Iterable[Reach]) -> str:
    """Return the expression that has the number dialled behind a Dial, whoever comes there; '' if there is none."""
    names: list[str] | None = None
    for reach in reaches:
        here = [name for name, value in reach.ring.values.items() if value == reach.number]
        names = here if names is None else [name for name in names if name in here]
    usual = ["EXTEN", *(f"ARG{n}" for n in range(1, 10)), "MACRO_EXTEN"]
    found = [name for name in usual if name in (names or [])] or [n for n in names or [] if n.isidentifier()]
    return f"${{{found[0]}}}" if found else ""
