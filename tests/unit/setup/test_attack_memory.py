"""Attack: Asterisk's user makes each file of ours huge, by sparse files for nothing, until root has no memory left."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.house import ASTERISK, House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

HUGE = 16 << 20  # bytes of each
MEMORY = 384 << 20
MARKS = "; BEGIN busy-callback\n; END busy-callback\n"


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Who takes more than that has no more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


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
