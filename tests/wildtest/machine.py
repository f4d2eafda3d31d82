"""A running copy of a machine: its dialplan, an Asterisk of its form, and phones of our own as its extensions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from busy_callback.settings import Directories, find_directories
from busy_callback.setup.changing import apply, undo
from busy_callback.setup.dialplan_changes import DIALPLAN_RELOAD
from busy_callback.setup.doctor import examine
from busy_callback.setup.install import Options, make_plan
from busy_callback.setup.journal import Journal
from busy_callback.setup.manager_conf import RELOAD
from busy_callback.setup.survey import System, look
from busy_callback.store.spool import Spool

from ..lab import DIES_WITH_US
from ..lab.asterisk import CONFIG, Asterisk
from ..lab.freepbx_dialplans import CUSTOM_FILES, extensions
from ..lab.phone import Phone
from ..lab.releases import ASTERISK_16, ASTERISK_22
from ..lab.styled_office import phone_section
from .dialplan import copy_dialplan, form

CALLER, PLAIN, BOXED, OTHER, DEVICE, TRUNK = "98801", "98802", "98803", "98804", "98891", "trunk"
USER = "98805"  # a user who is logged in at DEVICE
TONES = {CALLER: 440, PLAIN: 620, BOXED: 880, OTHER: 1100, DEVICE: 1300, TRUNK: 500}
# Nobody's dialplan starts programs here, or reaches another machine.
NOT_LOADED = ("app_system.so", "func_shell.so", "app_externalivr.so", "func_curl.so", "res_curl.so", "chan_dahdi.so")


class Machine:
    """The copy, without this package until ``install``; a context manager."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.told = copy_dialplan(source, _made(folder / "etc"))
        self.form = form(folder / "etc")
        release = ASTERISK_22 if self.form == "Gosub" else ASTERISK_16
        self.asterisk = Asterisk(release, folder)
        self.etc = folder / "etc"
        self.phones: dict[str, Phone] = {}
        self._watch: subprocess.Popen[bytes] | None = None
        machine = folder / "machine"
        for name in ("cron", "logrotate", "systemd", "bin", "none"):
            (machine / name).mkdir(parents=True)
        none = machine / "none" / "none"
        self.system = System(
            cron=machine / "cron",
            logrotate=machine / "logrotate",
            systemd=machine / "systemd",
            state=machine / "state",
            freepbx=none,
            issabel=none,
            elastix=none,
            amportal=none,
        )
        program = machine / "bin" / "asterisk"
        program.write_text(f'#!/bin/sh\nexec {" ".join(map(str, release.command()))} "$@"\n')
        program.chmod(0o755)
        self.path = f"{program.parent}:{os.environ['PATH']}"
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
        with (self.etc / "extensions_additional.conf").open("a") as generated:
            generated.write(f"\n{rows}")

    def _fill_database(self) -> None:
        for number in (CALLER, PLAIN, BOXED, OTHER, USER):
            device = DEVICE if number == USER else number
            self.put("AMPUSER", f"{number}/device", device)
            self.put("AMPUSER", f"{number}/cidname", f"Phone{number}")
            self.put("AMPUSER", f"{number}/cidnum", number)
            self.put("AMPUSER", f"{number}/ringtimer", "5")
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
    def directories(self) -> Directories:
        """The directories as the package finds them."""
        return find_directories({}, str(self.asterisk.conf))

    @property
    def spool(self) -> Spool:
        """The package's spool."""
        return Spool(self.directories.spool)

    def waiting(self) -> list[tuple[str, str, str]]:
        """Return caller, callee and kind of each live request."""
        live = self.spool.live() if Path(self.spool.directory).exists() else []
        return [(one.caller, one.callee, one.kind) for one in live]

    def install(self) -> tuple[str, ...]:
        """Run install and let Asterisk take it up; return what it tells the admin."""
        plan = make_plan(look(self.directories, str(self.asterisk.conf), self.system), Options(), self.journal())
        apply(plan.changes, self.journal())
        conf = Path(self.directories.conf)
        conf.write_text(conf.read_text().replace("[general]\n", "[general]\nguard_time = 0\nretry_pause = 1\n", 1))
        self.reload()
        return plan.notes

    def doctor(self) -> dict[str, tuple[bool, str]]:
        """Return what doctor finds, by the checks' names."""
        found = examine(self.directories, str(self.asterisk.conf), self.system)
        return {check.name: (check.ok is not False, check.message) for check in found}

    def journal(self) -> Journal:
        """Return install's journal."""
        return Journal(self.system.state)

    def uninstall(self) -> list[str]:
        """Take it out; return what could not be given back."""
        left = [str(one.path) for one in undo(self.journal())]
        self.reload()
        return left

    def reload(self) -> None:
        """Let Asterisk read its files anew, as Apply Config does."""
        for command in (DIALPLAN_RELOAD, RELOAD):
            self.asterisk.console(command)

    def files(self) -> dict[str, bytes]:
        """Return every file of the configuration."""
        return {str(path): path.read_bytes() for path in sorted(self.etc.rglob("*")) if path.is_file()}

    def watch(self) -> None:
        """Start the poller, as cron does."""
        words = [sys.executable, "-m", "busy_callback", "poll", "--watch", "600"]
        self._watch = subprocess.Popen([*DIES_WITH_US, *words], env=self.asterisk.environ)

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

    def close(self) -> None:
        """End all of it."""
        for phone in self.phones.values():
            phone.close()
        if self._watch:
            self._watch.send_signal(signal.SIGTERM)
            self._watch.wait()
        self.asterisk.kill()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
