"""A PBX as Debian owns it, and its user asterisk as an attacker: real ones, each with an ordinary user's rights."""

from __future__ import annotations

import codecs
import ctypes
import logging
import os
import pty
import pwd
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from busy_callback.cli import main
from busy_callback.setup import commands
from busy_callback.setup.check import Check
from tests.unit.setup.pbx import Pbx, shown

ASTERISK = pwd.getpwnam("games")  # any ordinary user of this machine's
PATIENCE = 120.0  # seconds that a command may take; what takes longer hangs
_IN_CREATE = 0x100
_IN_MOVED_TO = 0x80


class House(Pbx):
    """A PBX of files with an asterisk.conf, whose etc, spool, log and run belong to Asterisk's user, as Debian's do."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("etc", "spool", "log", "run"):
            for path in (self.base / name, *(self.base / name).rglob("*")):
                os.chown(path, ASTERISK.pw_uid, ASTERISK.pw_gid)
        self.treasure = self.root / "root" / "treasure"  # what root alone may read
        self.treasure.parent.mkdir(mode=0o755)
        self.treasure.write_text("[general]\nring_time = 22\nTREASURE = 1\n")
        self.treasure.chmod(0o600)

    @property
    def base(self) -> Path:
        """Asterisk's folders."""
        return self.root / "asterisk"

    @property
    def conf(self) -> Path:
        """asterisk.conf, which is asterisk's own to write."""
        return self.etc / "asterisk.conf"

    def load(self) -> None:
        """Let Asterisk load the dialplan's files as they are."""
        (self.root / "answers" / "dialplan show").write_text(shown(self.etc))

    def place(self, *words: str) -> tuple[int, str]:
        """Install; the folders of root's would not be strange, were they in /usr/share/asterisk."""
        usual = [word for name in ("data", "agi") for word in ("--allow-path", str(self.base / name))]
        return self.run("install", "--yes", *usual, *words)

    @property
    def spool(self) -> Path:
        """The package's spool."""
        return self.base / "spool" / "busy_callback"

    def run(self, *words: str, answer: str = "", terminal: bool = False) -> tuple[int, str]:
        """Run the command as root in a process of its own; return exit status and output. It must not hang.

        With ``terminal`` the process has one, of its own.
        """
        reading, writing = os.pipe()
        pid, screen = pty.fork() if terminal else (os.fork(), -1)
        if not pid:
            if not terminal:
                os.setsid()
            logging.getLogger().handlers.clear()  # pytest's: the command has its own
            for name in ("ascii", "idna"):
                codecs.lookup(name)  # this Python's library may be closed to the user that the command goes on as
            commands._try_out = no_trial
            os.environ["NO_COLOR"] = "1"  # what else moves or colours a terminal is not of our making
            words = ("--asterisk-conf", str(self.conf), *words)
            done = CliRunner().invoke(main, words, input=answer, color=True)
            text = done.output
            if done.exception and not isinstance(done.exception, SystemExit):
                text += "".join(traceback.format_exception(*done.exc_info))  # type: ignore[misc]
            os.write(writing, text.encode("utf-8", "surrogateescape")[:60000])
            os._exit(done.exit_code)
        os.close(writing)
        output, until = b"", time.monotonic() + PATIENCE
        with open(reading, "rb", buffering=0) as file:
            while select.select([file], [], [], max(0.0, until - time.monotonic()))[0]:
                chunk = file.read(65536)
                if not chunk:
                    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    if terminal:
                        os.close(screen)
                    return status, output.decode()
                output += chunk
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError(f"{' '.join(words)} hangs")


def no_trial(pbx: object) -> list[Check]:
    """Take the place of install's trial, which takes a real Asterisk."""
    return []


def as_asterisk(deed: Callable[[], object]) -> None:
    """Do something with the rights of Asterisk's user, and nothing else."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            _become_asterisk()
            deed()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def _become_asterisk() -> None:
    os.setgroups([])
    os.setgid(ASTERISK.pw_gid)
    os.setuid(ASTERISK.pw_uid)


@contextmanager
def racing(folder: Path, prefix: str, target: Path) -> Iterator[None]:
    """Let Asterisk's user watch a folder by inotify and put a link to ``target`` over each new file ``prefix``*."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reading)
            _become_asterisk()
            _race(folder, prefix, target, writing)
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"w"
    os.close(reading)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _race(folder: Path, prefix: str, target: Path, ready: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init()
    if libc.inotify_add_watch(watch, os.fsencode(folder), _IN_CREATE | _IN_MOVED_TO) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    spare = folder / "link"
    os.symlink(target, spare)
    os.write(ready, b"w")
    while True:
        data = os.read(watch, 65536)
        while data:
            length = struct.unpack_from("iIII", data)[3]
            name = data[16 : 16 + length].rstrip(b"\0")
            data = data[16 + length :]
            if name.startswith(os.fsencode(prefix)):
                os.rename(spare, folder / os.fsdecode(name))
                os.symlink(target, spare)
