"""Where install may write: in the folders that a PBX uses, and where the admin says so.

Where Asterisk's user can write asterisk.conf, what stands in it must not have root put a file where root runs files
(/etc/cron.daily): such a path is named, and asked about.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.survey import COMMAND, Survey
from busy_callback.store.safe_paths import decider, open_folder, user_name

# Distributions, and Asterisk's own Makefile with any prefix of these, have its folders in asterisk/ below one of them.
_PREFIXES = ("", "/usr", "/usr/local")
_PARENTS = ("etc", "lib", "lib64", "share", "var/lib", "var/log", "var/run", "var/spool", "run")
_NAMES = ("astetcdir", "astspooldir", "astagidir", "astdatadir")


def strange_places(survey: Survey, said_by: int, allowed: Sequence[str]) -> list[tuple[str, str]]:
    """Return a path and a sentence for each directory of asterisk.conf that an admin must have a look at.

    ``said_by`` is the user besides root whose word asterisk.conf is, 0 for nobody; ``allowed`` are paths that the
    admin has named: what is below one of them is all right. Raises PathError for a link that is not to be followed.
    """
    found = []
    permitted = [real for path in allowed for real in _both(Path(path))]
    for name in _NAMES:
        path = str(getattr(survey.directories, name))
        try:
            with open_folder(path) as folder:
                real, writer = folder.path, folder.writer
        except FileNotFoundError:
            continue  # nothing is placed there: install says so when it tries
        except OSError as error:
            raise SetupError(f"{path} can't be opened: {error.strerror}") from error
        if _is_below(real, permitted):
            continue
        if writer not in (0, survey.owner.uid):
            found.append((path, f"{name} => {path}, which user {user_name(writer)} can write"))
        elif said_by and not writer and not _is_pbxs(real):
            found.append((path, f"{name} => {path}, which is a folder of root's and none of a PBX's"))
        elif said_by and not writer and name == "astspooldir":
            spool = Path(survey.directories.spool)
            owner = _owner(spool)
            if owner is not None and owner != survey.owner.uid:
                told = f"{spool.name} there is {user_name(owner)}'s already, and would become"
                found.append((path, f"{name} => {path}: {told} user {survey.owner.name}'s"))
    return found


def check_places(survey: Survey, paths: Sequence[Path], allowed: Sequence[str]) -> None:
    """Raise SetupError unless each path is one that install has to do with, by its folder and its name."""
    machines = (survey.system.cron, survey.system.logrotate, survey.system.systemd)
    for folder in (*machines, survey.system.state):
        other = decider(str(folder))
        if other:
            raise SetupError(f"{folder} must be root's alone, but user {user_name(other)} can write there")
    for folder in {path.parent for path in paths} & {survey.system.bin, survey.system.man}:
        if decider(str(folder)):
            raise SetupError(f"{folder} is no longer root's alone; nothing was changed, try again")
    configuration = [*_both(survey.etc), *allowed]
    for path in paths:
        ours = path.name.startswith(COMMAND)
        placed = (
            path in (survey.agi, Path(survey.directories.spool))
            or (ours and path.parent in (*machines, survey.system.bin, survey.system.man))
            or path == survey.system.man
            or path.parent == survey.sounds
            or (ours and path.parent.parent == survey.sounds)
        )
        if ".." in path.parts or not (placed or _is_below(str(path), configuration)):
            raise SetupError(f"{path} is none of the files that are ours or Asterisk's; nothing was changed")


def _both(folder: Path) -> Iterator[str]:
    """Yield the folder as it is named, and as it is without root's links."""
    yield str(folder)
    with contextlib.suppress(OSError), open_folder(str(folder)) as found:
        yield found.path


def _is_pbxs(path: str) -> bool:
    """Tell whether it is in a folder that is Asterisk's by its name, where folders of that name are looked for.

    Nothing is that this Python runs programs or loads modules from: root may keep it in /opt/asterisk-tools.
    """
    if _is_below(path, map(os.path.realpath, _pythons())):
        return False
    if _is_below(path, ("/opt", "/srv")):
        return any(part.startswith("asterisk") for part in Path(path).parts[2:])
    return _is_below(path, (f"{prefix}/{parent}/asterisk" for prefix in _PREFIXES for parent in _PARENTS))


def _pythons() -> Iterator[str]:
    """Yield the folders of the Python that runs this, and of the command."""
    yield from (path for path in sys.path if path.startswith("/"))
    yield from (os.path.dirname(path) for path in (sys.executable, sys.argv[0]) if path.startswith("/"))
    yield sysconfig.get_path("scripts")
    if sys.prefix != sys.base_prefix:
        yield sys.prefix  # a virtual environment's; the machine's own is /usr


def _owner(path: Path) -> int | None:
    """Return whose it is that stands at a path in a folder of root's; None where nothing does."""
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return None


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)
