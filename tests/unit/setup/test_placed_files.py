"""The files that install places whole, on a PBX made of files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup import placed_files
from busy_callback.setup.changing import undo
from busy_callback.setup.install import check_python
from busy_callback.setup.survey import Owner, rotated_already, unreachable
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")


def test_a_language_is_added_by_its_prompts_alone(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of prompts more among the package's sounds: install places them, and they may be the default."""
    data = pbx.root / "data"
    for name in ("dialplan", "agi-bin", "sounds"):
        shutil.copytree(pbx.survey().data / name, data / name)
    shutil.copytree(data / "sounds" / "en", data / "sounds" / "de")
    monkeypatch.setattr("busy_callback.setup.survey.data_directory", lambda: data)
    assert pbx.survey().languages == ["de", "en", "zh"]
    pbx.install(language="de")
    sounds = Path(pbx.directories.astdatadir) / "sounds"
    assert (sounds / "de" / "busy-callback-ok.gsm").is_file()
    assert os.readlink(sounds / "busy-callback-ok.gsm") == "de/busy-callback-ok.gsm"


def test_a_language_without_prompts_is_refused(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """--language with another language: those that there are, exit status 2, and nothing changed."""
    before = pbx.tree()
    status, output = pbx.command(monkeypatch, "install", "--yes", "--language", "fr")
    assert status == 2
    assert "there are prompts in en, zh only" in output
    assert pbx.tree() == before


def test_prompts_go_where_each_language_looks(pbx: Pbx) -> None:
    """The files are in zh and en; tw leads to zh, other languages and the page's own place to the chosen one."""
    sounds = Path(pbx.directories.astdatadir) / "sounds"
    pbx.install()
    assert (sounds / "zh" / "busy-callback.gsm").is_file()
    assert os.readlink(sounds / "tw" / "busy-callback.gsm") == "../zh/busy-callback.gsm"
    assert os.readlink(sounds / "fr" / "busy-callback.gsm") == "../en/busy-callback.gsm"
    assert os.readlink(sounds / "busy-callback.gsm") == "en/busy-callback.gsm"
    pbx.install(language="zh")
    assert os.readlink(sounds / "busy-callback.gsm") == "zh/busy-callback.gsm"
    assert os.readlink(sounds / "fr" / "busy-callback-ok.wav") == "../zh/busy-callback-ok.wav"
    assert pbx.plan().changes == ()


def test_own_recordings_stay(pbx: Pbx) -> None:
    """A prompt that somebody recorded, before or after the install, is neither replaced nor removed."""
    sounds = Path(pbx.directories.astdatadir) / "sounds"
    (sounds / "busy-callback.gsm").write_bytes(b"the page's")
    pbx.install()
    (sounds / "zh" / "busy-callback-ok.gsm").unlink()
    (sounds / "zh" / "busy-callback-ok.gsm").write_bytes(b"mine")
    assert pbx.plan().changes == ()
    kept = [sounds / "zh" / "busy-callback-ok.gsm", sounds / "zh"]
    assert [back.path for back in undo(pbx.journal())] == kept
    assert (sounds / "busy-callback.gsm").read_bytes() == b"the page's"


def test_an_old_spool_is_kept_with_its_requests(pbx: Pbx) -> None:
    """A spool of an earlier version stays as it is, through install and uninstall."""
    request = Path(pbx.directories.spool) / "requests" / "201-202-abc"
    request.parent.mkdir(parents=True)
    request.write_text("old")
    pbx.install()
    assert undo(pbx.journal()) == []
    assert request.read_text() == "old"


def test_a_second_logrotate_file_would_stop_logrotate(pbx: Pbx) -> None:
    """Where a file of logrotate's covers our log by a pattern, none is placed; else one is."""
    logrotate = pbx.system.logrotate
    log = pbx.directories.log
    (logrotate / "other").write_text("/var/log/other.log {\n weekly\n}\n")
    assert not rotated_already(pbx.survey())
    pbx.install()
    assert log in (logrotate / "busy-callback").read_text()
    (logrotate / "asterisk").write_text(f"/x/y\n{os.path.dirname(log)}/*.log {{\n  weekly\n}}\n")
    assert rotated_already(pbx.survey())


def test_cron_runs_the_poller_as_asterisks_user(pbx: Pbx) -> None:
    """One line a minute, with the command's whole path."""
    pbx.install()
    line = (pbx.system.cron / "busy-callback").read_text().splitlines()[-1]
    user = pbx.survey().owner.name
    assert line.startswith(f"* * * * * {user} /")
    assert line.endswith(" poll --watch 60")


def test_systemd_where_there_is_no_cron(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cron daemon a timer runs the poller; with neither, as in a container, install says how to run it."""
    monkeypatch.setattr(placed_files, "has_cron", lambda: False)
    pbx.install()
    assert "OnUnitInactiveSec=1" in (pbx.system.systemd / "busy-callback.timer").read_text()
    service = (pbx.system.systemd / "busy-callback.service").read_text()
    assert f"User={pbx.survey().owner.name}\nExecStart=/" in service
    (pbx.system.systemd / "busy-callback.timer").unlink()
    (pbx.system.systemd / "busy-callback.service").unlink()
    pbx.system.systemd.rmdir()
    told = " ".join(pbx.plan().notes)
    assert "neither cron nor systemd runs here" in told
    assert told.count("poll --watch 86400") == 1


def test_a_python_that_asterisk_cannot_reach(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed into a home that is closed to Asterisk's user the package could not work: that is said first."""
    closed = pbx.root / "closed" / "bin"
    closed.mkdir(parents=True)
    (pbx.root / "closed").chmod(0o700)
    assert unreachable(closed / "python3", Owner("asterisk", 12345, 12345)) is not None
    assert unreachable(closed / "python3", Owner("root", 0, 0)) is None
    monkeypatch.setattr("busy_callback.setup.install.unreachable", lambda *a: closed)
    with pytest.raises(SetupError, match="Install the package where it can"):
        pbx.plan()


def test_a_python_that_asterisk_can_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root runs it: where it is in a folder of Asterisk's user, that is said, and what to do."""
    asterisk = Owner("games", 5, 60)
    monkeypatch.setattr("busy_callback.setup.install.unreachable", lambda *a: None)
    check_python(asterisk)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    os.chown(tmp_path / "bin", 5, 60)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    with pytest.raises(SetupError, match=r"user games can change .*/bin/python3, which root runs: let all of it be"):
        check_python(asterisk)


def test_only_the_polls_of_this_spool_are_ended(tmp_path: Path) -> None:
    """Whoever has the spool's lock open is a poll of it; another PBX's, of the same user, is none."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    program = "import sys; file = open(sys.argv[1], 'w'); print(flush=True); sys.stdin.read()"
    started = [
        subprocess.Popen([sys.executable, "-c", program, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for lock in map(str, (ours, theirs))
    ]
    try:
        for process in started:
            assert process.stdout
            process.stdout.readline()
        assert placed_files.pollers(ours) == [started[0].pid]
        assert placed_files.pollers(tmp_path / "nobody's") == []
    finally:
        for process in started:
            process.communicate()


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that notes what it was told, and fails where a file says so."""
    script = tmp_path / "bin" / "systemctl"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n[ ! -e {tmp_path}/broken ] || {{ echo "no bus" >&2; exit 1; }}\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return tmp_path


def test_systemds_timer_is_started_and_stopped(systemctl: Path) -> None:
    """The timer runs now and after each start of the machine, until uninstall stops it; a failure is told."""
    placed_files.start_timer()
    placed_files.stop_timer()
    told = (systemctl / "told").read_text().splitlines()
    assert told == ["daemon-reload", f"enable --now {placed_files.TIMER}", f"disable --now {placed_files.TIMER}"]
    (systemctl / "broken").touch()
    with pytest.raises(SetupError, match="systemctl daemon-reload failed: no bus"):
        placed_files.start_timer()


def test_a_machine_without_systemctl_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it can't be started at all, that is what is told."""
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name))
    with pytest.raises(SetupError, match="No such file"):
        placed_files.start_timer()
