"""One poller at a time, and the handover from one watch to the next."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from busy_callback.errors import DeadlineError
from busy_callback.store import handover
from busy_callback.store.handover import PollerLock

HOLDER = """
import signal, sys, threading
from busy_callback.store.handover import RELIEF, PollerLock
relieved = threading.Event()
signal.signal(RELIEF, lambda *_: relieved.set())
with PollerLock(sys.argv[1]) as turn:
    turn.take()
    print("held", flush=True)
    relieved.wait(float(sys.argv[2]))
"""


def hold(path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Return a process that has the turn until it is asked to let go, or for ``seconds``."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), str(seconds)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_a_second_poll_does_not_take_the_turn(tmp_path: Path) -> None:
    """While one has the turn, another that only tries does not get it, and does not disturb it."""
    path = tmp_path / "lock"
    with hold(path, 30) as holder, PollerLock(str(path)) as mine:
        assert not mine.try_take()
        assert holder.poll() is None
        holder.kill()


def test_the_next_watch_relieves_the_one_before(tmp_path: Path) -> None:
    """Taking the turn asks the holder to let go, and waits for it."""
    path = tmp_path / "lock"
    with hold(path, 30) as holder, PollerLock(str(path)) as mine:
        mine.take()
        assert holder.wait() == 0
        assert mine.try_take()


def test_a_killed_holder_has_no_turn(tmp_path: Path) -> None:
    """A poll that was killed holds nobody up."""
    path = tmp_path / "lock"
    with hold(path, 30) as holder:
        holder.kill()
    with PollerLock(str(path)) as mine:
        assert mine.try_take()


def test_a_holder_that_does_not_let_go_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll that hangs is named, instead of being waited for for ever."""
    monkeypatch.setattr(handover, "HANDOVER_TIME", 0.05)
    path = tmp_path / "lock"
    with hold(path, 30) as holder:
        holder.send_signal(signal.SIGSTOP)
        with PollerLock(str(path)) as mine, pytest.raises(DeadlineError, match=str(holder.pid)):
            mine.take()
        holder.kill()
