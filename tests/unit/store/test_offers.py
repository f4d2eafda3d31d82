"""Offers are counted: a line each, at no cost to the caller, and for the statistics alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from busy_callback.store.offers import forget_offers, note_offer, read_offers
from busy_callback.store.spool import Spool

from ..conftest import NOW

DAY = 86400


def day_file(spool: Spool, now: float = NOW) -> Path:
    """Return the file of that day."""
    return Path(spool.path("offers", time.strftime("%Y-%m-%d", time.localtime(now))))


def test_an_offer_is_a_line_of_its_day(spool: Spool) -> None:
    """The folder is made when it is missing; two of a day stand in one file."""
    note_offer(spool.directory, "201", "202", "busy", NOW)
    note_offer(spool.directory, "203", "202", "no-reply", NOW + 1.5)
    assert day_file(spool).read_text() == "1800000000.000 busy 201 202\n1800000001.500 no-reply 203 202\n"
    found = [(o.when, o.kind, o.caller, o.callee) for o in read_offers(spool.directory)]
    assert found == [(NOW, "busy", "201", "202"), (NOW + 1.5, "no-reply", "203", "202")]


def test_an_offer_may_be_counted_without_its_numbers(spool: Spool) -> None:
    """As where no history is wanted."""
    note_offer(spool.directory, "201", "202", "busy", NOW, with_numbers=False)
    assert day_file(spool).read_text() == "1800000000.000 busy\n"
    assert [(o.caller, o.callee) for o in read_offers(spool.directory)] == [("", "")]


def test_offers_are_read_since_a_time(spool: Spool) -> None:
    """Other days' files are not even opened."""
    for days in (-3, -1, 0):
        note_offer(spool.directory, "201", "202", "busy", NOW + days * DAY)
    assert [o.when for o in read_offers(spool.directory, NOW - 1)] == [NOW]
    assert len(list(read_offers(spool.directory))) == 3


def test_a_full_disk_or_a_missing_spool_costs_the_caller_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be counted is not, and nobody hears of it."""
    note_offer(f"{spool.directory}/none", "201", "202", "busy", NOW)

    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", no_space)
    note_offer(spool.directory, "201", "202", "busy", NOW)
    assert list(read_offers(spool.directory)) == []


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_what_is_no_file_of_ours_is_passed_over(spool: Spool, tmp_path: Path, kind: str) -> None:
    """A link is not followed, a FIFO not waited for, and neither stops the counting of another day."""
    os.mkdir(spool.path("offers", ""))
    path = day_file(spool)
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    note_offer(spool.directory, "201", "202", "busy", NOW)
    note_offer(spool.directory, "201", "202", "busy", NOW + DAY)
    assert not (tmp_path / "elsewhere").exists()
    assert [o.when for o in read_offers(spool.directory)] == [NOW + DAY]
    forget_offers(spool.directory, NOW + 9 * DAY)


def test_half_a_line_and_a_strange_one_are_passed_over(spool: Spool) -> None:
    """A power cut may leave the first; nothing of ours writes the second."""
    note_offer(spool.directory, "201", "202", "busy", NOW)
    strange = (
        "x busy 201 202\n-1 busy 201 202\nnan busy\n1 gone 201 202\n1 busy 201\n1 busy <b> 202\n\n1 busy 201 202 3\n"
    )
    with day_file(spool).open("a") as file:
        file.write(f"{strange}1800000001.000 bu")
    assert len(list(read_offers(spool.directory))) == 1


def test_old_days_are_forgotten(spool: Spool) -> None:
    """With the history that they belong to, by the poller's sweep."""
    now = time.time()
    for days in (0, -29, -32):
        note_offer(spool.directory, "201", "202", "busy", now + days * DAY)
    spool.sweep(now)
    assert len(list(read_offers(spool.directory))) == 2
    spool.sweep(now, history_days=7)
    assert len(list(read_offers(spool.directory))) == 1
