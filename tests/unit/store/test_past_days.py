"""What ended on a past day moves into that day's file, and is read there as before: nothing is lost or met twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError
from busy_callback.request import Request
from busy_callback.settings import Settings
from busy_callback.store import day_lines, sweep
from busy_callback.store.history import History
from busy_callback.store.spool import Spool

from ..conftest import NOW

DAY = 86400


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NOW is 2027-01-15 08:00:00 in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def end(spool: Spool, caller: str, when: float = NOW) -> str:
    """Register for 202 and cancel at that time; return the id."""
    request_id = spool.register(caller, "202", rq.BUSY, "", Settings(), when - 60)[1]
    assert spool.cancel(request_id, "by the caller", when)
    os.utime(spool.path("ended", request_id), (when, when))
    return request_id


def single(spool: Spool) -> list[str]:
    """Return the names of those that have a file of their own."""
    return sorted(os.listdir(spool.path("ended", "")))


def day(spool: Spool, name: str = "2027-01-15") -> Path:
    """Return the path of a day's file."""
    return Path(spool.path("history", name))


def ids(spool: Spool, **which: object) -> list[str]:
    """Return the ids that the history has, each as often as it is met."""
    return sorted(request.id for request in History(spool, **which))  # type: ignore[arg-type]


def test_what_ended_on_a_past_day_is_moved_into_its_file_and_read_there(spool: Spool) -> None:
    """A line each; all that was known of it is known still."""
    moved = [end(spool, "201"), end(spool, "203", NOW + 3600), end(spool, "204", NOW - DAY)]
    before = spool.ended()
    spool.sweep(NOW + DAY)
    assert single(spool) == []
    assert sorted(os.listdir(spool.path("history", ""))) == ["2027-01-14", "2027-01-15"]
    assert [json.loads(line)["id"] for line in day(spool).read_text().splitlines()] == moved[:2]
    assert spool.ended() == before
    assert ids(spool) == sorted(moved)


def test_what_ended_today_or_just_now_keeps_its_own_file(spool: Spool) -> None:
    """Somebody may be looking at it, as list --follow does, also when it is past midnight."""
    midnight = NOW + 16 * 3600
    names = [end(spool, "201"), end(spool, "203", midnight - 600)]
    spool.sweep(midnight - 1)
    assert single(spool) == sorted(names)
    spool.sweep(midnight + 1)
    assert single(spool) == names[1:]
    spool.sweep(midnight + 3600)
    assert single(spool) == []
    assert ids(spool) == sorted(names)


def test_one_that_is_in_both_places_is_met_once(spool: Spool) -> None:
    """As a crash leaves it before the single file goes; the next sweep adds no second line."""
    request_id = end(spool, "201")
    data = Path(spool.path("ended", request_id)).read_bytes()
    spool.sweep(NOW + DAY)
    line = day(spool).read_bytes()
    Path(spool.path("ended", request_id)).write_bytes(data)
    os.utime(spool.path("ended", request_id), (NOW, NOW))
    assert ids(spool) == [request_id]
    assert [request.id for request in spool.ended()] == [request_id]
    spool.sweep(NOW + DAY)
    assert (day(spool).read_bytes(), single(spool)) == (line, [])


def test_one_that_moves_while_the_history_is_read_is_not_missed(spool: Spool) -> None:
    """It was among the single files when they were listed."""
    names = [end(spool, caller) for caller in ("201", "203", "204")]
    reading = iter(History(spool))
    first = next(reading).id
    spool.sweep(NOW + DAY)
    assert sorted([first, *(request.id for request in reading)]) == names


