"""What doctor's checks work with: the PBX under examination, what was found, and what is wrong."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from busy_callback.settings import Settings
from busy_callback.setup.program import run
from busy_callback.setup.survey import COMMAND, Survey
from busy_callback.store.safe_paths import decider, user_name

INSTALL = f"run: {COMMAND} install"
PATIENCE = 30.0  # seconds for what is tried as Asterisk's user


@dataclass(frozen=True)
class Check:
    """What one check found; ``cure`` says what to do. ``ok`` is None where nothing could be found out."""

    name: str
    ok: bool | None
    message: str
    cure: str = ""


class CheckFailed(Exception):  # noqa: N818 - it is what is wrong with the PBX, not with us
    """What a check found wrong, and its cure."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def order(command: str, path: Path | str) -> str:
    """Return the cure that has root run a command on a path, which stands for itself in a shell.

    Where another user decides what is there, and may make it a link as soon as it has read this, root must look first.
    """
    word = shlex.quote(str(path))
    if not word.isprintable() or "  " in word:
        return f"its name, with blanks in a row or control characters, is meant to mislead: remove it, then {INSTALL}"
    if os.path.islink(path):
        return f"{word} is a link, which root must not follow: remove it, then {INSTALL}"
    other = decider(os.path.dirname(path))
    if not other:
        return f"run: {command} {word}"
    return f"user {user_name(other)} can put a link there, so look (ls -ld {word}); if it is none, {command} {word}"


@dataclass(frozen=True)
class Installation:
    """The PBX under examination."""

    survey: Survey
    settings: Settings
    profiles: str | None = None  # of AppArmor's, for root's eyes only; None: not looked at yet

    def as_asterisk(self, command: list[str], **more: str) -> tuple[int, str, str]:
        """Run a command as the user that Asterisk runs as; return its exit status, its output and its complaints.

        ``more`` is its input and environment.
        """
        owner = self.survey.owner
        options: dict[str, Any] = {}
        if os.geteuid() != owner.uid:
            if os.geteuid():
                raise CheckFailed(f"only root and {owner.name} can check this", f"run: sudo {COMMAND} doctor")
            groups = os.getgrouplist(owner.name, owner.gid)
            options = {"user": owner.uid, "group": owner.gid, "extra_groups": groups}
        environ = {"PATH": os.defpath, **{k: v for k, v in more.items() if k.isupper()}}
        status, *said = run(command, PATIENCE, more.get("input", ""), environ, **options)
        output, complaints = (text.decode("utf-8", "replace") for text in said)
        return status, output, complaints

    def may(self, how: str, path: str) -> bool:
        """Tell whether Asterisk's user may read (``-r``), write (``-w``) or enter and run (``-x``) a path."""
        return self.as_asterisk(["/bin/sh", "-c", f'test {how} "$1"', "sh", path])[0] == 0
