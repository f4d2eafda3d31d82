"""Programs that are killed, or told of an error, at a chosen system call: strace's fault injection."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CALL = re.compile(r"([0-9]+) +(([a-z0-9_]+)\(.*)")
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
        # With -f each thread has its own count.
        words = ["strace", "-f", "-y", "-s", "300", "-o", str(log), *options, *self.words]
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
        for name, text in _main_thread(log):
            numbers[name] += 1
            if self._touches(text):
                found.append(Call(name, numbers[name], text))
        return found

    def _touches(self, line: str) -> bool:
        """Tell whether the call is of a path in the folders; what a file contains is no path."""
        line = re.sub(r"^(\S*(?:read|write)\S*>, ).*", r"\1", line)
        # A name in an open folder: whether the call succeeds or not, it is of the same path.
        line = re.sub(r'\d+<([^>]*)>, "([^"/][^"]*)"', r'"\1/\2"', line)
        return any(folder in line for folder in self.folders)

    def disturbed_at(self, call: Call, fault: str, log: Path) -> Run:
        """Run it with the fault at that call: KILL, or ``error=ENOSPC``; it must be one that touches the folders."""
        # Only the calls that are asked for stop the program then; but strace's signals would not be delivered.
        fast = [] if fault == KILL else ["--seccomp-bpf"]
        run = self._strace(
            log, *fast, "-e", f"trace={call.name}", "-e", f"inject={call.name}:{fault}:when={call.number}"
        )
        lines = [text for name, text in _main_thread(log) if name == call.name]
        hit = lines[call.number - 1] if len(lines) >= call.number else ""
        done = self._touches(hit) and (fault != KILL or run.status == -signal.SIGKILL)
        return Run(run.status, run.output, run.errors, hit if done else "")


def _main_thread(log: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each system call of the thread that came first."""
    main = ""
    for line in log.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        main = main or (match[1] if match else "")
        if match and match[1] == main:
            yield match[3], match[2]
