"""What pjsip.conf needs for device states to come from a branch, and to go there: Asterisk's own publications.

Sources: res_pjsip_publish_asterisk.c, res_pjsip_outbound_publish.c, and res_pjsip_pubsub.c, where the user part of the
other side's server_uri names the inbound publication.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from busy_callback.branches import Branch
from busy_callback.settings import Settings

MODULES = ("res_pjsip_publish_asterisk.so", "res_pjsip_outbound_publish.so")
_ANY = "[0-9]{2,6}"  # a numbering plan without patterns


@dataclass(frozen=True)
class Publication:
    """One side's part: what it calls the other, what that calls it, and where and as which endpoint that is reached.

    ``takes`` and ``gives`` are the devices whose states come and go, as extended regular expressions; ``transport`` and
    ``outbound_auth`` are those of the endpoint, '' where it names none.
    """

    branch: str
    here: str
    address: str
    endpoint: str
    takes: str
    gives: str
    transport: str = ""
    outbound_auth: str = ""

    @property
    def section(self) -> str:
        """The name of its sections."""
        return f"busy-callback-{self.branch}"

    def lines(self) -> list[str]:
        """Return the sections of pjsip.conf."""
        return [
            f"[{self.branch}]",
            "type = inbound-publication",
            f"endpoint = {self.endpoint}",
            f"event_asterisk-devicestate = {self.section}",
            f"[{self.section}]",
            "type = asterisk-publication",
            f"devicestate_publish = {self.section}",
            "device_state = yes",
            f"device_state_filter = {self.takes}",
            f"[{self.section}]",
            "type = outbound-publish",
            f"server_uri = sip:{self.here}@{self.address}",
            "event = asterisk-devicestate",
            f"@device_state_filter = {self.gives}",
            *(f"{name} = {value}" for name in ("transport", "outbound_auth") if (value := getattr(self, name))),
        ]

    def other_side(self) -> list[str]:
        """Return what the other PBX needs of the same, for its admin to fill in what is only known there."""
        there = Publication(
            self.here, self.branch, "ADDRESS-OF-THIS-PBX", "ENDPOINT-OF-THE-TRUNK", self.gives, self.takes
        )
        return there.lines()


def of_branch(branch: Branch, settings: Settings) -> str:
    """Return the regular expression of a branch's devices."""
    named = [number for number in settings.devices if branch.has(number)]
    return "|".join([_devices(branch.state, branch.extensions.regex), *_named(settings, named)])


def of_own(settings: Settings) -> str:
    """Return the regular expression of this PBX's own devices."""
    numbers = settings.extensions.regex or _ANY
    forms = [settings.device] if "{ext}" in settings.device else ["PJSIP/{ext}", "SIP/{ext}"]
    named = [number for number in settings.devices if not settings.branch_of(number)]
    return "|".join([*(_devices(form, numbers) for form in forms), *_named(settings, named)])


def _named(settings: Settings, numbers: list[str]) -> list[str]:
    devices = [device for number in numbers for device in settings.devices[number].split("&")]
    return [f"^{re.escape(device)}$" for device in devices]


def _devices(form: str, numbers: str) -> str:
    before, _, after = form.partition("{ext}")
    return f"^{re.escape(before)}({numbers}){re.escape(after)}$"
