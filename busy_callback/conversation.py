"""pyst2's AGI, on what Asterisk says; the AGI imports it on the caller's time."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed has none
import sys

# pyst2 takes one constant from six, pprint only for its debugging output, re for the answers, which are read here, and
# of signal what Python has built in. Each would cost a start more than all the rest of pyst2, so stand-ins are in their
# places while it is imported.
_Module = type(sys)
_STAND_INS: dict[str, dict[str, object]] = {
    "pprint": {"pformat": repr},
    "six": {"PY3": True},
    "re": {"compile": str},
    "signal": vars(_signal),
}
_spared = [name for name in _STAND_INS if name not in sys.modules]
for _name in _spared:
    sys.modules[_name] = _Module(_name)
    vars(sys.modules[_name]).update(_STAND_INS[_name])
from asterisk.agi import (  # noqa: E402
    AGI,
    AGIAppError,
    AGIException,
    AGIInvalidCommand,
    AGIResultHangup,
    AGIUnknownError,
    AGIUsageError,
)

for _name in _spared:
    del sys.modules[_name]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["AGIException", "Agi"]


class Conversation:
    """What Asterisk says, as pyst2 can read it: the environment up to a blank line, then only answers.

    A line feed in a script's argument ends the environment early; what is left of it would be taken for
    answers, one off for ever. And pyst2 does not notice the end of input: it would read on without end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._answering = False

    def readline(self) -> str:
        """Return the next line that pyst2 is to see; raise OSError when Asterisk is gone."""
        while True:
            line = self._stream.readline()
            if not self._answering:
                self._answering = not line.strip()
                return line
            if not line:
                raise OSError("Asterisk has closed the conversation")
            if line[:3].isdigit():
                return line


class Agi(AGI):  # type: ignore[misc]
    """pyst2's AGI; it reads the answers without regular expressions, to compile which takes longer than an offer."""

    def __init__(self, stdin: TextIO, stdout: TextIO, nowhere: TextIO) -> None:
        super().__init__(Conversation(stdin), stdout, nowhere)

    def get_result(self, stdin: object = None) -> dict[str, tuple[str, str]]:
        """Return an answer's result and data, as {"result": (result, data)}; what follows them is not needed.

        Raises pyst2's errors: AGIAppError for a result of -1, AGIResultHangup, and others for codes that are not 200
        (res/res_agi.c, agi_handle_command).
        """
        line = self.stdin.readline().strip()
        code, _, response = line.partition(" ")
        if code == "200":
            result, _, data = response.removeprefix("result=").partition(" ")
            data = data[1 : data.rfind(")")] if data.startswith("(") and ")" in data else ""
            if data == "hangup":
                raise AGIResultHangup("User hungup during execution")
            if result == "-1":
                raise AGIAppError("Error executing application, or hangup")
            return {"result": (result, data)}
        if code == "510":
            raise AGIInvalidCommand(response)
        if code.startswith("520"):
            while not self.stdin.readline().startswith("520"):
                pass  # the usage
            raise AGIUsageError(line)
        raise AGIUnknownError(code, "Unhandled code or undefined response")
