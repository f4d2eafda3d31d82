"""Doctor's checks that ask the manager, try as another user, or look at FreePBX, on a PBX made of files."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.errors import AsteriskError, SetupError
from busy_callback.settings import load
from busy_callback.setup import placed_files, taking_up
from busy_callback.setup.check import CheckFailed, Installation
from busy_callback.setup.checks_asterisk import check_manager, check_offer, check_probe, check_prompts
from busy_callback.setup.checks_machine import (
    check_clock,
    check_log,
    check_outgoing,
    check_security,
    check_settings,
    check_spool,
)
from busy_callback.setup.extensions import Dialplan
from busy_callback.setup.reached import Reached
from busy_callback.setup.survey import Owner
from tests.lab.standin import StandIn
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")
ON = {"manager show settings": "  Manager (AMI):             Yes\n"}


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A manager interface at which 201's phone is idle."""
    with StandIn() as made:
        made.states = {"PJSIP/201": "NOT_INUSE", "Local/0@busy-callback-probe": "NOT_INUSE"}
        yield made


@pytest.fixture
def installation(pbx: Pbx, standin: StandIn) -> Installation:
    """The PBX with the package in it, and with that manager."""
    pbx.install("phones")
    conf = Path(pbx.directories.conf)
    conf.write_text(re.sub(r"port = \d+", f"port = {standin.port}", conf.read_text()))
    pbx.runs(**ON)
    return Installation(pbx.survey(), load(str(conf)))


def test_a_manager_that_is_on_off_or_refuses(pbx: Pbx, installation: Installation, standin: StandIn) -> None:
    """On and let in; on and refused, with what to compare; off, with what turns it on."""
    assert "may log in" in check_manager(installation)
    standin.login = "Response: Error\r\nActionID: {id}\r\nMessage: Authentication failed\r\n\r\n"
    with pytest.raises(CheckFailed, match="refuses user") as caught:
        check_manager(installation)
    assert "compare port, user and secret" in caught.value.cure
    pbx.runs(**{"manager show settings": "  Manager (AMI):             No\n"})
    with pytest.raises(CheckFailed, match="is off"):
        check_manager(installation)


def test_the_probe_answers_or_not(installation: Installation, standin: StandIn) -> None:
    """As the poller asks; without a phone too; without an answer, or without a manager, the cure is told."""
    assert check_probe(installation) == "ChanIsAvail(PJSIP/201) answers"
    nobody = Reached(Dialplan(), ())
    phoneless = Installation(dataclasses.replace(installation.survey, reached=nobody), installation.settings)
    assert check_probe(phoneless) == "ChanIsAvail(Local/0@busy-callback-probe) answers"
    standin.forget_probe = True
    with pytest.raises(CheckFailed, match="gives no answer"):
        check_probe(installation)
    installation.settings.port = 1
    with pytest.raises(CheckFailed, match="can't be reached"):
        check_probe(installation)


def test_the_dialplan_offers_it_or_not(pbx: Pbx, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Gosub anywhere; on FreePBX, in its own place; else the cure names the command and the context."""
    assert check_offer(installation) == "the dialplan offers it"
    installation.settings.offer = False
    assert "switched off" in check_offer(installation)
    installation.settings.offer = True
    main = (pbx.etc / "extensions.conf").read_text()
    pbx.write("extensions.conf", main.replace("Gosub(busy-callback,", "NoOp("))
    with pytest.raises(CheckFailed, match="no dialplan offers") as caught:
        check_offer(dataclasses.replace(installation, survey=pbx.survey()))
    pbx.write("extensions.conf", main)
    assert "install --wire phones" in caught.value.cure
    freepbx = Installation(dataclasses.replace(installation.survey, product="FreePBX"), installation.settings)
    pbx.runs(**{"dialplan show s-BUSY@macro-exten-vm": "1. Gosub(busy-callback,202,1)\n"})
    assert check_offer(freepbx) == "FreePBX's dialplan offers it"
    pbx.runs(**{"dialplan show s-BUSY@macro-exten-vm": "1. NoOp()\n"})
    with pytest.raises(CheckFailed, match="does not offer"):
        check_offer(freepbx)


def test_what_asterisks_user_may_not(pbx: Pbx, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, prompts, outgoing and the log that it can't read or write are found by trying as that user."""
    pbx.runs(core_show_file_formats="gsm gsm gsm\nslin wav wav\n")
    nobody = dataclasses.replace(installation.survey, owner=Owner("nobody", 65534, 65534))
    installation = Installation(nobody, installation.settings)
    with pytest.raises(CheckFailed, match="can't be read by Asterisk's user"):
        check_settings(installation)
    prompt = Path(pbx.directories.astdatadir) / "sounds" / "en" / "busy-callback-ok.wav"
    prompt.chmod(0o600)
    with pytest.raises(CheckFailed, match=r"busy-callback-ok\.wav can't be read"):
        check_prompts(installation)
    with pytest.raises(CheckFailed, match="can't be written by user nobody"):
        check_outgoing(installation)
    with pytest.raises(CheckFailed, match="can't be written by Asterisk's user"):
        check_log(installation)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CheckFailed, match="only root and nobody"):
        check_log(installation)


