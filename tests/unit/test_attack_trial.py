"""Attack: a channel that is named like one of doctor's trial, so that a request goes into its spool, or out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.deadline import Deadline
from busy_callback.settings import Directories
from busy_callback.setup import trial
from busy_callback.setup.check import CheckFailed
from busy_callback.store.spool import Spool
from busy_callback.store.trial_place import CALLEE, CALLER, TrialDirectories, phone

from .agi_call import run, status

SETTINGS = f"[general]\nextensions = {CALLER} {CALLEE}\ndevice = {phone('{ext}')}\n"


def asked(directories: Directories, channel: str) -> list[str]:
    """Return the script's commands for the trial's own request, from a channel, while a trial is under way."""
    its = TrialDirectories(directories)
    Path(its.spool).mkdir(parents=True, exist_ok=True)
    Path(its.conf).write_text(SETTINGS)
    return run(directories, CALLER, CALLEE, head=f"agi_channel: {channel}\n\n")


def test_the_trials_request_is_in_its_own_spool(directories: Directories) -> None:
    """Its two numbers are in its own numbering plan and spool, and in no other."""
    assert status(asked(directories, f"{phone(CALLER)}-00000001;1")) == "REGISTERED"
    assert len(Spool(TrialDirectories(directories).spool).live()) == 1
    assert not Path(directories.spool, "requests").exists()


@pytest.mark.parametrize(
    "channel",
    [
        f"PJSIP/{CALLER}-00000001",
        f"PJSIP/{CALLER}@busy-callback-trial-phone-00000001",
        f"Local/{CALLER}@busy-callback-trial-00000001;1",
        f"Local/{CALLER}@from-trunk-00000001;1",
        f"Local/{CALLER}0@busy-callback-trial-phone-00000001;1",
    ],
)
def test_no_other_channel_is_the_trials(directories: Directories, channel: str) -> None:
    """A trunk, a phone or a context of a like name is measured by the admin's own numbering plan, and refused."""
    commands = asked(directories, channel)
    assert status(commands) == "REFUSED"
    assert any("is not in the numbering plan" in command for command in commands)
    assert not Path(TrialDirectories(directories).spool, "requests").exists()


def test_a_fifo_in_place_of_what_the_trial_reads(tmp_path: Path) -> None:
    """Who puts one there does not hold the trial up; what is huge is read as far as it may be ours."""
    os.mkfifo(tmp_path / "facts")
    with Deadline(10.0, "a FIFO is waited for"), pytest.raises(CheckFailed, match="is not a regular file"):
        trial._text(tmp_path / "facts")
    (tmp_path / "log").touch()
    os.truncate(tmp_path / "log", 1 << 40)
    assert len(trial._text(tmp_path / "log")) < 1 << 20
    assert trial._text(tmp_path / "none") == ""
