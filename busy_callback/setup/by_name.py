"""The command and its man page where a shell and man look for them: in /usr/local, where that is root's alone."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from busy_callback.errors import PathError
from busy_callback.setup.file_change import Change
from busy_callback.setup.journal import Journal
from busy_callback.setup.snapshot import DIRECTORY, LINK, Snapshot
from busy_callback.setup.survey import COMMAND, Survey
from busy_callback.store.safe_paths import decider

MAN_PAGE = f"{COMMAND}.8"
# Where everybody's shell looks anyhow, root's with sudo too
USUAL = {f"{place}/{name}" for place in ("", "/usr", "/usr/local") for name in ("bin", "sbin")}


def command_path() -> str:
    """Return how cron runs this command."""
    for place in (Path(sys.argv[0]), Path(sysconfig.get_path("scripts")) / COMMAND):
        real = _behind_links(place)
        if real.name == COMMAND and real.is_file():
            return str(real.absolute())
    return f"{sys.executable} -m busy_callback"


def _behind_links(path: Path) -> Path:
    """Return what a command's links lead to: one of them is install's own, and goes with it."""
    return _behind_links(path.parent / os.readlink(path)) if path.is_symlink() and path.exists() else path


def changes(survey: Survey) -> Iterator[Change]:
    """Yield a link to the command, and the man page; nothing where pip has put the command in a usual place.

    Root follows the link: so it leads only to what is root's alone, and lies in a folder that is. The admin's own
    files of these names stay.
    """
    command, page = Path(command_path()), _man_page(survey.data)
    if str(command.parent) in USUAL or not command.is_absolute() or not _is_roots(command):
        return
    if _is_roots(survey.system.bin) and survey.system.bin.is_dir():
        yield Change(survey.system.bin / COMMAND, Snapshot(LINK, str(command).encode()), yours=True)
    folder = survey.system.man
    if page and _is_roots(page) and _is_roots(folder) and folder.parent.is_dir():
        if not folder.is_dir():
            yield Change(folder, Snapshot(DIRECTORY, b"", 0o755))
        yield Change.file(folder / MAN_PAGE, page.read_bytes(), yours=True)


def left(survey: Survey, journal: Journal) -> Iterator[str]:
    """Yield a sentence for each path of these that somebody else has, and that therefore stays."""
    for change in changes(survey):
        if change.yours and change.needed and journal.edited(change.path):
            yield f"left {change.path} as it is, which is none of ours; it would be {command_path()}'s"


def _man_page(data: Path) -> Path | None:
    """Return the package's man page, as installed or in the checkout."""
    places = (data.parent / "man" / "man8" / MAN_PAGE, data / "busy_callback" / MAN_PAGE)
    return next((place for place in places if place.is_file()), None)


def _is_roots(path: Path) -> bool:
    """Tell whether nobody but root decides what is there."""
    try:
        return not decider(str(path))
    except (OSError, PathError):
        return False
