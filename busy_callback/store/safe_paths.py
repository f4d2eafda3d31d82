"""Paths that another user has a hand in: opened step by step, so that no link of theirs leads root astray.

Root's own links in root's own folders are followed: they are root's word. Every other one is an error. What is
done in a folder is done by its descriptor and a name in it, so that a folder that is moved away or replaced
meanwhile changes nothing. Linux only: O_PATH.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import shlex
import stat
from dataclasses import dataclass

from busy_callback.errors import PathError
from busy_callback.store.mounts import mounter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

TEMPORARY = ".busy-callback-"  # how the name begins of a file that is not in its place yet
MOST = 64 << 20  # bytes of a file that are read; a large PBX's generated dialplan has a tenth of it
_LINKS = 40  # followed on one way, as in the kernel (MAXSYMLINKS)
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Folder:
    """An open folder, a context manager.

    ``writer`` is the user that can write in it besides root, 0 for nobody; ``decider`` the first one on the way
    to it who can put another in its place, 0 for nobody.
    """

    path: str  # without links
    descriptor: int
    writer: int
    decider: int

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    def flush(self) -> None:
        """Make the names in it durable."""
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, name: str) -> tuple[bytes, os.stat_result]:
        """Return a regular file's content and facts; never wait for it. Raises OSError and PathError."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=self.descriptor), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise PathError(f"{self.path}/{name} is not a regular file")
            content = file.read(MOST + 1)
        if content is None:  # as some files of /proc have it
            raise BlockingIOError(errno.EAGAIN, "whoever reads it must wait", name)
        if len(content) > MOST:
            raise PathError(f"{self.path}/{name} is larger than {MOST >> 20} MB")
        return content, found

    def create(self) -> tuple[int, str]:
        """Return the descriptor and the name of a new, empty file that only its maker can open."""
        while True:
            name = f"{TEMPORARY}{os.urandom(8).hex()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                return os.open(name, flags, 0o600, dir_fd=self.descriptor), name
            except FileExistsError:
                continue


def open_folder(path: str) -> Folder:
    """Open the folder at an absolute path. Raises FileNotFoundError and other OSErrors, and PathError for a link."""
    with contextlib.closing(_Way(path)) as way:
        while way.left:
            way.step()
        found = os.fstat(way.descriptor)
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        writer = way.mounter or hand(found, way.path)
        return Folder(way.path, os.dup(way.descriptor), writer, way.decider)


def decider(path: str) -> int:
    """Return the user besides root who decides what is at an absolute path, as far as it exists; 0 for nobody.

    That is the first one on the way who can write in a folder there, or else in what the path leads to. Raises
    PathError where everybody can.
    """
    with contextlib.closing(_Way(path)) as way:
        try:
            while way.left and not way.decider:
                way.step(strict=len(way.left) == 1)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            pass  # so far and no further
        except PathError:
            if not way.decider:
                raise
        return way.decider or way.mounter or hand(os.fstat(way.descriptor), way.path)


def hand(found: os.stat_result, path: str) -> int:
    """Return the user besides root who can write in a file or folder, 0 for nobody; PathError where many can."""
    other = _other(found)
    if other is None:
        everybody = found.st_mode & stat.S_IWOTH
        who, mode = ("everybody", "o-w") if everybody else (f"each user of group {found.st_gid}", "g-w")
        raise PathError(
            f"{who} can write in {path}, so that it can't be trusted; run: chmod {mode} {shlex.quote(path)}"
        )
    return other


def _other(found: os.stat_result) -> int | None:
    """Return who can write there besides root: the owner, else the user whose own group it is; None for several."""
    kind = stat.S_IFMT(found.st_mode)
    if found.st_uid or kind not in (stat.S_IFDIR, stat.S_IFREG):
        return found.st_uid
    if kind == stat.S_IFDIR and found.st_mode & stat.S_ISVTX:
        return 0  # where each may take away only what is his own
    if found.st_mode & stat.S_IWOTH:
        return None
    return _user_of_group(found.st_gid) if found.st_mode & stat.S_IWGRP else 0


def _user_of_group(group: int) -> int | None:
    """Return the user that has a group of its own name; None where there is none, as for staff.

    Nor for root's: where there is an access control list, the group's bits are those of its mask (acl(5)).
    """
    try:
        entry = pwd.getpwnam(grp.getgrgid(group).gr_name)
    except KeyError:
        return None
    return entry.pw_uid if entry.pw_uid and entry.pw_gid == group else None


class _Way:
    """On the way to a path: what is open by now, what is ``left`` to go, and who decides so far."""

    def __init__(self, path: str) -> None:
        if not path.startswith("/"):
            raise PathError(f"{path!r} is not a path from / on")
        self.path = "/"
        self.descriptor = os.open("/", _STEP)
        self.decider = 0
        self.mounter = 0  # who says what there is here, where that is a file system of another user's
        self.left = _parts(path)
        self._links = 0
        self._trail: list[tuple[int, str, int]] = []  # what ".." leads back to

    def step(self, strict: bool = False) -> None:
        """Take the next step, or turn off where a link of root's leads. Raises OSError and PathError.

        Where several users can write in the folder, as those of group staff in /usr/local, root has trusted them with
        it, unless ``strict``; with what everybody can write it trusts nobody.
        """
        name = self.left.pop(0)
        if name == "..":
            self._back()
            return
        here = os.fstat(self.descriptor)
        other = hand(here, self.path) if strict or here.st_mode & stat.S_IWOTH else _other(here)
        other = self.mounter or other
        self.decider = self.decider or other or 0
        descriptor = os.open(name, _STEP, dir_fd=self.descriptor)
        found = os.fstat(descriptor)
        path = f"{self.path.rstrip('/')}/{name}"
        if stat.S_ISLNK(found.st_mode):
            os.close(descriptor)
            if self.decider or other is None or found.st_uid:
                who = f"user {user_name(self.decider or found.st_uid)}" if self.decider or found.st_uid else "others"
                raise PathError(
                    f"{path} is a link that {who} can change, which is not followed: put there what it leads to, "
                    "or name that place itself"
                )
            self._follow(name, path)
            return
        self._trail.append((self.descriptor, self.path, self.mounter))
        self.descriptor, self.path = descriptor, path
        if found.st_dev != here.st_dev:
            self.mounter = mounter(found.st_dev)

    def _follow(self, name: str, path: str) -> None:
        self._links += 1
        if self._links > _LINKS:
            raise PathError(f"{path} leads from link to link without end")
        target = os.readlink(name, dir_fd=self.descriptor)
        if target.startswith("/"):
            while self._trail:
                self._back()
        self.left[:0] = _parts(target)

    def _back(self) -> None:
        if self._trail:
            os.close(self.descriptor)
            self.descriptor, self.path, self.mounter = self._trail.pop()

    def close(self) -> None:
        """Close all that is open."""
        while self._trail:
            self._back()
        os.close(self.descriptor)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def user_name(uid: int) -> str:
    """Return a user's name, or the number of one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
