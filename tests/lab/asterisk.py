"""One running Asterisk: its folders, its start and end, its console and its manager events."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import GOES_ON, WAIT
from .manager import Manager
from .ports import free_port
from .releases import Release

CONFIG = Path(__file__).parent / "etc"
DIRECTORIES = """\
[directories]
astetcdir => {folder}/etc
astmoddir => {modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/lib
astkeydir => {folder}/lib
astdatadir => {folder}/data
astagidir => {folder}/agi-bin
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log

[options]
verbose = 3
nocolor = yes
"""

# Voice keeps off the ports that others listen on: see ports.RANGE.
RTP = "[general]\nrtpstart = 5000\nrtpend = 9999\n"


class Asterisk:
    """An Asterisk of its own in ``folder``, with ports of its own on 127.0.0.1."""

    def __init__(self, release: Release, folder: Path) -> None:
        release.fetch()
        self.release = release
        self.folder = folder
        self.sip_port = free_port()
        self.manager_port = free_port()
        for name in ("etc", "lib", "data/sounds", "agi-bin", "spool/outgoing", "spool/outgoing_done", "run"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("cdr-custom", "cel-custom"):
            (folder / "log" / name).mkdir(parents=True, exist_ok=True)
        stock = release.root / "usr/share/asterisk"
        for name in ("documentation", "static-http"):
            (folder / "data" / name).symlink_to(stock / name)
        self.conf = folder / "etc/asterisk.conf"
        self.conf.write_text(DIRECTORIES.format(folder=folder, modules=release.modules))
        (folder / "etc/rtp.conf").write_text(RTP)
        self.environ = {**os.environ, "BUSY_CALLBACK_ASTERISK_CONF": str(self.conf)}
        self._process: subprocess.Popen[bytes] | None = None
        self._manager: Manager | None = None

    def configure(self, name: str, text: str) -> None:
        """Write one of Asterisk's configuration files."""
        for word, value in {"SIP_PORT": self.sip_port, "MANAGER_PORT": self.manager_port}.items():
            text = text.replace(f"@{word}@", str(value))
        (self.folder / "etc" / name).write_text(text)

    def start(self) -> None:
        """Start it and wait until it has booted."""
        environ = {key: value for key, value in self.environ.items() if key != "BUSY_CALLBACK_ASTERISK_CONF"}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, self.log_file("console").open("ab") as output:
            # Asterisk tells when it is ready as it tells systemd; an abstract name leaves no file behind.
            name = f"busy-callback-lab-{self.sip_port}-{time.monotonic_ns()}"
            ready.bind(f"\0{name}")
            ready.settimeout(WAIT)
            self._process = subprocess.Popen(
                [*GOES_ON, *self.release.command(), "-C", str(self.conf), "-f"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environ, "NOTIFY_SOCKET": f"@{name}"},
                start_new_session=True,
            )
            try:
                while b"READY=1" not in ready.recv(4096):
                    pass
            except TimeoutError:
                raise RuntimeError(f"Asterisk did not start:\n{self.log_text('console')[-2000:]}") from None
        self.console("core waitfullybooted")
        self._manager = Manager(self.manager_port, "lab", "lab")

    @property
    def manager(self) -> Manager:
        """The lab's own manager session, which sees every event."""
        assert self._manager, "not started"
        return self._manager

    @property
    def runs(self) -> bool:
        """Whether it has been started, and not been ended since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process, "not started"
        return self._process.pid

    def kill(self) -> None:
        """End it without warning, as a power cut would, with every AGI script that it runs."""
        if self._manager:
            self._manager.close()
            self._manager = None
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def console(self, command: str) -> str:
        """Return what its console answers to a command."""
        words = [*self.release.command(), "-C", str(self.conf), "-rx", command]
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=WAIT, check=True).stdout

    def log_file(self, name: str) -> Path:
        """Return the path of one of its logs: ``full``, ``console`` or the package's ``busy_callback.log``."""
        return self.folder / "log" / name

    def log_text(self, name: str = "full") -> str:
        """Return what a log says."""
        path = self.log_file(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def device(self, number: str) -> str:
        """Return the dial string of a phone."""
        return f"{self.release.technology}/{number}"
