"""Limits: the spool full, a hundred thousand stale files, a disk without a byte free."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.store.spool import FULL, REGISTERED

from ..lab.standin import StandIn
from .conftest import Pbx

HEAD = "agi_channel: PJSIP/201-00000001\n\n" + "200 result=0\n" * 9
TOLD = ["ANSWER", 'STREAM FILE busy-callback-failed "" 0', "HANGUP"]


def ask(pbx: Pbx, *arguments: str) -> list[str]:
    """Run the AGI script; return its commands."""
    done = subprocess.run(
        pbx.agi(*arguments), input=HEAD, stdout=subprocess.PIPE, text=True, env=pbx.agi_environ, timeout=30, check=False
    )
    return [line.strip() for line in done.stdout.splitlines() if not line.startswith("GET ")]  # without its questions


def poll(pbx: Pbx) -> subprocess.CompletedProcess[str]:
    """Run a poll."""
    return subprocess.run(pbx.command("poll"), capture_output=True, text=True, env=pbx.environ, timeout=60, check=False)


def test_a_full_spool_is_told_to_the_caller(pbx: Pbx) -> None:
    """At the set number of requests in all: FULL, a prompt that says so, nothing written; who waits is served."""
    conf = Path(pbx.directories.conf)
    conf.write_text(f"[general]\nqueue_in_all = 3\n{conf.read_text()}")
    for caller in ("203", "204", "205"):
        pbx.ask(caller, "202")
    commands = ask(pbx, "201", "206")
    assert commands[0] == 'SET VARIABLE "BUSY_CALLBACK_STATUS" "FULL"'
    assert commands[2:] == [TOLD[0], TOLD[1].replace("failed", "full"), TOLD[2]]
    pbx.check({"203-202", "204-202", "205-202"})
    pbx.check_end()
    assert ask(pbx, "201", "206")[0] == 'SET VARIABLE "BUSY_CALLBACK_STATUS" "REGISTERED"'


def test_who_waits_already_is_not_told_that_it_is_full(pbx: Pbx) -> None:
    """The same pair again is a success, though the spool is full; another is not."""
    pbx.settings.queue_in_all = 1
    pbx.ask("201", "202")
    assert pbx.spool.register("201", "202", rq.BUSY, "", pbx.settings, time.time())[0] == "DUPLICATE"
    assert pbx.spool.register("203", "204", rq.BUSY, "", pbx.settings, time.time())[0] == FULL


def stale(pbx: Pbx) -> int:
    """Return how many files there are for a poll to clean away."""
    return sum(len(os.listdir(pbx.spool.path(folder, ""))) for folder in ("tmp", "ended", "recalls"))


@pytest.mark.timeout(600)
def test_stale_files_by_the_hundred_thousand(pbx: Pbx, counts: Callable[[str], None]) -> None:
    """What crashes and years left behind costs a caller little while it is cleaned, and then it is gone.

    In tmp/, in ended/, in recalls/ and in corrupt/; no caller waits until a folder is empty.
    """
    pbx.ask("203", "202")
    many = 25_000
    for number in range(many):
        stamp = rq.make_stamp(number)
        for folder, name in (
            ("tmp", f"left.{number}"),
            ("ended", f"203-204-{stamp}"),
            ("recalls", f"203-204-{stamp}.1"),
            ("corrupt", f"junk.{number}"),
        ):
            path = pbx.spool.path(folder, name)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            if folder != "corrupt":
                os.utime(path, (0, 0))
    poller = subprocess.Popen(pbx.command("poll"), env=pbx.environ)
    waited, gone = [], []
    for callee in range(210, 220):
        before = now = stale(pbx)
        while now > before - 100 and poller.poll() is None:
            now = stale(pbx)  # the cleaning is under way
        begun = time.monotonic()
        assert pbx.spool.register("201", str(callee), rq.BUSY, "", pbx.settings, time.time())[0] == REGISTERED
        waited.append(time.monotonic() - begun)
        gone.append(now - stale(pbx))
    assert poller.wait(300) == 0
    left = {folder: len(os.listdir(pbx.spool.path(folder, ""))) for folder in ("tmp", "recalls", "corrupt")}
    assert left == {"tmp": 0, "recalls": 0, "corrupt": many}, "what is corrupt is never deleted"
    assert not [name for name in os.listdir(pbx.spool.path("ended", "")) if name.startswith("203-204-")]
    counts(f"{4 * many} stale files; a caller waited {max(waited):.3f} s at most, while {max(gone)} of them went")
    assert max(gone) < many // 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Pbx]:
    """A PBX whose spool is on a disk of its own, of 256 kB."""
    with StandIn() as standin:
        pbx = Pbx(tmp_path / "pbx", standin)
        spool = pbx.directories.astspooldir
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", spool], check=True)
        try:
            os.mkdir(pbx.directories.outgoing)
            yield pbx
        finally:
            subprocess.run(["umount", spool], check=True)


def fill(pbx: Pbx) -> Path:
    """Take every byte that is free."""
    path = Path(pbx.directories.astspooldir, "recording.wav")
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return path


def test_a_disk_with_no_byte_free(small_disk: Pbx) -> None:
    """The caller hears the failure prompt, polls say so and do no harm; with space again all are served."""
    pbx = small_disk
    pbx.ask("203", "202")
    pbx.ask("201", "204")
    recording = fill(pbx)
    assert ask(pbx, "cancel", "201")[0] == 'SET VARIABLE "BUSY_CALLBACK_STATUS" "ERROR"'
    commands = ask(pbx, "201", "202")
    assert commands[0] == 'SET VARIABLE "BUSY_CALLBACK_STATUS" "ERROR"'
    assert "No space left" in commands[1]
    assert commands[2:] == TOLD
    done = poll(pbx)
    assert done.returncode == 4
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert [request.state for request in pbx.spool.live()] == [rq.WAITING, rq.WAITING]
    assert os.listdir(pbx.directories.outgoing) == []
    recording.unlink()
    assert ask(pbx, "201", "202")[0] == 'SET VARIABLE "BUSY_CALLBACK_STATUS" "REGISTERED"'
    pbx.check({"203-202", "201-204", "201-202"})
    pbx.check_end()


def test_a_disk_with_no_byte_free_before_the_first_request(small_disk: Pbx) -> None:
    """Where the spool itself can't be made, the caller hears it too."""
    recording = fill(small_disk)
    commands = ask(small_disk, "201", "202")
    if "REGISTERED" not in commands[0]:
        assert commands[0] == 'SET VARIABLE "BUSY_CALLBACK_STATUS" "ERROR"'
        assert commands[2:] == TOLD
    recording.unlink()
    assert ask(small_disk, "201", "202")[0].split('"')[3] in {"REGISTERED", "DUPLICATE"}