def test_settings_without_a_secret_and_a_spool_that_is_missing(pbx: Pbx, installation: Installation) -> None:
    """Neither lets anything work: install cures it."""
    installation.settings.secret = ""
    with pytest.raises(CheckFailed, match="has no secret"):
        check_settings(installation)
    Path(pbx.directories.spool, "corrupt").mkdir()
    assert check_spool(installation) == pbx.directories.spool
    os.rmdir(Path(pbx.directories.spool, "corrupt"))
    os.rmdir(pbx.directories.spool)
    with pytest.raises(CheckFailed, match="is missing"):
        check_spool(installation)
    assert check_clock(installation)


def test_an_outgoing_on_another_disk(pbx: Pbx, installation: Installation) -> None:
    """A call file could not be handed over in one rename."""
    outgoing = pbx.directories.outgoing
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", outgoing], check=True)
    try:
        with pytest.raises(CheckFailed, match="another file system"):
            check_outgoing(installation)
    finally:
        subprocess.run(["umount", outgoing], check=True)


def test_what_confines_asterisk_is_told(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """SELinux that enforces, an AppArmor profile of Asterisk's: a hint each, and no failure."""
    said = {"/sys/fs/selinux/enforce": "1\n", "/sys/kernel/security/apparmor/profiles": "asterisk (enforce)\n"}
    monkeypatch.setattr(Path, "exists", lambda path: str(path) in said)
    monkeypatch.setattr(Path, "read_text", lambda path: said[str(path)])
    told = check_security(installation)
    assert "restorecon" in told
    assert "AppArmor" in told
    monkeypatch.setattr(Path, "exists", lambda path: False)
    said["/sys/kernel/security/apparmor/profiles"] = "cupsd (enforce)\n"
    assert check_security(installation) == "neither SELinux nor AppArmor confines Asterisk"


def test_what_changed_is_taken_up(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By systemd, and by an Asterisk that runs; where that does not answer the admin is told what to run."""
    started: list[str] = []
    monkeypatch.setattr(placed_files, "start_timer", lambda: started.append("timer"))
    survey = pbx.survey()
    taking_up.take_up(survey, {placed_files.SYSTEMD_RELOAD, ""})
    assert started == ["timer"]

    def silent(command: str) -> str:
        raise AsteriskError("it does not answer")

    monkeypatch.setattr(survey.console, "ask", silent)
    taking_up.take_up(survey, {"dialplan reload"})
    assert "it does not answer; then run in its console: dialplan reload" in capsys.readouterr().err
    taking_up.take_up(dataclasses.replace(survey, runs=False), {"dialplan reload"})
    assert capsys.readouterr().err == ""


def test_a_dry_run_shows_each_change(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a diff, behind a summary, the admin's own files last; the prompts as one line, but for --verbose."""
    before = pbx.tree()
    _, output = pbx.command(monkeypatch, "install", "--dry-run", "--wire", "phones")
    assert output.startswith(f"Asterisk in {pbx.etc}, running, as user root; ")
    assert "+ same => n,Gosub(busy-callback,s,1(${EXTEN}))" in output.partition(" prompts, links and folders in ")[2]
    assert "busy-callback-ok.gsm" not in output
    assert "busy-callback-ok.gsm" in pbx.command(monkeypatch, "install", "--dry-run", "--verbose")[1]
    assert pbx.tree() == before
    _, output = pbx.command(monkeypatch, "install", "--wire", "phones", answer="n\n")
    assert "files in" in output
    assert pbx.tree() == before


def test_uninstall_ends_the_polls_that_are_at_work(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks each to let go, and goes on when they have; a timer of systemd's is forgotten."""
    monkeypatch.setattr(placed_files, "has_cron", lambda: False)
    stopped: list[str] = []
    monkeypatch.setattr(placed_files, "stop_timer", lambda: stopped.append("timer"))
    pbx.install("phones")
    lock = Path(pbx.directories.spool) / "poller.lock"
    lock.touch()
    holder = "import signal, sys; f = open(sys.argv[1]); signal.signal(signal.SIGURG, lambda *_: sys.exit()); "
    holder += "print('on', flush=True); signal.pause()"
    words = [sys.executable, "-c", holder, str(lock)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as poll:
        assert poll.stdout
        assert poll.stdout.readline() == b"on\n"
        status, _ = pbx.command(monkeypatch, "uninstall", "--yes")
        assert poll.wait(10) == 0
    assert (status, stopped) == (0, ["timer"])


def test_a_timer_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what systemctl said."""
    monkeypatch.setattr(placed_files, "_systemctl", lambda *words: "no bus")
    with pytest.raises(SetupError, match="daemon-reload failed: no bus"):
        placed_files.start_timer()
