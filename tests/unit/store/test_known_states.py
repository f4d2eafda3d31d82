"""The watch's note of what it knows: for whoever asks why, and for the watch after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.settings import Directories, Settings
from busy_callback.store.known_states import ask_states, read_states, write_states
from busy_callback.store.spool import Spool

from ...lab.standin import StandIn
from ..conftest import NOW


def test_since_when_is_known_of_what_has_changed(spool: Spool) -> None:
    """What was so at the beginning of the first watch was so since nobody knows when."""
    write_states(spool.directory, {"201": (1, NOW), "202": (2, NOW + 7)}, NOW, NOW + 9)
    assert read_states(spool.directory) == (NOW + 9, {"201": (1, 0.0), "202": (2, NOW + 7)})


def test_the_next_watch_knows_it_from_the_one_before(spool: Spool) -> None:
    """As long as the state is the same and no time lies between the two."""
    write_states(spool.directory, {"201": (1, NOW + 5), "202": (2, NOW + 7)}, NOW, NOW + 60)
    write_states(spool.directory, {"201": (2, NOW + 59), "202": (2, NOW + 59)}, NOW + 59, NOW + 120)
    assert read_states(spool.directory)[1] == {"201": (2, 0.0), "202": (2, NOW + 7)}
    write_states(spool.directory, {"202": (2, NOW + 300)}, NOW + 300, NOW + 301)
    assert read_states(spool.directory)[1] == {"202": (2, 0.0)}


def test_a_note_that_cannot_be_written_or_read_is_none(spool: Spool) -> None:
    """Nothing depends on it."""
    write_states(f"{spool.directory}/none", {"201": (1, 0.0)}, NOW, NOW)
    assert read_states(f"{spool.directory}/none") == (0.0, {})
    Path(spool.path("", "states")).write_text("soon\n201 x\n")
    assert read_states(spool.directory) == (0.0, {})
    write_states(spool.directory, {str(100_000 + n): (1, 0.0) for n in range(3000)}, NOW, NOW)
    assert read_states(spool.directory) == (0.0, {})


@pytest.mark.parametrize("kind", ["fifo", "link", "file"])
def test_nothing_in_the_place_of_a_new_note_is_followed_or_waited_for(spool: Spool, tmp_path: Path, kind: str) -> None:
    """Left by a process that had our id, or put there: it goes, and what it leads to stays as it is."""
    place, other = Path(spool.path("tmp", f"states.{os.getpid()}")), tmp_path / "other"
    other.write_text("other")
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "link":
        place.symlink_to(other)
    else:
        place.write_text("half a no")
    write_states(spool.directory, {"201": (1, NOW + 1)}, NOW, NOW + 9)
    assert read_states(spool.directory) == (NOW + 9, {"201": (1, NOW + 1)})
    assert Path(spool.path("", "states")).is_file()
    assert other.read_text() == "other"


def test_without_a_watch_nobody_answers(spool: Spool) -> None:
    """No lock, a process that is gone, and one that is no watch: an answer is not waited for long."""
    assert ask_states(spool.directory) is None
    lock = Path(spool.path("", "poller.lock"))
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    for text in (f"{gone.pid}\n", "x", "-1", f"{os.getpid()}\n"):
        lock.write_text(text)
        assert ask_states(spool.directory, patience=0.05) is None


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """An Asterisk that answers at once."""
    with StandIn() as made:
        yield made


def test_a_watch_answers_and_leaves_its_knowledge_to_the_next(
    directories: Directories, spool: Spool, standin: StandIn
) -> None:
    """Asked, it tells the states of those who wait and are waited for; the next one knows since when."""
    standin.states = {"PJSIP/201": "NOT_INUSE", "PJSIP/202": "NOT_INUSE"}
    Path(directories.conf).write_text(f"[manager]\nport = {standin.port}\n")
    Path(directories.control_socket).touch()
    conf = Path(directories.astetcdir) / "asterisk.conf"
    names = ("astetcdir", "astspooldir", "astlogdir", "astrundir")
    conf.write_text("".join(f"{name} => {getattr(directories, name)}\n" for name in names))
    spool.register("201", "202", rq.NO_REPLY, "", Settings(), NOW + 1e8)

    def watch() -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(conf), "poll", "--watch", "600"]
        return subprocess.Popen(words)

    def asked(number: str, state: int, since_known: bool) -> float:
        """Ask until the watch says so."""
        while True:
            known = (ask_states(spool.directory) or {}).get(number)
            if known and known[0] == state and bool(known[1]) == since_known:
                return known[1]

    with watch() as first:
        asked("201", 1, since_known=False)
        standin.say(b"Event: DeviceStateChange\r\nDevice: PJSIP/202\r\nState: INUSE\r\n\r\n")
        since = asked("202", 2, since_known=True)
        standin.states["PJSIP/202"] = "INUSE"
        with watch() as second:
            assert first.wait(30) == 0
            assert asked("202", 2, since_known=True) == since
            second.send_signal(signal.SIGTERM)
