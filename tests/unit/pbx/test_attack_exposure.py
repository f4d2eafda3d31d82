"""Attack: a manager interface that strangers reach, a secret that they read."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from busy_callback.errors import AsteriskError
from busy_callback.pbx.manager_exposure import complaints
from busy_callback.poller import Poller
from busy_callback.settings import Directories, Settings, load
from busy_callback.store.logged_faults import LoggedFaults

HEAD = "  sl  local_address rem_address   st\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc/net without a listener."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/tcp").write_text(HEAD)
    return tmp_path / "proc"


@pytest.mark.parametrize(
    ("name", "address", "shown"),
    [
        ("tcp", "00000000:13AE", "0.0.0.0"),
        ("tcp", "0100A8C0:13AE", "192.168.0.1"),
        ("tcp6", "00000000000000000000000000000000:13AE", "0.0.0.0"),
        ("tcp6", "0000000000000000FFFF00000100A8C0:13AE", "192.168.0.1"),
    ],
)
def test_a_manager_that_listens_beyond_this_machine_is_told(
    directories: Directories, proc: Path, name: str, address: str, shown: str
) -> None:
    """On every address, on one of the network's, with IPv6: the sentence names it and what to set."""
    (proc / name).write_text(f"{HEAD} 0: {address} 00000000:0000 0A\n")
    (complaint,) = complaints(directories, Settings(), str(proc))
    assert shown in complaint
    assert "bindaddr = 127.0.0.1 in manager.conf" in complaint


@pytest.mark.parametrize(
    "line",
    [
        "0: 0100007F:13AE 00000000:0000 0A",
        "0: 00000000:0050 00000000:0000 0A",
        "0: 00000000:13AE 0100007F:9999 01",
    ],
)
def test_one_that_does_not_is_not(directories: Directories, proc: Path, line: str) -> None:
    """On this machine only, another port, a connection that is no listener: nothing to tell."""
    (proc / "tcp").write_text(f"{HEAD} {line}\n")
    (proc / "tcp6").write_text(f"{HEAD} 0: 00000000000000000000000001000000:13AE 0:0 0A\n")
    assert complaints(directories, Settings(), str(proc)) == []


def test_a_secret_that_everybody_can_read_is_told(directories: Directories, proc: Path) -> None:
    """busy_callback.conf with the others' read bit; the secret itself is not in the sentence."""
    conf = Path(directories.conf)
    conf.write_text("[manager]\nsecret = not-to-be-seen\n")
    conf.chmod(0o644)
    (complaint,) = complaints(directories, load(directories.conf), str(proc))
    assert "chmod o-r" in complaint
    assert "not-to-be-seen" not in complaint
    conf.chmod(0o640)
    assert complaints(directories, load(directories.conf), str(proc)) == []


def test_it_is_told_once_and_when_it_is_over(directories: Directories, caplog: pytest.LogCaptureFixture) -> None:
    """Polls each minute: one line when it begins, one when it ends."""
    caplog.set_level(logging.WARNING)
    conf = Path(directories.conf)
    conf.write_text("[manager]\nport = 1\nsecret = x\n")
    conf.chmod(0o644)
    settings = load(directories.conf)
    for _ in range(3):
        Poller(directories, settings).poll()
    assert len(caplog.messages) == 1
    conf.chmod(0o600)
    for _ in range(3):
        Poller(directories, settings).poll()
    assert caplog.messages[1:] == ["only this machine reaches the manager interface, and its secret is private"]


def test_no_file_of_ours_is_for_everybody(directories: Directories) -> None:
    """Whatever umask the PBX has: neither the spool nor a file in it can be read or written by others."""
    old = os.umask(0)
    try:
        poller = Poller(directories, Settings())
        poller.spool.prepare()
        poller.spool.register("201", "202", "busy", "", Settings(), 1.8e9)
        poller.settings.port = 1
        with pytest.raises(AsteriskError):
            poller.poll()
    finally:
        os.umask(old)
    made = [Path(directories.spool), *Path(directories.spool).rglob("*")]
    assert {path.name for path in made} >= {"requests", "lock", "poller.lock", "trouble"}
    assert [path for path in made if path.stat().st_mode & 0o007] == []


def test_a_trouble_that_changes_at_each_try_is_not_logged_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty different complaints at most until all is well; then anew. Several processes share what is known."""
    for number in range(100):
        LoggedFaults(str(tmp_path / "trouble")).note(f"no answer to {number}")
    assert len(caplog.messages) == 20
    LoggedFaults(str(tmp_path / "trouble")).over()
    LoggedFaults(str(tmp_path / "trouble")).over()
    assert caplog.messages[20:] == ["all is well again"]


def test_a_trouble_that_cannot_be_noted_down_is_logged_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the spool itself is the trouble, each process says so once."""
    for _ in range(2):
        faults = LoggedFaults(str(tmp_path / "missing" / "trouble"))
        faults.note("no space")
        faults.note("no space")
    faults.over()
    assert caplog.messages == ["no space; trying again"] * 2 + ["all is well again"]