def test_new_lines_come_after_those_that_are_there(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some at a time: a sweep is short, and whoever counted a part of the file goes on behind it."""
    monkeypatch.setattr(sweep, "_BATCH", 2)
    names = [end(spool, str(caller), NOW + caller) for caller in range(201, 205) if caller != 202]
    spool.sweep(NOW + DAY)
    first = day(spool).read_bytes()
    assert single(spool) == names[2:]
    spool.sweep(NOW + DAY)
    assert day(spool).read_bytes().startswith(first)
    assert ids(spool) == names
    assert day(spool).stat().st_mtime == NOW + 204


def test_a_day_is_forgotten_when_its_last_request_has_to_be(spool: Spool) -> None:
    """After ``history_days``, whatever of it ended earlier; a late request of an old day does not keep it longer."""
    end(spool, "201")
    end(spool, "203", NOW + 7200)
    spool.sweep(NOW + DAY, 2)
    spool.sweep(NOW + 2 * DAY + 7199, 2)
    assert len(ids(spool)) == 2
    spool.sweep(NOW + 2 * DAY + 7201, 2)
    assert os.listdir(spool.path("history", "")) == []


def test_without_a_history_nothing_is_moved_and_past_days_go(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``history_days`` 0 no number is written anew, and what an earlier setting kept goes at once."""
    end(spool, "201")
    spool.sweep(NOW + DAY, 30)
    end(spool, "203", NOW + DAY)
    spool.sweep(NOW + DAY + 3000, 0, str(Path(spool.directory).parent))
    assert os.listdir(spool.path("history", "")) == []
    assert len(ids(spool)) == 1
    monkeypatch.setattr(sweep, "SETTLED", 0)
    midnight = NOW + DAY + 16 * 3600
    end(spool, "204", midnight - 600)
    spool.sweep(midnight + 600, 0, str(Path(spool.directory).parent))
    assert (len(single(spool)), os.listdir(spool.path("history", ""))) == (1, [])


def test_of_a_long_history_only_what_was_asked_for_is_read(spool: Spool) -> None:
    """By time, and by the beginning of the id."""
    old, new = end(spool, "201"), end(spool, "2019", NOW + 60)
    spool.sweep(NOW + DAY)
    assert ids(spool, since=NOW + 30) == [new]
    assert [request.id for request in spool.ended(since=NOW + 30)] == [new]
    assert ids(spool, since=NOW + 61) == []
    assert ids(spool, wanted="201") == ids(spool, wanted="201-202") == ids(spool, wanted=old) == [old]
    assert ids(spool, wanted="202") == []


def test_an_older_versions_file_is_moved_too(spool: Spool) -> None:
    """One that lacks what came later."""
    path = Path(spool.path("ended", end(spool, "201")))
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in text if not line.startswith(("answered:", "context:", "presentation:"))))
    os.utime(path, (NOW, NOW))
    spool.sweep(NOW + DAY)
    (request,) = History(spool)
    assert (single(spool), request.state, request.presentation) == ([], rq.CANCELLED, "")


def test_what_is_no_ended_request_is_set_aside_and_the_rest_moves(spool: Spool) -> None:
    """Half a file, and one that says that it waits."""
    good, half, live = (end(spool, caller) for caller in ("201", "203", "204"))
    waiting = Path(spool.path("ended", live))
    Path(spool.path("ended", half)).write_bytes(waiting.read_bytes()[:90])
    waiting.write_bytes(rq.encode(Request(live, requested=NOW, expires=NOW)))
    for name in (half, live):
        os.utime(spool.path("ended", name), (NOW, NOW))
    spool.sweep(NOW + DAY)
    assert (ids(spool), single(spool)) == ([good], [])
    reasons = {name.rsplit(".", 1)[0]: reason for name, reason in spool.corrupt()}
    assert reasons == {half: "its end is missing", live: "it is waiting, where only what has ended belongs"}


def test_lines_that_are_none_of_ours_are_passed_over_and_stay(spool: Spool) -> None:
    """Junk, half a line, a long one: each is counted, the others are read, and the next request does not join them."""
    ours = end(spool, "201")
    spool.sweep(NOW + DAY)
    line = day(spool).read_bytes()
    with day(spool).open("ab") as file:
        file.write(b"junk\n" + b"[" * 50_000 + b"\n" + b'"' + b"x" * 100_000 + b"\n" + line[:40])
    os.utime(day(spool), (NOW, NOW))
    history = History(spool)
    assert [request.id for request in history] == [ours]
    assert history.unreadable == 5  # the longest in two pieces
    late = end(spool, "203", NOW + 5)
    before = day(spool).read_bytes()
    spool.sweep(NOW + DAY)
    assert day(spool).read_bytes().startswith(before + b"\n")
    assert ids(spool) == [ours, late]


