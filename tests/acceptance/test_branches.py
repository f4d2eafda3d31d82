"""A callback between PBXs that are joined by trunks: real Asterisks, 22 with 22 and 22 with 16, and real phones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..lab.audio import tone_share
from ..lab.branches import Branches
from ..lab.releases import ASTERISK_16, ASTERISK_22, Release
from .conftest import complaints

OpenBranches = Callable[..., Branches]


@pytest.fixture(params=[ASTERISK_22, ASTERISK_16], ids=lambda release: f"with{release.version}")
def other(request: pytest.FixtureRequest) -> Release:
    """The Asterisk of the branch at the other end; this end's is 22."""
    found: Release = request.param
    return found


@pytest.fixture
def open_branches(tmp_path: Path) -> Iterator[OpenBranches]:
    """Open joined offices with a phone for each number; they close with the test, and their logs are shown."""
    opened: list[Branches] = []

    def open_them(releases: dict[str, Release], *people: str, **options: Any) -> Branches:
        branches = Branches(tmp_path, releases, people, **options)
        opened.append(branches)
        return branches.__enter__()

    yield open_them
    for branches in opened:
        branches.close()
        for office in branches.offices.values():
            print(f"== {office.site.name}", office.asterisk.log_text(), office.asterisk.log_text("busy_callback.log"))


def test_a_colleague_in_another_branch_is_called_back(open_branches: OpenBranches, other: Release) -> None:
    """201 finds 301 of another PBX busy, presses 5 and is called back when 301 is free; both hear each other.

    The other PBX offers 201 nothing, and keeps nothing.
    """
    branches = open_branches({"2": ASTERISK_22, "3": other}, "201", "301", "302")
    here, there = branches.offices.values()
    a, b, c = (office.phones[n] for office, n in ((here, "201"), (there, "301"), (there, "302")))
    here.watch()
    branches.talk(b, c)
    here.ask(a, b)
    assert (here.waiting(), there.waiting()) == ([("201", "301")], [])
    branches.wait_for_state("201", "NOT_INUSE")
    b.hang_up()
    assert a.ring().caller_id == "ReDial 301 <301>"
    assert b.rings == 0
    a.accept()
    a.established()
    assert b.answer().caller_id == "Phone 201 <201>"
    a.wait_until_tone(b.tone)
    b.wait_until_tone(a.tone)
    a.hang_up()
    b.closed()
    here.until_logged("completed:")
    assert here.ended() == [("201-301", "completed")]
    assert tone_share(a.recordings()[-1], b.tone) > 0.9
    assert complaints(here) + complaints(there) == []
