"""What the report's tests share: a clock in UTC, a command line, and a past whose figures are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from busy_callback import cli
from busy_callback.report import figures
from busy_callback.settings import Directories
from busy_callback.store.spool import Spool

from ...lab import past

Run = Callable[..., Result]


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NOW is 2027-01-15 08:00:00, a Friday, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    figures._local.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    figures._local.cache_clear()


@pytest.fixture
def run(directories: Directories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, in English unless told otherwise."""
    names = ("astetcdir", "astspooldir", "astlogdir", "astrundir")
    path = tmp_path / "asterisk.conf"
    path.write_text("".join(f"{name} => {getattr(directories, name)}\n" for name in names))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return lambda *words: CliRunner().invoke(cli.main, ["--asterisk-conf", str(path), *words])


@pytest.fixture
def a_past(spool: Spool) -> Spool:
    """A spool with 2,800 requests of the last 28 days."""
    past.fill(spool, 2800, time.time())
    return spool
