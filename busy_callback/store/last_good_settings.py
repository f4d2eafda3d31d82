"""The last settings that were good: a mistake in busy_callback.conf must not stop the service.

The poller keeps a copy of each file that it could use; while the file has a mistake, poller and AGI go on with
the copy, and say so in the log.
"""

from __future__ import annotations

import os

from busy_callback.errors import CorruptRequestError, SettingsError
from busy_callback.settings import Settings, load
from busy_callback.store.durable import read_file, write_durably

TYPE_CHECKING = False
if TYPE_CHECKING:
    from busy_callback.store.spool import Spool

NAME = "busy_callback.conf.good"


def load_or_last_good(path: str, spool: Spool) -> tuple[Settings, SettingsError | None]:
    """Return the settings of ``path``, or the last good ones with what is wrong with ``path``.

    Raises SettingsError when there are no last good ones either.
    """
    try:
        return load(path), None
    except SettingsError as error:
        kept = f"{spool.directory}/{NAME}"
        if not os.path.exists(kept):
            raise
        return load(kept), error


def keep(path: str, spool: Spool) -> None:
    """Keep a copy of the settings file, which has just been found good; the same one is not written again."""
    kept = f"{spool.directory}/{NAME}"
    try:
        data = read_file(path)
        if not os.path.exists(kept) or read_file(kept) != data:
            write_durably(data, spool.path("tmp", f"{NAME}.{os.getpid()}"), kept)
    except (OSError, CorruptRequestError):
        pass  # no file of its own to keep, or no place for the copy: the service goes on
