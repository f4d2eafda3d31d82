"""What the unit tests share: a spool and directories below a temporary path."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.settings import Directories, Settings
from busy_callback.spool import Spool

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
