"""Doctor's checks of the machine: each returns what is well, or raises CheckFailed with what is wrong and its cure."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from busy_callback.pbx.manager_exposure import files_with_secret, reached_by_strangers
from busy_callback.setup.check import INSTALL, CheckFailed, Installation, order
from busy_callback.setup.placed_files import TIMER, by_hand, pollers
from busy_callback.setup.survey import COMMAND
from busy_callback.store.spool import Spool

POLL_AGE = 150  # seconds; cron runs a poll each minute, and takes a moment to see a new file
FUTURE = 60  # seconds that a time may lie ahead of ours


def check_settings(pbx: Installation) -> str:
    """Check that the settings are there with a secret, which nobody but root and Asterisk's user may read."""
    path, group = Path(pbx.survey.directories.conf), pbx.survey.owner.gid
    if not pbx.settings.secret:
        raise CheckFailed(f"{path} has no secret for Asterisk's manager", INSTALL)
    for holder in files_with_secret(pbx.survey.directories, pbx.settings):
        if os.stat(holder).st_mode & stat.S_IRWXO:
            raise CheckFailed(f"{holder} holds the secret and is open to everybody", order("chmod 0640", holder))
    if not pbx.may("-r", str(path)):
        raise CheckFailed(
            f"{path} can't be read by Asterisk's user", f"{INSTALL}, which makes it root:{group}'s with mode 0640"
        )
    return str(path)


def check_exposure(pbx: Installation) -> str:
    """Check that strangers can't try passwords at the manager interface."""
    listens, cure = reached_by_strangers(pbx.settings)
    if listens:
        raise CheckFailed(listens, f"{cure}, then: manager reload")
    return "only this machine reaches the manager interface"


def check_agi(pbx: Installation) -> str:
    """Check that the AGI script runs as Asterisk's user."""
    survey = pbx.survey
    where = {"AST_SPOOL_DIR": survey.directories.astspooldir, "AST_CONFIG_DIR": survey.directories.astetcdir}
    cure = f"{INSTALL}; the Python in the script's first line must be there for user {survey.owner.name}"
    try:
        # "0" is nobody's number: it is refused before anything is touched.
        talk = "agi_request: busy_callback.py\n\n" + "200 result=1\n" * 20
        _, output, complaints = pbx.as_asterisk([str(survey.agi), "cancel", "0"], input=talk, **where)
    except OSError as error:
        raise CheckFailed(f"{survey.agi} can't be run by Asterisk's user: {error.strerror}", cure) from None
    if '"REFUSED"' not in output:
        said = (complaints.strip() or output.strip()).splitlines() or ["it says nothing"]
        raise CheckFailed(f"{survey.agi} does not work for Asterisk's user: {said[-1]:.200}", cure)
    return f"{survey.agi} runs as {survey.owner.name}"


def check_spool(pbx: Installation) -> str:
    """Check that the spool is Asterisk's user's own, and every request in it could be read."""
    directories, owner = pbx.survey.directories, pbx.survey.owner
    spool = Path(directories.spool)
    if not spool.is_dir():
        raise CheckFailed(f"{spool} is missing", INSTALL)
    strangers = [path for path in (spool, *spool.rglob("*")) if path.lstat().st_uid != owner.uid]
    if strangers or not pbx.may("-w", str(spool)):
        raise CheckFailed(
            f"{(strangers or [spool])[0]} does not belong to Asterisk's user", order(f"chown -R {owner.name}:", spool)
        )
    if (spool / "corrupt").is_dir():
        for name, reason in Spool(str(spool)).corrupt():
            raise CheckFailed(
                f"a request could not be read and was set aside: {name}: {reason}", f"look at {spool}/corrupt"
            )
    return str(spool)


def check_outgoing(pbx: Installation) -> str:
    """Check that call files can be handed over in one rename."""
    directories, owner = pbx.survey.directories, pbx.survey.owner
    outgoing, spool = Path(directories.outgoing), Path(directories.spool)
    if not outgoing.is_dir():
        raise CheckFailed(f"{outgoing} is missing", order(f"install -d -o {owner.name} -m 0750", outgoing))
    if not pbx.may("-w", str(outgoing)) or not pbx.may("-x", str(outgoing)):
        raise CheckFailed(
            f"{outgoing} can't be written by user {owner.name}", order(f"chown -h {owner.name}", outgoing)
        )
    if outgoing.stat().st_dev != spool.stat().st_dev:
        raise CheckFailed(
            f"{outgoing} is on another file system than {spool}: call files can't be handed over whole",
            "put both on one file system (astspooldir in asterisk.conf)",
        )
    return f"{outgoing} is on one file system with the spool"


