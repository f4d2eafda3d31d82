"""What is wrong just now: logged when it begins and when it is over, not at each try nor by each minute's run."""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)

_MOST = 20  # different complaints of one trouble; more would be of a kind that changes at each try


class Trouble:
    """Remembers in a file, a line a complaint, what was logged already: cron starts a new process each minute."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                self._known = file.read().splitlines()
        except OSError:
            self._known = []

    def note(self, text: str) -> None:
        """Log the complaint unless it is known."""
        line = " ".join(text.split())
        if line in self._known or len(self._known) >= _MOST:
            return
        log.error("%s; trying again", line)
        self._known.append(line)
        try:
            with open(self._path, "w", encoding="utf-8", errors="replace") as file:
                file.writelines(f"{known}\n" for known in self._known)
        except OSError:
            pass  # a spool that can't be written: then each process says so once

    def over(self) -> None:
        """Log that all is well again, if it was not."""
        if not self._known:
            return
        log.warning("all is well again")
        self._known = []
        try:
            os.unlink(self._path)
        except OSError:
            pass
