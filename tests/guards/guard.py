"""A guard: a few lines of the package, what stands there when it is taken out, and the tests that then fail."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds that the tests of one guard may take
HANGING = 30.0  # seconds after which a test hangs
MEMORY = 4 << 30  # bytes; without some guards a program would take all that there are


@dataclass(frozen=True)
class Edit:
    """``old``, which stands once in the file ``path``, becomes ``new``."""

    path: str
    old: str
    new: str = ""

    def read(self, top: Path) -> str:
        """Return the file's text in the repository at ``top``; AssertionError unless ``old`` stands there once."""
        text = (top / self.path).read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"not once in {self.path}: {self.old!r}"
        return text


@dataclass(frozen=True)
class Guard:
    """What the guard does, the edits that take it out, and the tests (file::name) each of which must fail then.

    A test with parameters fails when it does for one of them. ``hangs``: without the guard they do not end.
    """

    what: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    hangs: bool = False

    def take_out(self, top: Path) -> None:
        """Take the guard out of the copy of the repository at ``top``."""
        for edit in self.edits:
            (top / edit.path).write_text(edit.read(top).replace(edit.old, edit.new), encoding="utf-8")

    def unseen(self, top: Path) -> list[str]:
        """Run the tests in the copy at ``top``; return those that did not fail."""
        phones = any("acceptance" in test for test in self.tests)
        words = [] if phones else ["prlimit", f"--as={MEMORY}"]
        words += [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "--timeout=100"]
        words += ["-k", "not asterisk16"] if phones else []
        with subprocess.Popen(
            [*words, *self.tests],
            cwd=top,
            env={**os.environ, "PYTHONPATH": str(top)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as running:
            try:
                output, _ = running.communicate(timeout=HANGING if self.hangs else PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                return [] if self.hangs else list(self.tests)
        failed = re.findall(r"^FAILED (\S+)", output, re.MULTILINE)
        return [test for test in self.tests if not any(_is_of(name, test) for name in failed)]


def _is_of(name: str, test: str) -> bool:
    return name == test or name.startswith(f"{test}[")


def copy_to(top: Path) -> None:
    """Copy what git knows of the repository to ``top``."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, top / name)
