"""One poller at a time, and the handover from one watch to the next."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from busy_callback.errors import DeadlineError
from busy_callback.store import handover
from busy_callback.store.handover import PollerLock

HOLDER = """
import signal, sys, time
from busy_callback.store.handover import RELIEF, PollerLock
signal.signal(RELIEF, lambda *_: sys.exit())
with PollerLock(sys.argv[1]) as turn:
    turn.take()
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
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


WATCH = """
import queue, sys, time
from busy_callback.store.handover import PollerLock, Shift
inbox = queue.SimpleQueue()
with PollerLock(sys.argv[1]) as lock:
    lock.take()
    shift = Shift(lock, float(sys.argv[2]), lambda: inbox.put(None))
    print("held", flush=True)
    while True:
        try:
            inbox.get(timeout=max(0.0, shift.ends - time.monotonic()))
        except queue.Empty:
            pass
        if shift.is_over(sys.argv[3] == "serves", lambda: sys.argv[4]):
            break
        print("goes on", flush=True)
"""


@contextmanager
def watch(path: Path, seconds: float = 30, serves: bool = True, why: str = "") -> Iterator[subprocess.Popen[str]]:
    """Let a process have the turn as a watch does; ``why`` no other could serve when its time is over."""
    words = [sys.executable, "-c", WATCH, str(path), str(seconds), "serves" if serves else "tries", why]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def says(holder: subprocess.Popen[str]) -> str:
    """Return the next line that it says."""
    assert holder.stdout is not None
    return holder.stdout.readline().strip()


def test_who_cannot_serve_leaves_the_turn_to_one_that_does(tmp_path: Path) -> None:
    """It is told that the other goes on, each time anew; that one says so in the log once."""
    path = tmp_path / "lock"
    with watch(path) as holder:
        for _ in range(2):
            with PollerLock(str(path)) as mine:
                assert mine.leave()
                assert not mine.try_take()
            assert says(holder) == "goes on"
        holder.terminate()
        assert holder.stderr is not None
        assert holder.stderr.read().count("goes on beyond its time") == 1


def test_who_cannot_serve_takes_the_turn_of_one_that_does_not_either(tmp_path: Path) -> None:
    """The newest has the newest settings; where nobody has the turn it is taken at once."""
    path = tmp_path / "lock"
    with watch(path, serves=False) as holder, PollerLock(str(path)) as mine:
        assert not mine.leave()
        assert holder.wait(10) == 0
        assert not mine.leave()


def test_a_turn_that_was_asked_for_and_is_not_taken_goes_on(tmp_path: Path) -> None:
    """Who asked has died, or a stray signal came: the holder has the turn again; asked twice, it ends."""
    path = tmp_path / "lock"
    with watch(path) as holder:
        holder.send_signal(handover.RELIEF)
        assert says(holder) == "goes on"
        with PollerLock(str(path)) as mine:
            assert not mine.try_take()
            mine.take()
        assert holder.wait(10) == 0


def test_asked_again_and_again_it_ends(tmp_path: Path) -> None:
    """As uninstall asks, which takes no turn."""
    with watch(tmp_path / "lock") as holder:
        while holder.poll() is None:
            holder.send_signal(handover.RELIEF)
            time.sleep(0.05)


def test_a_watch_ends_when_its_time_is_over_and_another_could_serve(tmp_path: Path) -> None:
    """Where none could it goes on for as long again."""
    with watch(tmp_path / "lock", seconds=0.1) as holder:
        assert holder.wait(10) == 0
    with watch(tmp_path / "lock", seconds=0.1, why="refused") as holder:
        assert [says(holder), says(holder)] == ["goes on", "goes on"]


def test_a_holder_that_does_not_say_that_it_goes_on_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch that hangs serves nobody: it is named."""
    monkeypatch.setattr(handover, "HANDOVER_TIME", 0.1)
    with watch(tmp_path / "lock") as holder:
        holder.send_signal(signal.SIGSTOP)
        with PollerLock(str(tmp_path / "lock")) as mine, pytest.raises(DeadlineError, match=str(holder.pid)):
            mine.leave()


def test_a_lock_on_a_disk_that_is_read_only(tmp_path: Path) -> None:
    """It locks as well."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)
    try:
        (tmp_path / "lock").touch()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        with PollerLock(str(tmp_path / "lock")) as mine, PollerLock(str(tmp_path / "lock")) as other:
            assert mine.try_take()
            assert not other.try_take()
    finally:
        subprocess.run(["umount", tmp_path], check=True)
