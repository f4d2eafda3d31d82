"""A running copy of a machine: its dialplan, an Asterisk of its form, and phones of our own as its extensions."""

from __future__ import annotations

from pathlib import Path

from busy_callback.setup.doctor import examine
from busy_callback.store.spool import Spool

from ..lab.asterisk import CONFIG
from ..lab.bare_pbx import BarePbx
from ..lab.freepbx_dialplans import CUSTOM_FILES, extensions
from ..lab.phone import Phone
from ..lab.releases import ASTERISK_16, ASTERISK_22
from ..lab.styled_office import phone_section
from .dialplan import PARTIES, copy_dialplan, form
from .dialplan import follow_me as follow_me_of

CALLER, PLAIN, BOXED, OTHER, DEVICE, TRUNK = "98801", "98802", "98803", "98804", "98891", "trunk"
QUEUE = "98812"
USER = "98805"  # a user who is logged in at DEVICE
TONES = {CALLER: 440, PLAIN: 620, BOXED: 880, OTHER: 1100, DEVICE: 1300, TRUNK: 500}
# Nobody's dialplan starts programs here, or reaches another machine.
NOT_LOADED = ("app_system.so", "func_shell.so", "app_externalivr.so", "func_curl.so", "res_curl.so", "chan_dahdi.so")


class Machine(BarePbx):
    """The copy, without this package until ``install``; a context manager."""

    haste = ("guard_time = 0", "retry_pause = 1")

    def __init__(self, source: Path, folder: Path) -> None:
        self.told = copy_dialplan(source, _made(folder / "etc"))
        self.form = form(folder / "etc")
        release = ASTERISK_22 if self.form == "Gosub" else ASTERISK_16
        super().__init__(release, folder)
        self.phones: dict[str, Phone] = {}
        self.has_follow_me = False  # of one's own, by extension
        self._configure(release.technology)

    def _configure(self, technology: str) -> None:
        for name in ("logger.conf", "indications.conf"):
            self.asterisk.configure(name, (CONFIG / name).read_text())
        modules = "".join(f"noload = {name}\n" for name in NOT_LOADED)
        self.asterisk.configure("modules.conf", (CONFIG / "modules.conf").read_text() + modules)
        manager = (CONFIG / "manager.conf").read_text().replace("manager_busy_callback.conf", "manager_custom.conf")
        self.asterisk.configure("manager.conf", manager)
        for name in CUSTOM_FILES:
            if not (self.etc / name).exists():
                self.asterisk.configure(name, "")
        phones = "sip.conf" if technology == "SIP" else "pjsip.conf"
        text = (CONFIG / phones).read_text().replace("@CODEC@", "ulaw")
        for name in TONES:
            text += phone_section(technology, CALLER if name == TRUNK else USER if name == DEVICE else name, name, "")
        self.asterisk.configure(phones, text)
        self.asterisk.configure("voicemail.conf", f"[general]\nformat = wav\n[default]\n{BOXED} => 1234,Boxed\n")
        rows = extensions(self.form, technology, {CALLER: False, PLAIN: False, BOXED: True, OTHER: False, USER: False})
        follow = follow_me_of(self.etc, PLAIN)
        self.has_follow_me = bool(follow)
        with (self.etc / "extensions_additional.conf").open("a") as generated:
            generated.write(f"\n{rows}{follow}{PARTIES}")
        self.asterisk.configure("confbridge.conf", "[general]\n")  # Page needs it
        self.asterisk.configure("queues.conf", f"[{QUEUE}]\ntimeout = 4\nmember => Local/{PLAIN}@from-queue/n\n")

    def _fill_database(self) -> None:
        for number in (CALLER, PLAIN, BOXED, OTHER, USER):
            device = DEVICE if number == USER else number
            self.put("AMPUSER", f"{number}/device", device)
            self.put("AMPUSER", f"{number}/cidname", f"Phone{number}")
            self.put("AMPUSER", f"{number}/cidnum", number)
            self.put("AMPUSER", f"{number}/ringtimer", "5")
            self.put("AMPUSER", f"{number}/followme/ddial", "EXTENSION")
            self.put("AMPUSER", f"{number}/voicemail", "default" if number == BOXED else "novm")
            self.put("DEVICE", f"{device}/dial", self.asterisk.device(device))
            self.put("DEVICE", f"{device}/user", number)
        self.asterisk.console("dialplan set global RINGTIMER 5")

    def put(self, family: str, key: str, value: str) -> None:
        """Write a row of AstDB."""
        self.asterisk.console(f"database put {family} {key} {value}")

    def drop(self, family: str, key: str) -> None:
        """Remove a row of AstDB."""
        self.asterisk.console(f"database del {family} {key}")

    # -- the package -------------------------------------------------------------------------------

    @property
    def spool(self) -> Spool:
        """The package's spool."""
        return Spool(self.directories.spool)

    def waiting(self) -> list[tuple[str, str, str]]:
        """Return caller, callee and kind of each live request."""
        live = self.spool.live() if Path(self.spool.directory).exists() else []
        return [(one.caller, one.callee, one.kind) for one in live]

    def doctor(self) -> dict[str, tuple[bool, str]]:
        """Return what doctor finds, by the checks' names."""
        found = examine(self.directories, str(self.asterisk.conf), self._system)
        return {check.name: (check.ok is not False, check.message) for check in found}

    def uninstall(self) -> list[str]:
        """Take it out, as Apply Config would follow; return what could not be given back."""
        left = super().uninstall()
        self.reload()
        return left

    # -- its people --------------------------------------------------------------------------------

    def idle(self, *names: str) -> None:
        """Wait until phones are idle, to Asterisk."""
        for name in names or TONES:
            self.asterisk.manager.wait_for_state(self.asterisk.device(name), "NOT_INUSE")

    def talk(self, caller: str, callee: str) -> None:
        """Let two phones be in a call with each other, which Asterisk sees too."""
        a, b = self.phones[caller], self.phones[callee]
        a.dial(callee)
        b.answer()
        a.established()
        for name in (caller, callee):
            self.asterisk.manager.wait_for_state(self.asterisk.device(name), "INUSE", "BUSY")

    def __enter__(self) -> Machine:
        try:
            self.asterisk.start()
            self._fill_database()
            for name, tone in TONES.items():
                self.phones[name] = Phone(name, self.asterisk.folder / "phones" / name, self.asterisk.sip_port, tone)
            self.idle()
        except BaseException:
            self.close()
            raise
        return self

    def people(self) -> list[Phone]:
        """Return all phones."""
        return list(self.phones.values())


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
