"""Where install may write: in the folders that a PBX uses, and where the admin says so.

Where Asterisk's user can write asterisk.conf, what stands in it must not have root put a file where root runs files
(/etc/cron.daily): such a path is named, and asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.survey import Survey
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
    for name in _NAMES:
        path = str(getattr(survey.directories, name))
        try:
            with open_folder(path) as folder:
                real, writer = folder.path, folder.writer
        except FileNotFoundError:
            continue  # nothing is placed there: install says so when it tries
        except OSError as error:
            raise SetupError(f"{path} can't be opened: {error.strerror}") from error
        if _is_below(real, allowed) or _is_below(path, allowed):
            continue
        if writer not in (0, survey.owner.uid):
            found.append((path, f"{name} => {path}, which user {user_name(writer)} can write"))
        elif said_by and not writer and not _is_pbxs(real):
            found.append((path, f"{name} => {path}, which is a folder of root's and none of a PBX's"))
    return found


def check_places(survey: Survey, paths: Iterable[Path], allowed: Sequence[str]) -> None:
    """Raise SetupError unless all paths are in Asterisk's directories, in the machine's own or below ``allowed``."""
    for folder in (survey.system.cron, survey.system.logrotate, survey.system.systemd, survey.system.state):
        other = decider(str(folder))
        if other:
            raise SetupError(f"{folder} must be root's alone, but user {user_name(other)} can write there")
    homes = [*_homes(survey), *allowed]
    for path in paths:
        if ".." in path.parts or not _is_below(str(path), homes):
            raise SetupError(f"{path} is in none of the folders that are Asterisk's; it is not touched")


def _homes(survey: Survey) -> Iterator[str]:
    for name in _NAMES:
        path = str(getattr(survey.directories, name))
        yield path
        try:
            with open_folder(path) as folder:
                yield folder.path
        except OSError:
            continue
    yield from map(str, (survey.system.cron, survey.system.logrotate, survey.system.systemd))


def _is_pbxs(path: str) -> bool:
    """Tell whether it is in a folder that is Asterisk's by its name, where folders of that name are looked for."""
    if _is_below(path, ("/opt", "/srv")):
        return any(part.startswith("asterisk") for part in Path(path).parts[2:])
    return _is_below(path, (f"{prefix}/{parent}/asterisk" for prefix in _PREFIXES for parent in _PARENTS))


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)
