"""Checks that all works, and says what to do where it does not; changes nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from busy_callback.errors import AsteriskError, BusyCallbackError
from busy_callback.settings import Directories, load
from busy_callback.setup import checks_asterisk as asterisk
from busy_callback.setup import checks_branches as branches
from busy_callback.setup import checks_dialplan as dialplan
from busy_callback.setup import checks_machine as machine
from busy_callback.setup import trial
from busy_callback.setup.check import INSTALL, Check, CheckFailed, Installation
from busy_callback.setup.console import Console
from busy_callback.setup.dialplan import FILE_NAME as DIALPLAN
from busy_callback.setup.survey import COMMAND, System, look

# Causes before their effects: the first that fails is the one to cure first.
CHECKS: dict[str, Callable[[Installation], str]] = {
    "settings": machine.check_settings,
    "asterisk": asterisk.check_asterisk,
    "modules": asterisk.check_modules,
    "manager": asterisk.check_manager,
    "exposure": machine.check_exposure,
    "permissions": asterisk.check_permissions,
    "contexts": asterisk.check_contexts,
    "offer": asterisk.check_offer,
    "calls": dialplan.check_calls,
    "probe": asterisk.check_probe,
    "prompts": asterisk.check_prompts,
    "language": asterisk.check_language,
    "agi": machine.check_agi,
    "spool": machine.check_spool,
    "outgoing": machine.check_outgoing,
    "poller": machine.check_poller,
    "clock": machine.check_clock,
    "extensions": asterisk.check_extensions,
    "reach": dialplan.check_reach,
    "devices": dialplan.check_devices,
    "codes": dialplan.check_codes,
    "states": asterisk.check_states,
    "branches": branches.check_branches,
    "log": machine.check_log,
    "security": machine.check_security,
}
OTHER_NAMES = ("user", "installed", "trial")  # of what is found before and after these
# What can't be found out where another check has failed: one fault, one red line.
_NEEDS = {
    "asterisk": (
        *("modules", "manager", "exposure", "permissions", "contexts", "offer", "calls", "probe", "prompts"),
        *("language", "reach", "devices", "codes", "branches"),
    ),
    "manager": ("probe", "devices", "branches"),
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
    me = os.geteuid()
    if me not in (0, survey.owner.uid):
        told = f"an ordinary user can't see enough to tell: only root and {survey.owner.name} can"
        return [Check("user", False, told, f"run: sudo {COMMAND} doctor")]
    if not any(os.path.lexists(path) for path in (directories.conf, survey.agi, survey.etc / DIALPLAN)):
        return [Check("installed", False, "it is not installed in this PBX", f"{INSTALL} --dry-run")]
    pbx = Installation(survey, settings, profiles)
    found: dict[str, Check] = {}
    for name, check in CHECKS.items():
        failed = [needed for needed, others in _NEEDS.items() if name in others and not found[needed].ok]
        told = f"not checked: first {failed[0]} must be well" if failed else ""
        found[name] = Check(name, None, told) if failed else _run(name, check, pbx)
    return list(found.values())


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
