"""The spool directory: requests on disk, durable, atomic, shared by processes.

    requests/ID   a live request
    ended/ID      an ended one; where both exist, the request has ended
    history/DAY   what ended on that day, when it is past (see past_days)
    recalls/ID.N  what Asterisk reported of attempt N (see callfile)
    tmp/          files being written; never looked at
    corrupt/ID    files that could not be read, each with ID.reason beside it
    lock          held (flock) during each change

The manual (docs/en/how.md, On disk) has the table of states. The AGI imports this module: os, and neither pathlib,
logging nor dataclasses.
"""

from __future__ import annotations

import os
import time

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.request import Request
from busy_callback.store.durable import (
    CANCELLED,
    Lock,
    Note,
    exists,
    flush_directory,
    log_line,
    read_file,
    why,
    withdraw,
    write_durably,
    write_note,
    written_since,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from busy_callback.settings import Settings

REGISTERED = "REGISTERED"
DUPLICATE = "DUPLICATE"
FULL = "FULL"

_FOLDERS = ("requests", "ended", "recalls", "tmp")
_LAST_FOLDER = "corrupt"
_DIRECTORY_MODE = 0o750


class Spool:
    """The requests of one PBX. Every public method takes the lock by itself when it changes anything.

    ``log`` is the poller's log, for what others than the poller do: registrations and cancellations.
    """

    def __init__(self, directory: str, log: str = "") -> None:
        self.directory = directory
        self._log = log

    def path(self, folder: str, name: str) -> str:
        """Return the path of ``name`` in one of the spool's folders."""
        return f"{self.directory}/{folder}/{name}"

    def prepare(self) -> None:
        """Make the spool's folders, durably, where they are missing; raise SpoolError.

        The last folder is made when the others are flushed: where it is, they outlive a power cut.
        """
        last = f"{self.directory}/{_LAST_FOLDER}"
        try:
            new = not os.path.isdir(last)
            for folder in ("", *_FOLDERS):
                os.makedirs(f"{self.directory}/{folder}", mode=_DIRECTORY_MODE, exist_ok=True)
            if new:
                flush_directory(self.directory)
                flush_directory(os.path.dirname(self.directory))
                os.makedirs(last, mode=_DIRECTORY_MODE, exist_ok=True)
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be made: {error.strerror}") from error

    def lock(self) -> Lock:
        """Return a context manager that keeps every other process from changing the spool."""
        return Lock(f"{self.directory}/lock")

    def _write(self, folder: str, request: Request) -> None:
        temporary = self.path("tmp", f"{request.id}.{os.getpid()}")
        write_durably(rq.encode(request), temporary, self.path(folder, request.id))
        if self._log:
            log_line(self._log, f"{request.id}: {request.events[-1][1]}")

    def _lives(self, name: str) -> bool:
        return not exists(self.path("ended", name))

    def _queues(self, caller: str, callee: str, settings: Settings) -> tuple[list[str], bool]:
        """Return the names of the live requests by the caller or for the callee, and whether a queue is full."""
        names = os.listdir(f"{self.directory}/requests")
        # Only of these must we know whether they live: the history may be long.
        near = [n for n in names if (n.startswith(f"{caller}-") or f"-{callee}-" in n) and rq.is_id(n)]
        near = [name for name in near if self._lives(name)]
        full = (
            len(names) >= settings.queue_in_all
            or sum(f"-{callee}-" in name for name in near) >= settings.queue_per_callee
            or sum(name.startswith(f"{caller}-") for name in near) >= settings.queue_per_caller
        )
        return near, full

    def has_place(self, caller: str, callee: str, settings: Settings) -> bool:
        """Tell whether a request would be taken now: no queue is full, or it waits already. Raises OSError."""
        near, full = self._queues(caller, callee, settings)
        return not full or any(name.startswith(f"{caller}-{callee}-") for name in near)

    def register(
        self,
        caller: str,
        callee: str,
        kind: str,
        language: str,
        settings: Settings,
        now: float,
        context: str = "",
        presentation: str = "",
    ) -> tuple[str, str]:
        """Note that ``caller`` asks to be called back by ``callee``; return status and the request's id.

        The numbers must be checked against the numbering plan by then. REGISTERED and DUPLICATE mean
        that it is on disk, flushed; FULL (with an empty id) that a queue has no place. The same pair
        again renews the service duration, and is of the kind, dialled from the context and presented as was
        asked for last. Raises SpoolError, with nothing changed.
        """
        expires = now + settings.service_duration(kind)
        try:
            with self.lock():
                near, full = self._queues(caller, callee, settings)
                pair = f"{caller}-{callee}-"
                for name in near:
                    if name.startswith(pair):
                        known = self._load(name)
                        if known is not None:
                            renewed = _renewed(known, kind, expires, now, context or known.context, presentation)
                            self._write("requests", renewed)
                            return DUPLICATE, name
                if full:
                    return FULL, ""
                last = max((name.rsplit("-", 1)[1] for name in near if f"-{callee}-" in name), default="")
                name = self._new_id(pair, now, last)
                request = Request(
                    name,
                    requested=now,
                    expires=expires,
                    kind=kind,
                    language=language,
                    context=context,
                    presentation=presentation,
                    events=((now, "registered"),),
                )
                self._write("requests", request)
                return REGISTERED, name
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be written: {why(error)}") from error

    def _new_id(self, pair: str, now: float, last: str) -> str:
        """Return an id that is new and behind ``last``, the youngest in the queue, whatever the clock did."""
        milliseconds = max(int(now * 1000), int(last, 36) + 1 if last else 0)
        while True:
            request_id = pair + rq.make_stamp(milliseconds)
            if self._lives(request_id):
                return request_id
            milliseconds += 1

    def _load(self, name: str, folder: str = "requests") -> Request | None:
        """Return the request, or None when it is gone or had to be set aside as corrupt."""
        path = self.path(folder, name)
        try:
            return rq.decode(read_file(path), name)
        except FileNotFoundError:
            return None
        except CorruptRequestError as error:
            self.set_aside(path, name, str(error))
            return None

    def set_aside(self, path: str, name: str, reason: str) -> None:
        """Move what can't be read into corrupt/, with the reason beside it; never delete it. Raises OSError."""
        short = os.fsdecode(os.fsencode(name)[:100])  # a longest name would leave no place for the time
        kept = self.path("corrupt", f"{short}.{time.time_ns() // 1_000_000}")
        try:
            os.rename(path, kept)
        except FileNotFoundError:
            return  # another process was faster
        write_note(f"{kept}.reason", f"{reason}\n")

    def live(self, caller: str = "") -> list[Request]:
        """Return the live requests, or one caller's, in the order they were made; set aside what can't be read."""
        try:
            near = f"{caller}-" if caller else ""
            names = [name for name in os.listdir(f"{self.directory}/requests") if name.startswith(near)]
            found = [self._load(name) for name in names if self._lives(name)]
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error}") from error
        return sorted((r for r in found if r is not None), key=lambda r: (r.stamp, r.id))

    def names(self, known: int = 0) -> tuple[int, list[str] | None]:
        """Return when the folder of live requests last changed (ns), and what is in it; None: not since ``known``."""
        folder = f"{self.directory}/requests"
        try:
            changed = os.stat(folder).st_mtime_ns
            return changed, None if changed == known else os.listdir(folder)
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error}") from error

    def load(self, request_id: str) -> Request | None:
        """Return a live request, or None when there is none, or when it had to be set aside as corrupt."""
        try:
            return self._load(request_id) if self._lives(request_id) else None
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error}") from error

    def ended(self, since: float = 0.0) -> list[Request]:
        """Return the ended requests that are still kept (those that ended ``since`` then), the last one last."""
        from busy_callback.store.past_days import past_requests  # not for the AGI

        try:
            single = [self._load(name, "ended") for name in written_since(self.path("ended", ""), int(since * 1e9))]
            past = list(past_requests(self.directory, since))  # then: a request is moved there, not back
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error}") from error
        found = {request.id: request for request in (*past, *single) if request is not None}
        return sorted(found.values(), key=lambda r: (r.ended, r.id))

    def corrupt(self) -> Iterator[tuple[str, str]]:
        """Yield name and reason of each file that was set aside."""
        names = set(os.listdir(f"{self.directory}/corrupt"))
        for name in sorted(names):
            if f"{name}.reason" in names or not name.endswith(".reason"):
                reason = Note(self.path("corrupt", f"{name}.reason")).read()
                yield name, reason or "the reason was not written down: a crash or a full disk came in between"

    def replace(self, old: Request, new: Request) -> bool:
        """Write ``new`` (an end state ends the request) unless ``old`` is no longer what is on disk.

        Return whether it was written. Raises SpoolError.
        """
        try:
            with self.lock():
                return self.replace_locked(old, new)
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be written: {why(error)}") from error

    def cancel(self, request_id: str, by: str, now: float) -> bool:
        """End a live request as cancelled, ``by`` whom; tell whether there was one. Raises SpoolError.

        A recall that was handed to Asterisk but has not rung yet is withdrawn. Where the caller's phone rings
        already the request stays as it is, with the reason for its end, until the ringing has ended: see settle.
        One that the caller has answered is a call, and nothing to cancel any more.
        """
        try:
            with self.lock():
                request = self._load(request_id)
                if request is None or not self._lives(request_id) or request.cancelled:
                    return False
                new = rq.end(request, rq.CANCELLED, by, now)
                if request.state == rq.RECALLING:
                    lines = withdraw(self.path("recalls", f"{request_id}.{request.attempt}"), CANCELLED)
                    if "answered" in lines[: lines.index(CANCELLED)]:
                        return False
                    if lines[0].startswith("claimed "):
                        event = f"cancelled {by}, while {request.caller} rings"
                        new = request.but(now, event, reason=by)
                return self.replace_locked(request, new)
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be written: {why(error)}") from error

    def replace_locked(self, old: Request, new: Request) -> bool:
        """Do what ``replace`` does, for a caller that holds the lock; raise OSError."""
        if not self._lives(old.id) or self._load(old.id) != old:
            return False
        if new.state in rq.END_STATES:
            self._write("ended", new)
            os.unlink(self.path("requests", old.id))
        else:
            self._write("requests", new)
        return True

    def sweep(self, now: float, history_days: int = 30, outgoing: str = "") -> None:
        """Clean what crashes leave behind and what the history no longer needs. Raises SpoolError.

        Without a history no report goes whose call file is still in ``outgoing``.
        """
        from busy_callback.store.sweep import sweep  # not for the AGI

        sweep(self, now, history_days, outgoing)


def _renewed(known: Request, kind: str, expires: float, now: float, context: str, presentation: str) -> Request:
    """Return the request as it is asked for again: a wish of its own, which keeps its place in the queue."""
    changes = {"kind": kind, "expires": expires, "context": context, "presentation": presentation}
    used = known.callee_used if known.kind == kind else 0.0
    return known.but(now, "asked again", **changes, renewed=now, unanswered=0, callee_used=used, reason="")
