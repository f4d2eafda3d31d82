"""Killed at every system call that touches the spool or outgoing, or told of an error there: nothing is lost."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.request import end

from ..lab.strace import KILL, Call, Program, Run
from .conftest import Pbx

ERRORS = ("ENOSPC", "EIO", "EINTR", "EACCES")
CHANGES = ("write", "fsync", "rename", "unlink", "mkdir", "flock", "pwrite64", "close", "ftruncate")
# The command, less patient: a close that was told of an error leaves the lock to its holder until that ends. And it
# does not read /proc/net/tcp: with the machine's traffic, the number of calls before a fault would change at each run.
COMMAND = """
import runpy
from busy_callback.pbx import manager_exposure
from busy_callback.store import durable
durable.LOCK_TIME = 0.2
manager_exposure._listeners = lambda port, proc: []
runpy.run_module("busy_callback", run_name="__main__")
"""
HEAD = "agi_channel: PJSIP/201-00000001\nagi_language: en\n\n" + "200 result=0\n" * 9


def command(pbx: Pbx, *words: str) -> Program:
    """Return the command as what is disturbed."""
    return Program([sys.executable, "-c", COMMAND, *words], pbx.environ, [pbx.directories.astspooldir])


class Register:
    """The AGI script, asked by a caller: a first request of this PBX, or one beside others."""

    def program(self, pbx: Pbx) -> Program:
        """What is disturbed."""
        return Program(pbx.agi("201", "202"), pbx.agi_environ, [pbx.directories.astspooldir], HEAD)

    def prepare(self, pbx: Pbx) -> None:
        """Bring the PBX into its state before."""
        pbx.ask("203", "202")

    def promised(self, pbx: Pbx, run: Run) -> set[str]:
        """Return the pairs whose requests must be there, given what the program said."""
        if run.status >= 0:
            told = "ERROR" in run.output and "busy-callback-failed" in run.output and "HANGUP" in run.output
            assert told or "REGISTERED" in run.output, run
        return {"203-202", *(["201-202"] if "REGISTERED" in run.output else [])}


class RegisterFirst(Register):
    """The AGI script where no spool is yet."""

    def prepare(self, pbx: Pbx) -> None:
        """Nothing is there."""

    def promised(self, pbx: Pbx, run: Run) -> set[str]:
        """Nothing else is promised."""
        return super().promised(pbx, run) - {"203-202"}


class RegisterAgain(Register):
    """The AGI script, asked for what waits already."""

    def prepare(self, pbx: Pbx) -> None:
        """The same is waiting."""
        pbx.ask("201", "202")

    def promised(self, pbx: Pbx, run: Run) -> set[str]:
        """It is there in any case."""
        if run.status >= 0:
            assert "ERROR" in run.output or "DUPLICATE" in run.output, run
        return {"201-202"}


class Cancel:
    """The command cancels two requests: one waits, one was handed over and is in ``outgoing``."""

    words = ("cancel", "201")

    def program(self, pbx: Pbx) -> Program:
        """What is disturbed."""
        return command(pbx, *self.words)

    def prepare(self, pbx: Pbx) -> None:
        """Two of 201's, one of somebody else's."""
        pbx.ask("201", "202")
        pbx.recalling("201", "204")
        pbx.ask("203", "202")

    def promised(self, pbx: Pbx, run: Run) -> set[str]:
        """A cancel that was confirmed holds: the caller is not rung."""
        if run.status == 0:
            assert not [request for request in pbx.spool.live() if request.caller == "201"]
            pbx.call_files.run()
            assert pbx.call_files.rung == []
        return {"201-202", "201-204", "203-202"}


class CancelByCaller(Cancel):
    """The AGI script cancels the same."""

    def program(self, pbx: Pbx) -> Program:
        """What is disturbed."""
        return Program(pbx.agi("cancel", "201"), pbx.agi_environ, [pbx.directories.astspooldir], HEAD)

    def promised(self, pbx: Pbx, run: Run) -> set[str]:
        """The same, confirmed by a status."""
        if run.status >= 0:
            assert "ERROR" in run.output or "CANCELLED" in run.output, run
        confirmed = 0 if "CANCELLED" in run.output else 1
        return super().promised(pbx, Run(confirmed, run.output, run.errors, run.disturbed))


class Poll:
    """A poll that finds every kind of work: to recall, to settle, to withdraw, to end, to clean."""

    def program(self, pbx: Pbx) -> Program:
        """What is disturbed."""
        return command(pbx, "poll")

    def prepare(self, pbx: Pbx) -> None:
        """A request of each state, two of a past day, and what a crash and the years leave behind."""
        pbx.ask("201", "202")
        pbx.recalling("203", "204", report="claimed 1.1\ncaller ANSWER 16\ncallee ANSWER 5\n")
        pbx.recalling("205", "206", asterisk_start=1)
        pbx.ask("207", "208", time.time() - pbx.settings.service_time - 1)
        both = pbx.ask("209", "210")
        Path(pbx.spool.path("ended", both.id)).write_bytes(rq.encode(end(both, rq.COMPLETED, "x", time.time())))
        pbx.ask("211", "212")
        pbx.standin.states["PJSIP/212"] = "INUSE"
        Path(pbx.spool.path("tmp", "left")).write_text("half")
        for caller in ("215", "216"):
            past = pbx.ask(caller, "217", time.time() - 3 * 86400)
            pbx.spool.cancel(past.id, "x", past.requested)
            os.utime(pbx.spool.path("ended", past.id), (past.requested, past.requested))
        old = Path(pbx.spool.path("recalls", "213-214-000000001.1"))
        old.write_text("claimed 1.1\n")
        os.utime(old, (0, 0))

    def promised(self, pbx: Pbx, run: Run) -> set[str]:
        """All of them, whatever it says; and an error is one line, no traceback."""
        assert "Traceback" not in run.errors, run
        assert run.status in {-9, 0, 4}, run
        return {"201-202", "203-204", "205-206", "207-208", "209-210", "211-212", "215-217", "216-217"}


def disturbed(
    pbx: Pbx, case: Register | Cancel | Poll, call: Call, number: int, fault: str, log: Path
) -> tuple[Run, Call]:
    """Run the program with the fault at its call of that number that touches the folders; return that call, too.

    Other calls before it, as of /proc, are not always as many: then they are counted again.
    """
    for _ in range(5):
        pbx.renew()
        case.prepare(pbx)
        run = case.program(pbx).disturbed_at(call, fault, log)
        if run.disturbed:
            break
        pbx.renew()
        case.prepare(pbx)
        call = case.program(pbx).calls(log)[number]
    return run, call


CASES = (Register, RegisterFirst, RegisterAgain, Cancel, CancelByCaller, Poll)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", [case() for case in CASES], ids=[case.__name__ for case in CASES])
def test_killed_at_every_system_call(
    pbx: Pbx, case: Register | Cancel | Poll, tmp_path: Path, counts: Callable[[str], None], whole: bool
) -> None:
    """After a kill, or an error, at each system call what was acknowledged is there, once, and rings once at most.

    The short form leaves out the kills at calls that only read, which are those at the next change, and tries one
    of the errors, in turn, at each call.
    """
    log = tmp_path / "strace.log"
    case.prepare(pbx)
    calls = case.program(pbx).calls(log)
    assert {"openat", "fsync", "rename"} <= {call.name for call in calls}
    tried = {KILL: 0, **{f"error={name}": 0 for name in ERRORS}}
    for number, planned in enumerate(calls):
        errors = ERRORS if whole else (ERRORS[number % len(ERRORS)],)
        kills = (KILL,) if whole or planned.name in CHANGES or "O_CREAT" in planned.text else ()
        for fault in (*kills, *(f"error={name}" for name in errors)):
            run, call = disturbed(pbx, case, planned, number, fault, log)
            where = f"{fault} at {call.name} {call.number}: {call.text[:160]}\n{run}"
            assert run.disturbed, f"not reached: {where}"
            tried[fault] += 1
            try:
                acknowledged = case.promised(pbx, run)
                pbx.check(acknowledged)
                pbx.standin.states["PJSIP/212"] = "NOT_INUSE"
                pbx.check_end()
                pbx.check(acknowledged)
            except (AssertionError, OSError) as error:
                raise AssertionError(f"after {where}") from error
    pbx.renew()
    case.prepare(pbx)
    assert case.program(pbx).calls(log), "an undisturbed run at the end"
    counts(f"{len(calls)} system calls; " + ", ".join(f"{n} times {fault}" for fault, n in tried.items()))
