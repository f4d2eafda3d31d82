"""The tables of list and history: within 80 columns, nothing lost, coloured on a terminal alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.report import listing
from busy_callback.request import Request
from busy_callback.settings import Directories, Settings
from busy_callback.store.spool import Spool

NOW = 1_795_000_000.0


def test_tables_fit_80_columns_and_lose_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With extensions of six digits and the longest state; a long reason goes on in a line of its own."""
    monkeypatch.setenv("NO_COLOR", "1")
    waits = spool.register("201234", "202345", rq.NO_REPLY, "", Settings(), NOW - 3000)
    assert waits
    (request,) = spool.live()
    assert max(map(len, listing.waiting([request], NOW, 80))) <= 80
    reason = "the callee has talked with the caller by another call meanwhile, through a queue or a ring group of it"
    ended = rq.end(request, rq.CANCELLED, reason, NOW - 200000)
    lines = list(listing.ended([ended], NOW, 80))
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines[1:]).split()) == f"201234-202345 cancelled 2 days ago {reason}"
    assert list(listing.ended([ended], NOW, None))[1].endswith(reason)


@pytest.mark.parametrize(
    ("apart", "told"),
    [
        (720, "in 12 min"),
        (-180, "3 min ago"),
        (0, "0 s ago"),
        (-3.2, "3 s ago"),
        (9900, "in 2 h 45 min"),
        (-4e5, "4 days ago"),
    ],
)
def test_times_are_told_as_people_do(apart: float, told: str) -> None:
    """As seen from now."""
    assert listing.relative(NOW + apart, NOW) == told


@pytest.mark.parametrize(("variables", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals_alone(
    spool: Spool, directories: Directories, tmp_path: Path, variables: dict[str, str], colours: bool
) -> None:
    """On a terminal, unless NO_COLOR or its kind forbids them; in a pipe there is none."""
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    conf = tmp_path / "asterisk.conf"
    names = ("astetcdir", "astspooldir", "astlogdir", "astrundir")
    conf.write_text("".join(f"{name} => {getattr(directories, name)}\n" for name in names))
    words = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(conf), "list"]
    environ = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **variables}
    piped = subprocess.run(words, capture_output=True, text=True, check=True, env=environ)
    assert "\x1b" not in piped.stdout + piped.stderr
    ours, theirs = pty.openpty()
    subprocess.run(words, stdout=theirs, stderr=subprocess.DEVNULL, check=True, env=environ)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert "201-202" in shown
    assert ("\x1b[" in shown) == colours


def test_a_state_has_its_colour(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recall under way is green, a suspended request yellow."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    request: Request = spool.live()[0].but(NOW, "suspended", state=rq.SUSPENDED)
    assert list(listing.waiting([request], NOW, 80))[1].startswith("\x1b[33m201-202")
