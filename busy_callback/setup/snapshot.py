"""What is at a path, and putting it there: a file, a directory, a symbolic link, or nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.store.durable import flush_directory

FILE, DIRECTORY, LINK, ABSENT = "file", "directory", "link", "absent"
TEMPORARY = ".busy-callback-"  # how the name begins of a file that is not in its place yet


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
        """Return what is at ``path`` now."""
        try:
            found = path.lstat()
            facts = (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns)
            if stat.S_ISLNK(found.st_mode):
                return cls(LINK, os.fsencode(os.readlink(path)), *facts)
            if stat.S_ISDIR(found.st_mode):
                return cls(DIRECTORY, b"", *facts)
            if stat.S_ISREG(found.st_mode):
                return cls(FILE, path.read_bytes(), *facts)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise SetupError(f"{path} can't be read: {error.strerror}; run it with sudo") from error
        raise SetupError(f"{path} is neither a file nor a directory; move it away, then try again")

    @property
    def fingerprint(self) -> str:
        """What tells an edited file from the one that we left."""
        return f"{self.kind} {hashlib.sha256(self.content).hexdigest()}"

    def put(self, path: Path, flush: bool = True) -> None:
        """Make ``path`` so, in one step for files and links, on disk before this returns unless not to ``flush``.

        Raises OSError, with nothing half written.
        """
        if self.kind == ABSENT:
            remove(path)
        elif self.kind == DIRECTORY:
            path.mkdir(exist_ok=True)
            self._dress(path)
        else:
            self._replace(path, flush)
        if self.mtime_ns and self.kind == FILE:
            os.utime(path, ns=(self.mtime_ns, self.mtime_ns))

    def _dress(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)
        os.chmod(path, self.mode)

    def _replace(self, path: Path, flush: bool) -> None:
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.content if self.kind == FILE else b"")
                file.flush()
                if flush:
                    os.fsync(file.fileno())
            if self.kind == LINK:
                temporary.unlink()
                temporary.symlink_to(os.fsdecode(self.content))
            else:
                self._dress(temporary)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        if flush:
            flush_directory(str(path.parent))


def remove(path: Path) -> None:
    """Remove a file, a link or an empty directory, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
