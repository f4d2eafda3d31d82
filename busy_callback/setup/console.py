"""Asterisk's console: commands to the Asterisk that runs, and what its tables say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from busy_callback.errors import AsteriskError
from busy_callback.settings import Directories
from busy_callback.setup.program import MOST, TooMuchError, run

ANSWER_TIME = 15.0  # seconds; a reload of a large dialplan takes a while


class Console:
    """The console of the Asterisk that belongs to one asterisk.conf ('' for the usual one)."""

    def __init__(self, directories: Directories, asterisk_conf: str = "") -> None:
        self._conf = asterisk_conf
        self.program = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin") or ""
        self._socket = directories.control_socket
        self._silent = ""

    def ask(self, command: str) -> str:
        """Return what Asterisk prints on a command; raise AsteriskError when it does not run."""
        if not self.program:
            raise AsteriskError("there is no program asterisk here; install Asterisk first, or add its place to PATH")
        if self._silent:
            raise AsteriskError(self._silent)
        conf = ["-C", self._conf] if self._conf else []
        try:
            _, output, complaints = run([self.program, *conf, "-n", "-rx", command], ANSWER_TIME)
        except (subprocess.TimeoutExpired, TooMuchError) as error:
            what = f"did not answer {command!r} within {ANSWER_TIME:.0f} s"
            if isinstance(error, TooMuchError):
                what = f"answers {command!r} with more than {MOST >> 20} MB"
            self._silent = f"Asterisk {what}"
            raise AsteriskError(self._silent) from None  # and is not asked again: a doctor has many questions
        except OSError as error:
            raise AsteriskError(f"{self.program} can't be run: {error.strerror}") from error
        text = output.decode("utf-8", "replace")
        if b"Unable to connect to remote asterisk" in output + complaints:
            if self._is_closed():
                raise AsteriskError(f"{self._socket}: permission denied, so nothing is known of Asterisk; use sudo")
            raise AsteriskError(f"Asterisk does not run (nobody answers at {self._socket}); start it")
        return text

    def _is_closed(self) -> bool:
        """Tell whether Asterisk may well run, and only we may not speak with it."""
        try:
            os.stat(self._socket)
        except OSError as error:
            return isinstance(error, PermissionError)
        return not os.access(self._socket, os.W_OK)

    def runs(self) -> bool:
        """Tell whether Asterisk answers."""
        try:
            self.ask("core show uptime")
        except AsteriskError:
            return False
        return True

    def table(self, command: str) -> dict[str, str]:
        """Return the lines ``Name: value`` that a command prints, the first of each name."""
        table: dict[str, str] = {}
        for line in self.ask(command).splitlines():
            name, colon, value = re.sub(r":\s", ":\n", line, count=1).partition(":\n")
            name = name.strip().removeprefix("*").strip()
            if colon and name:
                table.setdefault(name, value.strip())
        return table

    def forget(self) -> None:
        """Remove what our dialplan keeps in AstDB: last numbers and lamps."""
        for family in ("busy-callback-last", "busy-callback-kind"):
            self.ask(f"database deltree {family}")
        for lamp in re.findall(r"/CustomDevstate/(busy-callback-[0-9]+)", self.ask("database show CustomDevstate")):
            self.ask(f"database del CustomDevstate {lamp}")
