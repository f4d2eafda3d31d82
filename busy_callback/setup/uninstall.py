"""Takes the package out of a PBX: first what promises a caller something, last what keeps such a promise."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from busy_callback.errors import PathError, SetupError
from busy_callback.setup import as_owner, manager_conf, placed_files
from busy_callback.setup.changing import undo
from busy_callback.setup.dialplan_changes import DIALPLAN_RELOAD
from busy_callback.setup.entry import Back
from busy_callback.setup.journal import Journal
from busy_callback.setup.snapshot import names_in, remove, remove_tree
from busy_callback.setup.survey import COMMAND, Survey
from busy_callback.setup.taking_up import say, take_up
from busy_callback.store.asterisk_user import speaker
from busy_callback.store.handover import RELIEF


def take_out(survey: Survey, journal: Journal, purge: bool) -> list[Back]:
    """Give everything back; return the paths that are not as before. Where a block of ours is stuck all else stays.

    Killed anywhere, the next install or uninstall goes on with it: the journal says what is still to be told.
    """
    timer = survey.system.systemd / placed_files.TIMER in journal.entries
    then = {DIALPLAN_RELOAD, manager_conf.RELOAD} | ({placed_files.SYSTEMD_RELOAD} if timer else set())
    left = undo(journal, purge, [path for path, entry in journal.entries.items() if entry.edit], then)
    if any(back.stuck for back in left):
        return left
    take_up(survey, [DIALPLAN_RELOAD])
    if timer:
        placed_files.stop_timer()
    undo(journal, purge, [survey.system.cron / COMMAND], then)
    _end_pollers(survey)
    if purge:
        _purge(survey)
    left = undo(journal, purge, then=then)
    take_up(survey, [manager_conf.RELOAD])
    if purge and survey.runs:
        as_owner.call(survey.owner.uid, survey.console.forget)
    journal.told()
    for path in _kept(survey) if purge else ():
        say(f"kept {path}: user {survey.owner.name} can't remove it")
    return left


def report(survey: Survey, journal: Journal, backs: Sequence[Back], done: str = "the rest is done") -> None:
    """Print what is not as before, and why; raise SetupError where it should have been."""
    spool = Path(survey.directories.spool)
    for back in backs:
        why = "it has requests and history" if back.path == spool and not back.stuck else back.why
        if back.why:
            say(f"{'NOT given back' if back.stuck else 'kept'} {back.path}: {why}")
    for path in journal.set_aside():
        say(f"kept {path}: a file of yours that an install set aside")
    if any(back.stuck for back in backs):
        raise SetupError(
            f"not all is as it was before ({done}): mend what stands above, then run {COMMAND} uninstall again; what "
            f"was there before is kept in {journal.folder}"
        )


def _purge(survey: Survey) -> None:
    """Remove the requests and the log, by the user whose they are; by root only where root's own word names them."""
    as_owner.call(survey.owner.uid, _remove_what_is_kept, survey)
    if not speaker(os.environ, survey.asterisk_conf):
        _remove_what_is_kept(survey)  # they may lie in folders that are not the user's


def _remove_what_is_kept(survey: Survey) -> None:
    for path in _kept(survey):
        with contextlib.suppress(OSError, PathError):
            remove_tree(path)
            remove(path)


def _kept(survey: Survey) -> list[Path]:
    """Return what there is of requests and logs."""
    spool, log = Path(survey.directories.spool), Path(survey.directories.log)
    logs = []
    with contextlib.suppress(PathError):  # asterisk has a link on the way: nothing of ours was written there
        logs = names_in(log.parent, log.name)
    return [*filter(os.path.lexists, [spool]), *(log.parent / name for name in logs)]


def _end_pollers(survey: Survey) -> None:
    """Ask the polls that are at work to let go, and wait for that; what starts them is gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        at_work = placed_files.pollers(Path(survey.directories.spool) / "poller.lock")
        if not at_work:
            return
        for process in at_work:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, RELIEF)
        time.sleep(0.2)
