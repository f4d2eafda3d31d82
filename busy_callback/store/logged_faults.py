"""What is wrong just now: logged when it begins and when it is over, not at each try nor by each minute's run."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from busy_callback.errors import CorruptRequestError
from busy_callback.numbering import visible
from busy_callback.store.durable import read_file, write_note

log = logging.getLogger(__name__)

_MOST = 20  # different complaints of one trouble; more would be of a kind that changes at each try


class LoggedFaults:
    """Remembers in a file, a line a complaint, what was logged already: cron starts a new process each minute."""

    def __init__(self, path: str, then: str = "; trying again", end: str = "all is well again") -> None:
        self._path = path
        self._then = then
        self._end = end
        try:
            self._known = read_file(path).decode("ascii", "replace").splitlines()
        except (OSError, CorruptRequestError):
            self._known = []  # nothing yet, or what somebody else put there: it is not waited for

    def note(self, text: str) -> None:
        """Log the complaint unless it is known."""
        text = visible(" ".join(text.split()))
        line = text.encode("ascii", "backslashreplace").decode()
        if line in self._known or len(self._known) >= _MOST:
            return
        log.error("%s%s", text, self._then)
        self._known.append(line)
        try:
            write_note(self._path, "".join(f"{known}\n" for known in self._known))
        except OSError:
            pass  # a spool that can't be written: then each process says so once

    def tell(self, complaints: Sequence[str]) -> None:
        """Note all that is wrong just now; where nothing is, it is over."""
        for complaint in complaints:
            self.note(complaint)
        if not complaints:
            self.over()

    def over(self) -> None:
        """Log that all is well again, if it was not."""
        if not self._known:
            return
        log.warning("%s", self._end)
        self._known = []
        try:
            os.unlink(self._path)
        except OSError:
            pass
