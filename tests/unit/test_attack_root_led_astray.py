"""Attack: Asterisk's user leads root, who runs list, cancel, poll or doctor, to other places by links."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.settings import Settings
from busy_callback.store.spool import Spool
from tests.unit.house import ASTERISK, House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

ASKING = [["list"], ["show", "201-202"], ["history"], ["why", "201-202"], ["stats"]]
COMMANDS = [*ASKING, ["cancel", "201-202"], ["poll"], ["doctor"]]


def fill(house: House) -> str:
    """Let 201 wait for 202 in a spool of Asterisk's user's; return the request's id."""

    def deed() -> None:
        spool = Spool(str(house.spool))
        spool.prepare()
        spool.register("201", "202", rq.BUSY, "", Settings(), time.time())

    as_asterisk(deed)
    return os.listdir(house.spool / "requests")[0]


def roots_folders(house: House) -> Path:
    """Make a folder of root's that looks like a spool, with files in it that are none of ours."""
    folder = house.root / "root" / "folder"
    for name in ("requests", "ended", "recalls", "tmp", "corrupt"):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.file").write_text("root's")
    return folder


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return name, mode, owner and content of all that is in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_uid,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_spool_that_is_a_link_to_a_folder_of_roots(house: House, words: list[str]) -> None:
    """The command is not root's because of that: whatever it does, nothing of root's is moved, changed or made."""
    folder = roots_folders(house)
    before = everything(folder)
    as_asterisk(lambda: os.symlink(folder, house.spool))
    house.run(*words)
    assert everything(folder) == before


