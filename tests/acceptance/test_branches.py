"""A callback between PBXs that are joined by trunks: real Asterisks, 22 with 22 and 22 with 16, and real phones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from busy_callback.setup.branch_changes import RELOAD

from ..lab.audio import tone_share
from ..lab.branches import Branches, BranchOffice, Site
from ..lab.phone import Phone
from ..lab.publisher import Publisher
from ..lab.releases import ASTERISK_16, ASTERISK_22, Release
from .conftest import complaints, talk_again

OpenBranches = Callable[..., Branches]
WITH_PJSIP_PHONES = replace(ASTERISK_16, technology="PJSIP")


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


@pytest.mark.parametrize("other", [ASTERISK_22, ASTERISK_16, WITH_PJSIP_PHONES], ids=["22", "16sip", "16pjsip"])
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
    assert b.rings == 0
    assert talk_again(a, b).caller_id == "Phone 201 <201>"
    here.until_logged("completed:")
    assert here.ended() == [("201-301", "completed")]
    assert tone_share(a.recordings()[-1], b.tone) > 0.9
    assert complaints(here) + complaints(there) == []


def waits(branches: Branches) -> tuple[BranchOffice, BranchOffice, Phone, Phone, Phone]:
    """Let 201 wait for 301, which talks with 302; return both offices, and the phones 201, 301 and 302."""
    here, there = branches.offices["2"], branches.offices["3"]
    a, b, c = here.phones["201"], there.phones["301"], there.phones["302"]
    here.watch()
    branches.talk(b, c)
    here.ask(a, b)
    branches.wait_for_state("201", "NOT_INUSE")
    return here, there, a, b, c


def come_back(there: BranchOffice, number: str) -> Phone:
    """Start a killed branch again, where a phone registers anew; return that phone.

    Until it has, chan_sip tells nobody what state it is in.
    """
    there.phones[number].close()
    there.asterisk.start()
    return there.phone(number)


def meet(caller: Phone, callee: Phone) -> None:
    """Let a recalled caller answer and the callee too, and both hear each other."""
    caller.answer()
    callee.answer()
    caller.wait_until_tone(callee.tone)
    caller.hang_up()
    callee.closed()


def test_a_branch_that_goes_away_while_a_caller_waits(
    open_branches: OpenBranches, other: Release, counts: Callable[[str], None]
) -> None:
    """Its last states stand: nobody is rung, and the request waits on; with its first states the caller is recalled."""
    branches = open_branches({"2": ASTERISK_22, "3": other}, "201", "301", "302")
    here, there, a, _b, _c = waits(branches)
    there.asterisk.kill()
    assert here.command("poll").returncode == 0
    assert (a.rings, here.waiting()) == (0, [("201", "301")])
    b = come_back(there, "301")
    branches.wait_for_state("301", "NOT_INUSE")
    known = time.monotonic()
    meet(a, b)
    here.until_logged("completed:")
    assert a.rings == 1
    (ring,) = (event for event in a.events() if event.type == "CALL_INCOMING")
    counts(f"rang {1000 * (ring.at - known):.0f} ms after the free state was seen here")


def test_a_branch_that_goes_away_while_the_caller_rings(open_branches: OpenBranches) -> None:
    """Who answers can't be connected: the request waits on, and is served when the branch is back."""
    branches = open_branches({"2": ASTERISK_22, "3": ASTERISK_22}, "201", "301", "302", qualify=1)
    here, there, a, b, _c = waits(branches)
    b.hang_up()
    a.ring()
    there.asterisk.kill()
    here.asterisk.manager.wait_for_state("PJSIP/to-taichung", "UNAVAILABLE")
    a.accept()
    here.until_logged("301 could not be reached when 201 answered")
    a.closed()
    b = come_back(there, "301")
    here.asterisk.manager.wait_for_state("PJSIP/to-taichung", "NOT_INUSE")
    meet(a, b)
    here.until_logged("completed:")
    assert a.rings == 2


def test_a_branch_that_stays_away_rings_its_caller_no_more_than_attempts(open_branches: OpenBranches) -> None:
    """Its last state says that the callee is free; each recall finds out that it is not there."""
    branches = open_branches({"2": ASTERISK_22, "3": ASTERISK_22}, "201", "301", "302", settings={"attempts": "2"})
    here, there, a, b, _c = waits(branches)
    b.hang_up()
    a.ring()
    there.asterisk.kill()
    branches.let_ring(1)
    a.accept()
    a.closed()
    a.answer()
    a.closed()
    here.until_logged("failed: .*attempts")
    assert here.command("poll").returncode == 0
    assert a.rings == 2


