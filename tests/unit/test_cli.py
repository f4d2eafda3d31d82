"""The command: tables for people, JSON for programs, exit statuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from busy_callback import cli
from busy_callback import request as rq
from busy_callback.settings import Directories, Settings
from busy_callback.store.spool import Spool

from ..lab.standin import StandIn

MANUAL = (Path(__file__).parents[2] / "docs" / "en" / "glance.md").read_text(encoding="utf-8")


@pytest.fixture
def asterisk_conf(directories: Directories, tmp_path: Path) -> Path:
    """An asterisk.conf that leads to the directories."""
    names = ("astetcdir", "astspooldir", "astlogdir", "astrundir")
    path = tmp_path / "asterisk.conf"
    path.write_text("".join(f"{name} => {getattr(directories, name)}\n" for name in names))
    Path(directories.conf).write_text("[manager]\nport = 1\n")
    Path(directories.conf).chmod(0o600)
    return path


def run(asterisk_conf: Path, *words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["--asterisk-conf", str(asterisk_conf), *words])


def poll(asterisk_conf: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Poll, in a process of its own: it sets the logging up."""
    words = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(asterisk_conf), "poll", *options]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def waiting(spool: Spool) -> Spool:
    """A spool in which 201 waits for 202 and for 203."""
    for callee in ("202", "203"):
        spool.register("201", callee, rq.BUSY, "", Settings(), time.time())
    return spool


@pytest.mark.parametrize("words", [[], ["cancel"], ["install"]])
def test_help_shows_its_examples_line_by_line(asterisk_conf: Path, words: list[str]) -> None:
    """Each example has a line of its own, within 80 columns, and no mark of click's is seen."""
    output = run(asterisk_conf, *words, "--help").output
    assert len(re.findall(rf"(?m)^  busy-callback {''.join(words)}.*  \S", output)) >= 2
    assert "\\b" not in output
    assert max(map(len, output.splitlines())) <= 80


def test_the_tab_key_completes_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the manual tells the shell to ask, setup's commands included; no Asterisk is looked at."""
    environ = {"_BUSY_CALLBACK_COMPLETE": "bash_complete", "COMP_WORDS": "busy-callback un", "COMP_CWORD": "1"}
    done = CliRunner().invoke(cli.main, prog_name="busy-callback", env=environ)
    assert done.output.split() == ["plain,uninstall"]


def test_bash_completes_by_the_file_that_the_manual_has_written(tmp_path: Path) -> None:
    """The manual's order writes what bash sources, as from /etc/bash_completion.d; no Asterisk is looked at."""
    (order,) = re.findall(r"^ *(_BUSY_CALLBACK_COMPLETE=bash_source busy-callback) \| sudo tee", MANUAL, re.MULTILINE)
    file = tmp_path / "busy-callback"
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["/bin/bash", "-c", f"{order} > {file}"], check=True, env=environ)
    asked = "COMP_WORDS=(busy-callback unin) COMP_CWORD=1; _busy_callback_completion busy-callback"
    script = f'source {file}; complete -p busy-callback; {asked}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=True, env=environ)
    assert "-F _busy_callback_completion busy-callback" in done.stdout
    assert done.stdout.split()[-1] == "uninstall"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_watch_that_is_ended(
    asterisk_conf: Path, waiting: Spool, directories: Directories, number: signal.Signals, status: int
) -> None:
    """Ctrl-C ends a watch with 130 and a sentence, a supervisor's signal with 0; what waits stays."""
    words = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(asterisk_conf), "poll", "--watch", "60"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as watch:
        deadline = time.monotonic() + 30
        while not os.path.exists(directories.log) or "can't be reached" not in Path(directories.log).read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        watch.send_signal(number)
        _, said = watch.communicate(timeout=30)
    assert watch.returncode == status
    assert said == ("busy-callback: interrupted; nothing is lost, what waits is on disk\n" if status else "")
    assert len(waiting.live()) == 2


def test_nothing_was_asked_for_yet(asterisk_conf: Path) -> None:
    """Without a spool: a sentence, and the status for a spool that can't be used."""
    done = run(asterisk_conf, "list")
    assert done.exit_code == 4
    assert "no callback was ever asked for here" in done.output


def test_empty_lists_say_so(asterisk_conf: Path, spool: Spool) -> None:
    """No table without a row; an empty list for programs."""
    poll(asterisk_conf)
    assert run(asterisk_conf, "list").output == "No callback is waiting.\n"
    assert run(asterisk_conf, "history").output == "No callback has ended yet.\n"
    assert json.loads(run(asterisk_conf, "list", "--json").output) == []


