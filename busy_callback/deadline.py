"""A time limit for calls that have none of their own (pyst2's, flock's)."""

from __future__ import annotations

import signal

from busy_callback.errors import DeadlineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Deadline:
    """Context manager: raise DeadlineError when its body runs longer than ``seconds``.

    Works in the main thread only, by SIGALRM with a handler that raises: nothing else interrupts a
    blocking ``queue.get`` or ``flock``. Not to be nested.
    """

    def __init__(self, seconds: float, message: str) -> None:
        self._seconds = seconds
        self._message = message

    def _expire(self, signum: int, frame: FrameType | None) -> None:
        raise DeadlineError(self._message)

    def __enter__(self) -> None:
        self._previous = signal.signal(signal.SIGALRM, self._expire)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._previous)
