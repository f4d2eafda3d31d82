"""Programs that are killed, or told of an error, at a chosen system call: strace's fault injection."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CALL = re.compile(r"^(?:[0-9]+ +)?([a-z0-9_]+)\((.*)$")
KILL = "signal=SIGKILL"


@dataclass(frozen=True)
class Call:
    """The ``number``-th call of that name that a program makes, and the text that strace shows of it."""

    name: str
    number: int
    text: str


@dataclass(frozen=True)
class Run:
    """How a program ended: exit status (negative: by a signal), what it printed, and the disturbed call."""

    status: int
    output: str
    errors: str
    disturbed: str


@dataclass(frozen=True)
class Program:
    """What to run, with its input and environment; ``folders`` are the paths whose calls count."""

    words: Sequence[str]
    environ: Mapping[str, str]
    folders: Sequence[str]
    input: str = ""

    def _strace(self, log: Path, *options: str) -> Run:
        words = ["strace", "-y", "-s", "300", "-o", str(log), *options, *self.words]
        done = subprocess.run(
            words,
            input=self.input,
            capture_output=True,
            text=True,
            env=self.environ,
            timeout=60,
            check=False,
            errors="replace",
        )
        return Run(done.returncode, done.stdout, done.stderr, "")

    def calls(self, log: Path) -> list[Call]:
        """Run it undisturbed; return its main thread's system calls that touch the folders, in order."""
        run = self._strace(log, "-e", "trace=%file,%desc")
        assert run.status == 0, run
        numbers: Counter[str] = Counter()
        found = []
        for line in log.read_text(errors="replace").splitlines():
            match = _CALL.match(line)
            if match:
                numbers[match[1]] += 1
                if self._touches(line):
                    found.append(Call(match[1], numbers[match[1]], match[2]))
        return found

    def _touches(self, line: str) -> bool:
        """Tell whether the call is of a path in the folders; what a file contains is no path."""
        return any(folder in re.sub(r"^(\S*(?:read|write)\S*>, ).*", r"\1", line) for folder in self.folders)

    def disturbed_at(self, call: Call, fault: str, log: Path) -> Run:
        """Run it with the fault at that call: KILL, or ``error=ENOSPC``; it must be one that touches the folders."""
        run = self._strace(log, "-e", f"trace={call.name}", "-e", f"inject={call.name}:{fault}:when={call.number}")
        lines = [line for line in log.read_text(errors="replace").splitlines() if _CALL.match(line)]
        hit = lines[call.number - 1] if len(lines) >= call.number else ""
        return Run(run.status, run.output, run.errors, hit if self._touches(hit) else "")
