"""Attack: a phone that forwards the recall, to another extension or out of the house."""

from __future__ import annotations

import pytest

from ..lab.oddphone import OddPhone
from ..lab.office import Office
from ..lab.releases import ASTERISK_22
from .conftest import OpenOffice, complaints, waits_for

# What is dialled out of the house is told to the test.
WAY_OUT = """\
[from-internal]
exten => _9XX,1,UserEvent(Lab,Out: ${EXTEN})
 same => n,Hangup()
"""


def forwards(open_office: OpenOffice, contact: str, **options: str) -> Office:
    """Let 201 forward the recall, by a 302, to a contact where {port} is Asterisk's and {phone} is 204's."""
    office = open_office("202", "204", more=("201",), more_dialplan=WAY_OUT, settings={"attempts": "1"}, **options)
    _b, d = office.phones.values()
    mark = office.asterisk.manager.mark()
    contact = contact.format(port=office.asterisk.sip_port, phone=d.sip_port)
    a = OddPhone("201", office.asterisk.sip_port, "302 Moved Temporarily", header=f"Contact: <{contact}>")
    office.wait_idle("201")
    office.watch()
    waits_for(office, "201", "202")
    office.until_logged("201-202-.* failed: ")
    with pytest.raises(AssertionError, match="no call out"):
        office.asterisk.manager.wait("call out", mark, 0.5, Event="UserEvent", Out="")
    assert [phone.rings for phone in office.phones.values()] == [0, 0]
    assert complaints(office) == []
    a.close()
    return office


@pytest.mark.parametrize("target", ["204", "911"])
def test_a_phone_that_forwards_carries_the_recall_nowhere(open_office: OpenOffice, target: str) -> None:
    """Call forward set in the phone, to another extension or out of the house: nobody rings, nothing is dialled."""
    forwards(open_office, f"sip:{target}@127.0.0.1:{{port}}")


@pytest.mark.parametrize("release", [ASTERISK_22], ids=["asterisk22"])
@pytest.mark.parametrize("method", ["uri_core", "uri_pjsip"])
@pytest.mark.parametrize("target", ["204@127.0.0.1:{phone}", "911@127.0.0.1:{port}"])
def test_nor_by_any_redirect_method(open_office: OpenOffice, method: str, target: str) -> None:
    """An endpoint whose redirects Asterisk follows by address: the same; past Dial, and it is not rung at all."""
    office = forwards(open_office, f"sip:{target}", phone_lines=f"redirect_method = {method}")
    assert ("no phone that may be rung" in office.asterisk.log_text("busy_callback.log")) == (method == "uri_pjsip")
