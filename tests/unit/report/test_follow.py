"""list --follow: the table as a terminal shows it, and the lines that a program reads."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.report.follow import Changes, news, table
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.store.spool import Spool

from ..conftest import NOW

PATIENCE = 60.0  # seconds
COLUMNS, LINES = 60, 10


@pytest.fixture
def words(directories: Directories, tmp_path: Path) -> list[str]:
    """The command's words."""
    names = ("astetcdir", "astspooldir", "astlogdir", "astrundir")
    path = tmp_path / "asterisk.conf"
    path.write_text("".join(f"{name} => {getattr(directories, name)}\n" for name in names))
    return [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(path), "list", "--follow"]


def register(spool: Spool, caller: str) -> Request:
    """Let a caller ask for 202."""
    request_id = spool.register(caller, "202", rq.BUSY, "", Settings(), time.time())[1]
    found = spool.load(request_id)
    assert found is not None
    return found


class Terminal:
    """A terminal of 60 columns and 10 lines in which the command runs."""

    def __init__(self, words: list[str], **environ: str) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | environ
        self.raw = b""
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, env=environ | {"TERM": "xterm"}, start_new_session=True
        )
        os.close(slave)

    def until(self, is_so: Callable[[list[str]], bool]) -> list[str]:
        """Wait until the screen is so; return its lines."""
        deadline = time.monotonic() + PATIENCE
        while not is_so(self.lines()):
            assert time.monotonic() < deadline, self.lines()
            self.read()
        return self.lines()

    def read(self) -> bool:
        """Take in what comes; tell whether it was the end."""
        if select.select([self._master], [], [], 1.0)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # how Linux says that the other end is closed
                return True
            self.raw += data
            self._stream.feed(data)
        return False

    def lines(self) -> list[str]:
        """Return what the screen shows."""
        return [line.rstrip() for line in self._screen.display]

    def close(self) -> None:
        """End all."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(words: list[str], spool: Spool) -> Iterator[Terminal]:
    """A terminal in which it follows, with 201's request."""
    register(spool, "201")
    made = Terminal(words)
    yield made
    made.close()


def test_the_table_is_kept_up_to_date_in_place(terminal: Terminal, spool: Spool) -> None:
    """Requests come, ring and end: a row each, in its colour, in the order they asked; ended ones stay a while."""
    terminal.until(lambda lines: "201     202" in lines[2])
    second = register(spool, "203")
    lines = terminal.until(lambda lines: "203     202" in lines[3])
    assert lines[0].startswith("2 callbacks wait; ")
    assert lines[1].split()[:4] == ["CALLER", "CALLEE", "KIND", "STATE"]
    assert spool.replace(second, policy.begin(second, 1, time.time()))
    terminal.until(lambda lines: "recalling" in lines[3])
    spool.cancel(spool.live()[0].id, "by the admin", time.time())
    lines = terminal.until(lambda lines: "cancelled" in lines[3])
    assert lines[0].startswith("1 callback waits; ")
    assert "203" in lines[2]
    assert all(len(line) <= COLUMNS for line in lines)
    assert b"\x1b[32m\x1b[1m203" in terminal.raw


def test_it_ends_with_ctrl_c_and_gives_the_terminal_back(terminal: Terminal) -> None:
    """Exit status 0, the cursor shown, the screen as it was."""
    terminal.until(lambda lines: "201     202" in lines[2])
    os.killpg(terminal.process.pid, signal.SIGINT)
    while not terminal.read():
        pass
    assert terminal.process.wait(PATIENCE) == 0
    assert terminal.raw.endswith(b"\x1b[?25h\x1b[?1049l")
    assert b"Aborted" not in terminal.raw


def test_without_colours_where_they_are_not_wanted(words: list[str], spool: Spool) -> None:
    """NO_COLOR: no colour, and no bold."""
    register(spool, "201")
    terminal = Terminal(words, NO_COLOR="1")
    try:
        terminal.until(lambda lines: "201     202" in lines[2])
        assert b"\x1b[1m" not in terminal.raw
    finally:
        terminal.close()


def following(words: list[str]) -> subprocess.Popen[str]:
    """Start it without a terminal."""
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_without_a_terminal_it_prints_a_line_a_change(words: list[str], spool: Spool) -> None:
    """The time, the pair, what happened; first what is there. SIGTERM ends it as Ctrl-C does."""
    register(spool, "201")
    with following(words) as process:
        assert line(process).endswith("  201-202  registered")
        request = register(spool, "203")
        assert line(process).endswith("  203-202  registered")
        spool.replace(request, policy.begin(request, 1, time.time()))
        assert line(process).endswith("  203-202  recall 1")
        spool.cancel(request.id, "by the admin", time.time())
        assert line(process).endswith("  203-202  cancelled: by the admin")
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_for_programs_a_line_is_the_whole_request(words: list[str], spool: Spool) -> None:
    """--json: as list --json has it, one a line."""
    request = register(spool, "201")
    with following([*words, "--json"]) as process:
        assert json.loads(line(process))["state"] == "waiting"
        spool.cancel(request.id, "by the admin", time.time())
        assert json.loads(line(process))["reason"] == "by the admin"
        process.terminate()


def test_half_a_file_is_passed_over(spool: Spool) -> None:
    """Until it is whole, or set aside by the poller; the others are shown."""
    whole = register(spool, "201")
    path = Path(spool.path("requests", whole.id.replace("201", "203")))
    path.write_bytes(rq.encode(whole)[:90])
    changes = Changes(spool)
    assert [after.id for _, after in changes.look()] == [whole.id]
    path.write_bytes(rq.encode(whole).replace(b"id: 201", b"id: 203"))
    assert [after.caller for _, after in changes.look()] == ["203"]
    assert changes.look() == []


def test_the_news_of_a_request_are_what_it_did_not_tell_before(spool: Spool) -> None:
    """Several at a time, if need be."""
    before = register(spool, "201")
    after = before.but(NOW, "recall 1").but(NOW + 9, "201 answered")
    assert [told.split("  ")[2] for told in news(before, after)] == ["recall 1", "201 answered"]
    assert [told.split("  ")[2] for told in news(None, after)] == ["201 answered"]


def test_more_than_the_terminal_has_places_for(spool: Spool) -> None:
    """The first ones, and how many there are beside."""
    live = [register(spool, str(number)) for number in range(203, 208)]
    lines = list(table(live, [], time.time(), 40, 7))
    assert len(lines) == 6
    assert lines[-1] == "... and 2 more"
