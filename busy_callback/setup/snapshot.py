"""What is at a path, and putting it there: a file, a directory, a symbolic link, or nothing.

In a folder that another user can write, that user is who looks and puts (see as_owner). Only what that user can't
do, to give a file another owner, does root: to a file that it made there itself, by its descriptor.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup import as_owner
from busy_callback.store.asterisk_user import user
from busy_callback.store.safe_paths import TEMPORARY, Folder, open_folder, user_name

FILE, DIRECTORY, LINK, ABSENT = "file", "directory", "link", "absent"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Snapshot:
    """What a path is: a file with its content, a directory, a symbolic link, or nothing at all."""

    kind: str = ABSENT
    content: bytes = b""  # a link's target, for a link
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0

    @classmethod
    def take(cls, path: Path) -> Snapshot:
        """Return what is at ``path`` now; raise SetupError or PathError when that can't be told."""
        try:
            return as_owner.at(path, _take)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise SetupError(f"{path} can't be read{_as_whom(path)}: {error.strerror}") from error

    @property
    def fingerprint(self) -> str:
        """What tells an edited file from the one that we left."""
        return f"{self.kind} {hashlib.sha256(self.content).hexdigest()}"

    def put(self, path: Path, flush: bool = True) -> None:
        """Make ``path`` so, in one step for files and links, on disk before this returns unless not to ``flush``.

        Raises OSError, SetupError and PathError, with nothing half written.
        """
        if self.kind == ABSENT:
            remove(path)
        elif self.kind == DIRECTORY:
            as_owner.at(path, _make_folder, self)
        else:
            as_owner.at(path, _replace, self, flush, as_root=self._is_foreign(path))

    def _is_foreign(self, path: Path) -> bool:
        """Tell whether the file's owner or group is none that the folder's writer could give it."""
        if self.kind != FILE or os.geteuid():
            return False
        with open_folder(str(path.parent)) as folder:
            writer = user(folder.writer)
        return bool(writer.uid) and (self.uid != writer.uid or self.gid not in (writer.gid, *writer.groups))


def keeper(folder: Path) -> tuple[int, int]:
    """Return the owner and group of what is ours in a folder: root's, or of the user that can write there."""
    while True:
        try:
            with open_folder(str(folder)) as found:
                return (found.writer, user(found.writer).gid) if found.writer else (0, 0)
        except FileNotFoundError:
            folder = folder.parent  # it is to be made


def remove(path: Path) -> None:
    """Remove a file, a link or an empty directory, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        as_owner.at(path, _remove)


def identity(path: Path) -> tuple[tuple[int, int] | None, int]:
    """Return device and inode of what is at a path, None for nothing, and the user that can write in its folder."""
    try:
        with open_folder(str(path.parent)) as folder:
            writer = folder.writer
        return as_owner.at(path, _inode), writer
    except OSError:
        return None, 0


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, if it is there; what can't be removed stays."""
    with contextlib.suppress(OSError):
        as_owner.at(path, _remove_what_can_be)


def names_in(folder: Path, beginning: str = "") -> list[str]:
    """Return the names in a folder that have this beginning."""
    try:
        return as_owner.at(folder / "any", _names, beginning)
    except OSError:
        return []


def _as_whom(path: Path) -> str:
    """Return whose rights were not enough, where they were not our own."""
    try:
        with open_folder(str(path.parent)) as folder:
            return f" by user {user_name(folder.writer)}, whose folder it is in" if folder.writer else ""
    except OSError:
        return ""


# -- in an open folder, as its writer ------------------------------------------------------------------


def _take(folder: Folder, name: str) -> Snapshot:
    found = os.lstat(name, dir_fd=folder.descriptor)
    if stat.S_ISLNK(found.st_mode):
        return _facts(found, LINK, os.fsencode(os.readlink(name, dir_fd=folder.descriptor)))
    if stat.S_ISDIR(found.st_mode):
        return _facts(found, DIRECTORY, b"")
    if not stat.S_ISREG(found.st_mode):
        path = f"{folder.path.rstrip('/')}/{name}"
        raise SetupError(f"{path} is neither a file nor a directory; move it away, then try again")
    content, found = folder.read(name)
    return _facts(found, FILE, content)


def _inode(folder: Folder, name: str) -> tuple[int, int]:
    found = os.lstat(name, dir_fd=folder.descriptor)
    return found.st_dev, found.st_ino


def _facts(found: os.stat_result, kind: str, content: bytes) -> Snapshot:
    return Snapshot(kind, content, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns)


def _dress(descriptor: int, wanted: Snapshot) -> None:
    """Give what is open its owner and mode."""
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (wanted.uid, wanted.gid):
        os.fchown(descriptor, wanted.uid, wanted.gid)
    os.fchmod(descriptor, wanted.mode)


def _make_folder(folder: Folder, name: str, wanted: Snapshot) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder.descriptor)
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=folder.descriptor)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        path = f"{folder.path.rstrip('/')}/{name}"
        raise SetupError(f"{path} is to be a folder, and is something else: move it away, then try again") from error
    try:
        _dress(descriptor, wanted)
    finally:
        os.close(descriptor)


def _replace(folder: Folder, name: str, wanted: Snapshot, flush: bool) -> None:
    if wanted.kind == LINK:
        temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
        os.symlink(os.fsdecode(wanted.content), temporary, dir_fd=folder.descriptor)
    else:
        temporary = _write(folder, wanted, flush)
    try:
        os.rename(temporary, name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
    except BaseException:
        _forget(folder, temporary)
        raise
    if flush:
        folder.flush()


def _write(folder: Folder, wanted: Snapshot, flush: bool) -> str:
    """Return the name of a new file with the wanted content, owner, mode and time."""
    descriptor, temporary = folder.create()
    if folder.writer and os.geteuid() == 0:
        wanted = replace(wanted, mode=wanted.mode & 0o777)  # nothing in another user's folder runs with more rights
    try:
        with open(descriptor, "wb") as file:
            file.write(wanted.content)
            file.flush()
            _dress(descriptor, wanted)
            if wanted.mtime_ns:
                os.utime(descriptor, ns=(wanted.mtime_ns, wanted.mtime_ns))
            if flush:
                os.fsync(descriptor)
    except BaseException:
        _forget(folder, temporary)
        raise
    return temporary


def _forget(folder: Folder, temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary, dir_fd=folder.descriptor)


def _remove(folder: Folder, name: str) -> None:
    found = os.lstat(name, dir_fd=folder.descriptor)
    if stat.S_ISDIR(found.st_mode):
        os.rmdir(name, dir_fd=folder.descriptor)
    else:
        os.unlink(name, dir_fd=folder.descriptor)


def _remove_what_can_be(folder: Folder, name: str) -> None:
    with contextlib.suppress(OSError, RecursionError):
        _remove_tree(folder, name)


def _remove_tree(folder: Folder, name: str) -> None:
    descriptor = os.open(name, _FOLDER, dir_fd=folder.descriptor)
    inner = Folder(f"{folder.path}/{name}", descriptor, folder.writer, folder.decider)
    with inner:
        for entry in os.listdir(descriptor):
            try:
                os.unlink(entry, dir_fd=descriptor)
            except IsADirectoryError:
                _remove_tree(inner, entry)
    os.rmdir(name, dir_fd=folder.descriptor)


def _names(folder: Folder, _: str, beginning: str) -> list[str]:
    descriptor = os.open(".", _FOLDER, dir_fd=folder.descriptor)
    try:
        return sorted(name for name in os.listdir(descriptor) if name.startswith(beginning))
    finally:
        os.close(descriptor)
