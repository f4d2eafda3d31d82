"""A PBX made of files: a folder with Asterisk's directories and a program asterisk that answers from a table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from busy_callback.cli import main
from busy_callback.settings import Directories
from busy_callback.setup import commands
from busy_callback.setup.changing import apply
from busy_callback.setup.config_files import Reading
from busy_callback.setup.extensions import HINT
from busy_callback.setup.extensions_conf import read
from busy_callback.setup.file_change import Change
from busy_callback.setup.install import Options, Plan, make_plan
from busy_callback.setup.journal import Journal
from busy_callback.setup.snapshot import Snapshot
from busy_callback.setup.survey import Survey, System, look

PJSIP = """\
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
 Endpoint:  201/201                                              Not in use    0 of 1
 Endpoint:  202                                                  Unavailable   0 of inf
 Endpoint:  trunk                                                Unavailable   0 of inf
"""
ENDPOINT = " context                            : phones\n device_state_busy_at               : 1\n"
EXTENSIONS = """\
[general]
static = yes

[phones]
exten => _2XX,1,NoOp(call)
 same => n,Dial(PJSIP/${EXTEN},20)
 same => n,Hangup()
exten => _0.,1,Dial(PJSIP/${EXTEN:1}@trunk)

[other]
exten => 9,1,Hangup()
"""
ASTERISK = """\
[directories]
astetcdir => {etc}
astspooldir => {spool}
astagidir => {agi}
astdatadir => {data}
astlogdir => {log}
astrundir => {run}
"""
MANAGER = """\
; nothing is allowed
[general]
enabled = no
port = 5039

