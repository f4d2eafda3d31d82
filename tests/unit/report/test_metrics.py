"""busy-callback metrics: what Prometheus reads, by its own conventions; counters that never go back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from busy_callback import policy
from busy_callback import request as rq
from busy_callback.report.counted import count
from busy_callback.settings import Settings
from busy_callback.store.spool import Spool

from ...lab import past
from ...lab.markdown import section
from ...lab.releases import CACHE
from .conftest import Run

PROMTOOL = CACHE / "promtool"
MANUAL = Path(__file__).parents[3] / "docs/en"


def values(text: str) -> dict[str, float]:
    """Return each sample's value by its name and labels, as Prometheus's own parser has it."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_known_past_in_metrics(run: Run, a_past: Spool) -> None:
    """What lives, what ended and why, the two histograms."""
    now = time.time()
    past.move(a_past, now)
    for caller in ("201", "203", "204"):
        a_past.register(caller, "205", rq.BUSY, "", Settings(), now)
    requests = {request.caller: request for request in a_past.live()}
    a_past.replace(requests["203"], requests["203"].but(now, "suspended", state=rq.SUSPENDED))
    a_past.replace(requests["204"], policy.begin(requests["204"], 1, now))
    found = values(run("metrics").output)
    assert [found[f"busy_callback_requests{{state={state}}}"] for state in rq.LIVE_STATES] == [1, 1, 1]
    ended = {name: value for name, value in found.items() if name.startswith("busy_callback_requests_ended_total{")}
    assert sum(ended.values()) == 2800
    assert ended["busy_callback_requests_ended_total{outcome=completed,reason=talked}"] == 1960
    assert ended["busy_callback_requests_ended_total{outcome=failed,reason=refused}"] == 0
    assert found["busy_callback_wait_seconds_count"] == 1960
    assert found["busy_callback_wait_seconds_bucket{le=1800.0}"] == 30 * 28
    assert found["busy_callback_wait_seconds_sum"] == 28 * sum(60 * minute for minute in range(1, 71))
    assert found["busy_callback_free_to_ring_seconds_bucket{le=+Inf}"] == 1960
    assert found["busy_callback_free_to_ring_seconds_bucket{le=5.5}"] == 51 * 28
    assert "100" not in "".join(name for name in found if "le=" not in name), "an extension's number"


def test_promtool_has_no_complaint(run: Run, a_past: Spool) -> None:
    """Prometheus's own check of names, types and texts."""
    if not PROMTOOL.exists():
        pytest.skip("tests/setup.sh fetches it")
    text = run("metrics").output
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_manuals_alert_and_panels_are_of_these_metrics(run: Run, a_past: Spool, tmp_path: Path) -> None:
    """The chapter names all metrics and no other, and Prometheus takes its alert and its panels as they stand there."""
    chapter = section(MANUAL / "glance.md", "Prometheus")
    families = {family.name for family in text_string_to_metric_families(run("metrics").output)}
    named = {
        span.partition("{")[0].removesuffix("_total") for span in chapter.spans if span.startswith("busy_callback_")
    }
    assert named == families
    if not PROMTOOL.exists():
        pytest.skip("tests/setup.sh fetches it")
    blocks = re.findall(r"(?s)```(\w+)\n(.*?)```", (MANUAL / "glance.md").read_text(encoding="utf-8"))
    alert = next(text for language, text in blocks if language == "yaml")
    panels = [line for language, text in blocks if language == "text" for line in text.splitlines() if "[1d]" in line]
    assert len(panels) == 2
    rules = alert + "".join(f"- record: panel:{number}\n  expr: {panel}\n" for number, panel in enumerate(panels))
    file = tmp_path / "rules.yml"
    file.write_text("groups:\n- name: manual\n  rules:\n" + "".join(f"  {line}\n" for line in rules.splitlines()))
    done = subprocess.run([PROMTOOL, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 rules found" in done.stdout


def test_a_counter_never_goes_back(spool: Spool) -> None:
    """Each request is counted once, also when the history forgets it; a file that can't be read counts when it can."""
    now = time.time()

    def end(caller: str) -> str:
        request_id = spool.register(caller, "202", rq.BUSY, "", Settings(), now)[1]
        spool.cancel(request_id, "by the caller", now)
        return request_id

    first = end("201")
    assert count(spool).ended["cancelled", "by-caller"] == 1
    end("203")
    half = Path(spool.path("ended", end("204")))
    whole = half.read_bytes()
    half.write_bytes(whole[:90])
    assert count(spool).ended["cancelled", "by-caller"] == 2
    os.unlink(spool.path("ended", first))
    assert count(spool).ended["cancelled", "by-caller"] == 2
    half.write_bytes(whole)
    assert count(spool).ended["cancelled", "by-caller"] == 3
    assert "201-202" not in Path(spool.path("", "metrics")).read_text()


def test_each_is_counted_once_whenever_its_day_is_past(spool: Spool) -> None:
    """Counted before it moved into its day's file or not, there since or added later; a lost file begins anew."""
    now = time.time()

    def end(caller: str, when: float = now) -> str:
        request_id = spool.register(caller, "202", rq.BUSY, "", Settings(), when - 60)[1]
        spool.cancel(request_id, "by the caller", when)
        os.utime(spool.path("ended", request_id), (when, when))
        return request_id

    def counted() -> int:
        return count(spool).ended["cancelled", "by-caller"]

    kept = Path(spool.path("ended", end("201")))
    copy = kept.read_bytes()
    assert counted() == 1
    end("203")
    spool.sweep(now + 86400)
    assert counted() == counted() == 2
    end("204")
    assert counted() == 3
    spool.sweep(now + 86400)
    end("205")
    spool.sweep(now + 86400)
    assert counted() == counted() == 4
    kept.write_bytes(copy)  # as a crash leaves it
    os.unlink(spool.path("", "metrics"))
    assert counted() == counted() == 4
    kept.unlink()
    assert counted() == 4
    spool.sweep(now + 40 * 86400)
    assert os.listdir(spool.path("history", "")) == []
    assert counted() == 4
    assert json.loads(Path(spool.path("", "metrics")).read_text())["days"] == {}


def test_what_an_older_version_counted_is_not_counted_again(spool: Spool) -> None:
    """Its file of counters knows no past days: the fingerprints tell. To that version a newer file begins anew."""
    now = time.time()
    for caller in ("201", "203"):
        spool.cancel(spool.register(caller, "202", rq.BUSY, "", Settings(), now)[1], "by the caller", now)
    count(spool)
    path = Path(spool.path("", "metrics"))
    older = json.loads(path.read_text())
    del older["days"]
    older["ended"].append(["failed", "refused", 7])  # of which no file is left
    path.write_text(json.dumps({**older, "format": 1}))
    spool.sweep(now + 2 * 86400)
    counted = count(spool).ended
    assert (counted["cancelled", "by-caller"], counted["failed", "refused"]) == (2, 7)
    assert json.loads(path.read_text())["format"] == 2


@pytest.mark.parametrize("days", [[], {"2026-01-01": "x"}, {"2026-01-01": []}, {"2026-01-01": 1e999}, None])
def test_past_days_that_cannot_be_understood_begin_anew(spool: Spool, days: object) -> None:
    """So do they all."""
    spool.cancel(spool.register("201", "202", rq.BUSY, "", Settings(), 1e9)[1], "by the caller", 1e9)
    count(spool)
    path = Path(spool.path("", "metrics"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "days": days, "ended": [["failed", "refused", 7]]}))
    assert count(spool).ended["failed", "refused"] == 0


@pytest.mark.parametrize("size", [-5, 10**6, 1 << 80])
def test_a_day_that_was_counted_to_nowhere_is_no_error(spool: Spool, size: int) -> None:
    """As behind the end of its file, where an older one was put back: what comes now is counted."""
    now = time.time()
    spool.cancel(spool.register("201", "202", rq.BUSY, "", Settings(), now)[1], "by the caller", now)
    count(spool)
    spool.sweep(now + 2 * 86400)
    path = Path(spool.path("", "metrics"))
    (day,) = os.listdir(spool.path("history", ""))
    path.write_text(json.dumps({**json.loads(path.read_text()), "days": {day: size}}))
    spool.cancel(spool.register("203", "202", rq.BUSY, "", Settings(), now)[1], "by the caller", now)
    assert count(spool).ended["cancelled", "by-caller"] == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9}', '{"format": 1, "waits": {}}', "x" * 100])
