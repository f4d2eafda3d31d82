"""The switch of the offer: a file in the spool while it is off, so that it works at once and without a reload."""

from __future__ import annotations

import os

from busy_callback.errors import SpoolError
from busy_callback.store.durable import exists, write_durably

TYPE_CHECKING = False
if TYPE_CHECKING:
    from busy_callback.store.spool import Spool

NAME = "offer-off"


def is_on(spool: Spool) -> bool:
    """Tell whether the switch is on; raise OSError where that can't be told."""
    return not exists(spool.path("", NAME))


def turn(spool: Spool, on: bool) -> None:
    """Turn the switch on or off; the spool must be prepared. Raises SpoolError."""
    path = spool.path("", NAME)
    try:
        if not on:
            write_durably(b"busy-callback offer off\n", spool.path("tmp", f"{NAME}.{os.getpid()}"), path)
        elif exists(path):
            os.unlink(path)
    except OSError as error:
        raise SpoolError(f"the offer can't be switched in {spool.directory}: {error.strerror}") from error