[boss]
secret = boss-secret
"""


@dataclass
class Pbx:
    """The folder, and what the console answers once it ``runs``."""

    root: Path
    loads_files: bool = True  # what it has loaded is what the files say

    def __post_init__(self) -> None:
        for name in ("etc", "spool/outgoing", "data/sounds/en", "data/sounds/fr", "agi", "log", "run"):
            (self.root / "asterisk" / name).mkdir(parents=True)
        for name in ("cron.d", "logrotate.d", "systemd", "bin", "local/bin", "local/man"):
            (self.root / name).mkdir(parents=True)
        self.tell_directories()
        self.write("extensions.conf", EXTENSIONS)
        self.write("manager.conf", MANAGER)
        (self.root / "bin" / "asterisk").write_text(
            f'#!/bin/sh\nfor last; do :; done\ncat "{self.root}/answers/$last"\n'
        )
        (self.root / "bin" / "asterisk").chmod(0o755)

    @property
    def answers_console(self) -> bool:
        """Whether Asterisk runs."""
        return (self.root / "answers").exists()

    @property
    def etc(self) -> Path:
        """Asterisk's configuration."""
        return self.root / "asterisk" / "etc"

    @property
    def conf(self) -> Path:
        """The asterisk.conf that tells of it."""
        return self.root / "asterisk.conf"

    def tell_directories(self, **others: str) -> None:
        """Write asterisk.conf, with some directories elsewhere."""
        places = {name: str(self.root / "asterisk" / name) for name in ("etc", "spool", "agi", "data", "log", "run")}
        self.conf.write_text(ASTERISK.format(**{**places, **others}))

    @property
    def system(self) -> System:
        """The machine's other places."""
        return System(
            cron=self.root / "cron.d",
            logrotate=self.root / "logrotate.d",
            systemd=self.root / "systemd",
            booted=self.root / "systemd",
            state=self.root / "state",
            bin=self.root / "local" / "bin",
            man=self.root / "local" / "man" / "man8",
            freepbx=self.root / "freepbx.conf",
        )

    @property
    def directories(self) -> Directories:
        """What asterisk.conf would say."""
        directories = Directories()
        base = self.root / "asterisk"
        directories.astetcdir, directories.astspooldir = str(base / "etc"), str(base / "spool")
        directories.astdatadir, directories.astagidir = str(base / "data"), str(base / "agi")
        directories.astlogdir, directories.astrundir = str(base / "log"), str(base / "run")
        return directories

    def write(self, name: str, text: str) -> Path:
        """Write one of Asterisk's files."""
        path = self.etc / name
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        return path

    def runs(self, **answers: str) -> None:
        """Let the console answer: ``pjsip_show_endpoints`` for ``pjsip show endpoints``."""
        known = {"core show uptime": "System uptime: 1 minute\n", "pjsip show endpoints": PJSIP}
        known.update({f"pjsip show endpoint {n}": ENDPOINT for n in ("201", "202")})
        for command in ("core show settings", "sip show peers", "iax2 show peers", "dialplan show globals"):
            known[command] = "\n"
        known.update({key if " " in key else key.replace("_", " "): value for key, value in answers.items()})
        (self.root / "answers").mkdir(exist_ok=True)
        self.loads_files = "dialplan show" not in known
        for command, text in known.items():
            (self.root / "answers" / command).write_text(text)

    def reload(self) -> None:
        """Let Asterisk, if it runs, have loaded what its files say now."""
        if self.answers_console and self.loads_files:
            (self.root / "answers" / "dialplan show").write_text(shown(self.etc))

    def survey(self) -> Survey:
        """Look at it, after a reload of the dialplan if it runs."""
        self.reload()
        return look(self.directories, str(self.conf), self.system)

    def journal(self) -> Journal:
        """Return the journal as it is on disk."""
        return Journal(self.system.state)

    def plan(self, *wire: str, **options: Any) -> Plan:
        """Return what install would do."""
        return make_plan(self.survey(), Options(wire=wire, **options), self.journal())

    def install(self, *wire: str, **options: Any) -> tuple[Change, ...]:
        """Do it, and return the changes."""
        changes = self.plan(*wire, **options).changes
        journal = self.journal()
        apply(changes, journal)
        journal.told()
        return changes

    def command(self, monkeypatch: pytest.MonkeyPatch, *words: str, answer: str = "") -> tuple[int, str]:
        """Run ``busy-callback`` on it, with an answer to what it asks; return exit status and what it prints."""
        monkeypatch.setattr(commands, "System", lambda: self.system)
        monkeypatch.setattr(commands, "_try_out", lambda pbx: [])  # it takes a real Asterisk
        self.reload()
        done = CliRunner().invoke(main, ["--asterisk-conf", str(self.conf), *words], input=answer)
        return done.exit_code, done.output

    def tree(self) -> dict[str, Snapshot]:
        """Return all that is there, but for the times of directories."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            if folder == str(self.root):
                folders[:] = [name for name in folders if name != "answers"]  # Asterisk's memory
            for name in (*folders, *names):
                path = Path(folder, name)
                snapshot = Snapshot.take(path)
                directory = snapshot.kind == "directory"
                found[str(path)] = snapshot if not directory else Snapshot("directory", b"", snapshot.mode)
        return found


def shown(etc: Path) -> str:
    """Return what ``dialplan show`` prints of an extensions.conf that Asterisk has just loaded (main/pbx.c)."""
    rows = []
    for context in read(list(Reading(etc, blocks=True).lines(etc / "extensions.conf"))).contexts.values():
        rows.append(f"[ Context '{context.name}' created by 'pbx_config' ]")
        for extension, steps in context.steps.items():
            head = f"  '{extension}' =>"
            for priority, step in sorted(steps.items()):
                assert step.line
                call = f"hint: {step.application}" if priority == HINT else f"{priority}. {step.call}"
                mark = head or (f"     [{step.label}]" if step.label else "")
                rows.append(f"{mark:<19} {call:<46}[{step.line.path.name}:{step.line.shown}]")
                head = ""
        rows += [f"  Include =>        '{name}'{'[pbx_config]':>40}" for name in context.includes]
        rows += [f"  Alt. Switch =>    '{name}'{'[pbx_config]':>40}" for name in context.switches]
        rows.append("")
    return "\n".join(rows)
