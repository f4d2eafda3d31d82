"""The channel that an AGI script serves: whose phone it is, and what Asterisk knows of devices, on the caller's time.

A channel's name begins with the device that made it (main/channel.c: TECHNOLOGY/DEVICE-UNIQUE), which is the admin's
to name: that tells who calls. A caller ID does not, for a trunk passes on whatever its far end claims; nor does the
name of a chan_sip guest's channel, which has the host of its From header (channels/chan_sip.c, sip_new).
"""

from __future__ import annotations

from busy_callback.request import RESTRICTED, is_context, is_number
from busy_callback.setting_values import is_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterisk.agi import AGI

    from busy_callback.settings import Settings

RECALL_CONTEXT = "custom-auto-redial"  # callfile's; not imported for one word
_RESTRICTION, _HIDDEN = 0x60, 0x20  # of agi_callingpres (include/asterisk/callerid.h, AST_PRES_RESTRICTED)
LAST_NUMBERS = "busy-callback-last"  # the family in Asterisk's database
_MANY = 1000  # numbers of a plan that are looked through for the one whose hint has a device
_ROOM = 4000  # characters of one question; AGI takes 8,191 (res/res_agi.c)


class Channel:
    """The channel that an AGI script serves.

    ``device`` is the dial string of what made it, a phone or a trunk, and '' where its name tells of none;
    ``caller_id`` is the number that it presents, which is no proof of anything, and ``presentation`` RESTRICTED where
    that is hidden, else ''.
    """

    def __init__(self, agi: AGI) -> None:
        self._agi = agi
        self.name = str(agi.env.get("agi_channel", ""))
        self.caller_id = str(agi.env.get("agi_callerid", ""))
        shown = str(agi.env.get("agi_callingpres", ""))
        hidden = shown.isascii() and shown.isdigit() and int(shown[:9]) & _RESTRICTION == _HIDDEN
        self.presentation = RESTRICTED if hidden else ""
        device = self.name.rpartition("-")[0]
        self.device = device if is_device(device) else ""

    def ask(self, *questions: str) -> list[str]:
        """Return what some variables and functions of the dialplan hold, '' where nothing.

        Only what was checked may stand in a question: Asterisk evaluates all of it.
        """
        found: list[str] = []
        while len(found) < len(questions):
            # Many at once: one by one each would cost a round trip.
            some: list[str] = []
            length = 0
            for question in questions[len(found) :]:
                length += len(question) + 4
                if some and length > _ROOM:
                    break
                some.append(f"${{{question}}}")
            values = str(self._agi.get_full_variable("|".join(some))).split("|")
            if len(values) != len(some):
                values = [str(self._agi.get_full_variable(one)) for one in some]
            found += values
        return found

    # -- who calls ---------------------------------------------------------------------------------

    def recalled(self, callee: str) -> str:
        """Return the caller of our own recall to ``callee`` whose far end this channel is, '' where it is none."""
        number = _between(self.device, "Local/rd", f"{callee}@{RECALL_CONTEXT}")
        return number if is_number(number) else ""

    def caller(self, settings: Settings) -> str:
        """Return the extension whose phone this channel is, '' where it is no phone of ours.

        With ``callers = any`` the number that a channel presents is taken on trust, but for a Local channel's: to
        answer the leg of a queue or of a ring group would end the whole.
        """
        if not self.device:
            return ""
        number = "" if self._is_guest() else self._named(settings)
        if not number and settings.callers == "any" and not self.device.startswith("Local/"):
            number = self.caller_id
        return number if settings.is_own(number) else ""

    def is_phone_of(self, number: str, settings: Settings) -> bool:
        """Tell whether this channel is of a phone of the extension."""
        return (
            bool(self.device)
            and not self._is_guest()
            and (
                self.device in self._set_devices(number, settings)
                or self.device in self._freepbx_devices(number)
                or self._configured() == number
            )
        )

    def _is_guest(self) -> bool:
        """Tell whether this is a channel of chan_sip's that is no peer's: its name is the far end's to choose."""
        technology, _, name = self.device.partition("/")
        return technology == "SIP" and self.ask("CHANNEL(peername)")[0] != name

    def _named(self, settings: Settings) -> str:
        return self._configured() or self._by_name(settings) or self._by_hint(settings) or self._by_freepbx(settings)

    def _configured(self) -> str:
        """Return BUSY_CALLBACK_FROM as the endpoint's set_var (PJSIP) or the peer's setvar (chan_sip) has it.

        The channel's variable of that name only tells that it is worth asking: a dialplan may have filled it, from
        a caller ID too.
        """
        if not self.ask("BUSY_CALLBACK_FROM")[0]:
            return ""
        technology, _, name = self.device.partition("/")
        if technology == "PJSIP":
            return self.ask(f"AST_SORCERY(res_pjsip,endpoint,{name},BUSY_CALLBACK_FROM)")[0]
        return self.ask(f"SIPPEER({name},chanvar[BUSY_CALLBACK_FROM])")[0] if technology == "SIP" else ""

    def _by_name(self, settings: Settings) -> str:
        """Return the extension by ``[devices]`` and the setting ``device``, read backwards."""
        named = settings.extension_of(self.device)
        found = (named, *(_between(self.device, *form.split("{ext}")) for form in _forms(settings)))
        return next((number for number in found if number in settings.extensions), "")

    def _by_hint(self, settings: Settings) -> str:
        """Return the extension whose hint has this device: the caller ID's, if it is one, else any of the plan."""
        if not settings.device.startswith("hint@"):
            return ""
        plan, context = settings.extensions, settings.device[5:]
        likely = [self.caller_id] if self.caller_id in plan else []
        for numbers in (likely, plan.listed(_MANY)):
            hints = self.ask(*(f"HINT({number}@{context})" for number in numbers))
            for number, hint in zip(numbers, hints):
                if self.device in _devices_of(hint):
                    return number
        return ""

    def _by_freepbx(self, settings: Settings) -> str:
        """Return the user of this device by FreePBX's database."""
        name = self.device.partition("/")[2]
        user, dial, of_call = self.ask(f"DB(DEVICE/{name}/user)", f"DB(DEVICE/{name}/dial)", "AMPUSER")
        if user in settings.extensions and self.device in dial.split("&"):
            return user
        for number in dict.fromkeys((name, of_call, self.caller_id)):
            if number in settings.extensions and self.device in self._freepbx_devices(number):
                return number
        return ""

    # -- its last number ---------------------------------------------------------------------------

    def keep_last(self, caller: str, callee: str, kind: str) -> None:
        """Keep, in Asterisk's database, whom the caller may ask for afterwards and whether it hid: a row a caller."""
        row = ",".join(filter(None, (callee, kind, self.presentation)))
        self._agi.execute("DATABASE PUT", f'"{LAST_NUMBERS}"', f'"{caller}"', f'"{row}"')

    def last(self, caller: str) -> tuple[str, str, str]:
        """Return the caller's last number, the kind of request that it is for, and its presentation, as kept."""
        callee, kind, presentation = (*self.ask(f"DB({LAST_NUMBERS}/{caller})")[0].split(",", 2), "", "")[:3]
        return callee, kind, presentation

    # -- an extension's devices --------------------------------------------------------------------

    def _set_devices(self, number: str, settings: Settings) -> list[str]:
        """Return the dial strings that ``[devices]``, else ``device``, gives to an extension of the plan."""
        if number in settings.devices:
            return settings.devices[number].split("&")
        if settings.device.startswith("hint@"):
            return _devices_of(self.ask(f"HINT({number}@{settings.device[5:]})")[0])
        return [form.replace("{ext}", number) for form in _forms(settings)]

    def _freepbx_devices(self, number: str) -> list[str]:
        """Return the dial strings of the devices at which FreePBX's user is logged in, or of that device."""
        (text,) = self.ask(f"DB(AMPUSER/{number}/device)")
        names = [name for name in text.split("&") if name.isascii() and name.isalnum()] or [number]
        return [part for dial in self.ask(*(f"DB(DEVICE/{name}/dial)" for name in names)) for part in _devices_of(dial)]

    def devices(self, number: str, settings: Settings) -> dict[str, str]:
        """Return the devices of an extension with Asterisk's words for their states, as pbx/ami's survey has them."""
        if settings.branch_of(number):
            devices = settings.devices_of(number).split("&")
            return dict(zip(devices, self.states(devices)))
        devices = self._freepbx_devices(number) if settings.device == "freepbx" else []
        if devices or number in settings.devices or settings.device not in {"auto", "freepbx"}:
            devices = devices or self._set_devices(number, settings)
            return dict(zip(devices, self.states(devices)))
        pjsip, sip = self.states([f"PJSIP/{number}", f"SIP/{number}"])
        return {f"SIP/{number}": sip} if pjsip == "INVALID" else {f"PJSIP/{number}": pjsip}

    def states(self, devices: Sequence[str]) -> list[str]:
        """Return Asterisk's words for the states of devices (main/devicestate.c, devstatestring)."""
        return self.ask(*(f"DEVICE_STATE({device})" for device in devices))

    def has_channels(self, devices: Sequence[str]) -> bool:
        """Tell whether a device has a channel now; a state may still be that of a call that has just ended."""
        return any(self.ask(*("CHANNELS(^{}-)".format(device.replace(".", "[.]")) for device in devices)))

    def context(self, device: str) -> str:
        """Return the dialplan context in which a device's calls begin, '' where that can't be told."""
        technology, _, name = device.partition("/")
        function = {"PJSIP": "PJSIP_ENDPOINT", "SIP": "SIPPEER"}.get(technology)
        found = self.ask(f"{function}({name},context)")[0] if function else ""
        return found if is_context(found) else ""


def _forms(settings: Settings) -> list[str]:
    """Return the dial strings, with {ext} for the number, that a phone may have by the setting."""
    way = settings.device
    return ["PJSIP/{ext}", "SIP/{ext}"] if way == "auto" else [way] if "{ext}" in way else []


def _between(text: str, head: str, tail: str) -> str:
    """Return what stands between head and tail, '' where they do not stand there."""
    whole = text.startswith(head) and text.endswith(tail) and len(text) > len(head) + len(tail)
    return text[len(head) : len(text) - len(tail)] if whole else ""


def _devices_of(text: str) -> list[str]:
    """Return the devices in a hint or a dial string; what else an admin's may hold is left out."""
    return [part for part in text.replace(",", "&").split("&") if is_device(part)]
