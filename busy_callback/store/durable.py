"""Files that are whole or not there, and a lock that dies with its holder; nothing here knows of requests.

The AGI imports this module on the caller's time: os, not pathlib.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time

from busy_callback.errors import CorruptRequestError, DeadlineError, SpoolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

LOCK_TIME = 10.0  # seconds; a change takes milliseconds, but a crowd on a slow machine stands in line
MAX_FILE = 65536  # bytes; nothing of ours is longer
FILE_MODE = 0o640


def write_durably(data: bytes, temporary: str, final: str) -> None:
    """Put ``data`` into the file ``final``, whole or not at all, flushed with its directory.

    The rename is the one instant of commit. Both paths must be in one file system. Raises OSError; where
    only the last flush failed, ``final`` is there but not certain to outlive a power cut.
    """
    move(data, temporary, final, flush=True)
    flush_directory(os.path.dirname(final))


def move(data: bytes, temporary: str, final: str, flush: bool) -> None:
    """Do what ``write_durably`` does but for the directory's flush, and the file's too unless ``flush`` says so.

    Raises OSError, with nothing changed.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, FILE_MODE)
    except FileExistsError:
        # Left by a process that was killed and had our id: in a container ids come again soon.
        os.unlink(temporary)
        descriptor = os.open(temporary, flags, FILE_MODE)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if flush:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, final)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def flush_directory(path: str) -> None:
    """Make the names in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_note(path: str, text: str) -> None:
    """Write a file that nothing depends on: for people, not durable; never through a link or to a FIFO.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, FILE_MODE)
    with open(descriptor, "w", encoding="ascii", errors="backslashreplace") as file:
        file.write(text)


def replace_note(text: str, temporary: str, final: str) -> None:
    """Write a file that nothing depends on in place of the one before: whole, not durable. Raises OSError."""
    move(text.encode("ascii"), temporary, final, flush=False)


class Note:
    """A line that outlives the process, for what no promise depends on: where it can't be kept, it is not."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> str:
        """Return the line, '' where there is none that can be read."""
        try:
            return read_file(self._path).decode("ascii", "replace").strip()
        except (OSError, CorruptRequestError):
            return ""

    def write(self, line: str) -> None:
        """Keep the line in place of the one before."""
        try:
            write_note(self._path, f"{line}\n")
        except OSError:
            pass


def why(error: OSError) -> str:
    """Return an error's reason with the folder, not the file, that it is about: a complaint is logged once."""
    folder = os.path.dirname(os.fsdecode(error.filename)) if error.filename else ""
    return f"{error.strerror or error}" + (f": {folder}" if folder else "")


def exists(path: str) -> bool:
    """Tell whether there is such a name; OSError where that can't be told, which os.path.exists takes for no."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def read_file(path: str) -> bytes:
    """Return the content of a regular file of ours, its first 64 kB and a byte; never wait for one.

    Raises CorruptRequestError for what can never be such a file: a link, a FIFO, a directory, somebody
    else's; FileNotFoundError; and OSError for what may be readable the next time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        _check(os.lstat(path), path)
        raise
    try:
        _check(os.fstat(descriptor), path)
        chunks: list[bytes] = []
        while True:
            chunk = os.read(descriptor, MAX_FILE + 1)
            chunks.append(chunk)
            if not chunk or sum(map(len, chunks)) > MAX_FILE:
                return b"".join(chunks)
    finally:
        os.close(descriptor)


def _check(found: os.stat_result, path: str) -> None:
    """Raise CorruptRequestError unless it is a regular file of ours, root's or its directory's owner."""
    if not stat.S_ISREG(found.st_mode):
        raise CorruptRequestError("it is not a regular file")
    if found.st_uid not in (0, os.geteuid()) and found.st_uid != os.stat(os.path.dirname(path)).st_uid:
        raise CorruptRequestError(f"it belongs to another user ({found.st_uid})")


WITHDRAWN = "withdrawn"  # by the poller: Asterisk has not run the attempt in time
CANCELLED = "cancelled"  # by who asked for the request's end


def withdraw(report: str, word: str = WITHDRAWN) -> list[str]:
    """Add our claim to a recall attempt's report, and return the report's lines, which tell what it came before.

    If it comes first, no run of the call file rings anyone; where ``CANCELLED`` comes before the caller's answer,
    the callee is not dialled. The directory need not be flushed: a power cut ends Asterisk too, and no later one
    runs the attempt. Raises OSError.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(report, flags, FILE_MODE)
    try:
        os.write(descriptor, f"{word}\n".encode("ascii"))
        os.fsync(descriptor)
        return os.pread(descriptor, MAX_FILE, 0).decode("ascii", "replace").splitlines()
    finally:
        os.close(descriptor)


def log_line(path: str, text: str) -> None:
    """Add a line to the poller's log, in its form (see cli), for who can't afford to import logging.

    Never through a link; where it can't be written, it is not.
    """
    now = time.time()
    head = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))},{now % 1 * 1000:03.0f} INFO[{os.getpid()}]"
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, FILE_MODE)
        try:
            os.write(descriptor, f"{head} {text}\n".encode("ascii", "backslashreplace"))
        finally:
            os.close(descriptor)
    except OSError:
        pass


class Lock:
    """Context manager over a file's flock; released by the kernel when its holder dies."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                from busy_callback.deadline import Deadline  # seldom needed, and slow to import

                with Deadline(LOCK_TIME, f"{self._path} is held by another process for over {LOCK_TIME:.0f} s"):
                    fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except DeadlineError as error:
            os.close(self._descriptor)
            raise SpoolError(str(error)) from None
        except BaseException:
            os.close(self._descriptor)
            raise

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            os.close(self._descriptor)
        except OSError:
            pass  # it is closed all the same (close(2)), and what was changed is on disk


def written_since(folder: str, moment: int) -> list[str]:
    """Return the names of the files in ``folder`` that were written at or after ``moment`` (ns, epoch)."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.stat(follow_symlinks=False).st_mtime_ns >= moment:
                    found.append(entry.name)
            except FileNotFoundError:
                pass  # it has just been taken away
    return found
