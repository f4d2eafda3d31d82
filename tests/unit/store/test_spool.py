"""The spool directory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.errors import SpoolError
from busy_callback.settings import Settings
from busy_callback.store import durable as durable_module
from busy_callback.store.spool import DUPLICATE, FULL, REGISTERED, Spool
from tests.unit.conftest import NOW


def register(spool: Spool, caller: str, callee: str, now: float = NOW) -> tuple[str, str]:
    """Register with the default settings."""
    return spool.register(caller, callee, rq.BUSY, "", Settings(), now)


def test_registered_means_on_disk(spool: Spool) -> None:
    """A registered request is found again by another process."""
    status, request_id = register(spool, "201", "202")
    assert status == REGISTERED
    assert [r.id for r in Spool(spool.directory).live()] == [request_id]


def test_the_file_and_its_directory_are_flushed_before_registered(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is: write, flush the file, rename, flush the directory."""
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        steps.append("flush " + os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")).split(".")[0])
        real_fsync(descriptor)

    def rename(old: str, new: str) -> None:
        steps.append("rename")
        real_rename(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    _, request_id = register(spool, "201", "202")
    assert steps == [f"flush {request_id}", "rename", "flush requests"]


def test_where_the_callee_is_dialled_from_is_written_down(spool: Spool) -> None:
    """Asked again from a phone with another context it is that one's; from one that nobody knows, it stays."""
    for context, known in (("sales", "sales"), ("", "sales"), ("support", "support")):
        spool.register("201", "202", rq.BUSY, "", Settings(), NOW, context)
        assert [request.context for request in spool.live()] == [known]


def test_whether_there_is_a_place_is_told_as_registration_finds_it(spool: Spool) -> None:
    """A full queue of the callee, of the caller, of all; a pair that waits already has its place."""
    assert spool.has_place("201", "202", Settings())
    register(spool, "201", "202")
    for limit in ("queue_per_callee", "queue_per_caller", "queue_in_all"):
        settings = Settings()
        setattr(settings, limit, 1)
        for caller, callee in (("203", "202"), ("201", "203"), ("203", "204"), ("201", "202")):
            has_place = spool.has_place(caller, callee, settings)
            status, request_id = spool.register(caller, callee, rq.BUSY, "", settings, NOW)
            assert has_place == (status != FULL)
            if status == REGISTERED:
                spool.cancel(request_id, "by a test", NOW)


def test_the_same_pair_again_is_one_request_and_renews_its_time(spool: Spool) -> None:
    """Asked twice: one request, in its old place, with the service duration begun anew."""
    _, request_id = register(spool, "201", "202")
    assert register(spool, "201", "202", NOW + 100) == (DUPLICATE, request_id)
    (request,) = spool.live()
    assert request.expires == NOW + 100 + Settings().service_time


def test_a_callees_queue_is_limited(spool: Spool) -> None:
    """The sixth caller of one callee is told that the queue is full, and is not on disk."""
    for caller in range(210, 215):
        assert register(spool, str(caller), "202")[0] == REGISTERED
    assert register(spool, "215", "202") == (FULL, "")
    assert len(spool.live()) == 5


def test_a_callers_requests_are_limited(spool: Spool) -> None:
    """The sixth request of one caller is refused; the same pair again is not a sixth."""
    for callee in range(210, 215):
        assert register(spool, "201", str(callee))[0] == REGISTERED
    assert register(spool, "201", "215") == (FULL, "")
    assert register(spool, "201", "210")[0] == DUPLICATE


def test_mixed_lengths_are_told_apart(spool: Spool) -> None:
    """201 to 2021 and 2012 to 021 are different pairs."""
    register(spool, "201", "2021")
    assert register(spool, "2012", "021")[0] == REGISTERED


def test_the_order_is_kept_when_the_clock_steps_back(spool: Spool) -> None:
    """Who asks later stands behind, even if the clock was set back an hour meanwhile."""
    register(spool, "201", "202", NOW)
    register(spool, "203", "202", NOW - 3600)
    register(spool, "204", "202", NOW - 1800)
    assert [r.caller for r in spool.live()] == ["201", "203", "204"]


def test_an_ended_request_goes_to_the_history_with_time_and_reason(spool: Spool) -> None:
    """Ending moves the request out of the queue; it can be asked for anew, under a new id."""
    _, request_id = register(spool, "201", "202")
    assert spool.cancel(request_id, "by the admin", NOW + 1)
    assert spool.live() == []
    (ended,) = spool.ended()
    assert (ended.state, ended.ended, ended.reason) == (rq.CANCELLED, NOW + 1, "by the admin")
    assert not spool.cancel(request_id, "by the admin", NOW + 2)
    assert register(spool, "201", "202", NOW)[1] != request_id


def test_a_change_is_not_written_over_somebody_elses(spool: Spool) -> None:
    """A change made from an old copy of the request is refused."""
    register(spool, "201", "202")
    (old,) = spool.live()
    register(spool, "201", "202", NOW + 1)
    assert not spool.replace(old, rq.end(old, rq.EXPIRED, "x", NOW + 2))
    assert len(spool.live()) == 1


def test_a_request_that_is_in_both_places_has_ended(spool: Spool) -> None:
    """A crash between the two steps of ending leaves both files: the end counts, and is cleaned up."""
    _, request_id = register(spool, "201", "202")
    (request,) = spool.live()
    ended = rq.end(request, rq.COMPLETED, "x", NOW)
    Path(spool.path("ended", request_id)).write_bytes(rq.encode(ended))
    assert spool.live() == []
    assert not spool.replace(request, request)
    spool.sweep(time.time())
    assert os.listdir(f"{spool.directory}/requests") == []
    assert [r.id for r in spool.ended()] == [request_id]


def test_a_file_that_cannot_be_read_is_set_aside_with_the_reason(spool: Spool) -> None:
    """A corrupt file goes to corrupt/, whole, with the reason beside it; the rest goes on."""
    register(spool, "201", "202")
    Path(spool.path("requests", "junk")).write_bytes(b"\x00junk")
    assert [r.caller for r in spool.live()] == ["201"]
    ((name, reason),) = spool.corrupt()
    assert Path(spool.path("corrupt", name)).read_bytes() == b"\x00junk"
    assert "CALLER-CALLEE-STAMP" in reason


def test_a_link_in_the_spool_is_not_followed(spool: Spool, tmp_path: Path) -> None:
    """A symbolic link in place of a request is set aside, not read."""
    _, request_id = register(spool, "201", "202")
    elsewhere = tmp_path / "elsewhere"
    os.rename(spool.path("requests", request_id), elsewhere)
    os.symlink(elsewhere, spool.path("requests", request_id))
    assert spool.live() == []
    assert elsewhere.exists()


def test_a_full_disk_leaves_nothing_half_written(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails the caller gets an error, and the spool is as before."""

    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(SpoolError, match="No space left"):
        register(spool, "201", "202")
    monkeypatch.undo()
    assert spool.live() == []
    assert os.listdir(f"{spool.directory}/tmp") == []


def test_a_lock_that_is_never_released_is_an_error(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs with the lock costs the others a limited time and a clear error."""
    monkeypatch.setattr(durable_module, "LOCK_TIME", 0.05)
    with spool.lock(), pytest.raises(SpoolError, match="is held by another process"):
        register(spool, "201", "202")


def test_a_killed_holder_releases_the_lock(spool: Spool) -> None:
    """The lock of a process that was killed is free at once."""
    program = (
        "import sys, busy_callback.store.spool as s\n"
        "with s.Spool(sys.argv[1]).lock():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, spool.directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    assert register(spool, "201", "202")[0] == REGISTERED


def test_two_hundred_registrations_at_once_are_all_kept(spool: Spool) -> None:
    """Processes that register at the same time lose nothing and keep one request a pair."""
    program = (
        "import sys\nfrom busy_callback.store.spool import Spool\nfrom busy_callback.settings import Settings\n"
        "s = Settings(); s.queue_per_callee = s.queue_per_caller = 100; first = int(sys.argv[2])\n"
        "for n in range(50):\n"
        "    Spool(sys.argv[1]).register(str(300 + n), str(400 + (first + n) % 50), 'busy', '', s, 1.8e9)\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", program, spool.directory, str(first)]) for first in (0, 0, 1, 2)]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    pairs = [(r.caller, r.callee) for r in spool.live()]
    assert len(pairs) == len(set(pairs)) == 150


def test_what_a_crash_left_in_tmp_is_cleaned(spool: Spool) -> None:
    """A file that was being written when its process died is removed by the next poll."""
    Path(spool.path("tmp", "left")).write_text("x")
    spool.sweep(NOW)
    assert os.listdir(f"{spool.directory}/tmp") == []


def test_the_history_forgets_after_a_month(spool: Spool) -> None:
    """Ended requests stay for 30 days, reports of their recalls for two."""
    now = time.time()
    _, request_id = register(spool, "201", "202", now)
    report = Path(spool.path("recalls", f"{request_id}.1"))
    report.write_text("claimed 1\n")
    spool.cancel(request_id, "x", now)
    made = os.stat(spool.path("ended", request_id)).st_mtime
    spool.sweep(made + 86400)
    assert report.exists()
    spool.sweep(made + 29 * 86400)
    assert not report.exists()
    assert len(spool.ended()) == 1
    spool.sweep(made + 31 * 86400)
    assert spool.ended() == []


def test_the_history_forgets_as_soon_as_the_setting_says(spool: Spool) -> None:
    """After ``history_days``; with none nothing of the spool has a number after an hour, as far as it is safe.

    A report stays as long as Asterisk still has its call file: without it, the recall would not be over.
    """
    now = time.time()
    outgoing = Path(spool.directory).parent / "outgoing"
    ids = []
    for caller in ("201", "203"):
        ids.append(register(spool, caller, "202", now)[1])
        Path(spool.path("recalls", f"{ids[-1]}.1")).write_text("withdrawn\n")
        spool.cancel(ids[-1], "x", now)
    (outgoing / f"busy-callback-{ids[1]}.1.call").touch()
    spool.sweep(now + 1.5 * 86400, 2)
    assert len(spool.ended()) == 2
    spool.sweep(now + 3500, 0, str(outgoing))
    assert len(spool.ended()) == len(os.listdir(spool.path("recalls", ""))) == 2
    spool.sweep(now + 3700, 0, str(outgoing))
    assert spool.ended() == []
    assert os.listdir(spool.path("recalls", "")) == [f"{ids[1]}.1"]
    (outgoing / f"busy-callback-{ids[1]}.1.call").unlink()
    spool.sweep(now + 3700, 0, str(outgoing))
    assert os.listdir(spool.path("recalls", "")) == []
