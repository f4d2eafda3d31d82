"""An Asterisk that the package's own install is tried on: it has folders of a machine of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
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
from .asterisk import Asterisk
from .phone import Phone
from .releases import Release


class BarePbx(ABC):
    """Without this package until ``install``; a context manager, of which a subclass says how it begins.

    ``haste``: lines of busy_callback.conf that make its pauses shorter. ``path`` is the PATH in which the console is
    this Asterisk's.
    """

    haste: tuple[str, ...] = ("guard_time = 0",)

    def __init__(self, release: Release, folder: Path) -> None:
        self.asterisk = Asterisk(release, folder)
        self.etc = folder / "etc"
        self._watch: subprocess.Popen[bytes] | None = None
        machine = folder / "machine"
        for name in ("cron", "logrotate", "systemd", "bin", "local"):
            (machine / name).mkdir(parents=True)
        none = machine / "none"
        self._system = System(
            cron=machine / "cron",
            logrotate=machine / "logrotate",
            systemd=machine / "systemd",
            state=machine / "state",
            bin=machine / "local",
            man=machine / "man8",
            freepbx=none,
            issabel=none,
            elastix=none,
            amportal=none,
        )
        program = machine / "bin" / "asterisk"
        program.write_text(f'#!/bin/sh\nexec {" ".join(map(str, release.command()))} "$@"\n')
        program.chmod(0o755)
        self.path = f"{program.parent}:{os.environ['PATH']}"

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
        """Run install, and let Asterisk take it up; return what it has changed and tells the admin."""
        plan = self.plan(*wire)
        apply(plan.changes, Journal(self._system.state))
        conf = Path(self.directories.conf)
        conf.write_text(conf.read_text().replace("[general]\n", "\n".join(["[general]", *self.haste, ""]), 1))
        self.reload()
        return plan

    def uninstall(self) -> list[str]:
        """Take it out again; return what could not be given back."""
        return [str(back.path) for back in undo(Journal(self._system.state))]

    def reload(self) -> None:
        """Let Asterisk take up what changed."""
        for command in (DIALPLAN_RELOAD, RELOAD):
            self.asterisk.console(command)

    def files(self) -> dict[Path, bytes]:
        """Return every file of Asterisk's configuration."""
        return {path: path.read_bytes() for path in sorted(self.etc.rglob("*")) if path.is_file()}

    def watch(self) -> None:
        """Start the poller, as cron does."""
        words = [sys.executable, "-m", "busy_callback", "poll", "--watch", "600"]
        self._watch = subprocess.Popen([*DIES_WITH_US, *words], env=self.asterisk.environ)

    # -- its end -----------------------------------------------------------------------------------

    @abstractmethod
    def people(self) -> Iterable[Phone]:
        """Return all phones that are plugged in."""

    def close(self) -> None:
        """End all of it."""
        for phone in self.people():
            phone.close()
        if self._watch:
            self._watch.send_signal(signal.SIGTERM)
            self._watch.wait()
        self.asterisk.kill()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
