"""What the unit tests share: a spool and directories below a temporary path."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.settings import Directories, Settings
from busy_callback.setup import commands, placed_files
from busy_callback.store.spool import Spool
from tests.unit.house import House
from tests.unit.setup.pbx import Pbx

NOW = 1_800_000_000.0


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    """A PBX's directories, made."""
    found = Directories()
    for name in ("astetcdir", "astspooldir", "astlogdir", "astrundir"):
        (tmp_path / name).mkdir()
        setattr(found, name, str(tmp_path / name))
    Path(found.outgoing).mkdir()
    return found


@pytest.fixture
def spool(directories: Directories) -> Spool:
    """A prepared spool."""
    made = Spool(directories.spool)
    made.prepare()
    return made


@pytest.fixture
def settings() -> Settings:
    """The defaults."""
    return Settings()


@pytest.fixture
def pbx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pbx:
    """A plain Asterisk that runs, with phones 201 and 202."""
    made = Pbx(tmp_path)
    made.runs()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(placed_files, "has_cron", lambda: True)
    return made


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A PBX of files as Debian owns it, in a folder that everybody may enter; its user asterisk may be an attacker."""
    with tempfile.TemporaryDirectory(prefix="busy-callback-") as name:
        root = Path(name)
        root.chmod(0o755)
        made = House(root)
        made.runs()
        made.load()
        monkeypatch.setenv("PATH", f"{root}/bin:{os.environ['PATH']}")
        monkeypatch.setattr(placed_files, "has_cron", lambda: True)
        monkeypatch.setattr("busy_callback.setup.install.unreachable", lambda *a: None)
        monkeypatch.setattr(commands, "System", lambda: made.system)
        yield made
