"""Everybody at once: registrations, polls, watches that take over, cancels, and holders of locks that are killed."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Pbx

HEAD = "agi_channel: PJSIP/{}-00000001\n\n" + "200 result=0\n" * 9
MINUTE = 60.0  # seconds
TALK = 0.03  # seconds
NEWS = b"Event: UserEvent\r\nUserEvent: BusyCallback\r\n\r\n"
STATUS = re.compile(r'"BUSY_CALLBACK_STATUS" "(\w+)"')
HOLDER = """
import sys
from busy_callback.store.spool import Spool
with Spool(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


class Phones(threading.Thread):
    """Runs the call files as Asterisk does, each in a call of its own, and notes who is rung by two at once."""

    def __init__(self, pbx: Pbx) -> None:
        super().__init__(daemon=True)
        self._pbx = pbx
        self._outgoing = Path(pbx.directories.outgoing)
        self._calls: dict[Path, tuple[float, set[str], Path]] = {}
        self._over = threading.Event()
        self.crimes: list[str] = []
        self.served: Counter[str] = Counter()

    def run(self) -> None:
        """Begin and end calls until told to stop."""
        while not self._over.wait(0.005):
            self._look_for_twins()
            for path in self._outgoing.iterdir():
                if path not in self._calls:
                    self._begin(path)
            for path, (ends, _, report) in list(self._calls.items()):
                if time.monotonic() > ends:
                    with report.open("a") as file:
                        file.write("caller ANSWER 16\ncallee ANSWER 1\n")
                    path.unlink()
                    del self._calls[path]
                    self._pbx.standin.say(NEWS)

    def _look_for_twins(self) -> None:
        """Note pairs that wait twice: two scripts that did not see each other."""
        names = os.listdir(self._pbx.spool.path("requests", ""))
        pairs = Counter(name.rpartition("-")[0] for name in names)
        for pair in [pair for pair, times in pairs.items() if times > 1]:
            twins = [name for name in names if name.startswith(f"{pair}-")]
            if not any(os.path.exists(self._pbx.spool.path("ended", name)) for name in twins):
                self.crimes.append(f"twins: {twins}")

    def _begin(self, path: Path) -> None:
        values = dict(re.findall(r"^Setvar: _*([^=\n]+)=(.*)$", path.read_text(), re.MULTILINE))
        people = {values["BUSY_CALLBACK_FROM"], values["BUSY_CALLBACK_TO"]}
        report = Path(values["BUSY_CALLBACK_REPORT"])
        with report.open("a") as file:
            file.write("claimed 1\n")
        if not report.read_text().startswith("claimed"):
            path.unlink()  # withdrawn
            return
        self.crimes += [f"{people} while {others}" for _, others, _ in self._calls.values() if people & others]
        self.served[report.name.rpartition(".")[0]] += 1
        self._calls[path] = (time.monotonic() + TALK, people, report)

    def stop(self) -> None:
        """Hang up."""
        self._over.set()
        self.join()


@pytest.fixture
def programs() -> Iterator[list[subprocess.Popen[str]]]:
    """Every program that was started; none outlives the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for program in started:
        program.kill()
        program.communicate()


def start(
    programs: list[subprocess.Popen[str]], words: list[str], environ: dict[str, str], text: str = ""
) -> subprocess.Popen[str]:
    """Start a program with its whole input."""
    program = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True
    )
    assert program.stdin
    program.stdin.write(text)
    program.stdin.close()
    program.stdin = None
    programs.append(program)
    return program


def kill_a_holder(pbx: Pbx) -> None:
    """Let a process take the spool's lock, and kill it."""
    words = [sys.executable, "-c", HOLDER, pbx.spool.directory]
    with subprocess.Popen(words, env=pbx.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        holder.kill()


def end(watches: list[subprocess.Popen[str]], polls: list[subprocess.Popen[str]]) -> list[str]:
    """End the last watch, the others having been relieved or killed; return what any of them complained of."""
    assert {watch.wait(60) for watch in watches[:-1]} <= {0, -signal.SIGKILL}, "each but the last has gone"
    assert watches[-1].poll() is None
    watches[-1].terminate()
    return [errors for program in watches + polls for errors in [program.communicate(timeout=60)[1]] if errors]


@pytest.mark.timeout(300)
def test_everybody_at_once(pbx: Pbx, programs: list[subprocess.Popen[str]], counts: Callable[[str], None]) -> None:
    """Registered = served + cancelled + waiting; no phone is rung by two at once; no lock is stuck.

    A wave: 200 AGI scripts at once, 50 that cancel, two polls, a watch that takes over and one that is killed
    with the turn, and a killed holder of the spool's lock. Waves come for a minute.
    """
    (pbx.folder / "etc/busy_callback.conf").write_text(
        f"[general]\nqueue_per_callee = 100\nqueue_per_caller = 100\n[manager]\nport = {pbx.standin.port}\n"
    )
    pbx.spool.prepare()
    phones = Phones(pbx)
    phones.start()
    ends = time.monotonic() + MINUTE
    said: Counter[str] = Counter()
    failures: list[str] = []
    waves = 0
    chance = random.Random(1)
    while time.monotonic() < ends:
        waves += 1
        watches = [start(programs, pbx.command("poll", "--watch", "300"), pbx.environ)]
        polls = []
        agis = []
        for number in range(250):
            caller, callee = str(chance.randrange(300, 400)), str(chance.randrange(200, 220))
            if number % 5 < 2:  # some press 5 again and again
                caller, callee = "399", "219"
            words = ("cancel", caller) if number % 5 == 4 else (caller, callee)
            agis.append(start(programs, pbx.agi(*words), pbx.agi_environ, HEAD.format(caller)))
            if number in {80, 160}:
                polls.append(start(programs, pbx.command("poll"), pbx.environ))
                watches.append(start(programs, pbx.command("poll", "--watch", "300"), pbx.environ))
                kill_a_holder(pbx)
        for agi in agis:
            output, errors = agi.communicate(timeout=120)
            said[STATUS.findall(output)[0]] += 1
            # On a machine that can't keep up somebody may be told that it did not work; that is no loss.
            slow = 'STATUS" "ERROR"' in output and "held by another process" in output
            failures += [errors or output] if errors or ("ERROR" in output and not slow) else []
            pbx.standin.say(NEWS)
        watches[-1].send_signal(signal.SIGKILL)  # with the turn, or waiting for it
        watches.append(start(programs, pbx.command("poll", "--watch", "300"), pbx.environ))
        until = time.monotonic() + 60
        while pbx.spool.live() and time.monotonic() < until:
            pbx.standin.say(NEWS)
            time.sleep(0.05)  # phones talk meanwhile; nothing tells when all have
        failures += end(watches, polls)
    phones.stop()
    ended = Counter(request.state for request in pbx.spool.ended())
    waiting = len(pbx.spool.live())
    counts(f"{waves} waves: {dict(said)}; then {dict(ended)}, waiting {waiting}, {sum(phones.served.values())} rung")
    assert failures == []
    assert phones.crimes == []
    assert waiting == 0, Path(pbx.directories.log).read_text()[-5000:]
    assert said["REGISTERED"] == sum(ended.values()) + waiting
    assert set(said) <= {"REGISTERED", "DUPLICATE", "CANCELLED", "NONE", "ERROR"}
    assert sum(said.values()) == waves * 250
    assert set(phones.served.values()) == {1}
    assert ended["completed"] <= len(phones.served)
    pbx.check(set())
