"""What is known of the extensions' devices and lamps, over one connection to Asterisk."""

from __future__ import annotations

from busy_callback.ami import DEVICE_STATES, USER_EVENT, Ami
from busy_callback.policy import INVALID, NOT_INUSE, TALKING_STATES, Line, combine, is_free
from busy_callback.request import Request


class View:
    """The lines of all extensions that anybody waits for or is waiting at, kept up to date by events.

    ``begun`` is the time that a state counts from when this view sees it first: a watch that has just begun
    can't know for how long a callee has been free, and gives it the whole guard time.
    """

    def __init__(self, ami: Ami, begun: float = 0.0) -> None:
        self.ami = ami
        self._begun = begun
        self._devices: dict[str, tuple[str, ...]] = {}  # by extension
        self._extensions: dict[str, set[str]] = {}  # by device
        self._states: dict[str, int] = {}  # by device
        self.lines: dict[str, Line] = {}  # by extension
        self.lamps: dict[str, int] = {}  # as last set, by extension

    def devices(self, extension: str) -> tuple[str, ...]:
        """Return the extension's devices."""
        if extension not in self._devices:
            self._devices[extension] = self.ami.devices_of(extension)
            for device in self._devices[extension]:
                self._extensions.setdefault(device, set()).add(extension)
        return self._devices[extension]

    def ask(self, extension: str) -> None:
        """Learn the extension's state unless it is known; events keep it up to date."""
        if extension not in self.lines:
            for device in self.devices(extension):
                self._states[device] = self.ami.device_state(device)
            self._combine(extension, self._begun)
            if self.lines[extension].state == INVALID:
                del self._devices[extension]  # its technology may not be loaded yet: ask again which it is

    def _combine(self, extension: str, now: float) -> None:
        """Make the extension's state of its devices'."""
        state = combine(self._states.get(device, INVALID) for device in self._devices[extension])
        known = self.lines.get(extension)
        if known is None or is_free(known.state) != is_free(state) or state in TALKING_STATES:
            self.lines[extension] = Line(state, now)
        else:
            self.lines[extension] = Line(state, known.since)

    def last_word(self, extension: str) -> int:
        """Run ChanIsAvail for the extension and return its AVAILSTATUS."""
        return self.ami.chan_is_avail(self.devices(extension))

    def note(self, name: str, headers: dict[str, str], now: float) -> bool:
        """Take in an event; tell whether it is a reason to look."""
        if name == "UserEvent":
            return headers.get("UserEvent") == USER_EVENT
        device, state = headers.get("Device", ""), headers.get("State", "")
        if device not in self._extensions or state not in DEVICE_STATES:
            return False
        known, self._states[device] = self._states.get(device), DEVICE_STATES.index(state)
        for extension in self._extensions[device]:
            self._combine(extension, now)
        return known != self._states[device]

    def are_talking(self, request: Request) -> bool:
        """Tell whether caller and callee of the request are connected with each other."""
        return self.ami.are_talking(self.devices(request.caller), self.devices(request.callee))

    def show_lamps(self, states: dict[str, int]) -> None:
        """Set the lamps that differ; those that are not in ``states`` go out."""
        for extension in {*states, *self.lamps}:
            state = states.get(extension, NOT_INUSE)
            if extension not in self.lamps:
                self.lamps[extension] = self.ami.lamp(extension)
            if self.lamps[extension] != state:
                self.ami.set_lamp(extension, state)
                self.lamps[extension] = state
