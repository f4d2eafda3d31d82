"""What a trial leaves where it is: only one at a time, and everything of it is taken away, also of a killed one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami import Ami
from busy_callback.settings import Directories, Settings
from busy_callback.setup.check import INSTALL, CheckFailed
from busy_callback.setup.console import Console
from busy_callback.setup.placed_files import pollers
from busy_callback.setup.survey import COMMAND
from busy_callback.store.trial_place import CALLEE, CALLER, TrialDirectories, phone

PATIENCE = 15.0  # seconds for its calls to end
_LOOK_AGAIN = 0.02


@contextlib.contextmanager
def alone(spool: str) -> Iterator[None]:
    """Keep a second trial from this spool; raise CheckFailed where one is under way."""
    try:
        descriptor = os.open(spool, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise CheckFailed(f"{spool} can't be opened: {error.strerror}", INSTALL) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckFailed("another trial is under way", "wait until it has ended, a minute at most") from None
        yield
    finally:
        os.close(descriptor)


def take_away(real: Directories, settings: Settings, console: Console) -> None:
    """Take away all that a trial may leave: its poller, call file, calls, rows in AstDB, and last its folder."""
    folder = Path(TrialDirectories(real).spool)
    for process in pollers(folder / "poller.lock"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
    for path in Path(real.outgoing).glob(f"{COMMAND}-{CALLER}-{CALLEE}-*.call"):
        path.unlink(missing_ok=True)
    with contextlib.suppress(AsteriskError):
        _end_calls(settings)
        for family, key in (("busy-callback-last", CALLER), ("CustomDevstate", f"{COMMAND}-{CALLER}")):
            if key in console.ask(f"database show {family}"):  # Asterisk would log that it is not there
                console.ask(f"database del {family} {key}")
    shutil.rmtree(folder, ignore_errors=True)


def _end_calls(settings: Settings) -> None:
    with Ami(settings) as ami:
        devices = [phone(CALLER), phone(CALLEE)]
        until = time.monotonic() + PATIENCE
        while (channels := ami.channels(devices)) and time.monotonic() < until:
            for channel in sorted(channels):
                ami.hang_up(channel)
            time.sleep(_LOOK_AGAIN)
