"""Attack: a name of an endpoint or a guest that Asterisk would evaluate, were it asked for as it stands."""

from __future__ import annotations

import pytest

from busy_callback.settings import Directories
from busy_callback.store.spool import Spool

from .agi_call import run, set_variables, status

NAMES = [
    "PJSIP/x)}${SHELL(touch /tmp/owned)}",
    "PJSIP/x,set_var)}",
    'PJSIP/x"',
    "PJSIP/x|y",
    "SIP/$[1/0]",
    "SIP/" + "x" * 5000,
    "PJSIP/安娜",
    "PJSIP/",
]
VALUES = {"BUSY_CALLBACK_FROM": "201", "DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-1"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_not_asked_for_as_it_stands(directories: Directories, name: str) -> None:
    """Offered nothing, refused, and in no question (agi_call refuses one that holds more than plain functions)."""
    head = f"agi_channel: {name}-00000001\nagi_callerid: 201\n\n"
    commands = run(directories, "offer", "202", "BUSY", head=head, values=VALUES)
    assert set_variables(commands)["BUSY_CALLBACK_PROMPT"] == ""
    assert status(run(directories, "201", "202", head=head, values=VALUES)) == "REFUSED"
    assert status(run(directories, "caller", head=head, values=VALUES)) == "REFUSED"


@pytest.mark.parametrize("context", ["x\nApplication: System", "a b", "x,1", "a" * 80, "${SHELL(id)}", ";", "..", "外"])
def test_a_context_that_is_none_is_left_out(directories: Directories, context: str) -> None:
    """What an endpoint calls its context goes into a call file: what can't be one's name is not written down."""
    values = {"PJSIP_ENDPOINT(201,context)": context.replace("\n", " ")}
    assert status(run(directories, "201", "202", values=values)) == "REGISTERED"
    assert Spool(directories.spool).live()[0].context == ""
