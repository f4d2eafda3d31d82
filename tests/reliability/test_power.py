"""The power fails: whatever the file system kept of what was not flushed, what was confirmed is there."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback import policy, settlement
from busy_callback import request as rq
from busy_callback.pbx import callfile
from busy_callback.settings import Settings
from busy_callback.store.durable import withdraw
from busy_callback.store.spool import DUPLICATE, REGISTERED, Spool

from ..lab.power import Recorder, after, build, outcomes

NOW = 1_800_000_000.0
MOST = 2000  # subsets of one prefix


def registering(spool: Spool, say: Callable[[str], None], _: Path) -> None:
    """Requests are made, the first with the spool itself; one is asked for again."""
    for caller in ("201", "203"):
        spool.prepare()
        assert spool.register(caller, "202", rq.BUSY, "", Settings(), NOW)[0] == REGISTERED
        say(f"live {caller}-202")
    assert spool.register("201", "202", rq.BUSY, "", Settings(), NOW + 1)[0] == DUPLICATE
    say("renewed 201-202")


def ending(spool: Spool, say: Callable[[str], None], _: Path) -> None:
    """One of two is cancelled, the next poll cleans up, the same is asked for again."""
    spool.prepare()
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW)
    spool.register("203", "202", rq.BUSY, "", Settings(), NOW)
    say("live 201-202")
    say("live 203-202")
    first = spool.live()[0].id
    assert spool.cancel(first, "by the caller", NOW + 1)
    say(f"ended {first}")
    spool.sweep(NOW + 2)
    spool.register("201", "202", rq.BUSY, "", Settings(), NOW + 3)
    say("live 201-202")


def recalling(spool: Spool, say: Callable[[str], None], outgoing: Path) -> None:
    """A request is recalled, withdrawn and waits again; then the next recall is claimed and settled."""
    spool.prepare()
    request_id = spool.register("201", "202", rq.BUSY, "", Settings(), NOW)[1]
    say("live 201-202")
    for attempt in (1, 2):
        (old,) = spool.live()
        new = policy.begin(old, 1, NOW + attempt)
        report = spool.path("recalls", callfile.report_name(new))
        data = callfile.compose(new, Settings(), ("PJSIP/201", "PJSIP/202"), "/r", "/c")
        with spool.lock():
            assert spool.replace_locked(old, new)
        callfile.hand_over(data, spool.path("tmp", callfile.call_file_name(new)), str(outgoing))
        say(f"handed over {request_id}.{attempt}")
        if attempt == 1:
            withdraw(report)
            waiting = settlement.settle(new, callfile.read_report(report), True, False, NOW + 3, Settings())
            assert waiting
            assert spool.replace(new, waiting)
            callfile.remove(str(outgoing), new)
        else:
            Path(report).write_text("claimed 1\ncaller ANSWER 16\ncallee ANSWER 5\n")
            done = settlement.settle(new, callfile.read_report(report), True, False, NOW + 3, Settings())
            assert done
            assert spool.replace(new, done)
            say(f"ended {request_id}")


def check(top: Path, said: list[str]) -> None:
    """Check one tree that a power cut may have left."""
    spool = Spool(str(top / "spool/busy_callback"))
    spool.prepare()
    live = {request.id.rpartition("-")[0]: request for request in spool.live()}
    ended = {request.id for request in spool.ended()}
    assert list(spool.corrupt()) == [], "a file that is half there is visible"
    gone = {what[6:] for what in said if what.startswith("ended ")}
    assert gone <= ended, "a confirmed end is undone"
    for what in said:
        kind, _, name = what.partition(" ")
        if kind in {"live", "renewed"}:
            assert name in live or any(e.startswith(f"{name}-") for e in ended), f"{name} was confirmed and is lost"
        if kind == "renewed":
            assert live[name].renewed == NOW + 1
        if kind == "handed":
            known = {request.id: request for request in (*spool.live(), *spool.ended())}
            request = known[name.split()[-1].rpartition(".")[0]]
            assert request.attempt >= int(what[-1]), "an attempt's number could be given twice"
    for path in (top / "spool/outgoing").iterdir():
        attempt = int(path.name.split(".")[1])
        everybody = [*live.values(), *spool.ended()]
        assert [r for r in everybody if path.name.startswith(f"busy-callback-{r.id}.") and r.attempt >= attempt], (
            "a call file of a recall that nobody knows"
        )
    spool.sweep(time.time())
    assert os.listdir(spool.path("tmp", "")) == []
    spool.register("401", "402", rq.BUSY, "", Settings(), NOW)
    assert "401" in {request.caller for request in spool.live()}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", [registering, ending, recalling])
def test_a_power_cut_after_any_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    counts: Callable[[str], None],
    story: Callable[[Spool, Callable[[str], None], Path], None],
) -> None:
    """After every prefix of the writes, with every subset of what was not flushed, the spool keeps its promises."""
    top = tmp_path / "disk"
    (top / "spool/outgoing").mkdir(parents=True)
    with monkeypatch.context() as patch:
        recorder = Recorder(top, patch)
        story(Spool(str(top / "spool/busy_callback")), recorder.confirm, top / "spool/outgoing")
    base = [("mkdir", "spool"), ("mkdir", "spool/outgoing"), ("fsync", "."), ("fsync", "spool")]
    tried = 0
    seen = set()
    for length in range(len(recorder.log) + 1):
        said = [what for when, texts in recorder.said.items() for what in texts if when <= length]
        state = after([*base, *recorder.log[:length]])
        for names, contents in outcomes(state, MOST):
            tried += 1
            tree = {name: contents[inode] if inode not in state.folders else None for name, inode in names.items()}
            key = hash((tuple(sorted(tree.items())), tuple(said)))
            if key in seen:
                continue
            seen.add(key)
            shutil.rmtree(top)
            top.mkdir()
            build(top, names, contents, state.folders)
            try:
                check(top, said)
            except (AssertionError, KeyError) as error:
                done = "\n".join(map(str, recorder.log[max(0, length - 12) : length]))
                raise AssertionError(f"power cut after {length} operations, the last\n{done}\nleft {tree}") from error
    counts(f"{len(recorder.log)} operations, {tried} orders replayed, {len(seen)} of them different")
