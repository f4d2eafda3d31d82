"""Attack: Asterisk's user makes each file of ours huge, by sparse files for nothing, until root has no memory left."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup import as_owner
from tests.unit.house import ASTERISK, House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

HUGE = 16 << 20  # bytes of each
MEMORY = 384 << 20
MARKS = "; BEGIN busy-callback\n; END busy-callback\n"


@pytest.fixture
def _little_memory() -> Iterator[None]:
    """Who takes more than that has no more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("_little_memory")
@pytest.mark.parametrize("beginning", ["", MARKS], ids=["huge", "marked as ours"])
def test_prompts_that_are_huge(house: House, beginning: str) -> None:
    """Uninstall ends, and names them; what they were is not lost, nor are they."""
    for path in (house.base / "data", *(house.base / "data").rglob("*")):
        os.chown(path, ASTERISK.pw_uid, ASTERISK.pw_gid)
    assert house.place()[0] == 0
    prompts = [path for path in (house.base / "data" / "sounds" / "en").iterdir() if path.is_file()][:40]
    assert len(prompts) == 40

    def deed() -> None:
        for path in prompts:
            path.write_text(beginning)
            os.truncate(path, HUGE)

    as_asterisk(deed)
    status, output = house.run("uninstall", "--yes")
    assert "Traceback" not in output
    assert "MemoryError" not in output
    told = [path for path in prompts if f"{path}: " in output]
    if beginning:
        assert (status, "with the others before it, it is larger than 64 MB" in output) == (1, True)
    else:
        assert (status, told) == (0, prompts)
    assert not any((house.system.cron / name).exists() for name in ("busy-callback", "busy-callback-report"))
    assert {path.stat().st_size for path in prompts} <= {HUGE, HUGE - len(beginning)}


def test_what_is_worked_out_as_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few lines can stand for any number of them (templates of templates): what a child may take has a limit."""
    monkeypatch.setattr(as_owner, "MEMORY", MEMORY * 2)
    with pytest.raises(SetupError, match=r"768 MB of memory are not enough for it"):
        as_owner.call(ASTERISK.pw_uid, bytearray, MEMORY * 3)


def test_an_answer_that_is_huge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root takes none that is larger than any answer has to be."""
    monkeypatch.setattr(as_owner, "_LONGEST", 1 << 20)
    assert len(as_owner.call(ASTERISK.pw_uid, bytes, 1 << 19)) == 1 << 19
    with pytest.raises(SetupError, match="2 MB are more than any answer has"):
        as_owner.call(ASTERISK.pw_uid, bytes, 2 << 20)


def test_a_dialplan_of_templates_of_templates(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty lines that mean a million million: doctor says so, and the machine has its memory still."""
    monkeypatch.setattr(as_owner, "MEMORY", MEMORY * 2)
    rows = ["[t0](!)", "exten => 1,1,NoOp()", *(f"[t{n}](!,t{n - 1},t{n - 1})" for n in range(1, 40)), "[all](t39)", ""]
    as_asterisk(lambda: (house.etc / "extensions.conf").write_text("\n".join(rows)) and None)
    status, output = house.run("doctor")
    assert (status, "768 MB of memory are not enough" in output) == (1, True)
