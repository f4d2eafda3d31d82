"""What a run says when it can't have the turn, or can't hand over a recall; and what it leaves as it was."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.errors import CallFileError, DeadlineError
from busy_callback.poller import Poller
from busy_callback.settings import Directories, Settings
from busy_callback.store import handover
from busy_callback.store.spool import Spool

from ..lab.standin import StandIn
from .byhand import Machine
from .conftest import NOW

HANGS = """
import sys, time
from busy_callback.store.handover import PollerLock
with PollerLock(sys.argv[1]) as lock:
    lock.take()
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("reached", [True, False])
def test_a_watch_that_hangs_is_named_once(
    directories: Directories,
    spool: Spool,
    reached: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not by each minute's run, whether it could serve itself or not."""
    monkeypatch.setattr(handover, "HANDOVER_TIME", 0.1)
    with (
        StandIn() as standin,
        subprocess.Popen([sys.executable, "-c", HANGS, spool.path("", "poller.lock")], stdout=subprocess.PIPE) as hangs,
    ):
        assert hangs.stdout is not None
        assert hangs.stdout.readline() == b"held\n"
        settings = Settings()
        settings.port = standin.port if reached else 1
        for _ in range(2):
            with pytest.raises(DeadlineError, match=str(hangs.pid)):
                Poller(directories, settings).watch(1)
        hangs.kill()
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert [f"process {hangs.pid}" in error for error in errors] == [True]


def test_a_recall_that_cannot_be_handed_over_changes_nothing(
    directories: Directories, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    """No attempt is counted; the complaint names no request, so that it is one for all; the next poll recalls."""
    for callee in ("202", "203"):
        spool.register("201" if callee == "202" else "204", callee, rq.BUSY, "", Settings(), NOW)
    with StandIn() as standin:
        machine = Machine(directories, standin, callee="NOT_INUSE")
        standin.states |= {"PJSIP/203": "NOT_INUSE", "PJSIP/204": "NOT_INUSE"}
        machine.wall += 60
        shutil.move(directories.outgoing, f"{directories.outgoing}.away")
        for _ in range(2):
            with pytest.raises(CallFileError):
                machine.poll()
        assert [(r.state, r.attempt) for r in spool.live()] == [(rq.WAITING, 0)] * 2
        shutil.move(f"{directories.outgoing}.away", directories.outgoing)
        machine.poll()
    assert len(machine.call_files()) == 2
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"no recall can be handed to Asterisk in {directories.outgoing}: No such file or directory; trying again",
        "all is well again",
    ]
    assert not Path(spool.path("", "trouble")).exists()


def test_a_watch_loads_no_library_that_it_does_not_use() -> None:
    """It is started each minute and stays: OpenSSL alone (hashlib, hmac, ssl) would be 4 MB and 10 ms of it."""
    code = "import sys, busy_callback.cli, busy_callback.poller; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"_hashlib", "_ssl", "json", "pathlib"}.isdisjoint(loaded)
