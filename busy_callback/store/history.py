"""All requests that the spool knows, for whoever only looks: nothing is changed, set aside or locked."""

from __future__ import annotations

import os
from collections.abc import Iterator

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.request import Request
from busy_callback.settings import Directories
from busy_callback.store.durable import read_file
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
    a one: the poller sets them aside.
    """

    def __init__(self, spool: Spool, since: float = 0.0, wanted: str = "") -> None:
        self._spool = spool
        self._since = since
        self._wanted = wanted
        self.unreadable = 0

    def __iter__(self) -> Iterator[Request]:
        """Read one file after the other; raise SpoolError when the spool can't be read."""
        try:
            live = os.listdir(self._spool.path("requests", ""))  # first: what ends meanwhile is among the others
            ended = set()
            with os.scandir(self._spool.path("ended", "")) as entries:
                for entry in entries:
                    ended.add(entry.name)
                    try:
                        if self._since and entry.stat(follow_symlinks=False).st_mtime < self._since:
                            continue
                    except FileNotFoundError:
                        continue
                    yield from self._read("ended", entry.name)
            for name in live:
                if name not in ended:
                    yield from self._read("requests", name) or self._read("ended", name)
        except OSError as error:
            raise SpoolError(f"the spool {self._spool.directory} can't be read: {error}") from error

    def _read(self, folder: str, name: str) -> list[Request]:
        """Return the request, if it is there, is wanted and can be read."""
        if self._wanted and name != self._wanted and not name.startswith(f"{self._wanted}-"):
            return []
        try:
            request = read_request(self._spool, folder, name)
            return [request] if request else []
        except CorruptRequestError:
            self.unreadable += 1
            return []
