"""Attack: what Asterisk's user has in hand answers a command of root's without end: no memory is enough for it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.errors import AsteriskError, SetupError
from busy_callback.setup.console import Console
from busy_callback.setup.doctor import examine
from busy_callback.setup.program import run
from tests.unit.setup.pbx import Pbx

MEMORY = 1 << 30  # bytes that are taken for no end
ENDLESS = "#!/bin/sh\nexec cat /dev/zero\n"


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Who takes more than that has no more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_console_that_answers_without_end(pbx: Pbx) -> None:
    """So much is read of it, and it is not asked again."""
    program = pbx.root / "bin" / "asterisk"
    program.write_text(ENDLESS)
    console = Console(pbx.directories)
    with pytest.raises(AsteriskError, match="'dialplan show' with more than 64 MB"):
        console.ask("dialplan show")
    program.unlink()
    with pytest.raises(AsteriskError, match="'dialplan show' with more than 64 MB"):
        console.ask("module show")


@pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")
def test_a_script_that_answers_without_end(pbx: Pbx) -> None:
    """Doctor says of an AGI script of asterisk's what it does."""
    pbx.install()
    script = pbx.root / "asterisk" / "agi" / "busy_callback.py"
    script.write_text(ENDLESS)
    checks = {check.name: check for check in examine(pbx.directories, str(pbx.conf), pbx.system)}
    assert "prints more than 64 MB" in checks["agi"].message


def test_what_is_no_end_is_read_whole() -> None:
    """Output, complaints and status of a program are as it has them, whether it reads its input or not."""
    status, output, complaints = run(["/bin/sh", "-c", "cat; echo no >&2; exit 3"], 10.0, "yes\n")
    assert (status, output, complaints) == (3, b"yes\n", b"no\n")
    assert run(["/bin/true"], 10.0, "x" * 50000)[0] == 0
    with pytest.raises(SetupError):
        run(["/bin/cat", "/dev/zero"], 30.0)
