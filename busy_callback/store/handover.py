"""Whose turn it is to poll: a lock that one watch hands over to the next without a gap."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from types import TracebackType

from busy_callback.deadline import Deadline
from busy_callback.errors import DeadlineError, SpoolError

# Asks the holder to let go. Whoever does not know it ignores it, so a stale process id does no harm.
RELIEF = signal.SIGURG
HANDOVER_TIME = 30.0  # seconds; the holder may be in the middle of a look
_ASK_AGAIN = 1.0  # seconds


class PollerLock:
    """Context manager over the poller's lock; ``take`` or ``try_take`` it inside, as often as needed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._held = False

    def __enter__(self) -> PollerLock:
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o640)
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
            self._sign()
        return True

    def take(self) -> None:
        """Take the turn; ask the one that has it to let go, and wait for that. Raises DeadlineError."""
        if self.try_take():
            return
        until = time.monotonic() + HANDOVER_TIME
        while not self._held:
            # Again and again: a holder signs a moment after it has taken the turn, and one of several who
            # wait may become the holder.
            holder = os.pread(self._descriptor, 20, 0).strip()
            if holder.isdigit():
                try:
                    os.kill(int(holder), RELIEF)
                except OSError:
                    pass  # it has just ended, or is not ours to ask: the lock tells
            left = until - time.monotonic()
            message = f"another poll (process {holder.decode() or 'unknown'}) still works after {HANDOVER_TIME:.0f} s"
            try:
                with Deadline(max(0.001, min(_ASK_AGAIN, left)), message):
                    fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                self._sign()
            except DeadlineError:
                if left <= _ASK_AGAIN:
                    raise

    def _sign(self) -> None:
        self._held = True
        try:
            os.pwrite(self._descriptor, b"%-19d\n" % os.getpid(), 0)
        except OSError:
            pass  # a full disk: then the next one can't ask us, and waits
