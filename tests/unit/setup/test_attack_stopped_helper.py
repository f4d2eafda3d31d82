"""Attack: Asterisk's user stops, kills or troubles the child that works in its folders with its rights."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from busy_callback.deadline import Deadline
from busy_callback.errors import SetupError
from busy_callback.setup import as_owner
from busy_callback.setup.journal import Journal
from tests.unit.house import ASTERISK, House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")

PATIENCE = 15.0  # seconds


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL, signal.SIGINT, signal.SIGALRM, signal.SIGPIPE])
def test_a_child_that_is_stopped_holds_root_up_for_nothing(number: signal.Signals) -> None:
    """Root ends it when its work is done, and does not wait for it to end itself."""
    with Deadline(PATIENCE, "root waits for a child that asterisk has stopped"), as_owner.kept_helpers():
        child = as_owner.call(ASTERISK.pw_uid, os.getpid)
        as_asterisk(lambda: os.kill(child, number))


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_child_that_is_stopped_at_its_work(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was to do has not ended well, says the error; the next child does the next thing."""
    monkeypatch.setattr(as_owner, "LONG_PATIENCE", 1.0)
    with Deadline(PATIENCE, "root waits for a child that asterisk has stopped"), as_owner.kept_helpers():
        child = as_owner.call(ASTERISK.pw_uid, os.getpid)
        as_asterisk(lambda: os.kill(child, number))
        with pytest.raises(SetupError, match="has not ended well"):
            as_owner.call(ASTERISK.pw_uid, os.getpid)
        assert as_owner.call(ASTERISK.pw_uid, os.getpid) not in (child, os.getpid())


@pytest.mark.parametrize("seconds", [0.8, 30.0], ids=["for_a_while", "for_good"])
def test_each_child_is_stopped(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root gives them a time in all, not to each anew: an uninstall has hundreds of files to give back."""
    monkeypatch.setattr(as_owner, "LONG_PATIENCE", 1.0)
    monkeypatch.setattr(as_owner, "PATIENCE_IN_ALL", 3.0, raising=False)
    monkeypatch.setattr(as_owner, "_spent", {}, raising=False)
    asked: list[str] = []
    with Deadline(PATIENCE, "root waits for each child anew"), as_owner.kept_helpers():
        while len(asked) < 40:
            try:
                as_owner.call(ASTERISK.pw_uid, time.sleep, seconds)  # a stopped one does not look otherwise
                asked.append("")
            except SetupError as error:
                asked.append(str(error))
    assert "no more is done as user games" in asked[-1]


def test_a_child_that_outlives_root_holds_no_lock(tmp_path: Path) -> None:
    """Root is killed while its child is stopped: the next install finds the journal free."""
    (tmp_path / "state").mkdir(mode=0o700)
    reading, writing = os.pipe()
    root = os.fork()
    if not root:
        with Journal(tmp_path / "state").held(), as_owner.kept_helpers():
            os.write(writing, b"%d" % as_owner.call(ASTERISK.pw_uid, os.getpid))
            time.sleep(PATIENCE)
        os._exit(1)
    child = int(os.read(reading, 20))
    try:
        as_asterisk(lambda: os.kill(child, signal.SIGSTOP))
        os.kill(root, signal.SIGKILL)
        os.waitpid(root, 0)
        with Journal(tmp_path / "state").held():
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_who_examines_for_doctor_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk's user stops what asks its console: doctor ends all the same, and says as whom it could not work."""
    monkeypatch.setattr(as_owner, "LONG_PATIENCE", 3.0)
    program = house.root / "bin" / "asterisk"
    program.write_text(program.read_text().replace("\n", "\nkill -STOP $PPID\n", 1))
    status, output = house.run("doctor")
    assert (status, "as user games has not ended well" in output) == (1, True)
