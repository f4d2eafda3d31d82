"""Branches: other PBXs, whose extensions are called back from here by the device states that they publish.

Loaded only where busy_callback.conf has a [branch NAME]: the AGI's caller would wait for it.
"""

from __future__ import annotations

from busy_callback.errors import SettingsError
from busy_callback.numbering import classes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from busy_callback.numbering import Numbers

    Read = Mapping[str, tuple[Any, str]]  # by setting, its value and its place, path:line; by '' the section's place

USUAL_STATE = "PJSIP/{ext}"


class Branch:
    """Another PBX: its name here, its extensions, and the device under which an extension's state comes from it.

    No call from here reaches that device: the dialplan calls the extension as it does any, over the trunk.
    """

    __slots__ = ("extensions", "name", "state")

    def __init__(self, name: str, extensions: Numbers, state: str = USUAL_STATE) -> None:
        self.name = name
        self.extensions = extensions
        self.state = state

    def has(self, number: str) -> bool:
        """Tell whether the number is one of its extensions."""
        return number in self.extensions

    def tells(self, device: str) -> bool:
        """Tell whether a device is one whose state comes from this branch."""
        before, _, after = self.state.partition("{ext}")
        inside = len(device) - len(after)
        return device.startswith(before) and device.endswith(after) and self.has(device[len(before) : inside])


def make(sections: Mapping[str, Read], own: Numbers, where: str) -> tuple[Branch, ...]:
    """Return the branches of a settings file, by what was read of each section, by its name.

    ``own`` is this PBX's numbering plan, ``where`` its place, '' where that has none: then it is whatever no branch
    has. Raises SettingsError for a section without extensions, and where two have one number in common.
    """
    branches = []
    places = [(where, "[general]", own)] if where else []
    for name, read in sections.items():
        if "extensions" not in read:
            raise SettingsError(f"{read[''][1]}: [branch {name}] needs its extensions, as: extensions = 3XX")
        numbers, place = read["extensions"]
        branches.append(Branch(name, numbers, read.get("state", (USUAL_STATE, ""))[0]))
        places.append((place, f"[branch {name}]", numbers))
    _check_apart(places)
    return tuple(branches)


def _check_apart(places: list[tuple[str, str, Numbers]]) -> None:
    """Raise SettingsError where a number may be of two PBXs, naming both lines."""
    known: dict[tuple[int, str, str], list[tuple[str, str, str, tuple[frozenset[str], ...]]]] = {}
    for place, section, numbers in places:
        for pattern in numbers.patterns:
            digits = classes(pattern)
            for key in _keys(digits):
                for other_place, other_section, other, others in known.setdefault(key, []):
                    if other_section != section and all(not a.isdisjoint(b) for a, b in zip(digits, others)):
                        raise SettingsError(
                            f"{place}: extensions {pattern} of {section} overlap {other} of {other_section} "
                            f"({other_place}): each number is one PBX's"
                        )
                known[key].append((place, section, pattern, digits))


def _keys(digits: tuple[frozenset[str], ...]) -> Iterator[tuple[int, str, str]]:
    """Yield what two patterns have in common if they overlap, their length and two digits: few have."""
    for first in digits[0]:
        for second in digits[1] if len(digits) > 1 else ("",):
            yield len(digits), first, second
