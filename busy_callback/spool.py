"""The spool directory: requests on disk, durable, atomic, shared by processes.

    requests/ID   a live request
    ended/ID      an ended one; where both exist, the request has ended
    recalls/ID.N  what Asterisk reported of attempt N (see callfile)
    tmp/          files being written; never looked at
    corrupt/ID    files that could not be read, each with ID.reason beside it
    lock          held (flock) during each change

README's "On disk" has the table of states. The AGI imports this module on the caller's time: os, not
pathlib, and neither logging nor dataclasses.
"""

from __future__ import annotations

import fcntl
import os
import time

from busy_callback import request as rq
from busy_callback.deadline import Deadline
from busy_callback.errors import CorruptRequestError, DeadlineError, SpoolError
from busy_callback.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from busy_callback.settings import Settings

REGISTERED = "REGISTERED"
DUPLICATE = "DUPLICATE"
FULL = "FULL"

LOCK_TIME = 5.0  # seconds; a change takes milliseconds
KEEP_REPORTS = 2 * 86400  # seconds that the report of an ended request's recall stays
KEEP_ENDED = 30 * 86400  # seconds that an ended request stays in the history
_FOLDERS = ("requests", "ended", "recalls", "tmp", "corrupt")
_FILE_MODE = 0o640
_DIRECTORY_MODE = 0o750


def write_durably(data: bytes, temporary: str, final: str) -> None:
    """Put ``data`` into the file ``final``, whole or not at all, flushed with its directory.

    The rename is the one instant of commit. Both paths must be in one file system. Raises OSError, with
    nothing changed.
    """
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
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
    flush_directory(os.path.dirname(final))


def flush_directory(path: str) -> None:
    """Make the names in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: str) -> bytes:
    """Return a regular file's content; OSError for a link, a FIFO or a directory, without waiting on it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        chunks = []
        while True:
            chunk = os.read(descriptor, rq.MAX_FILE + 1)
            chunks.append(chunk)
            if not chunk or sum(map(len, chunks)) > rq.MAX_FILE:
                return b"".join(chunks)
    finally:
        os.close(descriptor)