def test_two_pbxs_wait_for_one_callee(open_branches: OpenBranches) -> None:
    """Each recalls its own caller; who comes second finds the callee taken, keeps its place, and is served after."""
    branches = open_branches({"2": ASTERISK_22, "3": ASTERISK_22, "4": ASTERISK_16}, "201", "301", "302", "401")
    here, _there, a, b, _c = waits(branches)
    south = branches.offices["4"]
    d = south.phones["401"]
    south.watch()
    south.ask(d, b)
    branches.wait_for_state("401", "NOT_INUSE")
    b.hang_up()
    a.ring()
    d.ring()
    a.accept()
    b.answer()
    branches.wait_for_state("301", "INUSE", "BUSY")
    d.accept()
    south.until_logged("301 was taken again when 401 answered")
    d.closed()
    branches.wait_for_state("401", "NOT_INUSE")
    a.hang_up()
    b.closed()
    meet(d, b)
    for office in (here, south):
        office.until_logged("completed:")
    assert (a.rings, d.rings, b.rings) == (1, 2, 2)


def test_no_reply_from_a_branch(open_branches: OpenBranches, other: Release) -> None:
    """301 did not answer; 201 presses 5, and is recalled when 301 has used its phone and is free."""
    branches = open_branches({"2": ASTERISK_22, "3": other}, "201", "301", "302")
    here, there = branches.offices.values()
    a, b, c = here.phones["201"], there.phones["301"], there.phones["302"]
    here.watch()
    branches.let_ring(1)
    a.dial("301")
    b.ring()
    a.established()
    a.wait_until_sound()
    a.press("5")
    a.closed()
    branches.let_ring(15)
    assert [request.kind for request in here.live()] == ["no-reply"]
    branches.wait_for_state("301", "NOT_INUSE")
    assert a.rings == 0
    branches.talk(c, b)
    here.until_logged("301 uses the phone")
    b.hang_up()
    meet(a, b)
    here.until_logged("completed:")


def test_who_reached_a_colleague_of_a_branch_otherwise_is_not_recalled(open_branches: OpenBranches) -> None:
    """201 tries again by itself, and gets through: the request is pointless."""
    branches = open_branches({"2": ASTERISK_22, "3": ASTERISK_22}, "201", "301", "302", settings={"guard_time": "60"})
    here, _there, a, b, _c = waits(branches)
    b.hang_up()
    branches.wait_for_state("301", "NOT_INUSE")
    branches.talk(a, b)
    here.until_logged("completed: 201 and 301 reached each other")
    assert a.rings == 0


def test_a_colleague_who_wants_no_calls_is_not_offered(open_branches: OpenBranches, other: Release) -> None:
    """301's phone says busy though it is in no call: 201 hears the busy tone of its own phone, as ever."""
    branches = open_branches({"2": ASTERISK_22, "3": other}, "201", "301")
    a, b = branches.of("201").phones["201"], branches.of("301").phones["301"]
    a.dial("301")
    b.ring()
    b.hang_up()
    a.closed()
    assert a.count("CALL_ESTABLISHED") == 0


def test_a_publication_is_taken_up_without_a_restart(other: Release, tmp_path: Path) -> None:
    """What install has put into pjsip.conf counts after the reload that it asks for."""
    branch = Site("3", ASTERISK_22)
    office = BranchOffice(Site("2", other), [branch], tmp_path, (), {}, 0)
    with office:
        name = "pjsip_branches.conf" if other.technology == "PJSIP" else "pjsip.conf"
        path = office.asterisk.folder / "etc" / name
        whole = path.read_text()
        path.write_text(whole.partition(f"[{branch.name}]")[0])
        office.asterisk.console(RELOAD)
        with Publisher(branch.host, office.site.address, branch.name) as publisher:
            assert publisher.publish("PJSIP/301", "INUSE") == 404
            path.write_text(whole)
            office.asterisk.console(RELOAD)
            assert publisher.publish("PJSIP/301", "INUSE") == 200
        assert office.asterisk.manager.device_state("PJSIP/301") == "INUSE"


def test_the_callers_own_pbx_restarts(open_branches: OpenBranches, other: Release) -> None:
    """What happened at the branch meanwhile it asks for, as it starts: the callee got free, and 201 is recalled."""
    branches = open_branches({"2": ASTERISK_22, "3": other}, "201", "301", "302")
    here, _there, a, b, c = waits(branches)
    here.asterisk.kill()
    b.hang_up()
    c.closed()
    here.asterisk.start()
    meet(a, b)
    here.until_logged("completed:")
    assert a.rings == 1
