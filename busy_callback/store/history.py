"""All requests that the spool knows, for whoever only looks: nothing is changed, set aside or locked."""

from __future__ import annotations

import os
from collections.abc import Iterator

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.request import Request
from busy_callback.settings import Directories
from busy_callback.store.durable import read_file
from busy_callback.store.past_days import past_requests
from busy_callback.store.spool import Spool


def existing_spool(directories: Directories) -> Spool:
    """Return the spool, which must be there already; raise SpoolError otherwise."""
    try:
        os.listdir(directories.spool)
    except (FileNotFoundError, NotADirectoryError):
        raise SpoolError(
            f"there is no spool {directories.spool} yet: no callback was ever asked for here, and it may not be "
            "installed; see sudo busy-callback doctor"
        ) from None
    except OSError as error:
        raise SpoolError(f"the spool {directories.spool} can't be read: {error.strerror}") from error
    return Spool(directories.spool, directories.log)


def read_request(spool: Spool, folder: str, name: str) -> Request | None:
    """Return the request of that id in ``requests`` or ``ended``, None where it is not there.

    Raises CorruptRequestError and OSError.
    """
    try:
        return rq.decode(read_file(spool.path(folder, name)), name)
    except FileNotFoundError:
        return None


class History:
    """The requests, live ones and ended ones, in no order; iterate over it once.

    Those that ended before ``since`` (seconds, epoch) may be missing. ``wanted``: only the one with that id, or those
    whose id begins so, up to a dash (201, 201-202). ``unreadable`` counts the files that are no request, such as half
    a one, which the poller sets aside, and such lines of past days.
    """

    def __init__(self, spool: Spool, since: float = 0.0, wanted: str = "") -> None:
        self._spool = spool
        self._since = since
        self._wanted = wanted
        self.unreadable = 0

    def __iter__(self) -> Iterator[Request]:
        """Read one file after the other; raise SpoolError when the spool can't be read."""
        try:
            # In the order of a request's way: it is met, once, whenever it ends or its day's file takes it up.
            live = os.listdir(self._spool.path("requests", ""))
            ended = set()
            with os.scandir(self._spool.path("ended", "")) as entries:
                for entry in entries:
                    try:
                        if not self._since or entry.stat(follow_symlinks=False).st_mtime >= self._since:
                            yield from self._read("ended", entry.name)
                        ended.add(entry.name)
                    except FileNotFoundError:
                        pass
            for request in past_requests(self._spool.directory, self._since, self._wanted):
                if request is None:
                    self.unreadable += 1
                elif request.id not in ended:
                    ended.add(request.id)
                    yield from [request] if self._is_wanted(request.id) else []
            for name in live:
                if name not in ended:
                    yield from self._read_where_it_is(name)
        except OSError as error:
            raise SpoolError(f"the spool {self._spool.directory} can't be read: {error}") from error

    def _read(self, folder: str, name: str) -> list[Request]:
        """Return the request, if it is wanted and can be read; raise FileNotFoundError if it is not there."""
        if not self._is_wanted(name):
            return []
        try:
            return [rq.decode(read_file(self._spool.path(folder, name)), name)]
        except CorruptRequestError:
            self.unreadable += 1
            return []

    def _read_where_it_is(self, name: str) -> list[Request]:
        for folder in ("requests", "ended"):
            try:
                return self._read(folder, name)
            except FileNotFoundError:
                pass
        return []

    def _is_wanted(self, name: str) -> bool:
        return not self._wanted or name == self._wanted or name.startswith(f"{self._wanted}-")