def withdraw(report: str) -> None:
    """Add our claim to a recall attempt's report: if it comes first, no run of its call file rings anyone."""
    descriptor = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE)
    try:
        os.write(descriptor, b"withdrawn\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Lock:
    """Context manager over the spool's flock; released by the kernel when its holder dies."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE)
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
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
        os.close(self._descriptor)


class Spool:
    """The requests of one PBX. Every public method takes the lock by itself when it changes anything."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def path(self, folder: str, name: str) -> str:
        """Return the path of ``name`` in one of the spool's folders."""
        return f"{self.directory}/{folder}/{name}"

    def prepare(self) -> None:
        """Make the spool's folders where they are missing; raise SpoolError."""
        try:
            for folder in ("", *_FOLDERS):
                os.makedirs(f"{self.directory}/{folder}", mode=_DIRECTORY_MODE, exist_ok=True)
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be made: {error.strerror}") from error

    def lock(self) -> _Lock:
        """Return a context manager that keeps every other process from changing the spool."""
        return _Lock(f"{self.directory}/lock")

    def _write(self, folder: str, request: Request) -> None:
        temporary = self.path("tmp", f"{request.id}.{os.getpid()}")
        write_durably(rq.encode(request), temporary, self.path(folder, request.id))

    def _ids(self) -> list[str]:
        names = os.listdir(f"{self.directory}/requests")
        ended = set(os.listdir(f"{self.directory}/ended")) if names else set()
        return [name for name in names if name not in ended]

    def register(
        self, caller: str, callee: str, kind: str, language: str, settings: Settings, now: float
    ) -> tuple[str, str]:
        """Note that ``caller`` asks to be called back by ``callee``; return status and the request's id.

        The numbers must be checked against the numbering plan by then. REGISTERED and DUPLICATE mean
        that it is on disk, flushed; FULL (with an empty id) that a queue has no place. The same pair
        again renews the service duration, and is of the kind that was asked for last. Raises SpoolError,
        with nothing changed.
        """
        expires = now + settings.service_duration(kind)
        try:
            with self.lock():
                names = self._ids()
                pair = f"{caller}-{callee}-"
                for name in names:
                    if name.startswith(pair):
                        known = self._load(name)
                        if known is not None:
                            used = known.callee_used if known.kind == kind else 0.0
                            renewed = known.but(
                                now, "asked again", kind=kind, callee_used=used, expires=expires, renewed=now
                            )
                            self._write("requests", renewed)
                            return DUPLICATE, name
                behind = sorted(name.rsplit("-", 1)[1] for name in names if f"-{callee}-" in name)
                if (
                    len(behind) >= settings.queue_per_callee
                    or sum(name.startswith(f"{caller}-") for name in names) >= settings.queue_per_caller
                ):
                    return FULL, ""
                request_id = self._new_id(pair, now, behind[-1] if behind else "")
                self._write(
                    "requests",
                    Request(
                        request_id,
                        requested=now,
                        expires=expires,
                        kind=kind,
                        language=language,
                        events=((now, "registered"),),
                    ),
                )
                return REGISTERED, request_id
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be written: {error}") from error

    def _new_id(self, pair: str, now: float, last: str) -> str:
        """Return an id that is new and behind ``last``, the youngest in the queue, whatever the clock did."""
        milliseconds = max(int(now * 1000), int(last, 36) + 1 if last.isalnum() else 0)
        while True:
            request_id = pair + rq.make_stamp(milliseconds)
            if not os.path.lexists(self.path("ended", request_id)):
                return request_id
            milliseconds += 1

    def _load(self, name: str, folder: str = "requests") -> Request | None:
        """Return the request, or None when it is gone or had to be set aside as corrupt."""
        path = self.path(folder, name)
        try:
            return rq.decode(read_file(path), name)
        except FileNotFoundError:
            return None
        except (CorruptRequestError, OSError) as error:
            self._set_aside(path, name, str(error))
            return None

    def _set_aside(self, path: str, name: str, reason: str) -> None:
        """Move what can't be read into corrupt/, with the reason beside it; never delete it."""
        kept = self.path("corrupt", f"{name}.{int(time.time() * 1000)}")
        os.rename(path, kept)
        with open(f"{kept}.reason", "w", encoding="utf-8") as file:
            file.write(f"{reason}\n")

    def live(self) -> list[Request]:
        """Return the live requests in the order they were made; set aside what can't be read."""
        try:
            found = [self._load(name) for name in self._ids()]
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error.strerror}") from error
        return sorted((r for r in found if r is not None), key=lambda r: (r.stamp, r.id))

    def ended(self) -> list[Request]:
        """Return the ended requests that are still kept, the last one to end last."""
        try:
            found = [self._load(name, "ended") for name in os.listdir(f"{self.directory}/ended")]
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error.strerror}") from error
        return sorted((r for r in found if r is not None), key=lambda r: (r.ended, r.id))

    def corrupt(self) -> Iterator[tuple[str, str]]:
        """Yield name and reason of each file that was set aside."""
        for name in sorted(os.listdir(f"{self.directory}/corrupt")):
            if name.endswith(".reason"):
                with open(self.path("corrupt", name), encoding="utf-8") as file:
                    yield name[: -len(".reason")], file.read().strip()

    def replace(self, old: Request, new: Request) -> bool:
        """Write ``new`` (an end state ends the request) unless ``old`` is no longer what is on disk.

        Return whether it was written. Raises SpoolError.
        """
        try:
            with self.lock():
                return self.replace_locked(old, new)
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be written: {error}") from error

    def cancel(self, request_id: str, by: str, now: float) -> bool:
        """End a live request as cancelled, ``by`` whom; tell whether there was one. Raises SpoolError.

        A recall that was handed to Asterisk but has not rung yet is withdrawn; a phone that rings already
        goes on ringing.
        """
        try:
            with self.lock():
                request = self._load(request_id)
                if request is None or os.path.lexists(self.path("ended", request_id)):
                    return False
                if request.state == rq.RECALLING:
                    withdraw(self.path("recalls", f"{request_id}.{request.attempt}"))
                return self.replace_locked(request, rq.end(request, rq.CANCELLED, by, now))
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be written: {error}") from error

    def replace_locked(self, old: Request, new: Request) -> bool:
        """Do what ``replace`` does, for a caller that holds the lock; raise OSError."""
        if os.path.lexists(self.path("ended", old.id)) or self._load(old.id) != old:
            return False
        if new.state in rq.END_STATES:
            self._write("ended", new)
            os.unlink(self.path("requests", old.id))
        else:
            self._write("requests", new)
        return True

    def sweep(self, now: float) -> None:
        """Clean what crashes leave behind and what the history no longer needs (see README, "On disk")."""
        with self.lock():
            for name in os.listdir(f"{self.directory}/tmp"):
                os.unlink(self.path("tmp", name))  # nobody writes while the lock is ours
            ended = os.listdir(f"{self.directory}/ended")
            live = set(os.listdir(f"{self.directory}/requests"))
            for name in ended:
                if name in live:
                    os.unlink(self.path("requests", name))
                    live.discard(name)
                if os.lstat(self.path("ended", name)).st_mtime < now - KEEP_ENDED:
                    os.unlink(self.path("ended", name))
            for name in os.listdir(f"{self.directory}/recalls"):
                path = self.path("recalls", name)
                # Kept as long as Asterisk might run the call file again.
                if name.rsplit(".", 1)[0] not in live and os.lstat(path).st_mtime < now - KEEP_REPORTS:
                    os.unlink(path)
