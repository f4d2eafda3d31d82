"""An office of a certain style: a running Asterisk with phones, into which install puts this package by itself."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from .asterisk import CONFIG
from .bare_pbx import BarePbx
from .office import LOG, TONES
from .phone import Phone
from .releases import Release
from .styles import Style

NUMBERS = ("201", "202", "203")


class StyledOffice(BarePbx):
    """An Asterisk in the style, without this package until ``install``; a context manager."""

    def __init__(self, release: Release, folder: Path, style: Style) -> None:
        self.style = style
        super().__init__(release, folder)
        self.phones: list[Phone] = []
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

    def people(self) -> list[Phone]:
        """Return all phones."""
        return self.phones


def phone_section(technology: str, number: str, name: str, context: str) -> str:
    """Return an endpoint's sections; what it shows to others is its number."""
    own = f"callerid = Phone {number} <{number}>\n" + (f"context = {context}\n" if context else "")
    if technology == "SIP":
        return f"\n[{name}](phone)\n{own}"
    return (
        f"\n[{name}](phone)\naors = {name}\nauth = {name}\n{own}"
        f"[{name}](place)\n[{name}](password)\nusername = {name}\n"
    )