def check_poller(pbx: Installation) -> str:
    """Check that something runs the poller each minute, and it does run."""
    survey = pbx.survey
    log = survey.directories.log
    cron = survey.system.cron / COMMAND
    alone = by_hand(survey)
    if alone:
        if pollers(Path(survey.directories.spool) / "poller.lock"):
            return "a poll is at work; neither cron nor systemd runs here"
        raise CheckFailed("no poll is at work, and neither cron nor systemd runs here", alone)
    if not cron.exists() and not (survey.system.systemd / TIMER).exists():
        raise CheckFailed("nothing runs the poller each minute", INSTALL)
    hint = f"look at {log}, and for its line in cron's log"
    if cron.exists() and not any(_daemons({"cron", "crond"})):
        hint = "the cron daemon does not run: start it (systemctl enable --now cron)"
    try:
        age = time.time() - os.stat(f"{survey.directories.spool}/poller.lock").st_mtime
    except FileNotFoundError:
        placed = (path for path in (cron, survey.system.systemd / TIMER) if path.exists())
        if time.time() - max(path.stat().st_ctime for path in placed) < POLL_AGE and "does not run" not in hint:
            return "it was installed just now: the first poll runs within a minute"
        raise CheckFailed("no poll has run yet", f"wait a minute after install; if it stays so, {hint}") from None
    if age > POLL_AGE:
        raise CheckFailed(f"the last poll began {age:.0f} s ago; one should each minute", hint)
    return f"the last poll began {max(age, 0):.0f} s ago"


def _daemons(names: set[str]) -> list[str]:
    """Return the processes of this machine that have one of these names."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            found.append(path.read_text().strip())
        except OSError:
            continue  # it has just ended
    return [name for name in found if name in names]


def check_clock(pbx: Installation) -> str:
    """Check that nothing was written in the future."""
    now, spool = time.time(), Path(pbx.survey.directories.spool)
    for path in (Path(__file__), *spool.glob("poller.lock"), *spool.glob("requests/*")):
        ahead = path.stat().st_mtime - now
        if ahead > FUTURE:
            raise CheckFailed(
                f"{path} was written {ahead:.0f} s in the future: the clock was set back",
                "set the clock (chrony or systemd-timesyncd); what has a time in the future waits for it",
            )
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def check_log(pbx: Installation) -> str:
    """Check that the poller can write its log."""
    log = pbx.survey.directories.log
    if not pbx.may("-w", log if os.path.exists(log) else os.path.dirname(log)):
        raise CheckFailed(f"{log} can't be written by Asterisk's user", order(f"chown -h {pbx.survey.owner.name}", log))
    if os.path.exists(log) and os.stat(log).st_mode & stat.S_IRWXO:
        raise CheckFailed(f"{log}, which tells who asked for whom, is open to everybody", order("chmod o-rwx", log))
    return log


def apparmor_profiles() -> str:
    """Return what AppArmor confines; '' where that is nothing, or not for our eyes."""
    try:
        return Path("/sys/kernel/security/apparmor/profiles").read_text()
    except OSError:
        return ""


def check_security(pbx: Installation) -> str:
    """Say what may confine Asterisk: a hint, never a failure."""
    hints = []
    enforce = Path("/sys/fs/selinux/enforce")
    if enforce.exists() and enforce.read_text().strip() == "1":
        hints.append(f"SELinux enforces: if the AGI script is denied, run restorecon -R {pbx.survey.agi.parent}")
    profiles = apparmor_profiles() if pbx.profiles is None else pbx.profiles
    if "asterisk (enforce)" in profiles:
        hints.append("AppArmor confines asterisk: its profile must let it run the AGI script and its Python")
    return "; ".join(hints) or "neither SELinux nor AppArmor confines Asterisk"