def test_a_file_of_counters_that_cannot_be_read_begins_anew(spool: Spool, text: str) -> None:
    """Prometheus takes that for a restart."""
    spool.cancel(spool.register("201", "202", rq.BUSY, "", Settings(), 1e9)[1], "by the caller", 1e9)
    Path(spool.path("", "metrics")).write_text(text)
    assert count(spool).ended["cancelled", "by-caller"] == 1


def test_how_the_service_is(run: Run, spool: Spool) -> None:
    """When the poller last began, what is wrong, what was set aside."""
    Path(spool.path("", "trouble")).write_text("asterisk\tit is away\n-\tthe disk was full\nan older version's line\n")
    Path(spool.path("", "poller.lock")).write_text("1")
    os.utime(spool.path("", "poller.lock"), (1e9, 1e9))
    for name in ("x.1", "x.1.reason"):
        Path(spool.path("corrupt", name)).touch()
    found = values(run("metrics").output)
    assert found["busy_callback_faults{kind=trouble}"] == 2
    assert found["busy_callback_faults{kind=mistake}"] == 0
    assert found["busy_callback_last_poll_timestamp_seconds"] == 1e9
    assert found["busy_callback_corrupt_files"] == 1


def test_they_are_written_for_the_collector_to_read(run: Run, spool: Spool, tmp_path: Path) -> None:
    """In place of the ones before, whole; a place that can't be written is a sentence."""
    path = tmp_path / "busy_callback.prom"
    assert run("metrics", "-o", str(path)).exit_code == 0
    assert values(path.read_text())["busy_callback_corrupt_files"] == 0
    assert path.stat().st_mode & 0o777 == 0o644
    done = run("metrics", "-o", str(tmp_path / "none" / "x"))
    assert (done.exit_code, "can't be written" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("command", "module", "library"),
    [("report", "page", "jinja2"), ("metrics", "metrics", "prometheus_client")],
)
def test_without_the_extra_a_sentence_says_how_to_get_it(
    run: Run, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, module: str, library: str
) -> None:
    """Exit status 1, and no file."""
    monkeypatch.delitem(sys.modules, f"busy_callback.report.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    path = tmp_path / "file"
    words = [sys.executable, "-m", "pip", "install", f"'busy-callback[{command}]'"]
    done = run(command, "-o", "-")
    assert (done.exit_code, done.output) == (
        1,
        f"busy-callback: busy-callback {command} needs {library}; run: {' '.join(words)}\n",
    )
    assert run(command, "-o", str(path)).exit_code == 1
    assert not path.exists()


def test_a_python_that_the_spools_owner_cannot_read_is_a_sentence(
    run: Run, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one in root's home: no advice to install what is there."""
    monkeypatch.delitem(sys.modules, "busy_callback.report.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "busy_callback.report.counted", None)
    done = run("metrics")
    assert done.exit_code == 1
    assert "can't load all of this Python's libraries" in done.output
    assert "pip install" not in done.output
