"""From the busy tone until the offer is decided; from the key until the request is on disk and the dialplan goes on.

Each subject is a process with pipes, as Asterisk runs it: the AGI script (its flushes included), a shell script that
writes a call file as the page's does, and the bare interpreter, which does nothing.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from busy_callback.settings import Directories
from busy_callback.store.spool import Spool

from ..lab.office import REPOSITORY
from .samples import Samples

# What Asterisk says first, to every script.
GREETING = "".join(
    f"agi_{name}: {value}\n"
    for name, value in {
        "request": "busy_callback.py",
        "channel": "PJSIP/201-00000001",
        "language": "en",
        "type": "PJSIP",
        "uniqueid": "1700000000.1",
        "version": "22",
        "callerid": "201",
        "calleridname": "Phone 201",
        "context": "busy-callback-register",
        "extension": "202",
        "priority": "1",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "1",
        "arg_1": "201",
        "arg_2": "202",
    }.items()
)
QUESTION = b"GET FULL VARIABLE"
SHELL_SCRIPT = """\
#!/bin/bash
# As busy_callback.sh of the page: no reading back, no flush, no check.
while read -r line && [ -n "$line" ]; do :; done
cat > "$1/tmp/$2-$3.call" <<END
Channel: Local/rd$2$3@custom-auto-redial
MaxRetries: 20
RetryTime: 30
WaitTime: 10
Context: from-internal
Extension: $3
Priority: 1
END
mv "$1/tmp/$2-$3.call" "$1/outgoing/"
"""


def run(words: Sequence[str], environ: dict[str, str]) -> tuple[float, float]:
    """Run a script as Asterisk does; return the seconds until it first says something, and until it has ended."""
    begun = time.perf_counter()
    script = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, bufsize=0)
    assert script.stdin
    assert script.stdout
    told = 0.0
    try:
        script.stdin.write(f"{GREETING}\n".encode())
        while line := script.stdout.readline():
            if line.startswith(QUESTION):
                script.stdin.write(_answer(line))
                continue
            told = told or time.perf_counter() - begun
            script.stdin.write(b"200 result=1\n")
    except BrokenPipeError:
        pass  # the bare interpreter does not listen
    script.wait()
    ended = time.perf_counter() - begun
    script.stdin.close()
    script.stdout.close()
    return told, ended


def _answer(question: bytes) -> bytes:
    """Answer as an Asterisk in which 202 is in a call."""
    parts = question.split(b'"')[1].split(b"|")
    values = [b"INUSE" if b"STATE" in part or b"CHANNELS" in part else b"" for part in parts]
    return b"200 result=1 (%s)\n" % b"|".join(values)


def measure(folder: Path, count: int) -> tuple[list[Samples], Samples]:
    """Return the samples of all subjects, taken in turns, and those of the yardstick, the bare interpreter."""
    directories = Directories()
    directories.astspooldir = str(folder)
    directories.astetcdir = str(folder)
    for name in ("tmp", "outgoing"):
        (folder / name).mkdir()
    Path(directories.conf).write_text("[general]\nservice_time = 30 min\n\n[manager]\nsecret = choose-one\n")
    spool = Spool(directories.spool)
    spool.prepare()
    shell_script, agi_script = folder / "busy_callback.sh", folder / "busy_callback.py"
    shell_script.write_text(SHELL_SCRIPT)
    body = (REPOSITORY / "agi-bin/busy_callback.py").read_text().partition("\n")[2]
    agi_script.write_text(f"#!{sys.executable} -S\n{body}")
    for script in (shell_script, agi_script):
        script.chmod(0o755)
    environ = {
        "PATH": os.defpath,
        "AST_SPOOL_DIR": directories.astspooldir,
        "AST_CONFIG_DIR": directories.astetcdir,
        "AST_LOG_DIR": directories.astlogdir,
        "PYTHONPATH": str(REPOSITORY),  # in place of an installed package
    }
    bare, shell, offer, agi, told = (
        Samples(name)
        for name in (
            "python -I -c pass",
            "shell script that writes a call file, unflushed",
            "AGI(busy_callback.py,offer,202,BUSY), whole process",
            "AGI(busy_callback.py,201,202), whole process",
            "the same, until the dialplan knows",
        )
    )
    subjects = {
        bare.name: [sys.executable, "-I", "-c", "pass"],
        shell.name: [str(shell_script), str(folder), "201", "202"],
        offer.name: [str(agi_script), "offer", "202", "BUSY"],
        agi.name: [str(agi_script), "201", "202"],
    }
    for number in range(count + 2):
        for name in random.sample(sorted(subjects), len(subjects)):
            first, whole = run(subjects[name], environ)
            if number < 2:
                continue
            next(samples for samples in (bare, shell, offer, agi) if samples.name == name).add(whole)
            if name == agi.name:
                told.add(first)
        (request,) = spool.live()
        spool.cancel(request.id, "by the benchmark", time.time())
        (folder / "outgoing/201-202.call").unlink()
    return [bare, shell, offer, agi, told], bare
