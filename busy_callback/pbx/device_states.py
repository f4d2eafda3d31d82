"""What is known of the extensions' devices and lamps, over one connection to Asterisk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.pbx.ami import DEVICE_STATES, USER_EVENT, Ami
from busy_callback.pbx.conversations import are_connected, has_called
from busy_callback.policy import INVALID, TALKING_STATES, Line, combine, is_free
from busy_callback.request import Request, is_id
from busy_callback.settings import Settings

BATCH = 1000  # extensions whose states are learnt at once: what that takes of memory for all of many is not given back
MOST_NAMES = 20_000  # devices of which it is remembered whether a branch's states come under that name


class DeviceStates:
    """The lines of all extensions that anybody waits for or is waiting at, kept up to date by events.

    ``begun`` is the time that a state counts from when this view sees it first: a watch that has just begun
    can't know for how long a callee has been free, and gives it the whole guard time. Of a branch's extension there
    is a state here, but no device that could be called.
    """

    def __init__(self, ami: Ami, begun: float = 0.0, settings: Settings | None = None) -> None:
        self.ami = ami
        self.begun = begun
        settings = settings or Settings()
        self._branch_of, self._branches = settings.branch_of, settings.branches
        self.heard: dict[str, float] = {}  # by branch: when a state came from there last
        self._from: dict[str, str] = {}  # by device, the branch that its states come from, '' for none
        # Nearly every extension has one device, and a watch may know a hundred thousand: no tuples of one.
        self._dial_strings: dict[str, str] = {}  # by extension, its devices joined by &
        self._extensions: dict[str, str] = {}  # by device, joined by &
        self._states: dict[str, int] = {}  # by device
        self._first: dict[int, Line] = {}  # by state: one for all whose state is known since the beginning
        self.lines: dict[str, Line] = {}  # by extension
        self._lamps: dict[str, int] = {}  # read in advance, by extension
        self.changed: set[str] = set()  # extensions whose state has changed, for the next look
        # Ids of requests that others have changed, each once however often it is named; "" for one that was not.
        self.news: dict[str, None] = {}
        # Whether a report may lack something that Asterisk keeps: at first nobody knows; then the dialplan tells.
        self.reports_lack = True

    def dial_string(self, extension: str) -> str:
        """Return the extension's devices, joined by &."""
        line = self.lines.get(extension)
        # INVALID: its technology may not have been loaded yet, so ask again which it is.
        if extension not in self._dial_strings or (line and line.state == INVALID):
            self._learn([extension])
        return self._dial_strings[extension]

    def _learn(self, extensions: list[str]) -> None:
        for extension, states in self.ami.survey(extensions).items():
            self._dial_strings[extension] = "&".join(states)
            self._states.update(states)
            for device in states:
                known = self._extensions.get(device)
                if known is None:
                    self._extensions[device] = extension
                elif extension not in known.split("&"):
                    self._extensions[device] = f"{known}&{extension}"

    def ask(self, extensions: Iterable[str]) -> None:
        """Learn the states of the extensions, as far as they are unknown; events keep them up to date."""
        unknown = (extension for extension in extensions if extension not in self.lines)
        while some := list(dict.fromkeys(itertools.islice(unknown, BATCH))):
            self._learn(some)
            for extension in some:
                self._combine(extension, self.begun)

    def _combine(self, extension: str, now: float) -> None:
        """Make the extension's state of its devices'."""
        devices = self._dial_strings[extension].split("&")
        state = combine(self._states.get(device, INVALID) for device in devices)
        known = self.lines.get(extension)
        if known is None:
            self.lines[extension] = self._first.setdefault(state, Line(state, now))
        elif is_free(known.state) != is_free(state) or state in TALKING_STATES:
            self.lines[extension] = Line(state, now)
        else:
            self.lines[extension] = Line(state, known.since)

    def free_since(self, extension: str) -> float:
        """Return when the extension was seen to get free, 0.0 where it was free from the beginning."""
        line = self.lines.get(extension)
        return line.since if line and is_free(line.state) and line.since > self.begun else 0.0

    def name(self, extension: str) -> str:
        """Return the extension's name, whatever it is; '' where it has none, or another PBX knows it."""
        if self._branch_of(extension):
            return ""
        return self.ami.name(extension, [device for device in self.dial_string(extension).split("&") if device])

    def last_word(self, extension: str, meanwhile: Callable[[], None]) -> int:
        """Run ChanIsAvail for the extension and return its AVAILSTATUS; what is done ``meanwhile`` costs no time."""
        devices = self.dial_string(extension).split("&")
        if self._branch_of(extension):
            meanwhile()
            return combine(self.ami.device_states(devices).values())  # ChanIsAvail would begin a call to nowhere
        return self.ami.chan_is_avail(devices, meanwhile)

    def note(self, name: str, headers: dict[str, str], now: float) -> bool:
        """Take in an event; tell whether it is a reason to look."""
        if name == "UserEvent":
            if headers.get("UserEvent") != USER_EVENT:
                return False
            named = headers.get("Request", "")
            self.reports_lack = self.reports_lack or "Unwritten" in headers
            # A recall's own report is no news: each look reads the reports of all that are under way.
            if "Report" not in headers and named not in self.news:
                ids = named.split()
                self.news.update(dict.fromkeys(ids if ids and all(map(is_id, ids)) else [""]))
            return True
        device, state = headers.get("Device", ""), headers.get("State", "")
        if self._branches:
            self._hear(device, now)
        if device not in self._extensions or state not in DEVICE_STATES:
            return False
        known, self._states[device] = self._states.get(device), DEVICE_STATES.index(state)
        extensions = self._extensions[device].split("&")
        for extension in extensions:
            self._combine(extension, now)
        if known == self._states[device]:
            return False
        self.changed.update(extensions)
        return True

    def _hear(self, device: str, now: float) -> None:
        """Note when a branch was heard: each device is looked for once, however many branches there are."""
        name = self._from.get(device)
        if name is None:
            if len(self._from) >= MOST_NAMES:
                self._from.clear()
            name = next((branch.name for branch in self._branches if branch.tells(device)), "")
            self._from[device] = name
        if name:
            self.heard[name] = now

    def are_talking(self, request: Request) -> bool:
        """Tell whether caller and callee of the request are connected with each other."""
        if self._branch_of(request.callee):
            return has_called(self.ami, self.dial_string(request.caller).split("&"), request.callee)
        caller, callee = (self.dial_string(number).split("&") for number in (request.caller, request.callee))
        return are_connected(self.ami, caller, callee)

    def read_lamps(self, extensions: Iterable[str]) -> None:
        """Learn now which of the extensions' lamps are lit, for the next time that they are shown."""
        self._lamps = self.ami.lamps(list(extensions))

    def show_lamps(self, states: Mapping[str, int]) -> None:
        """Give each extension's lamp its state, where it has another."""
        known, self._lamps = self._lamps, {}
        known.update(self.ami.lamps([extension for extension in states if extension not in known]))
        self.ami.set_lamps({extension: state for extension, state in states.items() if known[extension] != state})


def lamps(requests: Iterable[Request]) -> dict[str, int]:
    """Return the state of each caller's lamp: RINGING during a recall, INUSE while a callback waits.

    Those of main/ccss.c (cc_state to device state), which CCSS's hints show. A caller without a live
    request is not in it: its lamp is NOT_INUSE.
    """
    states: dict[str, int] = {}
    for request in requests:
        if request.state == rq.RECALLING and not request.answered and not request.cancelled:
            states[request.caller] = policy.RINGING
        elif request.state in {rq.WAITING, rq.SUSPENDED}:
            states.setdefault(request.caller, policy.INUSE)
    return states
