"""A trouble is logged when it begins and when it is over, whatever alternates in between and whoever runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.store.logged_faults import LoggedFaults

WELL = "all is well again"


def test_it_is_over_when_each_subject_works_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of two that fail, one comes and goes: each complaint is logged once, and the end of all of it once."""
    path = str(tmp_path / "trouble")
    LoggedFaults(path).note("no place for call files", "recall")
    for _ in range(3):
        LoggedFaults(path).note("Asterisk is away", "asterisk")
        LoggedFaults(path).over("asterisk", "spool")
        assert [LoggedFaults(path).concern(subject) for subject in ("recall", "asterisk")] == [True, False]
    assert caplog.messages == ["no place for call files; trying again", "Asterisk is away; trying again"]
    LoggedFaults(path).over("recall")
    LoggedFaults(path).over("recall")
    assert caplog.messages[2:] == [WELL]
    assert os.listdir(tmp_path) == []


def test_what_works_ends_no_other_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A poll that needed no Asterisk says nothing of one that was away."""
    faults = LoggedFaults(str(tmp_path / "trouble"))
    faults.note("Asterisk is away", "asterisk")
    faults.over("spool")
    assert WELL not in caplog.messages


def test_what_is_done_about_it_may_be_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In place of "trying again"."""
    LoggedFaults(str(tmp_path / "trouble")).note("Asterisk is away", "asterisk", "; another goes on")
    assert caplog.messages == ["Asterisk is away; another goes on"]


def test_a_spool_that_cannot_be_written_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each minute's run finds the note in the other place."""
    places = str(tmp_path / "missing" / "trouble"), str(tmp_path / "busy_callback.trouble")
    for _ in range(2):
        LoggedFaults(places[0], fallback=places[1]).note("read-only", "spool")
    assert caplog.messages == ["read-only; trying again"]
    LoggedFaults(places[0], fallback=places[1]).over("spool")
    assert caplog.messages[1:] == [WELL]
    assert os.listdir(tmp_path) == []


def test_the_note_of_an_older_version_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line without a subject was logged too."""
    (tmp_path / "trouble").write_text("Asterisk is away\n")
    faults = LoggedFaults(str(tmp_path / "trouble"))
    faults.note("Asterisk is away", "all")
    faults.over()
    assert caplog.messages == [WELL]
