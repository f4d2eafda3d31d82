"""Attack: a phone that registers, as its contact, what a dialplan would take for another device or for options."""

from __future__ import annotations

import pytest

from ..lab.oddphone import OddPhone
from ..lab.releases import ASTERISK_22
from .conftest import OpenOffice, complaints, waits_for

CONTACTS = [
    "sip:201@127.0.0.1:{port};x=&PJSIP/203",
    "sip:201&PJSIP/203&x@127.0.0.1:{port}",
    "sip:201,20,g&PJSIP/203@127.0.0.1:{port}",
    "sip:System(touch+{file})@127.0.0.1:{port}",
    "sip:201@127.0.0.1:{port};x=&&PJSIP/203&&",
]


@pytest.mark.parametrize("release", [ASTERISK_22], ids=["asterisk22"])
@pytest.mark.parametrize("contact", CONTACTS)
def test_no_contact_adds_a_device_or_an_option(open_office: OpenOffice, contact: str) -> None:
    """201 has a phone, and another contact that is hostile: the phone rings, and nobody else."""
    office = open_office(place_lines="max_contacts = 3\nremove_existing = no")
    a, b, c = office.phones.values()
    evil = office.asterisk.folder / "evil"
    odd = OddPhone("201", office.asterisk.sip_port, contact=contact.replace("{file}", str(evil)))
    office.wait_places("201", 2)
    office.watch()
    waits_for(office, "201", "202")
    assert a.answer().caller_id == "ReDial 202 <202>"
    b.answer()
    a.wait_until_tone(b.tone)
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
    assert c.rings == 0
    assert not evil.exists()
    assert complaints(office) == []
    odd.close()
