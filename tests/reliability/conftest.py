"""What the tests of breaking things share: a PBX of the stand-in, and the invariants of a spool."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.clock import since_boot
from busy_callback.pbx.callfile import call_file_name, compose, report_name
from busy_callback.poller import Poller
from busy_callback.request import Request
from busy_callback.settings import Directories, load
from busy_callback.store.past_days import past_requests
from busy_callback.store.spool import Spool

from ..lab.standin import CallFiles, StandIn

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "agi-bin" / "busy_callback.py"
ASTERISK_CONF = """\
[directories]
astetcdir => {folder}/etc
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
"""


class Pbx:
    """A PBX's folders, always at the same place, with a stand-in for Asterisk."""

    def __init__(self, folder: Path, standin: StandIn) -> None:
        self.folder = folder
        self.standin = standin
        self.renew()

    def renew(self) -> None:
        """Begin anew with an empty spool."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("etc", "spool/outgoing", "run", "log"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "etc/asterisk.conf").write_text(ASTERISK_CONF.format(folder=self.folder))
        (self.folder / "etc/busy_callback.conf").write_text(f"[manager]\nport = {self.standin.port}\n")
        (self.folder / "run/asterisk.ctl").touch()
        self.directories = Directories()
        for name in ("etc", "spool", "run", "log"):
            setattr(self.directories, f"ast{name}dir", str(self.folder / name))
        self.settings = load(self.directories.conf)
        self.settings.queue_per_callee = self.settings.queue_per_caller = 1000
        self.spool = Spool(self.directories.spool)
        self.call_files = CallFiles(Path(self.directories.outgoing))
        self.standin.states = {f"PJSIP/{number}": "NOT_INUSE" for number in range(200, 700)}

    @property
    def environ(self) -> dict[str, str]:
        """For the command, and for the AGI script, which finds the folders as Asterisk tells them."""
        return {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "BUSY_CALLBACK_ASTERISK_CONF": str(self.folder / "etc/asterisk.conf"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def agi_environ(self) -> dict[str, str]:
        """For the AGI script, which finds the folders as Asterisk tells them."""
        environ = {**self.environ, "AST_SPOOL_DIR": self.directories.astspooldir}
        del environ["BUSY_CALLBACK_ASTERISK_CONF"]
        directories = {"AST_CONFIG_DIR": self.directories.astetcdir, "AST_LOG_DIR": self.directories.astlogdir}
        return {**environ, **directories}

    def agi(self, *arguments: str) -> list[str]:
        """Return the words that run the AGI script."""
        return [sys.executable, str(SCRIPT), *arguments]

    def command(self, *arguments: str) -> list[str]:
        """Return the words that run the command."""
        return [sys.executable, "-m", "busy_callback", *arguments]

    def ask(self, caller: str, callee: str, now: float | None = None) -> Request:
        """Register, and return the request."""
        self.spool.prepare()
        now = time.time() if now is None else now
        request_id = self.spool.register(caller, callee, rq.BUSY, "", self.settings, now)[1]
        return next(request for request in self.spool.live() if request.id == request_id)

    def recalling(self, caller: str, callee: str, asterisk_start: int | None = None, report: str = "") -> Request:
        """Return a request whose recall was handed over, with its call file unless there is a report."""
        old = self.ask(caller, callee)
        start = int((self.folder / "run/asterisk.ctl").stat().st_mtime) if asterisk_start is None else asterisk_start
        now = time.time()
        new = old.but(now, "recall 1", state=rq.RECALLING, attempt=1, started=now, asterisk_start=start)
        assert self.spool.replace(old, new)
        path = Path(self.spool.path("recalls", report_name(new)))
        if report:
            path.write_text(report)
        else:
            devices = f"PJSIP/{caller}", f"PJSIP/{callee}"
            data = compose(new, self.settings, devices, str(path), self.directories.control_socket)
            (Path(self.directories.outgoing) / call_file_name(new)).write_bytes(data)
        return new

    def poll(self, later: float = 0.0) -> None:
        """Poll once, in this process, at a time from now."""
        clocks = (lambda: time.time() + later, lambda: since_boot() + later)
        Poller(self.directories, self.settings, *clocks).poll()

    def serve(self) -> None:
        """Let Asterisk and polls work until every request has ended."""
        for round_ in range(30):
            self.call_files.run()
            self.poll(round_ * 400)
            if not self.spool.live():
                return
        raise AssertionError(f"not ended: {self.spool.live()}")

    def check(self, acknowledged: set[str]) -> None:
        """Check what must hold of the spool at any time, the next poll having cleaned up.

        Acknowledged requests are all there, each in one place; nothing is half written.
        """
        self.spool.prepare()
        self.spool.sweep(time.time())
        live = [request.id for request in self.spool.live()]
        ended = [request.id for request in self.spool.ended()]
        assert list(self.spool.corrupt()) == []
        assert os.listdir(self.spool.path("tmp", "")) == []
        assert sorted(live + ended) == sorted(set(live + ended))
        past = [request.id for request in past_requests(self.spool.directory) if request]
        single = os.listdir(self.spool.path("ended", ""))
        assert sorted(past + single) == sorted(ended), "one that ended is there twice"
        assert sorted(os.listdir(self.spool.path("requests", ""))) == sorted(live)
        pairs = {request_id.rpartition("-")[0] for request_id in live + ended}
        assert acknowledged <= pairs
        for path in Path(self.directories.outgoing).iterdir():
            assert path.read_bytes().endswith(b"@custom-auto-redial/n\n"), "half a call file is visible"

    def check_end(self) -> None:
        """Serve the rest; check that each request ended and that nobody was rung for it twice."""
        self.serve()
        rung = Counter(name.rpartition(".")[0] for name in self.call_files.rung)
        assert all(times == 1 for times in rung.values()), rung
        completed = {request.id for request in self.spool.ended() if request.state == rq.COMPLETED}
        assert set(rung) <= completed | {name for name in rung if name.startswith("203-204-")}, (rung, completed)


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    """A PBX with the stand-in."""
    with StandIn() as standin:
        yield Pbx(tmp_path / "pbx", standin)
