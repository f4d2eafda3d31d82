"""The poller's memory of the live requests: what an event concerns, and no more, is decided anew."""

from __future__ import annotations

import os
import time

import pytest

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.settings import Settings
from busy_callback.store.live_requests import LiveRequests
from busy_callback.store.spool import Spool
from tests.unit.conftest import NOW


@pytest.fixture
def live(spool: Spool) -> LiveRequests:
    """A book of an empty spool."""
    made = LiveRequests(spool)
    made.refresh(at_once=True)
    return made


def ask(spool: Spool, caller: str, callee: str, now: float = NOW) -> str:
    """Register a request; return its id."""
    return spool.register(caller, callee, rq.BUSY, "", Settings(), now)[1]


def taken(live: LiveRequests, now: float = NOW) -> dict[str, list[str]]:
    """Return who waits, by callee, in the queues that are to be decided."""
    return {callee: [r.caller for r in requests] for callee, requests in live.take_queues(now).items()}


def test_what_the_watch_before_has_begun_is_known(spool: Spool) -> None:
    """A recall that was begun after the book was read is in it once the book is told to look for what was written."""
    request_id = ask(spool, "201", "202")
    other = ask(spool, "201", "203")
    live = LiveRequests(spool)
    live.refresh(at_once=True)
    before = time.time_ns() + 1_000_000_000
    old = spool.load(request_id)
    assert old is not None
    assert spool.replace(old, policy.begin(old, 1, NOW))
    os.utime(spool.path("requests", request_id), ns=(before, before))
    assert live.recalling() == []
    live.reread(since=before)
    assert [request.id for request in live.recalling()] == [request_id]
    assert [request.id for request in live.queue("203")] == [other]


def test_everything_is_decided_once(spool: Spool) -> None:
    """At first all queues are to be decided, in the order of those who asked first; then none is."""
    ask(spool, "203", "204", NOW + 1)
    ask(spool, "201", "202", NOW)
    ask(spool, "205", "202", NOW + 2)
    live = LiveRequests(spool)
    live.refresh(at_once=True)
    assert list(taken(live).items()) == [("202", ["201", "205"]), ("204", ["203"])]
    assert taken(live) == {}
    assert set(live.extensions()) == {"201", "202", "203", "204", "205"}


def test_an_extension_concerns_the_queues_it_is_in(spool: Spool, live: LiveRequests) -> None:
    """As callee its own queue; as caller each queue that it waits in; nobody else's."""
    for caller, callee in (("201", "202"), ("202", "203"), ("204", "205")):
        live.read(ask(spool, caller, callee))
    taken(live)
    live.touch("202")
    assert set(taken(live)) == {"202", "203"}
    live.touch("299")
    assert taken(live) == {}


def test_a_named_request_is_read_and_others_are_not(spool: Spool, live: LiveRequests) -> None:
    """The AGI's event names the request: one file is read, no folder listed."""
    request_id = ask(spool, "201", "202")
    ask(spool, "203", "204")
    live.refresh(at_once=False)
    assert taken(live) == {}
    live.read(request_id)
    assert taken(live) == {"202": ["201"]}


def test_what_nobody_told_of_is_found_by_listing(spool: Spool, live: LiveRequests) -> None:
    """New requests come into the book, ended ones leave it, when the folder is listed."""
    request_id = ask(spool, "201", "202")
    live.refresh(at_once=True)
    assert taken(live) == {"202": ["201"]}
    spool.cancel(request_id, "by the admin", NOW)
    live.refresh(at_once=True)
    assert (set(live.extensions()), live.of_caller("201"), taken(live)) == (set(), [], {})


def test_a_folder_that_did_not_change_is_not_listed(
    spool: Spool, live: LiveRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a spool in which nothing happens costs one stat."""
    monkeypatch.setattr("busy_callback.store.live_requests._TICK", -(10**12))
    live.refresh(at_once=True)
    monkeypatch.setattr("os.listdir", lambda path: pytest.fail("listed"))
    live.refresh(at_once=True)


def test_the_end_of_a_recall_frees_both_ends_for_other_queues(spool: Spool, live: LiveRequests) -> None:
    """One recall at a time for each: who waited for its end is decided anew."""
    first, other, third = (ask(spool, *pair) for pair in (("201", "202"), ("201", "203"), ("202", "204")))
    for request_id in (first, other, third):
        live.read(request_id)
    (request,) = live.queue("202")
    recalling = request.but(NOW, "recall 1", state=rq.RECALLING, attempt=1)
    live.put(recalling)
    taken(live)
    assert live.recalling() == [recalling]
    live.put(rq.end(recalling, rq.COMPLETED, "talked", NOW))
    assert (live.recalling(), set(taken(live))) == ([], {"203", "204"})


def test_the_clock_alone_brings_a_queue_back(spool: Spool, live: LiveRequests) -> None:
    """The last reminder of a queue counts, and none once it is taken back."""
    live.read(ask(spool, "201", "202"))
    assert live.next_due() == 0.0
    taken(live)
    live.remind("202", NOW + 5)
    live.remind("202", NOW + 9)
    assert live.next_due() == NOW + 9
    assert taken(live, NOW + 8) == {}
    assert taken(live, NOW + 9) == {"202": ["201"]}
    live.remind("202", NOW + 20)
    live.remind("202", None)
    assert live.next_due() is None


@pytest.mark.parametrize("named", ["../lock", "201-202-0mwvap9zq x", "201-202", "201-202-../../../x", ""])
def test_only_a_requests_name_is_looked_for(named: str) -> None:
    """A dialplan may send our event with anything in it: what is no id means that the folder is listed."""
    device_states = DeviceStates(Ami(Settings()))
    assert device_states.note("UserEvent", {"UserEvent": "BusyCallback", "Request": named}, NOW)
    assert device_states.news == {"": None}