def test_where_a_day_cannot_be_written_its_requests_stay_where_they_are(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk: the sweep goes on, and moves them when it can."""
    request_id = end(spool, "201")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "write_durably", full)
    spool.sweep(NOW + DAY)
    assert single(spool) == ids(spool) == [request_id]
    monkeypatch.undo()
    spool.sweep(NOW + DAY)
    assert single(spool) == []


def test_one_that_cannot_be_read_now_holds_up_no_other(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An I/O error is no corrupt file: it stays, and moves when it can be read."""
    names = [end(spool, caller) for caller in ("201", "203")]
    real = os.open

    def failing(path: str, *arguments: int) -> int:
        if path == spool.path("ended", names[0]):
            raise OSError(5, os.strerror(5), path)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", failing)
    spool.sweep(NOW + DAY)
    monkeypatch.undo()
    assert (single(spool), ids(spool), list(spool.corrupt())) == (names[:1], names, [])


def a_request(**fields: object) -> Request:
    """Return an ended request with all that one can have."""
    made = Request(
        "201-202-0mywpiww0",
        requested=NOW,
        expires=NOW + 2700.125,
        kind=rq.NO_REPLY,
        language="zh_TW",
        context="from-internal",
        presentation=rq.RESTRICTED,
        renewed=NOW + 1,
        callee_used=NOW + 2,
        not_before=NOW + 3,
        unanswered=1,
        events=((NOW, "registered"), (NOW + 1, 'it said "no" \\ and hung up')),
    )
    recalled = policy.begin(made, 7, NOW + 4).but(NOW + 5, "201 answered", answered=NOW + 5)
    return rq.end(recalled, rq.COMPLETED, "201 and 202 talked for 61 s", NOW + 70).but(NOW + 71, "x", **fields)


def test_a_line_has_all_of_a_request() -> None:
    """Each field comes back as it was."""
    for request in (
        a_request(),
        Request("1-2-000000000", requested=0.0, expires=0.0, state=rq.FAILED, reason="\ufffd"),
    ):
        back = day_lines.decode(day_lines.encode(request))
        assert [getattr(back, name) for name in Request.__slots__] == [
            getattr(request, name) for name in Request.__slots__
        ]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": rq.WAITING},
        {"state": "gone"},
        {"state": None},
        {"kind": "odd"},
        {"kind": 1},
        {"id": "201-201-000000000"},
        {"id": "../../x"},
        {"id": None},
        {"language": "x y"},
        {"context": "a,b"},
        {"presentation": "loud"},
        {"reason": "two\nlines"},
        {"reason": "\x1b[2J"},
        {"reason": ["x"]},
        {"requested": "now"},
        {"requested": None},
        {"ended": -1.0},
        {"ended": 1e12},
        {"ended": float("nan")},
        {"ended": True},
        {"attempt": 1.5},
        {"attempt": 10**400},
        {"events": {}},
        {"events": [[NOW]]},
        {"events": [[NOW, "x\x07"]]},
        {"events": [[NOW, 7]]},
        {"events": [["x", "y"]]},
        {"events": [[-1.0, "y"]]},
        {"unknown": "x"},
        {"unknown": None},
    ],
    ids=str,
)
def test_a_line_is_looked_at_as_a_file_is(changes: dict[str, object]) -> None:
    """What ``encode`` can't have written is refused, field by field; None: without it, or alone without what is 0."""
    fields = json.loads(day_lines.encode(a_request()))
    for name, value in changes.items():
        if value is None and name in fields:
            del fields[name]
        else:
            fields[name] = value
    with pytest.raises(CorruptRequestError):
        day_lines.decode(json.dumps(fields).encode() + b"\n")


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"[]\n", b"7\n", b'"x"\n', b"{}\n", b"\xff\n", b"null\n", b"[" * 9999 + b"\n"], ids=repr
)
def test_what_is_no_object_is_no_request(line: bytes) -> None:
    """Nor is one without its line's end, or with something behind it."""
    with pytest.raises(CorruptRequestError):
        day_lines.decode(line)
    whole = day_lines.encode(a_request())
    for data in (whole[:-1], whole[:-1] + b" \n", whole[:-1] + whole):
        with pytest.raises(CorruptRequestError):
            day_lines.decode(data)
