"""The user that Asterisk runs as, told only by what root or that user could have written; and becoming that user."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import termios
from dataclasses import dataclass

from busy_callback.errors import PathError, SettingsError, SpoolError
from busy_callback.settings import Directories, asterisk_conf_path, find_directories
from busy_callback.store.safe_paths import decider, open_folder, user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NOBODYS_GROUP = 65534
# What the command, Python and a console of Asterisk's may need of the environment.
_KEPT = (
    *("PATH", "LD_LIBRARY_PATH", "PYTHON", "LANG", "LC_", "TZ", "TERM", "COLUMNS", "LINES", "NO_COLOR"),
    *("AST_", "BUSY_CALLBACK_"),
)


@dataclass(frozen=True)
class User:
    """A user of this machine, with all its groups."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def user(uid: int) -> User:
    """Return the user with that number; one that has no name has no group either."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return User(str(uid), uid, _NOBODYS_GROUP, ())
    return User(entry.pw_name, uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))


def become(uid: int) -> None:
    """As root, give up all of root's rights for good, and go on with another user's, in the folder /."""
    new = user(uid)
    "localhost".encode("idna")  # what a connection needs is loaded now: Python's library may be closed to that user
    _leave_what_is_roots()
    os.setgroups(list(new.groups))
    os.setgid(new.gid)
    os.setuid(uid)  # the saved one too, so that there is no way back (setuid(2))


def _leave_what_is_roots() -> None:
    """Keep from the programs that are started from now on what root's shell has: that user can look into them.

    Libraries start some (Matplotlib: fc-list), and look for their settings in the current and the home directory.
    """
    os.chdir("/")
    for name in [name for name in os.environ if not name.startswith(_KEPT)]:
        del os.environ[name]
    os.environ["HOME"] = "/"
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):  # it is closed
            os.set_inheritable(descriptor, False)
    if os.getsid(0) == os.getpid():
        return  # then nobody reads what is typed into the terminal when we have ended; and leaving it would end us
    with contextlib.suppress(OSError):  # there is none
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(terminal, termios.TIOCNOTTY)
        finally:
            os.close(terminal)


def speaker(environ: Mapping[str, str], asterisk_conf: str = "") -> int:
    """Return the user besides root whose word asterisk.conf is, 0 for nobody: whoever can write it."""
    path = asterisk_conf_path(environ, asterisk_conf)
    return decider(os.path.abspath(path)) if path else 0


def runs_as(directories: Directories, said_by: int = 0) -> int:
    """Return the user that Asterisk runs as, by directories that are the word of user ``said_by``.

    An asterisk.conf that another user can write may tell of that user alone. Root's own tells it by runuser, else
    by the owner of the control socket, of the spool, of the other folders: never root, where one of them is not
    root's. Raises PathError and SettingsError.
    """
    if said_by:
        socket_owner = _owner(directories.control_socket)
        if socket_owner not in (0, said_by):
            raise PathError(
                f"asterisk.conf can be written by user {user_name(said_by)}, but Asterisk runs as user "
                f"{user_name(socket_owner)}: let it and its folder belong to root or to that user (chown)"
            )
        return said_by
    if directories.runuser and directories.runuser != "root":
        try:
            return pwd.getpwnam(directories.runuser).pw_uid
        except KeyError:
            raise SettingsError(
                f"asterisk.conf has runuser = {directories.runuser!r}, who is no user of this machine"
            ) from None
    for path in (directories.control_socket, directories.spool, directories.outgoing, directories.conf):
        other = decider(path)
        if other:
            return other
    try:
        with open_folder(directories.astlogdir) as folder:
            return folder.writer
    except OSError:
        return 0


def go_on_as_asterisk(environ: Mapping[str, str], asterisk_conf: str = "") -> Directories:
    """As root, become Asterisk's user for good, if that is not root; return the directories, which only it reads.

    Raises PathError, SettingsError, and SpoolError where the folders can't be looked at.
    """
    try:
        return _go_on(environ, asterisk_conf)
    except OSError as error:
        raise SpoolError(f"whose Asterisk's folders are can't be told: {error}") from error


def _go_on(environ: Mapping[str, str], asterisk_conf: str) -> Directories:
    said_by = speaker(environ, asterisk_conf) if os.geteuid() == 0 else 0
    if said_by:
        become(said_by)
    directories = find_directories(environ, asterisk_conf)
    if said_by or os.geteuid() == 0:
        owner = runs_as(directories, said_by)
        if owner and not said_by:
            become(owner)
    return directories


def _owner(path: str) -> int:
    """Return the owner of what is at a path, 0 where nothing is."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return 0
