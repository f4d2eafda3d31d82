"""The live requests as a poller remembers them: by extension, so that an event costs only what it concerns.

What stands here may be out of date at any time, as other processes change the spool too. That does no harm: a
change is written only where the spool still has what it was made from (``Spool.replace``).
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator

from busy_callback import request as rq
from busy_callback.errors import SpoolError
from busy_callback.request import Request
from busy_callback.store.durable import written_since
from busy_callback.store.spool import Spool

LISTING_PAUSE = 1.0  # seconds between listings of the spool that nobody asked for
_TICK = 100_000_000  # nanoseconds; a file system's clock is coarser than its times look


class LiveRequests:
    """The live requests, what of them is to be decided anew, and when the next is due by the clock alone."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._folder_changed = 0
        self._listed = 0.0
        self._requests: dict[str, Request] = {}
        self._queues: dict[str, list[str]] = {}  # ids by callee
        self._ids: dict[str, str] = {}  # by caller, with blanks between them: nearly always there is one
        self._recalling: dict[str, Request] = {}
        self._due: list[tuple[float, str]] = []  # a heap of (time, callee)
        self._due_of: dict[str, float] = {}  # by callee: the entry of the heap that counts
        self._touched: set[str] = set()  # callees
        self.callers: set[str] = set()  # whose requests have changed, for their lamps

    # -- what is there -----------------------------------------------------------------------------

    def extensions(self) -> Iterator[str]:
        """Yield everybody who waits or is waited for; who does both twice."""
        return itertools.chain(self._queues, self._ids)

    def queue(self, callee: str) -> list[Request]:
        """Return the requests for one callee, in the order they were made."""
        requests = [self._requests[request_id] for request_id in self._queues.get(callee, ())]
        return sorted(requests, key=lambda r: (r.stamp, r.id))

    def of_caller(self, caller: str) -> list[Request]:
        """Return the requests of one caller."""
        return [self._requests[request_id] for request_id in self._ids.get(caller, "").split()]

    def everything(self) -> list[Request]:
        """Return all live requests."""
        return list(self._requests.values())

    def recalling(self) -> list[Request]:
        """Return the requests whose recall is under way."""
        return list(self._recalling.values())

    # -- what the spool has ------------------------------------------------------------------------

    def refresh(self, at_once: bool) -> None:
        """Read what others have added, and drop what they have ended: ``at_once``, or if that was not done lately.

        What others have changed otherwise (asked again) they tell; and a change made from the old is refused.
        """
        if not at_once and 0 <= time.monotonic() - self._listed < LISTING_PAUSE:
            return
        changed, names = self._spool.names(self._folder_changed)
        self._listed = time.monotonic()
        if names is None:
            return
        # Another change within the same tick would leave the folder's time as it is: then list again.
        self._folder_changed = changed if time.time_ns() - changed > _TICK else 0
        for request_id in self._requests.keys() - names:
            self._drop(request_id)
        for request_id in names:
            if request_id not in self._requests:
                self.read(request_id)

    def reread(self, since: int) -> None:
        """Read anew what was written since that moment (ns, epoch; a tick earlier, to be sure). Raises SpoolError."""
        if self._spool.names(self._folder_changed)[1] is None:
            return  # each write is a rename into the folder
        try:
            names = written_since(self._spool.path("requests", ""), since - _TICK)
        except OSError as error:
            raise SpoolError(f"the spool can't be read: {error}") from error
        for request_id in names:
            self.read(request_id)

    def read(self, request_id: str) -> Request | None:
        """Read one request anew, and return it."""
        request = self._spool.load(request_id)
        if request is None:
            self._drop(request_id)
        else:
            self.put(request)
        return request

    def put(self, request: Request) -> None:
        """Note a request as it now is; an ended one leaves the book."""
        if request.state in rq.END_STATES:
            self._drop(request.id)
            return
        caller, callee = request.caller, request.callee
        if request.id not in self._requests:
            self._queues.setdefault(callee, []).append(request.id)
            self._ids[caller] = f"{self._ids[caller]} {request.id}" if caller in self._ids else request.id
        self._requests[request.id] = request
        self._note_recall(request.id, request if request.state == rq.RECALLING else None)
        self._touched.add(callee)
        self.callers.add(caller)

    def _drop(self, request_id: str) -> None:
        request = self._requests.pop(request_id, None)
        if request is None:
            return
        caller, callee = request.caller, request.callee
        self._queues[callee].remove(request_id)
        if not self._queues[callee]:
            del self._queues[callee]
        self._ids[caller] = " ".join(other for other in self._ids[caller].split() if other != request_id)
        if not self._ids[caller]:
            del self._ids[caller]
        self._note_recall(request_id, None)
        self._touched.add(callee)
        self.callers.add(caller)

    def _note_recall(self, request_id: str, request: Request | None) -> None:
        """Note the recall under way; where one has ended, both its ends may serve other requests now."""
        if request is not None:
            self._recalling[request_id] = request
        elif self._recalling.pop(request_id, None) is not None:
            for extension in request_id.split("-")[:2]:
                self.touch(extension)

    # -- what is to be decided ---------------------------------------------------------------------

    def touch(self, extension: str) -> None:
        """Note that all queues that this extension waits in, or is waited for in, are to be decided anew."""
        self._touched.update(request.callee for request in self.of_caller(extension))
        if extension in self._queues:
            self._touched.add(extension)

    def take_queues(self, now: float) -> dict[str, list[Request]]:
        """Return the queues to decide anew, by callee, the longest waiting first; from now on they are decided."""
        while self._due and self._due[0][0] <= now:
            due, callee = heapq.heappop(self._due)
            if self._due_of.get(callee) == due:
                del self._due_of[callee]
                self._touched.add(callee)
        queues = {callee: self.queue(callee) for callee in self._touched if callee in self._queues}
        self._touched.clear()
        return dict(sorted(queues.items(), key=lambda item: item[1][0].stamp))

    def remind(self, callee: str, due: float | None) -> None:
        """Note when a callee's queue is to be decided anew by the clock alone, in place of what was noted."""
        if due is None:
            self._due_of.pop(callee, None)
        elif self._due_of.get(callee) != due:
            self._due_of[callee] = due
            heapq.heappush(self._due, (due, callee))

    def next_due(self) -> float | None:
        """Return when something is to be decided; a time that is over means now, None that no time is set."""
        if self._touched:
            return 0.0
        while self._due and self._due_of.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None
