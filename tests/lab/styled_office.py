"""An office of a certain style: a running Asterisk with phones, into which install puts this package by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from busy_callback.settings import Directories, find_directories
from busy_callback.setup.changing import apply, undo
from busy_callback.setup.dialplan_changes import DIALPLAN_RELOAD
from busy_callback.setup.install import Options, Plan, make_plan
from busy_callback.setup.journal import Journal
from busy_callback.setup.manager_conf import RELOAD
from busy_callback.setup.survey import Survey, System, look

from . import DIES_WITH_US
from .asterisk import CONFIG, Asterisk
from .office import LOG, TONES
from .phone import Phone
from .releases import Release
from .styles import Style

NUMBERS = ("201", "202", "203")


class StyledOffice:
    """An Asterisk in the style, without this package until ``install``; a context manager."""

    def __init__(self, release: Release, folder: Path, style: Style) -> None:
        self.style = style
        self.asterisk = Asterisk(release, folder)
        self.etc = folder / "etc"
        self.phones: list[Phone] = []
        self._watch: subprocess.Popen[bytes] | None = None
        machine = folder / "machine"
        for name in ("cron", "logrotate", "systemd", "bin"):
            (machine / name).mkdir(parents=True)
        self._system = System(
            cron=machine / "cron",
            logrotate=machine / "logrotate",
            systemd=machine / "systemd",
            state=machine / "state",
            freepbx=machine / "none",
        )
        program = machine / "bin" / "asterisk"
        program.write_text(f'#!/bin/sh\nexec {" ".join(map(str, release.command()))} "$@"\n')
        program.chmod(0o755)
        self.path = f"{program.parent}:{os.environ['PATH']}"
        self._configure(release)

    def _configure(self, release: Release) -> None:
        technology = release.technology
        for name in ("logger.conf", "manager.conf", "modules.conf"):
            text = (CONFIG / name).read_text().replace("#include manager_busy_callback.conf\n", "")
            for module in self.style.modules:
                text = text.replace(f"noload = {module}\n", "")
            self.asterisk.configure(name, text)
        phones = "sip.conf" if technology == "SIP" else "pjsip.conf"
        text = (CONFIG / phones).read_text().replace("@CODEC@", "ulaw").replace("context = nowhere", "context = phones")
        if not any(name in self.style.files for name in ("pjsip_wizard.conf", "users.conf")):
            for number, name, context in zip(NUMBERS, self.style.endpoints, self.style.contexts):
                text += phone_section(technology, number, name, context)
        if "" in self.style.contexts:
            text = text.replace("context = from-internal\n", "", 1)
        self.asterisk.configure(phones, text)
        self.asterisk.configure("extensions.conf", self.style.extensions_conf(technology))
        for name, text in self.style.files.items():
            self.asterisk.configure(name, text.replace("@TECH@", technology).replace("@ETC@", str(self.etc)))
        if self.style.name == "realtime":
            rows = [(1, "Dial", f"{technology}/${{EXTEN}},20"), (2, "Hangup", "")]
            with contextlib.closing(sqlite3.connect(self.etc / "office.sqlite3")) as database, database:
                database.execute(
                    "CREATE TABLE extensions (id INTEGER PRIMARY KEY, context, exten, priority INTEGER, app, appdata)"
                )
                self.add_rows(database, rows)

    @staticmethod
    def add_rows(database: sqlite3.Connection, rows: list[tuple[int, str, str]]) -> None:
        """Put steps of the phones' extensions into the realtime office's database."""
        command = "INSERT INTO extensions (context, exten, priority, app, appdata) VALUES ('phones', '_2XX', ?, ?, ?)"
        database.executemany(command, rows)

    # -- the package -------------------------------------------------------------------------------

    @property
    def directories(self) -> Directories:
        """The directories as the package finds them."""
        return find_directories({}, str(self.asterisk.conf))

    def survey(self) -> Survey:
        """Look at the PBX as install does."""
        return look(self.directories, str(self.asterisk.conf), self._system)

    def plan(self, *wire: str) -> Plan:
        """Return what install would change."""
        return make_plan(self.survey(), Options(wire=wire), Journal(self._system.state))

    def install(self, *wire: str) -> Plan:
        """Run install, and let Asterisk take it up."""
        plan = self.plan(*wire)
        apply(plan.changes, Journal(self._system.state))
        conf = Path(self.directories.conf)
        conf.write_text(conf.read_text().replace("[general]\n", "[general]\nguard_time = 0\n", 1))
        self.reload()
        return plan

    def reload(self) -> None:
        """Let Asterisk take up what changed."""
        for command in (DIALPLAN_RELOAD, RELOAD):
            self.asterisk.console(command)

    def uninstall(self) -> None:
        """Take it out again."""
        undo(Journal(self._system.state))

    def files(self) -> dict[Path, bytes]:
        """Return every file of Asterisk's configuration."""
        return {path: path.read_bytes() for path in sorted(self.etc.rglob("*")) if path.is_file()}

    def watch(self) -> None:
        """Start the poller, as cron does."""
        words = [sys.executable, "-m", "busy_callback", "poll", "--watch", "600"]
        self._watch = subprocess.Popen([*DIES_WITH_US, *words], env=self.asterisk.environ)

    def poller_log(self) -> str:
        """Return what the poller has logged."""
        return self.asterisk.log_text(LOG)

    # -- its people --------------------------------------------------------------------------------

    def device(self, phone: Phone) -> str:
        """Return the device of a phone."""
        return self.asterisk.device(self.style.endpoints[NUMBERS.index(phone.number)])

    def wait_for_state(self, phone: Phone, *states: str) -> None:
        """Wait until a phone is so, to Asterisk."""
        self.asterisk.manager.wait_for_state(self.device(phone), *states)

    def __enter__(self) -> StyledOffice:
        try:
            self.asterisk.start()
            for number, name in zip(NUMBERS, self.style.endpoints):
                phone = Phone(name, self.asterisk.folder / number, self.asterisk.sip_port, TONES[number])
                phone.number = number
                self.phones.append(phone)
                self.wait_for_state(phone, "NOT_INUSE")
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End all of it."""
        for phone in self.phones:
            phone.close()
        if self._watch:
            self._watch.send_signal(signal.SIGTERM)
            self._watch.wait()
        self.asterisk.kill()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def phone_section(technology: str, number: str, name: str, context: str) -> str:
    """Return an endpoint's sections; what it shows to others is its number."""
    own = f"callerid = Phone {number} <{number}>\n" + (f"context = {context}\n" if context else "")
    if technology == "SIP":
        return f"\n[{name}](phone)\n{own}"
    return (
        f"\n[{name}](phone)\naors = {name}\nauth = {name}\n{own}"
        f"[{name}](place)\n[{name}](password)\nusername = {name}\n"
    )
