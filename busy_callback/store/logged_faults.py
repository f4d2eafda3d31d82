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
    """Remembers in a file, a line a complaint, what was logged already: cron starts a new process each minute.

    A complaint has a subject, which is what must work again for it to be over. The trouble is over, and that is
    logged, when nothing is wrong with any subject any more; until then no complaint is logged twice, whatever
    works in between. ``fallback`` is a file for where ``path`` can't be written.
    """

    def __init__(
        self, path: str, then: str = "; trying again", end: str = "all is well again", fallback: str = ""
    ) -> None:
        self._paths = [path, *([fallback] if fallback else [])]
        self._then = then
        self._end = end
        self._known: dict[str, str] = {}  # subject by complaint, '' where that works again
        for known in self._paths:
            try:
                lines = read_file(known).decode("ascii", "replace").splitlines()
            except (OSError, CorruptRequestError):
                continue  # nothing yet, or what somebody else put there: it is not waited for
            # A line without a subject is an older version's.
            for subject, _, text in (line.partition("\t") for line in lines):
                self._known[text or subject] = subject.strip("-") if text else "all"

    def note(self, text: str, subject: str = "all", then: str = "") -> None:
        """Log the complaint unless it is known; ``then`` says what is done about it, in place of the usual."""
        text = visible(" ".join(text.split()))
        line = text.encode("ascii", "backslashreplace").decode()
        known = self._known.get(line)
        if known == subject:
            return
        if known is None:
            if len(self._known) >= _MOST:
                return
            log.error("%s%s", text, then or self._then)
        self._known[line] = subject
        self._keep()

    def tell(self, complaints: Sequence[str]) -> None:
        """Note all that is wrong just now; where nothing is, it is over."""
        for complaint in complaints:
            self.note(complaint)
        if not complaints:
            self.over()

    def concern(self, subject: str) -> bool:
        """Tell whether anything is wrong with it."""
        return subject in self._known.values()

    def over(self, *subjects: str) -> None:
        """Note that these work again, or all; log that all is well again when nothing else is wrong."""
        over = [line for line, subject in self._known.items() if subject and (subject in subjects or not subjects)]
        if not over:
            return
        self._known.update(dict.fromkeys(over, ""))
        if any(self._known.values()):
            self._keep()
            return
        log.warning("%s", self._end)
        self._known = {}
        for path in self._paths:
            try:
                os.unlink(path)
            except OSError:
                pass

    def _keep(self) -> None:
        text = "".join(f"{subject or '-'}\t{line}\n" for line, subject in self._known.items())
        for path in self._paths:
            try:
                write_note(path, text)
                return
            except OSError:
                pass  # the spool can't be written; where nothing can, each process says so once
