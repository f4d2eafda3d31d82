"""Checks that all works, and says what to do where it does not; changes nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from busy_callback.errors import AsteriskError, BusyCallbackError
from busy_callback.settings import Directories, load
from busy_callback.setup import checks_asterisk as asterisk
from busy_callback.setup import checks_machine as machine
from busy_callback.setup import trial
from busy_callback.setup.check import INSTALL, Check, CheckFailed, Installation
from busy_callback.setup.console import Console
from busy_callback.setup.survey import COMMAND, System, look

# Causes before their effects: the first that fails is the one to cure first.
CHECKS: dict[str, Callable[[Installation], str]] = {
    "settings": machine.check_settings,
    "asterisk": asterisk.check_asterisk,
    "modules": asterisk.check_modules,
    "manager": asterisk.check_manager,
    "permissions": asterisk.check_permissions,
    "contexts": asterisk.check_contexts,
    "offer": asterisk.check_offer,
    "probe": asterisk.check_probe,
    "prompts": asterisk.check_prompts,
    "agi": machine.check_agi,
    "spool": machine.check_spool,
    "outgoing": machine.check_outgoing,
    "poller": machine.check_poller,
    "clock": machine.check_clock,
    "extensions": asterisk.check_extensions,
    "states": asterisk.check_states,
    "log": machine.check_log,
    "security": machine.check_security,
}


def examine(
    directories: Directories,
    asterisk_conf: str,
    system: System,
    data: Path | None = None,
    profiles: str | None = None,
) -> list[Check]:
    """Run all checks and return what they found, in an order in which causes come before their effects.

    It is for Asterisk's user to run, not for root where that is another one. ``data`` is where the package's own
    files are, ``profiles`` what AppArmor confines, where that was found out before.
    """
    try:
        settings = load(directories.conf)
        survey = look(directories, asterisk_conf, system, data)
    except BusyCallbackError as error:
        if os.geteuid() and isinstance(error.__cause__, PermissionError):
            return [Check("settings", False, f"permission denied: {error}", f"run: sudo {COMMAND} doctor")]
        return [Check("settings", False, str(error), "correct that, then run doctor again")]
    pbx = Installation(survey, settings, profiles)
    return [_run(name, check, pbx) for name, check in CHECKS.items()]


def _run(name: str, check: Callable[[Installation], str], pbx: Installation) -> Check:
    try:
        return Check(name, True, check(pbx))
    except CheckFailed as failure:
        return Check(name, False, str(failure), failure.cure)
    except AsteriskError as error:
        return Check(name, False, str(error), "start Asterisk, then run doctor again")
    except (BusyCallbackError, OSError, subprocess.SubprocessError) as error:
        return Check(name, False, str(error), INSTALL)


def try_out(directories: Directories, asterisk_conf: str) -> Iterator[Check]:
    """Yield what each step of a trial found, as it is done: see ``trial``. For Asterisk's user to run."""
    try:
        settings = load(directories.conf)
    except BusyCallbackError as error:
        yield Check("trial", False, str(error), "correct that, then run the trial again")
        return
    yield from trial.run(directories, settings, Console(directories, asterisk_conf), asterisk_conf)
