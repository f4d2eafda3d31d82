"""The AGI script, run as Asterisk runs it: a process with pipes, which is answered as Asterisk would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from busy_callback.settings import Directories

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "agi-bin" / "busy_callback.py"
ANSWER = "200 result=0\n"
QUESTION = "GET FULL VARIABLE"


def environment(directories: Directories) -> dict[str, str]:
    """Return what Asterisk tells its AGI scripts of its directories."""
    names = {"SPOOL": directories.astspooldir, "CONFIG": directories.astetcdir, "LOG": directories.astlogdir}
    names["DATA"] = directories.astdatadir
    return {f"AST_{name}_DIR": directory for name, directory in names.items()}


def run(
    directories: Directories,
    *arguments: str,
    head: str = "",
    answers: str | None = None,
    values: Mapping[str, str] | None = None,
) -> list[str]:
    """Run the script; return the commands that it gave, without its questions.

    Without ``head``, the caller's own phone calls. ``values`` are what variables and functions hold
    (``DEVICE_STATE(PJSIP/202)``), the others nothing; ``answers``, if given, is all that Asterisk ever says.
    """
    caller = "".join(a for a in arguments if a not in {"cancel", "count", "offer"})[:3]
    head = head or f"agi_channel: PJSIP/{caller}-00000001\nagi_language: zh\n\n"
    environ = {**os.environ, **environment(directories)}
    if answers is not None:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *arguments],
            input=(head + answers).encode("utf-8", "surrogateescape"),
            stdout=subprocess.PIPE,
            env=environ,
            timeout=30,
            check=False,
        )
        said = done.stdout.decode().splitlines()
    else:
        peer = re.findall(r"^agi_channel: SIP/(.*)-", head, re.MULTILINE)
        values = {"CHANNEL(peername)": "".join(peer), **(values or {})}
        said = _talk([sys.executable, str(SCRIPT), *arguments], environ, head, values)
    return [command for command in said if not command.startswith(QUESTION)]


def _talk(words: list[str], environ: Mapping[str, str], head: str, values: Mapping[str, str]) -> list[str]:
    said = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as script:
        assert script.stdin
        assert script.stdout
        try:
            script.stdin.write(head.encode("utf-8", "surrogateescape"))
            script.stdin.flush()
            for line in script.stdout:
                command = line.decode().rstrip("\n")
                said.append(command)
                script.stdin.write(_answer(command, values).encode())
                script.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended without waiting for an answer
    return said


def _answer(command: str, values: Mapping[str, str]) -> str:
    if not command.startswith(QUESTION):
        return ANSWER
    return f"200 result=1 ({evaluate(command[len(QUESTION) + 2 : -1], values)})\n"


def evaluate(question: str, values: Mapping[str, str]) -> str:
    """Return a question's value; one with anything in it but plain variables and functions is an error."""
    assert re.fullmatch(r"(\$\{[^${}]+\}\|?)+", question), question
    return re.sub(r"\$\{([^{}]+)\}", lambda match: values.get(match[1], ""), question)


class Asterisk:
    """Answers a Channel in the same process; ``commands`` are what was done beside asking."""

    def __init__(self, channel: str, values: Mapping[str, str] | None = None, caller_id: str = "") -> None:
        self.env = {"agi_channel": f"{channel}-00000001", "agi_callerid": caller_id}
        self.values = {"CHANNEL(peername)": channel.partition("/")[2], **(values or {})}
        self.commands: list[str] = []
        self.questions = 0

    def get_full_variable(self, question: str) -> str:
        """Answer as Asterisk does."""
        self.questions += 1
        return evaluate(question, self.values)

    def execute(self, *words: str) -> None:
        """Note a command."""
        self.commands.append(" ".join(words))


def set_variables(commands: list[str]) -> dict[str, str]:
    """Return the channel's variables that the commands have set."""
    return dict(re.findall(r'^SET VARIABLE "?(\w+)"? "?([^"]*)"?$', "\n".join(commands), re.MULTILINE))


def status(commands: list[str]) -> str:
    """Return what BUSY_CALLBACK_STATUS was set to."""
    return set_variables(commands)["BUSY_CALLBACK_STATUS"]
