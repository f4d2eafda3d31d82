"""Asterisk's manager interface: pyst2's Manager behind deadlines and checks.

pyst2 0.5.1 waits for ever, checks no header, matches no answer to its action and can't reconnect. So: one
fresh Manager a connection, one thread that sends, a raising alarm around everything, no value sent that
is not plain, every answer checked against its ActionID.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami_session import Session, address, connect, in_time, our_errors
from busy_callback.policy import INVALID, combine
from busy_callback.settings import Settings

log = logging.getLogger(__name__)

MANY = 500  # actions sent at once; Asterisk answers them within a hundredth of the deadline
PROBE_TRIES = 3  # of a question to the dialplan; another poller's must come in between by less than a millisecond
PROBE_CONTEXT = "busy-callback-probe"
LAMP_CONTEXT = "busy-callback-lamp"
USER_EVENT = "BusyCallback"

# include/asterisk/devicestate.h, enum ast_device_state; main/devicestate.c, devstatestring
DEVICE_STATES = (
    "UNKNOWN",
    "NOT_INUSE",
    "INUSE",
    "BUSY",
    "INVALID",
    "UNAVAILABLE",
    "RINGING",
    "RINGINUSE",
    "ONHOLD",
)

# What a device may be called in an AMI frame and a call file. SHELL and EVAL in a variable's name would
# need Asterisk's "system" class (main/manager.c), so such a device is asked for by nobody.
_DEVICE = re.compile(r"(?:[A-Za-z0-9]+/|Custom:busy-callback-)[A-Za-z0-9_.@/-]{1,60}")
_CHANNEL = re.compile(r"[!-+.-~-]{1,120}")  # any plain name without a comma, which would end it in a list


def check_device(device: str) -> str:
    """Return ``device`` if it may be sent to Asterisk; raise ValueError otherwise."""
    if not _DEVICE.fullmatch(device):
        raise ValueError(f"{device[:60]!r} is not a device's name, as PJSIP/202")
    return device


class Ami:
    """One connection to Asterisk's manager interface, as a context manager.

    With ``on_event``, that function is called in another thread with the name and headers of each event
    (DeviceStateChange and our own UserEvent), and with an empty name when the connection has ended.
    Every method raises AsteriskError, with a sentence that says what to do.
    """

    def __init__(self, settings: Settings, on_event: Callable[[str, dict[str, str]], None] | None = None) -> None:
        self._settings = settings
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._probe_missing = False
        self._session = Session(self._pass_on, self._ended)

    def _ended(self) -> None:
        if self._on_event:
            self._on_event("", {})

    def _pass_on(self, name: str, headers: dict[str, str]) -> None:
        if self._on_event and name in {"DeviceStateChange", "UserEvent"}:
            self._on_event(name, headers)

    def __enter__(self) -> Ami:
        try:
            self._connect()
        except BaseException:
            self._session.end()
            raise
        return self

    def _connect(self) -> None:
        where = address(self._settings.host, self._settings.port)
        late = f"no greeting from Asterisk's manager at {where}; is tls right for that port?"
        with our_errors(f"Asterisk's manager at {where} can't be reached"):
            self._session = connect(self._settings, late, self._pass_on, self._ended)
        answer = self._act(
            Action="Login",
            Username=self._settings.user,
            Secret=self._settings.secret,
            Events="call,user" if self._on_event else "off",
        )
        if answer.get("Response") != "Success":
            raise AsteriskError(
                f"Asterisk's manager at {where} refuses user {self._settings.user!r}: "
                f"{answer.get('Message', 'no reason given')}; compare that user's secret with busy_callback.conf's"
            )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._on_event = None
        try:
            # A connection that has just failed would only fail again, after all of its time.
            if exc is None and self._session.connected():
                self._act(Action="Logoff")
        except AsteriskError:
            pass  # it is ended either way
        finally:
            self._session.end()

    def _act(self, **fields: str | list[str]) -> dict[str, Any]:
        """Send one action and return its answer's headers."""
        return self._act_all([fields])[0]

    def _act_all(
        self, actions: Sequence[Mapping[str, str | list[str]]], meanwhile: Callable[[], None] | None = None
    ) -> list[dict[str, Any]]:
        """Send some actions at once, do something else ``meanwhile``, and return the headers of their answers."""
        numbered: list[dict[str, str | list[str]]] = []
        for action in actions:
            for value in itertools.chain.from_iterable(v if isinstance(v, list) else [v] for v in action.values()):
                if not value.isascii() or not value.isprintable() or len(value) > 900:
                    raise ValueError(f"{value[:40]!r} can't stand in a manager action")
            numbered.append({**action, "ActionID": f"busy-callback-{next(self._numbers)}"})
        name = actions[0]["Action"]
        late = f"Asterisk did not answer {name} in time"
        words = late, f"the connection to Asterisk broke during {name}"
        with in_time(*words):
            self._session.post(numbered)
        try:
            if meanwhile:
                meanwhile()
        finally:
            with in_time(*words):
                answers = self._session.answers(len(numbered))
        for action, answer in zip(numbered, answers):
            if answer.headers.get("ActionID") != action["ActionID"]:
                raise AsteriskError(f"Asterisk answered {name} out of order: {answer.response!r:.200}")
        return [answer.headers for answer in answers]

    def get_all(self, variables: Sequence[str]) -> list[str]:
        """Return the values of many, asked for at once: one by one each would cost a round trip."""
        values: list[str] = []
        for first in range(0, len(variables), MANY):
            some = variables[first : first + MANY]
            values += map(self._value, some, self._act_all([{"Action": "Getvar", "Variable": each} for each in some]))
        return values

    def _value(self, variable: str, answer: dict[str, Any], of_channel: bool = False) -> str:
        if of_channel and answer.get("Message") == "No such channel":
            return ""
        if answer.get("Response") != "Success" or answer.get("Variable") != variable:
            raise AsteriskError(
                f"Asterisk does not tell {variable}: {answer.get('Message', 'no reason given')}; "
                f"its manager must give user {self._settings.user!r} write = reporting,originate"
            )
        return str(answer.get("Value", ""))

    def device_states(self, devices: Iterable[str]) -> dict[str, int]:
        """Return the state of each device as ChanIsAvail's AVAILSTATUS numbers it (see DEVICE_STATES)."""
        asked = list(devices)
        words = self.get_all([f"DEVICE_STATE({check_device(device)})" for device in asked])
        for device, word in zip(asked, words):
            if word not in DEVICE_STATES:
                raise AsteriskError(f"Asterisk does not know DEVICE_STATE({device}); is func_devstate.so loaded?")
        return {device: DEVICE_STATES.index(word) for device, word in zip(asked, words)}

    def device_state(self, device: str) -> int:
        """Return the state of one device."""
        return self.device_states([device])[device]

    def survey(self, extensions: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return the devices of each extension with their states; it may have none. ``[devices]`` counts first."""
        way = self._settings.device
        texts = {e: self._settings.devices_of(e) for e in extensions}
        others = [e for e, text in texts.items() if not text]
        states: dict[str, int] = {}
        if way == "auto":
            states = self.device_states(f"PJSIP/{e}" for e in others)
            texts.update({e: f"SIP/{e}" if states[f"PJSIP/{e}"] == INVALID else f"PJSIP/{e}" for e in others})
        elif way == "freepbx":
            texts.update({e: self._ask_dialplan("device", BUSY_CALLBACK_EXTENSION=e) for e in others})
        elif way.startswith("hint@"):
            texts.update(zip(others, self.get_all([f"HINT({e}@{way[5:]})" for e in others])))
        # What else an admin's hints and AstDB hold is left out.
        devices = {e: [d for d in text.split("&") if _DEVICE.fullmatch(d)] for e, text in texts.items()}
        states.update(self.device_states({d for some in devices.values() for d in some} - set(states)))
        return {e: {d: states[d] for d in some} for e, some in devices.items()}

    def channels(self, devices: Iterable[str]) -> set[str]:
        """Return the channels that the devices have now."""
        found = self.get_all([f"CHANNELS(^{re.escape(check_device(device))}-)" for device in devices])
        return {channel for text in found for channel in text.split()}

    def of_channels(self, variable: str, channels: Iterable[str]) -> dict[str, str]:
        """Return a variable's value of each channel with a plain name; '' for one that is gone."""
        asked = [c for c in channels if _CHANNEL.fullmatch(c)]
        actions = [{"Action": "Getvar", "Variable": variable, "Channel": name} for name in asked]
        answers = self._act_all(actions) if actions else []
        return {name: self._value(variable, answer, True) for name, answer in zip(asked, answers)}

    def set_lamps(self, states: Mapping[str, int]) -> None:
        """Give extensions' lamps, Custom:busy-callback-EXTENSION, a device state each."""
        actions = [_to_run(LAMP_CONTEXT, e, BUSY_CALLBACK_LAMP=DEVICE_STATES[s]) for e, s in states.items()]
        for first in range(0, len(actions), MANY):
            self._act_all(actions[first : first + MANY])

    def lamps(self, extensions: Sequence[str]) -> dict[str, int]:
        """Return the device state of each extension's lamp."""
        return dict(zip(extensions, self.device_states(f"Custom:busy-callback-{e}" for e in extensions).values()))

    def hang_up(self, channel: str) -> None:
        """End a channel of a recall of ours, and with it the ringing; one that is gone is no error."""
        if _CHANNEL.fullmatch(channel):
            self._act_all([_to_run(PROBE_CONTEXT, "hang-up", BUSY_CALLBACK_CHANNEL=channel)])

    def call(self, device: str, context: str, extension: str, **variables: str) -> None:
        """Let a device be called and, once it has answered, be connected to an extension of ours: doctor's trial."""
        whole = {"Channel": f"{check_device(device)}/n", "Context": context, "Exten": extension, "Priority": "1"}
        answer = self._act(**{**_to_run("", "", **variables), **whole, "Application": ""})
        if answer.get("Response") != "Success":
            raise AsteriskError(f"Asterisk did not connect {device}: {answer.get('Message', '')}")

    def chan_is_avail(self, devices: Sequence[str], meanwhile: Callable[[], None] | None = None) -> int:
        """Run ChanIsAvail(devices,as) in Asterisk, do something ``meanwhile``, and return AVAILSTATUS, combined.

        Where the probe context is not loaded, DEVICE_STATE, which gives the same numbers, is asked, and a
        warning logged once.
        """
        dial_string = "&".join(map(check_device, devices))
        numbers = self._ask_dialplan("available", meanwhile, BUSY_CALLBACK_DEVICE=dial_string).split("&")
        if all(number.isascii() and number.isdigit() for number in numbers):
            return combine(map(int, numbers))
        if not self._probe_missing:
            self._probe_missing = True
            log.warning(
                "ChanIsAvail can't be run: context %s is not loaded or user %s may not originate "
                "(it needs write = reporting,originate); using DEVICE_STATE instead",
                PROBE_CONTEXT,
                self._settings.user,
            )
        return combine(self.device_states(devices).values())

    def name(self, extension: str, devices: Sequence[str]) -> str:
        """Return an extension's name, FreePBX's or its first device's; '' where it has none. It may be hostile."""
        device = check_device(devices[0]) if devices else ""
        return self._ask_dialplan("name", BUSY_CALLBACK_EXTENSION=extension, BUSY_CALLBACK_DEVICE=device)

    def probe(self, device: str) -> bool:
        """Tell whether ChanIsAvail can be run in Asterisk: doctor asks."""
        return self._ask_dialplan("available", BUSY_CALLBACK_DEVICE=check_device(device)).isdigit()

    def _ask_dialplan(self, question: str, meanwhile: Callable[[], None] | None = None, **variables: str) -> str:
        """Let the probe context answer a question; '' when it can't.

        A Local channel runs it; the answer comes back in a global variable. A session's actions run one after
        the other, so that both can be sent at once. Another poller, which learns while we work, may ask in
        between: then we ask again.
        """
        for _ in range(PROBE_TRIES):
            probe_id = os.urandom(8).hex()
            run = _to_run(PROBE_CONTEXT, question, BUSY_CALLBACK_PROBE_ID=probe_id, **variables)
            answer = self._act_all([run, {"Action": "Getvar", "Variable": "BUSY_CALLBACK_PROBE"}], meanwhile)[1]
            meanwhile = None
            found, _, text = self._value("BUSY_CALLBACK_PROBE", answer).partition(" ")
            if found == probe_id:
                return text
            if not found:
                break
        return ""


def _to_run(context: str, extension: str, **variables: str) -> dict[str, str | list[str]]:
    """Return the action that runs an extension of ours in Asterisk to its end.

    It always answers "Originate failed", as the channel never answers; what it did tells.
    """
    return {
        "Action": "Originate",
        "Channel": f"Local/{extension}@{context}/n",
        "Application": "NoOp",
        "Timeout": "3000",
        "Variable": ["CDR_PROP(disable)=1", *(f"{name}={value}" for name, value in variables.items())],
    }
