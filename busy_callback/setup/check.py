"""What doctor's checks work with: the PBX under examination, what was found, and what is wrong."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from busy_callback.settings import Settings
from busy_callback.setup.survey import COMMAND, Survey

INSTALL = f"run: {COMMAND} install"


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


@dataclass(frozen=True)
class Installation:
    """The PBX under examination."""

    survey: Survey
    settings: Settings
    profiles: str | None = None  # of AppArmor's, for root's eyes only; None: not looked at yet

    def as_asterisk(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the user that Asterisk runs as; ``more`` is its input and environment."""
        owner = self.survey.owner
        environ = {"PATH": os.defpath, **{k: v for k, v in more.items() if k.isupper()}}
        options = {"env": environ, "input": more.get("input", ""), "cwd": "/", "timeout": 30}
        options["start_new_session"] = True  # another user's program must not reach the admin's terminal (TIOCSTI)
        if os.geteuid() == owner.uid:
            return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]
        if os.geteuid():
            raise CheckFailed(f"only root and {owner.name} can check this", f"run: sudo {COMMAND} doctor")
        groups = os.getgrouplist(owner.name, owner.gid)
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            command,
            capture_output=True,
            text=True,
            check=False,
            user=owner.uid,
            group=owner.gid,
            extra_groups=groups,
            **options,
        )

    def may(self, how: str, path: str) -> bool:
        """Tell whether Asterisk's user may read (``-r``), write (``-w``) or enter and run (``-x``) a path."""
        return self.as_asterisk(["/bin/sh", "-c", f'test {how} "$1"', "sh", path]).returncode == 0
