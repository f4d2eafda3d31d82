"""Where doctor's trial keeps what is its own: below the admin's spool, and apart from all that is in it.

Its two phones are Local channels of a context of ours, which no call of the admin's comes to. An AGI script that runs
for one of them has the trial's settings and the trial's spool; the admin's requests, limits, lamps and history never
meet it.
"""

from __future__ import annotations

from busy_callback.settings import CONF_NAME, Directories

CALLER, CALLEE = "000000000000201", "000000000000202"  # as the dialplan has them; longer than any real extension
CONTEXT = "busy-callback-trial"
PHONE_CONTEXT = "busy-callback-trial-phone"
FOLDER = "trial"


class TrialDirectories(Directories):
    """An Asterisk's directories, but for the spool, the settings and the log, which are the trial's own."""

    def __init__(self, directories: Directories) -> None:
        vars(self).update(vars(directories))

    @property
    def spool(self) -> str:
        """The trial's spool: on one file system with ``outgoing`` where the real one is."""
        return f"{super().spool}/{FOLDER}"

    @property
    def conf(self) -> str:
        """The trial's settings."""
        return f"{self.spool}/{CONF_NAME}"

    @property
    def log(self) -> str:
        """The trial's log."""
        return f"{self.spool}/log"


def phone(number: str) -> str:
    """Return the dial string of one of the trial's phones."""
    return f"Local/{number}@{PHONE_CONTEXT}"


def is_trial(channel: str) -> bool:
    """Tell whether a channel, by its name, is of one of the trial's phones."""
    return channel.startswith((f"{phone(CALLER)}-", f"{phone(CALLEE)}-"))