@pytest.mark.parametrize("name", ["requests", "ended", "recalls", "tmp", "corrupt"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_spool_that_is_a_link_to_a_folder_where_everybody_writes(house: House, words: list[str], name: str) -> None:
    """/tmp is root's too: list moves no file of a linked requests/ away, cancel makes none in a linked ended/."""
    fill(house)
    shared = house.root / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    folder = roots_folders(house)
    before = everything(folder)

    def deed() -> None:
        for inner in house.spool.iterdir():
            if inner.name != name:
                shutil.move(inner, shared)
        os.symlink(folder / name, shared / name)
        shutil.rmtree(house.spool)
        os.symlink(shared, house.spool)

    as_asterisk(deed)
    house.run(*words)
    assert everything(folder) == before
    assert {path.lstat().st_uid for path in shared.rglob("*")} == {ASTERISK.pw_uid}


@pytest.mark.parametrize("name", ["requests", "ended", "recalls", "tmp", "corrupt"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_folder_of_the_spool_that_is_a_link(house: House, words: list[str], name: str) -> None:
    """The same for each folder in it: list moves no file of a linked requests/ away, cancel makes none in ended/."""
    fill(house)
    folder = roots_folders(house)
    before = everything(folder)

    def deed() -> None:
        os.rename(house.spool / name, house.spool / f"{name}.old")
        os.symlink(folder / name, house.spool / name)

    as_asterisk(deed)
    house.run(*words)
    assert everything(folder) == before


def test_a_log_that_is_a_link(house: House) -> None:
    """Poll as root makes no file where a linked log leads."""
    as_asterisk(lambda: os.symlink(house.root / "root" / "made", house.base / "log" / "busy_callback.log"))
    house.run("poll")
    assert not (house.root / "root" / "made").exists()


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_an_asterisk_conf_that_names_another_user(house: House, words: list[str]) -> None:
    """asterisk.conf may tell of the user who can write it, and of no other: nothing is done as postgres, or as root."""
    fill(house)
    for runuser in ("root", "nobody"):
        with house.conf.open("a") as file:
            file.write(f"[options]\nrunuser = {runuser}\n")
        house.run(*words)
    owners = {path.stat().st_uid for path in house.spool.rglob("*")}
    assert owners == {ASTERISK.pw_uid}


def test_an_asterisk_that_runs_as_somebody_else_than_who_says_so(house: House) -> None:
    """Where the control socket is another user's than asterisk.conf, the sentence says whose both are to be."""
    (house.base / "run" / "asterisk.ctl").touch()
    os.chown(house.base / "run" / "asterisk.ctl", 65534, 65534)
    status, output = house.run("list")
    assert status == 1
    assert f"can be written by user {ASTERISK.pw_name}, but Asterisk runs as user nobody" in output


def test_a_settings_file_that_only_root_may_read(house: House) -> None:
    """No poll makes a copy of it, readable by Asterisk, as the last good settings."""
    fill(house)
    house.treasure.write_text("[general]\nring_time = 22\n; TREASURE\n[manager]\nport = 1\n")
    os.link(house.treasure, house.etc / "busy_callback.conf")  # which any user may, where the kernel is old or lax
    house.run("poll")
    assert [path for path in house.spool.rglob("*") if path.is_file() and b"TREASURE" in path.read_bytes()] == []


@pytest.mark.parametrize(
    "name", ["trouble", "mistake", "exposed", "clock", "lock", "poller.lock", "busy_callback.conf.good"]
)
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_fifo_in_the_spool_hangs_nobody(house: House, words: list[str], name: str) -> None:
    """Whoever runs a command has his prompt again, whatever lies in place of a file of ours."""
    fill(house)

    def deed() -> None:
        (house.spool / name).unlink(missing_ok=True)
        os.mkfifo(house.spool / name)
        # The last good settings are read where the others have a mistake.
        text = "[general]\nring_time = none\n" if name.endswith(".good") else "[manager]\nport = 1\nsecret = x\n"
        (house.etc / "busy_callback.conf").write_text(text)

    as_asterisk(deed)
    house.run(*words)


@pytest.mark.parametrize("name", ["trouble", "mistake", "exposed"])
def test_a_link_in_place_of_what_the_log_was_told(house: House, name: str) -> None:
    """What it leads to is neither written nor taken for what was told: nothing is over that never was."""
    fill(house)
    house.treasure.chmod(0o644)
    before = house.treasure.read_text()
    as_asterisk(lambda: os.symlink(house.treasure, house.spool / name))
    output = house.run("poll", "--verbose")[1]
    assert house.treasure.read_text() == before
    assert "TREASURE" not in output
    assert "good again" not in output
    assert "closed to strangers" not in output


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_the_reason_of_a_corrupt_request(house: House, kind: str) -> None:
    """Doctor prints what stands beside a file that was set aside, but no other file's lines, and waits for none."""
    assert house.place()[0] == 0
    fill(house)

    def deed() -> None:
        (house.spool / "corrupt" / "x").touch()
        reason = house.spool / "corrupt" / "x.reason"
        os.symlink(house.treasure, reason) if kind == "link" else os.mkfifo(reason)

    as_asterisk(deed)
    house.treasure.chmod(0o644)  # a file that Asterisk's user may read, but that is none of ours
    output = house.run("doctor")[1]
    assert "set aside: x: the reason was not written down" in output
    assert "TREASURE" not in output


def test_a_report_that_is_a_fifo_hangs_no_cancel(house: House) -> None:
    """Cancel takes a recall's call file back by its report: a FIFO there is an error, not a wait without end."""
    request_id = fill(house)

    def deed() -> None:
        spool = Spool(str(house.spool))
        (request,) = spool.live()
        assert spool.replace(request, request.but(time.time(), "recall 1", state=rq.RECALLING, attempt=1))
        os.mkfifo(house.spool / "recalls" / f"{request_id}.1")

    as_asterisk(deed)
    assert house.run("cancel", request_id)[0] == 4


def test_the_log_is_for_asterisk_alone(house: House) -> None:
    """Who asked for whom is nobody else's business: a new log is 0640, and one that was open to all is closed."""
    log = house.base / "log" / "busy_callback.log"
    fill(house)
    old = os.umask(0)
    try:
        house.run("poll")
        assert stat.S_IMODE(log.stat().st_mode) == 0o640
        log.chmod(0o664)
        house.run("poll")
    finally:
        os.umask(old)
    assert stat.S_IMODE(log.stat().st_mode) == 0o660


@pytest.mark.parametrize("closed", ["spool", "busy_callback"])
@pytest.mark.parametrize("words", [*ASKING, ["cancel", "201"]], ids=lambda w: w[0])
def test_an_ordinary_user_is_told_the_truth(house: House, words: list[str], closed: str) -> None:
    """Where the spool is closed to who asks, that is what is said, and what to do; not that there is none."""
    fill(house)
    (house.spool if closed == "busy_callback" else house.spool.parent).chmod(0o750)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, "--asterisk-conf", str(house.conf), *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith("busy-callback: permission denied: run it with sudo")
    assert "no callback" not in done.stderr


def test_an_ordinary_user_asks_doctor(house: House) -> None:
    """What is closed to who asks is neither missing nor wrong: sudo is what to do."""
    assert house.place()[0] == 0
    words = [sys.executable, "-c", AS_NOBODY, "--asterisk-conf", str(house.conf), "doctor"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.startswith("FAIL settings: permission denied: ")
    assert done.stdout.endswith("-> run: sudo busy-callback doctor\n")


# Loaded as root: this Python may be closed to that user.
AS_NOBODY = """
import os, sysconfig
from busy_callback.cli import main
from busy_callback.report import commands
from busy_callback.setup import commands, doctor
sysconfig.get_paths()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
main()
"""
