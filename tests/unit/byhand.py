"""A PBX whose clocks are set by hand, and which is polled when a test says so."""

from __future__ import annotations

import os
from pathlib import Path

from busy_callback.poller import Poller
from busy_callback.settings import Directories, Settings

from ..lab.standin import StandIn
from .conftest import NOW


class Machine:
    """Its Asterisk runs, and 201's phone is idle; ``callee`` is the state of 202's."""

    def __init__(self, directories: Directories, standin: StandIn, callee: str) -> None:
        self.wall = NOW
        self.ticks = 1000.0
        self.directories = directories
        self.settings = Settings()
        self.settings.port = standin.port
        standin.states = {"PJSIP/201": "NOT_INUSE", "PJSIP/202": callee}
        Path(directories.control_socket).touch()

    def poll(self) -> None:
        """Poll, in what cron would start as a process of its own."""
        Poller(self.directories, self.settings, lambda: self.wall, lambda: self.ticks).poll()

    def runs(self, seconds: float, forth: float = 0.0) -> None:
        """Let time pass, in which the clock is set forth, and poll."""
        self.wall += seconds + forth
        self.ticks += seconds
        self.poll()

    def call_files(self) -> list[str]:
        """Return what is in outgoing."""
        return os.listdir(self.directories.outgoing)