def test_who_waits_is_listed_in_order(asterisk_conf: Path, waiting: Spool) -> None:
    """A row each, under a head; the same for programs."""
    rows = run(asterisk_conf, "list").output.splitlines()
    assert rows[0].split() == ["ID", "KIND", "STATE", "TRIES", "ASKED", "EXPIRES"]
    assert [row.split()[:4] for row in rows[1:3]] == [
        ["201-202", "busy", "waiting", "0"],
        ["201-203", "busy", "waiting", "0"],
    ]
    assert [row.endswith(" 0 s ago  in 45 min") for row in rows[1:3]] == [True, True]
    found = json.loads(run(asterisk_conf, "list", "--json").output)
    assert [(r["caller"], r["callee"], r["ended"]) for r in found] == [("201", "202", None), ("201", "203", None)]


def test_the_wide_table_has_whole_ids_and_times(asterisk_conf: Path, waiting: Spool) -> None:
    """With --wide the stamp and the day stand there, as in --json."""
    first = waiting.live()[0]
    row = run(asterisk_conf, "list", "--wide").output.splitlines()[1]
    told = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(first.expires))
    assert row.split()[:5] == [first.id, "201", "202", "busy", "waiting"]
    assert row.endswith(told)
    run(asterisk_conf, "cancel", "201")
    assert run(asterisk_conf, "history", "--wide").output.splitlines()[1].startswith(first.id)


def test_before_the_first_poll_it_is_told(asterisk_conf: Path, waiting: Spool) -> None:
    """Who lists what waits hears that nobody looks after it, with what to do; once a poll has run, not."""
    told = "No poll has run yet, and until one does nobody is recalled: sudo busy-callback doctor says what runs it."
    assert run(asterisk_conf, "list").output.splitlines()[-1] == told
    poll(asterisk_conf)
    assert "poll" not in run(asterisk_conf, "list").output
    os.utime(waiting.path("", "poller.lock"), (0, time.time() - 600))
    assert "The last poll began 10 min ago" in run(asterisk_conf, "list").output


def test_a_cancelled_one_goes_to_the_history(asterisk_conf: Path, waiting: Spool) -> None:
    """Cancel names what it cancelled; history has it with the reason; what is missing is named, with status 1."""
    done = run(asterisk_conf, "cancel", "201-202", "209")
    assert done.exit_code == 1
    assert "cancelled 201-202-" in done.output
    assert "no callback is waiting for '209'" in done.output
    row = run(asterisk_conf, "history").output.splitlines()[1]
    assert row.split()[1] == "cancelled"
    assert row.endswith("by the admin")
    (found,) = json.loads(run(asterisk_conf, "history", "--json", "-n", "1").output)
    assert found["reason"] == "by the admin"


def test_one_is_shown_with_its_history(asterisk_conf: Path, waiting: Spool) -> None:
    """By the pair or by the id, waiting or ended; an unknown one has status 1."""
    run(asterisk_conf, "cancel", "201-202")
    for wanted in ("201-202", "201-203"):
        shown = run(asterisk_conf, "show", wanted)
        assert shown.exit_code == 0
        assert shown.output.splitlines()[0].startswith("ID")
        assert "registered" in shown.output
    assert json.loads(run(asterisk_conf, "show", "201-202", "--json").output)["state"] == "cancelled"
    assert run(asterisk_conf, "show", "209").exit_code == 1


def test_a_poll_without_asterisk_has_its_status(asterisk_conf: Path, waiting: Spool, directories: Directories) -> None:
    """3, the reason on standard error and, once for several polls, in the log."""
    for _ in range(2):
        done = poll(asterisk_conf)
        assert done.returncode == 3
        assert "can't be reached" in done.stderr
    assert Path(directories.log).read_text().count("can't be reached") == 1


def test_a_wrong_settings_file_has_its_status(asterisk_conf: Path, waiting: Spool, directories: Directories) -> None:
    """2, and the line."""
    Path(directories.conf).write_text("[general]\nring_time = x\n")
    done = poll(asterisk_conf)
    assert done.returncode == 2
    assert "busy_callback.conf:2: ring_time" in done.stderr


