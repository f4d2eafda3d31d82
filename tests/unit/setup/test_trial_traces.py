"""Only one trial at a time; and what it leaves is taken away where Asterisk is down, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.settings import Directories, Settings
from busy_callback.setup.check import CheckFailed
from busy_callback.setup.console import Console
from busy_callback.setup.trial_traces import alone, take_away
from busy_callback.store.trial_place import CALLEE, CALLER, TrialDirectories


def test_a_second_trial_waits_for_the_first(directories: Directories) -> None:
    """It is told that another is under way; when that has ended it may begin."""
    os.makedirs(directories.spool)
    underway = pytest.raises(CheckFailed, match="another trial is under way")
    with alone(directories.spool), underway, alone(directories.spool):
        pass
    with alone(directories.spool):
        pass


def test_a_trial_where_nothing_is_installed(directories: Directories) -> None:
    """Without a spool it says so, and makes none."""
    with pytest.raises(CheckFailed, match="can't be opened"), alone(directories.spool):
        pass
    assert not os.path.exists(directories.spool)


def test_with_asterisk_away_the_files_are_taken_away_all_the_same(directories: Directories) -> None:
    """Its call file and its folder go, and nobody else's."""
    settings = Settings()
    settings.port = 1
    folder = Path(TrialDirectories(directories).spool)
    folder.mkdir(parents=True)
    (folder / "facts").touch()
    outgoing = Path(directories.outgoing)
    outgoing.mkdir(exist_ok=True)
    for name in (f"{CALLER}-{CALLEE}-0mwwi1rlg", "201-202-0mwwi1rlg"):
        (outgoing / f"busy-callback-{name}.1.call").touch()
    take_away(directories, settings, Console(directories))
    assert not folder.exists()
    assert [path.name for path in outgoing.iterdir()] == ["busy-callback-201-202-0mwwi1rlg.1.call"]
