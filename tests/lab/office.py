"""An office: an Asterisk with phones, and with this package put into it by hand, in a few lines."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from busy_callback.request import RECALLING, Request
from busy_callback.settings import Directories, Settings, find_directories, load
from busy_callback.setup import dialplan
from busy_callback.store.spool import Spool

from . import DIES_WITH_US, WAIT
from .asterisk import CONFIG, Asterisk
from .phone import Phone
from .releases import Release

LOG = "busy_callback.log"
REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "lab-secret"
TONES = {"201": 440, "202": 620, "203": 880, "204": 1100, "301": 740, "302": 980}

MANAGER = f"""\
[busy_callback]
secret = {SECRET}
deny = 0.0.0.0/0.0.0.0
deny = ::/0
permit = 127.0.0.1/255.255.255.255
read = call,user
write = reporting,originate
eventfilter = Event: DeviceStateChange
eventfilter = UserEvent: BusyCallback
"""
SETTINGS = """\
[general]
{general}

[manager]
port = {port}
secret = {secret}
"""
# A lab is in a hurry: pauses that an office wants are as short as they may be here.
HASTE = {"retry_pause": "1", "guard_time": "0"}


class Office:
    """An Asterisk with this package in it; phones join by ``phone``. A context manager: all ends with it.

    ``settings`` are lines of busy_callback.conf's [general]; ``more_dialplan`` is loaded beside the
    office's own; ``extensions`` replaces the office's own extensions.conf; ``modules`` are more lines of
    modules.conf; ``endpoints`` are more lines of a phone's own section, in which set_var is SET_VAR;
    ``phone_lines`` are more lines of each phone's section (sip.conf), or endpoint, and ``place_lines``
    of each AOR (pjsip.conf); ``files`` are other configuration files, by name.
    """

    def __init__(
        self,
        release: Release,
        folder: Path,
        numbers: tuple[str, ...] = ("201", "202", "203"),
        settings: dict[str, str] | None = None,
        more_dialplan: str = "",
        extensions: str = "",
        codec: str = "ulaw",
        language: str = "en",
        voicemail: tuple[str, ...] = (),
        modules: str = "",
        endpoints: dict[str, str] | None = None,
        phone_lines: str = "",
        place_lines: str = "",
        files: dict[str, str] | None = None,
    ) -> None:
        self.asterisk = Asterisk(release, folder)
        self.release = release
        self.phones: dict[str, Phone] = {}
        self._watches: list[subprocess.Popen[bytes]] = []
        self._codec = codec
        self._endpoints = endpoints or {}
        self._lines = phone_lines, place_lines
        for name, text in (files or {}).items():
            self.asterisk.configure(name, text)
        for name in ("indications.conf", "logger.conf", "manager.conf", "modules.conf"):
            more = modules if name == "modules.conf" else ""
            self.asterisk.configure(name, (CONFIG / name).read_text() + more)
        name = "sip.conf" if release.technology == "SIP" else "pjsip.conf"
        text = (CONFIG / name).read_text().replace("@CODEC@", codec)
        self.asterisk.configure(name, text + "".join(self._phone_section(number, language) for number in numbers))
        extensions = extensions or (CONFIG / "extensions.conf").read_text()
        self.asterisk.configure("extensions.conf", extensions.replace("@TECH@", release.technology))
        self.asterisk.configure("extensions_test.conf", more_dialplan.replace("@TECH@", release.technology))
        boxes = "".join(f"{number} => 1234,Phone {number}\n" for number in voicemail)
        self.asterisk.configure("voicemail.conf", f"[general]\nformat = wav\n[default]\n{boxes}")
        self._install({**HASTE, **(settings or {})})

    def _phone_section(self, number: str, language: str) -> str:
        of_phone, of_place = self._lines
        own = f"callerid = Phone {number} <{number}>\nlanguage = {language}\n{of_phone}\n"
        own += f"{self._endpoints.get(number, '')}\n"
        if self.release.technology == "SIP":
            return f"\n[{number}](phone)\n{own.replace('SET_VAR', 'setvar')}"
        return (
            f"\n[{number}](phone)\naors = {number}\nauth = {number}\n{own.replace('SET_VAR', 'set_var')}"
            f"[{number}](place)\n{of_place}\n[{number}](password)\nusername = {number}\n"
        )

    def _install(self, settings: dict[str, str]) -> None:
        asterisk = self.asterisk
        asterisk.configure("manager_busy_callback.conf", MANAGER)
        (asterisk.folder / "etc/manager_busy_callback.conf").chmod(0o640)  # it holds the secret
        self.set(**settings)
        text = (REPOSITORY / "dialplan" / dialplan.FILE_NAME).read_text()
        asterisk.configure(dialplan.FILE_NAME, dialplan.render(text, load(self.directories.conf)))
        text = (REPOSITORY / "agi-bin" / "busy_callback.py").read_text()
        script = asterisk.folder / "agi-bin" / "busy_callback.py"
        # Coverage's hook is one of those that -S leaves out.
        line = rf"\A#!\S+{' -S' if 'COVERAGE_PROCESS_START' in os.environ else ''}"
        script.write_text(re.sub(line, f"#!{sys.executable}", text))
        script.chmod(0o755)
        sounds = asterisk.folder / "data" / "sounds"
        for language in ("zh", "en"):
            (sounds / language).symlink_to(REPOSITORY / "sounds" / language)
        (sounds / "tw").symlink_to("zh")
        for prompt in (REPOSITORY / "sounds" / "en").iterdir():
            (sounds / prompt.name).symlink_to(prompt)  # the page's own place, without a language
        asterisk.environ["PYTHONPATH"] = str(REPOSITORY)

    def set(self, **settings: str) -> None:
        """Write busy_callback.conf."""
        general = "\n".join(f"{key} = {value}" for key, value in settings.items())
        text = SETTINGS.format(general=general, port=self.asterisk.manager_port, secret=SECRET)
        self.asterisk.configure("busy_callback.conf", text)
        (self.asterisk.folder / "etc/busy_callback.conf").chmod(0o640)  # it holds the secret

    # -- the package -------------------------------------------------------------------------------

    @property
    def directories(self) -> Directories:
        """The directories as the package finds them."""
        return find_directories({}, str(self.asterisk.conf))

    @property
    def settings(self) -> Settings:
        """The settings as the package finds them."""
        return load(self.directories.conf)

    @property
    def spool(self) -> Spool:
        """The package's spool."""
        return Spool(self.directories.spool)

    def waiting(self) -> list[tuple[str, str]]:
        """Return (caller, callee) of each live request, in order."""
        return [(request.caller, request.callee) for request in self.live()]

    def live(self) -> list[Request]:
        """Return the live requests, in order."""
        return self.spool.live() if Path(self.spool.directory).exists() else []

    def ended(self) -> list[tuple[str, str]]:
        """Return pair and state of each ended request, the latest last."""
        return [(f"{request.caller}-{request.callee}", request.state) for request in self.spool.ended()]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``busy-callback`` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "busy_callback", *words],
            capture_output=True,
            text=True,
            env=self.asterisk.environ,
            timeout=WAIT,
            check=False,
        )

    def watch(self, seconds: int = 600, module: str = "busy_callback") -> subprocess.Popen[bytes]:
        """Start ``busy-callback poll --watch``, as cron does."""
        words = [sys.executable, "-m", module, "poll", "--watch", str(seconds)]
        watch = subprocess.Popen([*DIES_WITH_US, *words], env=self.asterisk.environ)
        self._watches.append(watch)
        return watch

    def kill_watches(self) -> None:
        """End every watch without warning, as a power cut would."""
        while self._watches:
            watch = self._watches.pop()
            watch.kill()
            watch.wait()

    def until_taken_over(self) -> None:
        """Wait until the watch that was started last has the turn and all others have ended."""
        for watch in self._watches[:-1]:
            watch.wait(WAIT)
        watch = self._watches[-1]
        lock = Path(self.spool.directory) / "poller.lock"
        self._until("turn of the new watch", lambda: lock.read_text().strip() == str(watch.pid))

    def until_logged(self, pattern: str) -> None:
        """Wait until the poller's log has a line that matches."""
        self._until(f"{pattern!r} in the log", lambda: re.search(pattern, self.asterisk.log_text(LOG)) is not None)

    def until_kept(self, number: str) -> None:
        """Wait until an extension's last number is kept."""
        asks = f"database get busy-callback-last {number}"
        self._until(f"last number of {number}", lambda: "Value:" in self.asterisk.console(asks))

    def until_report(self, fact: str) -> None:
        """Wait until the dialplan has reported that fact of a recall."""
        reports = Path(self.spool.directory) / "recalls"
        self._until(f"{fact} reported", lambda: any(f"\n{fact} " in p.read_text() for p in reports.iterdir()))

    def until_waiting(self, caller: str, callee: str) -> None:
        """Wait until the caller's request for the callee is on disk."""
        self._until(f"request {caller}-{callee}", lambda: (caller, callee) in self.waiting())

    def until_recalled(self, pair: str) -> None:
        """Poll, as cron does, until the pair is being recalled: its pause may not be over yet."""

        def is_recalled() -> bool:
            self.command("poll")
            return any(f"{r.caller}-{r.callee}" == pair and r.state == RECALLING for r in self.live())

        self._until(f"recall of {pair}", is_recalled)

    def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {WAIT} s:\n{self.asterisk.log_text(LOG)}")
            time.sleep(0.02)  # a file grows; nothing tells when

    # -- its people --------------------------------------------------------------------------------

    def phone(self, number: str) -> Phone:
        """Plug in a phone and wait until Asterisk knows it."""
        codec = "g722" if self._codec == "g722" else "pcmu"
        phone = Phone(
            number,
            self.asterisk.folder / "phones" / number,
            self.asterisk.sip_port,
            tone=TONES.get(number, 500),
            codec=codec,
        )
        self.phones[number] = phone
        self.wait_idle(number)
        return phone

    def wait_idle(self, *numbers: str) -> None:
        """Wait until the phones are idle to Asterisk."""
        for number in numbers:
            self.asterisk.manager.wait_for_state(self.asterisk.device(number), "NOT_INUSE")

    def wait_places(self, number: str, count: int) -> None:
        """Wait until as many phones are registered as that number (PJSIP)."""
        contacts = f"pjsip show aor {number}"
        self._until(f"{count} contacts of {number}", lambda: self.asterisk.console(contacts).count("Contact:") > count)

    def talk(self, caller: Phone, callee: Phone) -> None:
        """Let two phones be in a call with each other, which Asterisk sees too."""
        caller.dial(callee.number)
        callee.answer()
        caller.established()
        for phone in (caller, callee):
            self.asterisk.manager.wait_for_state(self.asterisk.device(phone.number), "INUSE", "BUSY")

    def ask(self, caller: Phone, callee: Phone) -> None:
        """Let the caller find the callee busy, press 5 and hear the confirmation to its end."""
        caller.dial(callee.number)
        caller.established()
        caller.wait_until_sound()
        caller.press("5")
        caller.closed()

    # -- its beginning and end ---------------------------------------------------------------------

    def __enter__(self) -> Office:
        try:
            self.asterisk.start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End the phones, the watches and Asterisk."""
        for phone in self.phones.values():
            phone.close()
        for watch in self._watches:
            # A signal that lets it end by itself would be kinder, but coverage is written at SIGTERM too.
            watch.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                watch.wait(5)
            watch.kill()
            watch.wait()
        self.asterisk.kill()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
