"""Attack: somebody publishes device states that are not theirs to tell, so that recalls ring at their word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..lab.branches import BranchOffice, Site
from ..lab.publisher import Publisher
from ..lab.releases import ASTERISK_16, ASTERISK_22

REFUSED = (401, 403)


@pytest.fixture(params=[ASTERISK_22, ASTERISK_16], ids=lambda release: f"asterisk{release.version}")
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BranchOffice]:
    """An office with two branches, each of which is nothing but an address."""
    others = [Site("3", ASTERISK_22), Site("4", ASTERISK_22)]
    made = BranchOffice(Site("2", request.param), others, tmp_path, ("201", "202"), {}, 0, PHONE)
    with made:
        for number in ("201", "202"):
            made.phone(number)
        yield made


# A phone that knows its password, where the trunk's transport is: on 16 the office's own are chan_sip's.
PHONE = """
[phone299]
type = endpoint
auth = phone299
context = from-internal
[phone299]
type = auth
auth_type = userpass
username = phone299
password = lab
"""


def state(office: BranchOffice, device: str) -> str:
    """Return what Asterisk takes a device's state for."""
    return office.asterisk.manager.device_state(device)


def test_only_the_branch_itself_tells_its_states(office: BranchOffice) -> None:
    """Not who comes from another address, nor a phone with a password of its own, nor another branch."""
    branch, other = office.others
    with Publisher("127.0.0.9", office.site.address, branch.name) as stranger:
        assert stranger.publish("PJSIP/301", "INUSE") in REFUSED
        assert stranger.publish("PJSIP/301", "INUSE", "phone299", "lab") == 403
    with Publisher(other.host, office.site.address, branch.name) as neighbour:
        assert neighbour.publish("PJSIP/301", "INUSE") == 403
    assert state(office, "PJSIP/301") == "INVALID"
    with Publisher(branch.host, office.site.address, branch.name) as itself:
        assert itself.publish("PJSIP/301", "INUSE") == 200
    assert state(office, "PJSIP/301") == "INUSE"


def test_what_a_branch_claims_of_others_changes_nothing(office: BranchOffice) -> None:
    """Neither of this PBX's own phones, nor of another branch's: its section says which devices are its own."""
    branch, _other = office.others
    own = office.asterisk.device("202")
    with Publisher(branch.host, office.site.address, branch.name) as itself:
        for device in (own, "PJSIP/401", "PJSIP/3011", "PJSIP/to-kaohsiung", "Custom:busy-callback-201"):
            before = state(office, device)
            assert itself.publish(device, "INUSE") == 200
            assert state(office, device) == before != "INUSE"
        assert itself.publish("PJSIP/302", "INUSE") == 200
    assert state(office, "PJSIP/302") == "INUSE"
