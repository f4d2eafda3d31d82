"""Doctor's trial: a whole callback between two phones of its own, which disturbs nobody and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback.setup import trial
from busy_callback.setup.check import Check
from busy_callback.setup.console import Console
from busy_callback.store.trial_place import CALLEE, CALLER

from ..lab import WAIT
from ..lab.office import LOG, REPOSITORY, Office
from .conftest import OpenOffice, complaints, waits_for
from .test_records import files, rows


class LabConsole(Console):
    """The console of the lab's Asterisk, whose program is started by its own loader."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.directories)
        self._office = office

    def ask(self, command: str) -> str:
        """Return what Asterisk prints on a command."""
        return self._office.asterisk.console(command)


def tried(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """Run the trial in the office to its end."""
    for name in ("BUSY_CALLBACK_ASTERISK_CONF", "PYTHONPATH"):
        monkeypatch.setenv(name, office.asterisk.environ[name])
    return list(trial.run(office.directories, office.settings, LabConsole(office), str(office.asterisk.conf)))


def left(office: Office) -> list[str]:
    """Return what there is of a trial: files, rows in AstDB, channels, processes."""
    spool = Path(office.directories.astspooldir)
    found = [str(path) for path in spool.rglob("*") if "trial" in path.name or CALLER in path.name]
    found += [row for row in office.asterisk.console("database show").splitlines() if CALLER in row or CALLEE in row]
    found += [row for row in office.asterisk.console("core show channels concise").splitlines() if CALLEE in row]
    words = [Path(f"/proc/{pid}/cmdline") for pid in os.listdir("/proc") if pid.isdigit()]
    conf = str(office.asterisk.conf).encode()
    return found + [str(path) for path in words if path.exists() and {b"--trial", conf} <= _words(path)]


def _words(path: Path) -> set[bytes]:
    try:
        return set(path.read_bytes().split(b"\0"))
    except OSError:
        return set()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_trial_on_a_pbx_in_use_disturbs_nobody(open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """While 201 waits for 202 all steps succeed, and neither record, log, lamp, queue nor history tells of it.

    Only where cdr.conf has unanswered = yes the two looks of ChanIsAvail at its phone, a Local channel, are records.
    """
    office = open_office("201", more=("202",), files=files("no"), settings={"extensions": "2XX", "queue_in_all": "1"})
    waits_for(office, "201", "202")
    office.watch()
    _until(lambda: "busy-callback-201" in office.asterisk.console("database show CustomDevstate"))  # 201's lamp
    records = rows(office.asterisk.log_file("cdr-custom/Master.csv"))
    before = office.asterisk.console("database show")
    checks = tried(office, monkeypatch)
    assert [check.message for check in checks if not check.ok] == []
    assert [check.name for check in checks] == [*(f"trial {name}" for name in trial.STEPS), "trial"]
    assert office.waiting() == [("201", "202")]
    assert office.ended() == []
    assert left(office) == []
    assert office.asterisk.console("database show") == before
    assert rows(office.asterisk.log_file("cdr-custom/Master.csv")) == records
    assert CALLER not in office.asterisk.log_text(LOG)
    assert complaints(office) == []


def test_a_killed_trial_is_harmless_and_the_next_one_takes_it_away(
    open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the request is on disk, it leaves a folder and calls of its own; the next one leaves nothing."""
    office = open_office("201")
    office.spool.prepare()
    code = (
        "import sys; from tests.acceptance.test_trial import *; from busy_callback.settings import *\n"
        "d = find_directories({}, sys.argv[1]); "
        "all(print(c.name, flush=True) is None for c in trial.run(d, load(d.conf), Console(d), sys.argv[1]))"
    )
    words = [sys.executable, "-c", code, str(office.asterisk.conf)]
    environ = {**os.environ, **office.asterisk.environ}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environ, cwd=REPOSITORY) as killed:
        assert killed.stdout
        while killed.stdout.readline() != "trial request\n":
            assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)
    assert left(office)
    assert office.waiting() == []
    assert [check.message for check in tried(office, monkeypatch) if not check.ok] == []
    _until(lambda: left(office) == [])


@pytest.mark.parametrize(
    ("damage", "step", "said"),
    [
        ("dialplan remove context busy-callback-trial-phone", "busy", "did not connect"),
        ("dialplan remove context busy-callback-offer", "request", "did not come to"),
        ("noload = res_agi.so", "request", "did not come to"),
        ("agi-bin/busy_callback.py", "request", "could not run"),
        ("data/sounds/*", "request", "did not arrive"),
        ("noload = pbx_spool.so", "recall", "does not take call files"),
        ("dialplan remove context custom-auto-redial", "recall", "did not begin"),
    ],
)
def test_the_first_step_that_fails_is_explained(
    open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch, damage: str, step: str, said: str
) -> None:
    """Where a part is broken the trial ends at the step that needs it, says what is wrong, and leaves nothing."""
    office = open_office("201", modules=f"{damage}\n" if damage.startswith("noload") else "")
    office.spool.prepare()
    if damage.startswith("dialplan"):
        office.asterisk.console(damage)
    for path in office.asterisk.folder.glob(damage if "/" in damage else "no such file"):
        path.unlink()
    last = tried(office, monkeypatch)[-1]
    assert (last.ok, last.name) == (False, f"trial {step}"), last
    assert said in last.message
    assert last.cure
    assert left(office) == []
