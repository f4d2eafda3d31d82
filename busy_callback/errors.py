"""The package's errors: each message is a sentence that an admin can act on.

They are raised deep inside and become exit statuses in one place, ``cli.main``.
"""


class BusyCallbackError(Exception):
    """Base of all errors of this package.

    ``exit_status`` is what the command ends with; ``subject`` is what works again when such a fault is over.
    """

    exit_status = 1
    subject = ""

    def __str__(self) -> str:
        """Return the message; one of several lines is raised with an argument a line."""
        return "\n".join(map(str, self.args))


class NotFoundError(BusyCallbackError):
    """Nothing matched what was asked for."""


class SettingsError(BusyCallbackError):
    """A settings file can't be used; the message names file, line, key and what is allowed."""

    exit_status = 2


class NumberError(BusyCallbackError):
    """A number that came from outside is not an extension of the numbering plan."""

    exit_status = 2


class AsteriskError(BusyCallbackError):
    """Asterisk can't be reached, refuses the login, or did not answer in time."""

    exit_status = 3
    subject = "asterisk"


class SpoolError(BusyCallbackError):
    """The spool directory can't be read or written."""

    exit_status = 4
    subject = "spool"


class CallFileError(SpoolError):
    """A recall can't be handed to Asterisk."""

    subject = "recall"


class CorruptRequestError(BusyCallbackError):
    """A request's file can't be read as a request; the message says why."""

    exit_status = 4


class DeadlineError(BusyCallbackError):
    """Something did not answer in the time that it was given."""

    exit_status = 3
    subject = "turn"


class SetupError(BusyCallbackError):
    """The PBX can't be changed as asked; nothing was changed."""


class PathError(SetupError):
    """A path leads where another user than root can lead it; the message says what to do."""
