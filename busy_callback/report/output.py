"""A file for others than Asterisk's user: whole or as it was, and readable for whom it is meant.

Root may be asked to write it where others can write too, and from a spool that is Asterisk's user's. So the folder is
opened without following another's link, the file made there anew and renamed by the folder's descriptor; and what goes
into it is worked out by a child that has given up root's rights: root reads nothing of Asterisk's.
"""

from __future__ import annotations

import contextlib
import grp
import os
import secrets
import signal
import stat
import sys
from collections.abc import Callable
from types import TracebackType

import click

from busy_callback.deadline import Deadline
from busy_callback.errors import BusyCallbackError, DeadlineError
from busy_callback.language import spoken
from busy_callback.numbering import one_line
from busy_callback.store.safe_paths import open_folder

ALL = "all"
PATIENCE = 1800.0  # seconds for what a child makes: many years of callbacks, on a slow machine
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputError(BusyCallbackError):
    """A file can't be written where it was asked for; nothing was changed."""


class OutputFile:
    """Context manager: a new file that takes the place of the one at ``path`` when nothing was raised.

    ``readers``: ``all``, a group's name, or '' for whoever can read the one that is there, else its owner alone. As
    root, the file belongs to the folder's owner. Raises OutputError, with nothing changed.
    """

    def __init__(self, path: str, readers: str = "", new_mode: int = 0o600) -> None:
        self._path = os.path.abspath(path)
        self._name = os.path.basename(self._path)
        self._temporary = f".{self._name[:100]}.{secrets.token_hex(8)}"
        self._mode, self._group = (0o644, -1) if readers == ALL else (new_mode, -1)
        self._keep = not readers
        if readers not in ("", ALL):
            try:
                self._mode, self._group = 0o640, grp.getgrnam(readers).gr_gid
            except KeyError:
                raise OutputError(f"there is no group {readers!r}; name one, or {ALL}") from None

    def __enter__(self) -> OutputFile:
        try:
            self._folder = _open_folder(os.path.dirname(self._path))
        except OSError as error:
            raise self._error(error) from error
        try:
            self._look_at_the_old_one()
            self._descriptor = os.open(self._temporary, _NEW, 0o600, dir_fd=self._folder)
        except BaseException as error:
            os.close(self._folder)
            if isinstance(error, OSError):
                raise self._error(error) from error
            raise
        return self

    def write(self, data: bytes) -> None:
        """Add to the file."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise self._error(error) from error

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                if os.geteuid() == 0:
                    owner = os.fstat(self._folder)
                    os.fchown(self._descriptor, owner.st_uid, self._group if self._group >= 0 else owner.st_gid)
                elif self._group >= 0:
                    os.fchown(self._descriptor, -1, self._group)
                os.fchmod(self._descriptor, self._mode)
                os.fsync(self._descriptor)
                os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
                self._temporary = ""
        except OSError as error:
            raise self._error(error) from error
        finally:
            if self._temporary:
                with contextlib.suppress(OSError):
                    os.unlink(self._temporary, dir_fd=self._folder)
            os.close(self._descriptor)
            os.close(self._folder)

    def _look_at_the_old_one(self) -> None:
        """Keep its readers, unless others were named or a stranger made it; refuse to replace what is no file."""
        try:
            old = os.lstat(self._name, dir_fd=self._folder)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(old.st_mode):
            raise OutputError(f"{self._path} is there and no file: name another place")
        if self._keep and old.st_uid in (0, os.geteuid(), os.fstat(self._folder).st_uid):
            self._mode, self._group = stat.S_IMODE(old.st_mode) & 0o777, old.st_gid
            if os.geteuid() and old.st_gid not in (os.getegid(), *os.getgroups()):
                self._group = -1

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path} can't be written: {error.strerror}")


def _open_folder(path: str) -> int:
    """Return a folder's descriptor; root follows no link there but its own."""
    return os.open(path, _FOLDER) if os.geteuid() else open_folder(path).descriptor


def apart(do: Callable[[], None]) -> None:
    """Do it, where we are root in a child, which may give up root's rights for good; end as it ended."""
    if os.geteuid():
        do()
        return
    child = os.fork()
    if child == 0:
        status = 1
        try:
            do()
            status = 0
        except BusyCallbackError as error:
            click.echo(one_line(f"busy-callback: {spoken(str(error))}"), err=True)
            status = error.exit_status
        except Exception:  # as it would look without a child
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    try:
        with Deadline(PATIENCE, f"what makes it has not ended within {PATIENCE / 60:.0f} min"):
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException as error:  # its user may have stopped it
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if isinstance(error, DeadlineError):
            raise OutputError(str(error)) from error
        raise
    if status:
        raise click.exceptions.Exit(status if status > 0 else 1)
