"""Whose turn it is to poll: a lock that one watch hands over to the next without a gap.

The next one speaks to the holder in one of two ways. RELIEF: it can serve, so let go. GO_ON: it can't; a holder that
serves goes on for another term, and says so in the lock's file, and one that does not serve either lets go.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable
from types import TracebackType

from busy_callback.deadline import Deadline
from busy_callback.errors import DeadlineError, SpoolError

log = logging.getLogger(__name__)

# Whoever does not know these signals ignores them, so a stale process id does no harm.
RELIEF = signal.SIGURG
GO_ON = signal.SIGWINCH
HANDOVER_TIME = 30.0  # seconds; the holder may be in the middle of a look
TERMS = 2.0  # of the time that a watch is given: a busy machine may start the next one late
ASIDE = 1.0  # seconds in which the turn that was asked for must be taken
_ASK_AGAIN = 1.0  # seconds
_LOOK_AGAIN = 0.05  # seconds
_PLACE = 20  # bytes: of the holder's process id, and after it of when it last said that it goes on


class PollerLock:
    """Context manager over the poller's lock; ``take``, ``try_take`` or ``leave`` it inside, as often as needed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._held = False

    def __enter__(self) -> PollerLock:
        try:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o640)
            except OSError as error:
                if error.errno != errno.EROFS:
                    raise
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)  # locks as well
        except OSError as error:
            raise SpoolError(f"{self._path} can't be opened: {error.strerror}") from error
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            os.close(self._descriptor)
        except OSError:
            pass  # it is closed all the same (close(2))

    def try_take(self) -> bool:
        """Take the turn if nobody has it; tell whether it is ours."""
        if not self._held:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError as error:
                raise SpoolError(f"{self._path} can't be locked: {error.strerror}") from error
            self._held = True
            self._write(os.getpid(), 0)
        return True

    def take(self) -> None:
        """Take the turn; ask the one that has it to let go, and wait for that. Raises DeadlineError."""
        if self.try_take():
            return
        until = time.monotonic() + HANDOVER_TIME
        while not self._held:
            # Again and again: a holder signs a moment after it has taken the turn, and one of several who
            # wait may become the holder.
            self._ask(RELIEF)
            left = until - time.monotonic()
            try:
                with Deadline(max(0.001, min(_ASK_AGAIN, left)), self._complaint()):
                    fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                self._held = True
                self._write(os.getpid(), 0)
            except DeadlineError:
                if left <= _ASK_AGAIN:
                    raise

    def leave(self) -> bool:
        """Leave the turn to the one that has it, where it serves, and tell whether it does; else the turn is ours.

        Raises DeadlineError where it neither says that it goes on nor lets go.
        """
        said = os.pread(self._descriptor, _PLACE, _PLACE)
        begun = asked = time.monotonic()
        while not self.try_take():
            now = time.monotonic()
            if os.pread(self._descriptor, _PLACE, _PLACE) != said:
                return True
            if now - begun > HANDOVER_TIME:
                raise DeadlineError(self._complaint())
            if now >= asked:
                self._ask(GO_ON)
                asked = now + _ASK_AGAIN
            time.sleep(_LOOK_AGAIN)
        return False

    def go_on(self) -> None:
        """Say, for whoever left the turn to us, that we go on."""
        self._write(time.monotonic_ns(), _PLACE)

    def let_go(self) -> None:
        """Give the turn back."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._held = False

    def is_signed_by_another(self) -> bool:
        """Tell whether another has had the turn since we took it."""
        return self._holder() not in {"", str(os.getpid())}

    def _holder(self) -> str:
        return os.pread(self._descriptor, _PLACE, 0).decode("ascii", "replace").strip()

    def _ask(self, number: signal.Signals) -> None:
        holder = self._holder()
        if holder.isdigit():
            try:
                os.kill(int(holder), number)
            except OSError:
                pass  # it has just ended, or is not ours to ask: the lock tells

    def _complaint(self) -> str:
        return f"another poll (process {self._holder() or 'unknown'}) still works after {HANDOVER_TIME:.0f} s"

    def _write(self, number: int, place: int) -> None:
        try:
            os.pwrite(self._descriptor, b"%-19d\n" % number, place)
        except OSError:
            pass  # a full disk: then the next one can't ask us, and waits


class Shift:
    """How long a watch works: until the next relieves it, and beyond its time as long as none could serve.

    ``wake`` is called, in a signal's handler, when the next one has something to say; then ask ``is_over``.
    """

    def __init__(self, lock: PollerLock, seconds: float, wake: Callable[[], None]) -> None:
        self._lock = lock
        self._term = seconds * TERMS
        self._wake = wake
        self._reliefs = 0
        self._reliefs_seen = 0
        self._left_to_us = False
        self._told = False
        self.ends = time.monotonic() + self._term
        signal.signal(RELIEF, self._hear)
        signal.signal(GO_ON, self._hear)

    def _hear(self, number: int, frame: object) -> None:
        if number == RELIEF:
            self._reliefs += 1
        else:
            self._left_to_us = True
        self._wake()

    def is_over(self, serves: bool, why_no_other: Callable[[], str]) -> bool:
        """Tell whether this watch ends now; ``serves``: it has a connection to Asterisk that works.

        ``why_no_other`` says why a new watch could not serve, '' where it could; it is asked when the time is over.
        """
        if self._reliefs != self._reliefs_seen and self._is_relieved():
            return True
        if self._left_to_us:
            self._left_to_us = False
            if not serves:
                return self._is_relieved()
            self._go_on("a new run can't serve")
        if time.monotonic() < self.ends:
            return False
        why = why_no_other() if serves else ""
        if why:
            self._go_on(why)
        return not why

    def _go_on(self, why: str) -> None:
        self.ends = time.monotonic() + self._term
        self._lock.go_on()
        if not self._told:
            log.warning("%s; this run, which can, goes on beyond its time", why)
            self._told = True

    def _is_relieved(self) -> bool:
        """Step aside; tell whether somebody takes the turn, or insists. If not, who asked has gone, and we go on."""
        self._reliefs_seen = self._reliefs
        self._lock.let_go()
        until = time.monotonic() + ASIDE
        while time.monotonic() < until:
            time.sleep(_LOOK_AGAIN)
            if self._reliefs != self._reliefs_seen or self._lock.is_signed_by_another():
                return True
        return not self._lock.try_take()
