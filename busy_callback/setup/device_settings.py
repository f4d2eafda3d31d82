"""The settings that say which devices an extension has: a dial string for most, and ``[devices]`` for the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from busy_callback.errors import SettingsError
from busy_callback.settings import check_setting


def dial_string(devices: Mapping[str, str]) -> str:
    """Return the setting ``device`` that is right for most extensions; ``auto`` where none is.

    ``devices`` has each extension's devices, joined by &.
    """
    counted = Counter(filter(None, (_pattern(number, device) for number, device in devices.items())))
    if not counted or set(counted) == {"PJSIP/{ext}", "SIP/{ext}"}:
        return "auto"
    pattern, times = counted.most_common(1)[0]
    return pattern if times * 2 > len(devices) else "auto"


def named(devices: Mapping[str, str], device: str) -> dict[str, str]:
    """Return what ``[devices]`` has to name where ``device`` is the dial string of the others.

    Of a device that several extensions have, its own extension comes first: the settings tell whose it is by that.
    """
    found = {}
    shared = Counter(device for joined in devices.values() for device in joined.split("&"))
    for number, joined in devices.items():
        usual = device.replace("{ext}", number) if device != "auto" else _usual(joined, number)
        if joined != usual or shared[joined] > 1:
            found[number] = joined
    return {number: joined for number, joined in found.items() if _can_be_set(number, joined)}


def unnameable(devices: Mapping[str, str]) -> list[str]:
    """Return the extensions whose devices' names can't be written into the settings."""
    return [number for number, joined in devices.items() if not _can_be_set(number, joined)]


def _pattern(number: str, device: str) -> str:
    """Return the dial string that has the number in it once, or ''."""
    technology, _, name = device.partition("/")
    if name.count(number) != 1 or re.search(rf"\d{number}|{number}\d", name, re.ASCII):
        return ""
    pattern = f"{technology}/{name.replace(number, '{ext}')}"
    try:
        check_setting("general", "device", pattern)
    except SettingsError:
        return ""
    return pattern


def _usual(joined: str, number: str) -> str:
    """Return the device that ``auto`` finds."""
    return joined if joined in {f"PJSIP/{number}", f"SIP/{number}"} else ""


def _can_be_set(number: str, joined: str) -> bool:
    try:
        check_setting("devices", number, joined)
    except SettingsError:
        return False
    return True
