"""Attack: who talks with an extension transfers it to a feature code, and so cancels and asks in its name."""

from __future__ import annotations

import pytest

from ..lab.office import Office
from .conftest import OpenOffice, waits_for


def transfer(office: Office, number: str, extension: str) -> None:
    """Let the phone of a number, which is in a call, send the other end to an extension."""
    channel = office.asterisk.console("core show channels concise").split(f"{office.asterisk.device(number)}-")[1]
    name = f"{office.asterisk.device(number)}-{channel.split('!')[0]}"
    fields = {"Channel": name, "Context": "from-internal", "Exten": extension}
    answer = office.asterisk.manager.act(Action="BlindTransfer", **fields)
    assert answer["Response"] == "Success", answer


@pytest.mark.parametrize("code", ["*86", "*66", "*66201"])
@pytest.mark.parametrize("calls", ["201", "202"])
def test_who_is_transferred_to_a_code_has_not_dialled_it(open_office: OpenOffice, code: str, calls: str) -> None:
    """201 is told that it can't be: nothing of 201's is cancelled, and nothing asked for, whoever called whom."""
    office = open_office("201", "202", more=("203",))
    a, b = office.phones.values()
    office.asterisk.console("database put busy-callback-last 201 203,busy")
    if code == "*86":
        waits_for(office, "201", "203")
    before = office.waiting()
    office.talk(*((a, b) if calls == "201" else (b, a)))
    mark = office.asterisk.manager.mark()
    transfer(office, "202", code)
    # The recording of its call began with another voice.
    office.asterisk.manager.wait("refusal", mark, Event="Newexten", AppData="busy-callback-failed")
    a.closed()
    assert office.waiting() == before
