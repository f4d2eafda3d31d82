"""Branches: offices that are joined by SIP trunks and tell each other the states of their phones' devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from busy_callback.branches import Branch
from busy_callback.numbering import Numbers
from busy_callback.settings import load
from busy_callback.setup.publication import Publication, of_branch, of_own

from .office import Office
from .phone import Phone
from .ports import free_port
from .releases import Release

NAMES = {"2": "taipei", "3": "taichung", "4": "kaohsiung"}
TRUNK = """
[trunk]
type = transport
protocol = udp
bind = {bind}

"""
ENDPOINT = """
[to-{name}]
type = endpoint
transport = trunk
context = from-internal
disallow = all
allow = ulaw
direct_media = no
aors = to-{name}
[to-{name}]
type = aor
contact = sip:{address}
qualify_frequency = {qualify}
qualify_timeout = 1
[to-{name}]
type = identify
endpoint = to-{name}
match = {host}

"""
CALLS = """
[globals]
RING = 15

[from-internal]
exten => _{digit}XX,1,Dial(PJSIP/${{EXTEN}}@to-{name},${{RING}})
 same => n,Gosub(busy-callback,s,1(${{EXTEN}}))
 same => n,Hangup()
"""


@dataclass(frozen=True)
class Site:
    """Where a branch is: the first digit of its extensions, its Asterisk, and its trunk's own address."""

    digit: str
    release: Release
    port: int = field(default_factory=free_port)

    @property
    def name(self) -> str:
        """What all call it."""
        return NAMES[self.digit]

    @property
    def host(self) -> str:
        """An address of 127.0.0.0/8 that no other has: a phone's own would be taken for the trunk's."""
        return f"127.{self.port >> 8}.{self.port & 255}.1"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def branch(self) -> Branch:
        """What the others call it in their settings."""
        return Branch(self.name, Numbers((f"{self.digit}XX",)), f"{self.release.technology}/{{ext}}")


class BranchOffice(Office):
    """One of them: an office with trunks to the ``others`` and these as branches in its settings.

    ``qualify`` is how often, in seconds, it looks whether the others are there, 0 for never; ``sections`` are more of
    PJSIP's.
    """

    def __init__(
        self,
        site: Site,
        others: list[Site],
        folder: Path,
        people: tuple[str, ...],
        settings: Mapping[str, str],
        qualify: int,
        sections: str = "",
    ) -> None:
        self.site = site
        self.others = others
        text = TRUNK.format(bind=site.address) + sections
        for other in others:
            facts = {"name": other.name, "address": other.address, "host": other.host}
            text += ENDPOINT.format(qualify=qualify, **facts)
        name = "pjsip_branches.conf" if site.release.technology == "PJSIP" else "pjsip.conf"
        super().__init__(
            site.release,
            folder,
            people,
            settings={"extensions": f"{site.digit}XX", **settings},
            more_dialplan="".join(CALLS.format(digit=other.digit, name=other.name) for other in others),
            files={name: text},
        )
        own = load(self.directories.conf)
        parts = [
            Publication(o.name, site.name, o.address, f"to-{o.name}", of_branch(o.branch, own), of_own(own), "trunk")
            for o in others
        ]
        self.asterisk.configure(name, "\n".join([text, *(line for part in parts for line in part.lines()), ""]))
        with self.asterisk.conf.open("a") as conf:
            conf.write(f"entityid = 02:00:00:00:00:0{site.digit}\n")  # each machine has its own by its network card

    def set(self, **settings: str) -> None:
        """Write busy_callback.conf."""
        super().set(**settings)
        with Path(self.directories.conf).open("a") as conf:
            for other in self.others:
                branch = other.branch
                patterns = " ".join(branch.extensions.patterns)
                conf.write(f"\n[branch {branch.name}]\nextensions = {patterns}\nstate = {branch.state}\n")


class Branches:
    """Offices by their digits, joined; a context manager, with which all of them begin and end."""

    def __init__(
        self,
        folder: Path,
        releases: Mapping[str, Release],
        people: tuple[str, ...],
        settings: Mapping[str, str] | None = None,
        qualify: int = 0,
    ) -> None:
        sites = [Site(digit, release) for digit, release in releases.items()]
        self.offices: dict[str, BranchOffice] = {}
        for site in sites:
            others = [other for other in sites if other is not site]
            own = tuple(number for number in people if number[0] == site.digit)
            place = folder / site.name
            self.offices[site.digit] = BranchOffice(site, others, place, own, settings or {}, qualify)
        self._people = people

    def of(self, number: str) -> BranchOffice:
        """Return the office of an extension."""
        return self.offices[number[0]]

    def device(self, number: str) -> str:
        """Return the device of an extension, which has one name everywhere."""
        return self.of(number).asterisk.device(number)

    def let_ring(self, seconds: int) -> None:
        """Let a call to another office ring that long from now on."""
        for office in self.offices.values():
            if office.asterisk.runs:
                office.asterisk.console(f"dialplan set global RING {seconds}")

    def plug_in(self, number: str) -> Phone:
        """Plug in a phone, and wait until all offices know that it is free."""
        phone = self.of(number).phone(number)
        self.wait_for_state(number, "NOT_INUSE")
        return phone

    def wait_for_state(self, number: str, *states: str) -> None:
        """Wait until an extension has one of these states at each office that runs."""
        for office in self.offices.values():
            if office.asterisk.runs:
                office.asterisk.manager.wait_for_state(self.device(number), *states)

    def talk(self, caller: Phone, callee: Phone) -> None:
        """Let two phones be in a call with each other, which all offices see."""
        caller.dial(callee.number)
        callee.answer()
        caller.established()
        for phone in (caller, callee):
            self.wait_for_state(phone.number, "INUSE", "BUSY")

    def __enter__(self) -> Branches:
        try:
            for office in self.offices.values():
                office.__enter__()
            for number in self._people:
                self.plug_in(number)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End all of them."""
        for office in self.offices.values():
            office.close()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
