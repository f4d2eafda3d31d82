"""Whether a caller is offered a callback, decided before any prompt: nothing is offered that can't be served."""

from __future__ import annotations

import time

from busy_callback import request as rq
from busy_callback.errors import NumberError
from busy_callback.numbering import printable
from busy_callback.store import offer_switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busy_callback.channel import Channel
    from busy_callback.settings import Settings
    from busy_callback.store.spool import Spool

# By Dial's DIALSTATUS (apps/app_dial.c).
KINDS = {"BUSY": rq.BUSY, "NOANSWER": rq.NO_REPLY, "CHANUNAVAIL": rq.NOT_LOGGED_IN}
PROMPTS = {
    rq.BUSY: "busy-callback",
    rq.NO_REPLY: "busy-callback-noanswer",
    rq.NOT_LOGGED_IN: "busy-callback-unavailable",
}
TAKEN_PROMPT = "busy-callback-taken"
FULL_PROMPT = "busy-callback-full"
IN_USE = ("INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD")
SETTLING = 0.2  # seconds in which a call that was just refused leaves the device's state


class Offer:
    """What a caller is to hear: ``prompt``, '' for nothing; ``reason`` says why, for the log.

    ``caller`` is the extension whose phone it is, '' where that was not found out or is none of ours. A prompt with
    a ``kind`` is to be answered with a digit; one without only tells.
    """

    __slots__ = ("caller", "kind", "prompt", "reason")

    def __init__(self, caller: str, reason: str, prompt: str = "", kind: str = "") -> None:
        self.caller = caller
        self.reason = reason
        self.prompt = prompt
        self.kind = kind


def decide(channel: Channel, callee: str, dial_status: str, settings: Settings, spool: Spool) -> Offer:
    """Return what the channel's caller is offered, after its call to ``callee`` ended as Dial says.

    What would be offered is kept as the caller's last number, whether the prompt is on or off. Raises OSError where
    the spool can't be read.
    """
    kind = KINDS.get(dial_status, "")
    if not kind:
        return Offer("", f"a call that ended as {printable(dial_status)!r}")
    if not settings.is_callee(callee):
        return Offer("", f"{printable(callee)!r} is not in the numbering plan")
    recalled = channel.recalled(callee)
    caller = recalled or channel.caller(settings)
    if not caller:
        return Offer("", f"{printable(channel.name, 80)} is no phone of ours")
    try:
        settings.check_pair(caller, callee)
    except NumberError as error:
        return Offer(caller, str(error))
    hindrance = _hindrance(channel, callee, kind, settings)
    if hindrance:
        return Offer(caller, hindrance)
    channel.keep_last(caller, callee, kind)
    if not settings.offer or not offer_switch.is_on(spool):
        return Offer(caller, "the offer is switched off")
    if not _has_place(spool, caller, callee, settings):
        return Offer(caller, f"no place left in the queue of {caller} or {callee}", FULL_PROMPT)
    prompt = TAKEN_PROMPT if recalled and kind == rq.BUSY and settings.retention else PROMPTS[kind]
    return Offer(caller, f"{caller} is offered a callback to {callee} ({kind})", prompt, kind)


def kind_of_wish(channel: Channel, caller: str, callee: str, settings: Settings) -> str:
    """Return the kind of the request that ``caller`` makes without a call before, by ``*66`` and the callee's number.

    Raises NumberError, saying why, where the callee can't be asked for.
    """
    settings.check_pair(caller, callee)
    hindrance = _wants_no_calls(channel, callee)
    states = list(channel.devices(callee, settings).values())
    kind = rq.NOT_LOGGED_IN if _is_away(states) else rq.BUSY
    hindrance = hindrance or _device_hindrance(callee, kind, states, settings)
    if hindrance:
        raise NumberError(hindrance)
    return kind


def _wants_no_calls(channel: Channel, callee: str) -> str:
    """Return what keeps the callee from being called at all, '' where nothing does."""
    # As FreePBX keeps them, and many a dialplan of one's own does.
    for what, value in zip(("do not disturb", "forwards all"), channel.ask(f"DB(DND/{callee})", f"DB(CF/{callee})")):
        if value.lower() not in {"", "0", "no", "off"}:
            return f"{callee}: {what}"
    return ""


def _hindrance(channel: Channel, callee: str, kind: str, settings: Settings) -> str:
    """Return why the callee can't be waited for, '' where it can."""
    unwanted = _wants_no_calls(channel, callee)
    if unwanted:
        return unwanted
    devices = channel.devices(callee, settings)
    states = list(devices.values())
    if kind == rq.BUSY and is_in_use(states) and not channel.has_channels(list(devices)):
        time.sleep(SETTLING)  # a device of another Asterisk, or the state of the call that was just refused
        states = channel.states(list(devices))
    if kind == rq.BUSY and not is_in_use(states):
        # A phone that says busy though its device is idle (do not disturb) or away: nothing to wait for.
        return f"{callee} is not in use: {', '.join(states) or 'it has no device'}"
    return _device_hindrance(callee, kind, states, settings)


def _device_hindrance(callee: str, kind: str, states: Sequence[str], settings: Settings) -> str:
    if all(state == "INVALID" for state in states):
        return f"{callee} has no device that Asterisk knows"
    if kind == rq.NOT_LOGGED_IN and not _is_away(states):
        return f"{callee} is logged in, and could not be reached: {', '.join(states)}"
    if kind == rq.NOT_LOGGED_IN and not settings.not_logged_in:
        return f"{callee} is not logged in, and not_logged_in = no in busy_callback.conf"
    return ""


def _is_away(states: Iterable[str]) -> bool:
    """Tell whether none of an extension's devices in these states can be called, but one that comes back could."""
    found = set(states)
    return "UNAVAILABLE" in found and found <= {"UNAVAILABLE", "INVALID"}


def is_in_use(states: Iterable[str]) -> bool:
    """Tell whether an extension with devices in these states is busy with a call."""
    return any(state in IN_USE for state in states)


def _has_place(spool: Spool, caller: str, callee: str, settings: Settings) -> bool:
    try:
        return spool.has_place(caller, callee, settings)
    except FileNotFoundError:
        return True  # no callback was ever asked for here
