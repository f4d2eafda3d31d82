"""Attack: a stranger whom chan_sip lets in as a guest, and whose channel it calls by what the stranger's From says."""

from __future__ import annotations

import secrets
import socket

import pytest

from ..lab.office import Office
from ..lab.releases import ASTERISK_16
from .conftest import OpenOffice, waits_for

# The context of chan_sip's guests, as an office has it that is called from the internet; and, too careless, the codes.
GUESTS = """\
[from-internal]
include => nowhere
[nowhere]
include => busy-callback-codes
exten => _2XX,1,Dial(SIP/${EXTEN},2)
 same => n,Gosub(busy-callback,s,1(${EXTEN}))
 same => n,UserEvent(Lab,Over: ${BUSY_CALLBACK_FROM})
 same => n,Hangup()
#include extensions_busy_callback.conf
"""


def call_as_guest(office: Office, number: str, host: str) -> None:
    """Call a number, without any name or password, from somebody@``host``; who is called is answered nothing more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        here = f"127.0.0.1:{line.getsockname()[1]}"
        request = [
            f"INVITE sip:{number}@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{secrets.token_hex(6)}",
            "Max-Forwards: 70",
            f"From: <sip:somebody@{host}>;tag={secrets.token_hex(4)}",
            f"To: <sip:{number}@127.0.0.1>",
            f"Call-ID: {secrets.token_hex(8)}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:somebody@{here}>",
            "Content-Length: 0",
        ]
        line.sendto(("\r\n".join(request) + "\r\n\r\n").encode(), ("127.0.0.1", office.asterisk.sip_port))
        line.settimeout(15)
        assert line.recv(65536).startswith(b"SIP/2.0 100")


@pytest.mark.parametrize("release", [ASTERISK_16], ids=["asterisk16"])
def test_a_guest_who_claims_to_come_from_an_extension(open_office: OpenOffice) -> None:
    """The channel is called SIP/201-..., and still is no phone of 201's: it is offered nothing, and cancels nothing."""
    office = open_office(extensions=GUESTS)
    _, b, c = office.phones.values()
    waits_for(office, "201", "203")
    mark = office.asterisk.manager.mark()
    call_as_guest(office, "*86", "201")
    office.asterisk.manager.wait("the failure prompt", mark, Event="Newexten", AppData="busy-callback-failed")
    office.talk(b, c)
    call_as_guest(office, "202", "201")
    over = office.asterisk.manager.wait("the end", mark, Event="UserEvent", UserEvent="Lab")
    assert over["Over"] == ""
    assert over["Channel"].startswith("SIP/201-")
    assert office.waiting() == [("201", "203")]
    assert "busy-callback-last/201" not in office.asterisk.console("database show busy-callback-last")
