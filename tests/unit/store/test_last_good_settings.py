"""The copy of the last good settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SettingsError
from busy_callback.settings import Directories
from busy_callback.store.last_good_settings import NAME, keep, load_or_last_good
from busy_callback.store.spool import Spool

GOOD = "[general]\nring_time = 15\n"
BAD = "[general]\nring_time = soon\n"


def test_a_good_file_is_kept_once(directories: Directories, spool: Spool) -> None:
    """The copy is made where it is missing or differs, and else left alone."""
    Path(directories.conf).write_text(GOOD)
    keep(directories.conf, spool)
    copy = Path(spool.directory, NAME)
    first = copy.stat().st_ino
    keep(directories.conf, spool)
    assert (copy.read_text(), copy.stat().st_ino) == (GOOD, first)
    Path(directories.conf).write_text(BAD)
    settings, mistake = load_or_last_good(directories.conf, spool)
    assert settings.ring_time == 15
    assert "busy_callback.conf:2: ring_time" in str(mistake)


def test_without_a_file_or_a_place_nothing_is_kept(directories: Directories, spool: Spool) -> None:
    """No settings file, or a spool that can't be written: the service goes on without a copy."""
    keep(directories.conf, spool)
    assert not Path(spool.directory, NAME).exists()
    Path(directories.conf).write_text(GOOD)
    Path(spool.directory, "tmp").rmdir()
    keep(directories.conf, spool)
    assert not Path(spool.directory, NAME).exists()


def test_a_mistake_without_a_last_good_copy_is_an_error(directories: Directories, spool: Spool) -> None:
    """There is nothing to go on with."""
    Path(directories.conf).write_text(BAD)
    with pytest.raises(SettingsError, match="ring_time"):
        load_or_last_good(directories.conf, spool)