def test_a_mistake_in_the_settings_is_logged_once(
    asterisk_conf: Path, waiting: Spool, directories: Directories
) -> None:
    """Not by each minute's run: a line when it begins, one when it is mended; the last good settings serve."""
    conf = Path(directories.conf)
    good = conf.read_text()
    poll(asterisk_conf)
    for text in (f"{good}x = y\n", f"{good}x = y\n", good, good):
        conf.write_text(text)
        assert "127.0.0.1:1 can't be reached" in poll(asterisk_conf).stderr
    logged = [line.partition("] ")[2] for line in Path(directories.log).read_text().splitlines()]
    assert len([line for line in logged if line.endswith("; going on with the last good settings")]) == 1
    assert logged.count("the settings are good again") == 1


def test_without_a_history_the_log_has_no_numbers(
    asterisk_conf: Path, waiting: Spool, directories: Directories
) -> None:
    """history_days = 0: neither the spool nor the log keeps who asked for whom; faults are still told."""
    texts = []
    with StandIn() as standin:
        standin.states = {f"PJSIP/{number}": "NOT_INUSE" for number in ("201", "202", "203")}
        Path(directories.control_socket).touch()
        for days in (30, 0):
            Path(directories.conf).write_text(f"[general]\nhistory_days = {days}\n[manager]\nport = {standin.port}\n")
            assert poll(asterisk_conf).returncode == 0
            texts.append(Path(directories.log).read_text())
            for request in waiting.live():
                waiting.cancel(request.id, "x", time.time())
            waiting.register("201", "202", rq.BUSY, "", Settings(), time.time())
            Path(directories.log).unlink()
    assert "201" in texts[0]
    assert texts[1] == ""
    Path(directories.conf).write_text("[general]\nhistory_days = 0\n[manager]\nport = 1\n")
    poll(asterisk_conf)
    assert "can't be reached" in Path(directories.log).read_text()


def test_without_a_log_file_it_logs_to_standard_error(
    asterisk_conf: Path, waiting: Spool, directories: Directories
) -> None:
    """A log directory that is not there keeps no poll from its work; --verbose logs to both."""
    os.rmdir(directories.astlogdir)
    assert "can't be reached: Connection refused; trying again" in poll(asterisk_conf).stderr
    os.mkdir(directories.astlogdir)
    os.unlink(waiting.path("", "trouble"))
    assert "ERROR[" in poll(asterisk_conf, "--verbose").stderr
    assert "ERROR[" in Path(directories.log).read_text()


def test_root_goes_on_as_the_spools_owner(asterisk_conf: Path, waiting: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root would make there, Asterisk's own script could not change."""
    became: list[tuple[str, object]] = []
    for name in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda value, name=name: became.append((name, value)))
    os.chown(waiting.directory, 65534, 65533)
    run(asterisk_conf, "list")
    assert became == [("setgroups", [65534]), ("setgid", 65534), ("setuid", 65534)]
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    run(asterisk_conf, "list")
    assert len(became) == 3


def test_the_offer_is_switched(asterisk_conf: Path, directories: Directories) -> None:
    """Off, on, and told, for people and programs; before anybody has asked for anything too."""
    assert run(asterisk_conf, "offer").output == "The offer is on.\n"
    assert run(asterisk_conf, "offer", "off").output == "The offer is off: busy-callback offer on.\n"
    assert json.loads(run(asterisk_conf, "offer", "--json").output) == {
        "offer": False,
        "setting": True,
        "switch": False,
    }
    assert Path(directories.spool, "offer-off").exists()
    assert run(asterisk_conf, "offer", "on").output == "The offer is on.\n"
    assert run(asterisk_conf, "offer", "on").exit_code == 0
    assert run(asterisk_conf, "offer", "perhaps").exit_code == 2


def test_a_setting_that_switches_the_offer_off_is_told(asterisk_conf: Path, directories: Directories) -> None:
    """The command can't switch on what the settings switch off: it names the file, and the line to write."""
    Path(directories.conf).write_text("[general]\noffer = no\n")
    done = run(asterisk_conf, "offer", "on")
    assert done.exit_code == 1
    assert f"write offer = yes into {directories.conf}" in done.output
    assert run(asterisk_conf, "offer").output == f"The offer is off: {directories.conf} has offer = no.\n"


def test_a_switch_that_cannot_be_turned_is_told(asterisk_conf: Path, spool: Spool) -> None:
    """A sentence, and the status for a spool that can't be used."""
    Path(spool.directory, "offer-off").mkdir()
    for wanted in ("on", "off"):
        done = run(asterisk_conf, "offer", wanted)
        assert done.exit_code == 4
        assert "the offer can't be switched" in done.output
