"""Attack: Asterisk's user has root, whose cron makes the page, read what is root's, or write where it is led to."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from busy_callback import request as rq
from busy_callback.language import ENGLISH
from busy_callback.report import counted, output, page
from busy_callback.report.figures import Figures
from busy_callback.settings import Settings
from busy_callback.store.spool import Spool
from tests.unit.house import House, as_asterisk, racing

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

NAME = "callbacks.html"


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    """All that the page and the metrics need is loaded: this Python's library may be closed to Asterisk's user."""
    page.render(Figures(0.0, 1.0, Counter({rq.WAITING: 1})), ENGLISH)
    generate_latest(CollectorRegistry())


@pytest.fixture(autouse=True)
def _asked(house: House) -> None:
    """201 waits for 202, in a spool of Asterisk's user's."""

    def deed() -> None:
        spool = Spool(str(house.spool))
        spool.prepare()
        spool.register("201", "202", rq.BUSY, "", Settings(), time.time())

    as_asterisk(deed)


@pytest.mark.parametrize("words", [["stats"], ["why", "765"], ["metrics"], ["report", "-o", "-"]], ids=lambda w: w[0])
def test_a_spool_that_leads_to_a_folder_of_roots_shows_nothing_of_it(house: House, words: list[str]) -> None:
    """Who asked for whom in another PBX, which is root's own, is told to root alone."""
    other = Spool(str(house.root / "root" / "other"))
    other.prepare()
    for caller in ("765", "766"):
        other.register(caller, "987", rq.BUSY, "", Settings(), time.time())
    os.chmod(other.directory, 0o700)

    def deed() -> None:
        house.spool.rename(house.spool.with_name("old"))
        os.symlink(other.directory, house.spool)

    as_asterisk(deed)
    status, output = house.run(*words)
    assert status == 4
    assert "987" not in output


@pytest.mark.parametrize("kind", ["folder", "file", "race"])
def test_a_page_in_a_folder_of_asterisks_leads_nowhere(house: House, kind: str) -> None:
    """A link in place of the folder, of the page, or of the new file while it is written: nothing of root's changes."""
    folder = house.base / "log"
    before = house.treasure.read_bytes(), house.treasure.stat()

    def deed() -> None:
        if kind == "folder":
            os.symlink(house.treasure.parent, folder / "html")
        elif kind == "file":
            os.symlink(house.treasure, folder / NAME)

    as_asterisk(deed)
    with ExitStack() as stack:
        if kind == "race":
            stack.enter_context(racing(folder, f".{NAME}", house.treasure))
        place = folder / "html" if kind == "folder" else folder
        status, _ = house.run("report", "--readers", "all", "-o", str(place / NAME))
    assert status == (0 if kind == "race" else 1)
    found = house.treasure.stat()
    assert (house.treasure.read_bytes(), found.st_mode, found.st_uid) == (before[0], before[1].st_mode, 0)
    assert os.listdir(house.treasure.parent) == ["treasure"]


def test_a_page_that_a_stranger_has_made_in_tmp_does_not_name_its_readers(house: House) -> None:
    """Who asked for whom is not read by whoever was first to put a file of that name where everybody may."""
    folder = house.root / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)

    def deed() -> None:
        (folder / NAME).write_text("")
        (folder / NAME).chmod(0o666)

    as_asterisk(deed)
    assert house.run("report", "-o", str(folder / NAME))[0] == 0
    found = (folder / NAME).stat()
    assert (found.st_size > 0, found.st_uid, found.st_gid, found.st_mode & 0o777) == (True, 0, 0, 0o600)


def test_who_makes_the_page_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk's user stops the child that has its rights: root, or its cron, does not wait for it for ever."""
    monkeypatch.setattr(output, "PATIENCE", 2.0, raising=False)
    monkeypatch.setattr(page, "render", lambda *_: os.kill(os.getpid(), signal.SIGSTOP))
    folder = house.root / "root" / "pages"
    folder.mkdir()
    status, text = house.run("report", "-o", str(folder / NAME))
    assert (status, "has not ended" in text) == (1, True)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", ["states", "metrics", "metrics.lock", "metrics.new", "offers", "tmp"])
@pytest.mark.parametrize("words", [["stats"], ["why", "201"], ["metrics"]], ids=lambda words: words[0])
def test_a_fifo_in_place_of_a_note_hangs_nobody(house: House, words: list[str], name: str) -> None:
    """Whoever asks has his prompt again, whatever lies in place of a file of ours."""

    def deed() -> None:
        if (house.spool / name).exists():
            (house.spool / name).rmdir()
        os.mkfifo(house.spool / name)

    as_asterisk(deed)
    house.run(*words)


@pytest.mark.parametrize("words", [["stats"], ["metrics"], ["why", "765"]], ids=lambda words: words[0])
def test_notes_that_are_huge(house: House, words: list[str]) -> None:
    """A note of four gigabytes, which cost Asterisk's user nothing (sparse ones), takes no memory of the machine's."""

    def deed() -> None:
        (house.spool / "offers").mkdir()
        for name in ("metrics", "offers/2199-01-01"):
            (house.spool / name).write_text("[" * 10000)
            os.truncate(house.spool / name, 4 << 30)

    as_asterisk(deed)
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), before[1]))
    try:
        status, output = house.run(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert (status, "Error" in output) == (1 if words[0] == "why" else 0, False), output


def test_a_reason_of_somebody_elses_in_what_was_counted(house: House) -> None:
    """What root's node_exporter is given names no reason but ours, however many others stand in the note."""
    good = {"limits": [], "counts": [], "total": 0}

    def deed() -> None:
        house.spool.joinpath("metrics").write_text(
            json.dumps(
                {
                    "format": counted.FORMAT,
                    "ended": [["completed", f"text of asterisks {n}", 1] for n in range(1000)],
                    "waits": {**good, "limits": counted.WAITS},
                    "rings": {**good, "limits": counted.RINGS},
                    "fingerprints": [],
                }
            )
        )

    as_asterisk(deed)
    status, output = house.run("metrics")
    assert (status, "of asterisks" in output) == (0, False)
