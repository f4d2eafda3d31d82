"""busy-callback report: one page that a real browser shows, fetching nothing, at any width, on paper too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.language import ENGLISH, LANGUAGES
from busy_callback.report import commands
from busy_callback.report.figures import Figures, figures
from busy_callback.report.page import render
from busy_callback.report.records import Record
from busy_callback.settings import Settings
from busy_callback.store.offers import read_offers
from busy_callback.store.spool import Spool

from ...lab import past
from ...lab.browser import Browser
from ..conftest import NOW
from .conftest import Run

DAY = 86400
PICTURES = 6
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with Browser() as opened:
        yield opened


@pytest.fixture
def page(run: Run, a_past: Spool, tmp_path: Path) -> Path:
    """The page of a known past, in English."""
    past.offer(a_past, 280, time.time())
    path = tmp_path / "page.html"
    assert run("report", "--since", "28d", "-o", str(path)).exit_code == 0
    return path


def test_a_browser_shows_it_and_fetches_nothing(browser: Browser, page: Path) -> None:
    """No complaint in its console, no request but for the file; pictures and their numbers."""
    browser.requests.clear()
    browser.open(page, 1280)
    assert browser.ask("document.querySelectorAll('figure > svg').length") == PICTURES
    assert browser.ask("document.querySelectorAll('figure table').length") == PICTURES
    text = browser.ask("document.body.innerText")
    for shown in ("2,800", "80 %", "35 min", "offered to 560 callers, of whom 50 % asked for it", "they talked"):
        assert shown in text
    assert "100 was asked for most: 1,400 requests, 50 % of all." in text
    assert browser.ask("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == browser.ask(
        "document.querySelectorAll('[id]').length"
    )
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_cut_off_at_any_width(browser: Browser, run: Run, a_past: Spool, tmp_path: Path, width: int) -> None:
    """A phone, a tablet, a desk: nothing is wider than its place, no text in a picture too small to read."""
    page, now = tmp_path / "page.html", time.time()
    for caller, state in (("201", rq.WAITING), ("203", rq.SUSPENDED), ("204", rq.RECALLING)):
        request = a_past.load(a_past.register(caller, "100", rq.BUSY, "", Settings(), now)[1])
        assert request
        a_past.replace(request, request.but(now, "x", state=state))
    assert run("report", "-o", str(page)).exit_code == 0
    browser.open(page, width)
    assert browser.ask(OVERFLOW) == 0
    wide = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert browser.ask(wide) == 0
    smallest = "Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height))"
    assert browser.ask(smallest) >= 9


def test_it_is_light_and_dark(browser: Browser, page: Path) -> None:
    """As the reader's system is; the pictures too."""
    colours = []
    for dark in (False, True):
        browser.open(page, 800, dark)
        style = "getComputedStyle(document.querySelector('{}')).{}"
        colours.append(
            [browser.ask(style.format(*what)) for what in (("body", "backgroundColor"), ("svg text", "fill"))]
        )
    (light_paper, light_ink), (dark_paper, dark_ink) = colours
    assert brightness(light_paper) - brightness(light_ink) > 150
    assert brightness(dark_ink) - brightness(dark_paper) > 150


def brightness(colour: str) -> float:
    """Return the mean of a colour's parts."""
    parts = [int(part) for part in re.findall(r"\d+", colour)[:3]]
    return sum(parts) / len(parts)


def test_it_prints_on_a4(browser: Browser, page: Path, tmp_path: Path) -> None:
    """Three pages, the first of them filled, whose size is that of A4 (210 mm by 297 mm, in points)."""
    browser.open(page, 1280)
    pdf = browser.print(tmp_path / "page.pdf")
    boxes = re.findall(rb"/MediaBox ?\[ ?0 0 ([0-9.]+) ([0-9.]+) ?\]", pdf)
    assert 1 <= len(boxes) <= 3
    assert {(round(float(width)), round(float(height))) for width, height in boxes} <= {(595, 842), (596, 842)}


def test_it_speaks_chinese(run: Run, a_past: Spool, tmp_path: Path) -> None:
    """By --language, else by the locale; the numbers are the same."""
    path = tmp_path / "page.html"
    run("report", "--since", "28d", "--language", "zh", "-o", str(path))
    text = path.read_text(encoding="utf-8")
    assert '<html lang="zh-Hant-TW">' in text
    assert "<h1>忙線回撥</h1>" in text
    assert "誰需要第二線" in text
    assert ">週一</text>" in text
    visible = re.sub(r"<[^>]*>|&#?\w+;", " ", text.partition("</style>")[2])
    assert set(re.findall(r"[A-Za-z]{2,}", visible)) <= {
        "Busy",
        "CallBack",
        "for",
        "Asterisk",
        "guard_time",
        "guard",
        "time",
    }


def test_without_extensions_no_extension_is_in_it(run: Run, spool: Spool, tmp_path: Path) -> None:
    """--anonymous: the busiest are numbered; a reason of another version loses its numbers as ever."""
    now = time.time()
    for caller in ("2017", "2018"):
        request_id = spool.register(caller, "2019", rq.BUSY, "", Settings(), now)[1]
        request = spool.load(request_id)
        assert request is not None
        spool.replace(request, rq.end(request, rq.FAILED, f"{caller} was abducted", now))
    for words, numbers in (((), 1), (("--anonymous",), 0)):
        path = tmp_path / "page.html"
        run("report", "-o", str(path), *words)
        shown = re.sub(r'<path[^>]*>|<g[^>]*>| (x|y|d|transform|viewBox)="[^"]*"', "", path.read_text(encoding="utf-8"))
        assert ("2019" in shown) == bool(numbers)
        assert "2017" not in shown
        assert "N was abducted" in shown


def test_a_history_without_requests_is_a_page_too(browser: Browser, run: Run, spool: Spool, tmp_path: Path) -> None:
    """It says so."""
    path = tmp_path / "page.html"
    assert run("report", "-o", str(path)).exit_code == 0
    browser.open(path, 360)
    assert "Nobody asked for a callback in this time." in browser.ask("document.body.innerText")
    assert browser.ask(OVERFLOW) == 0


def test_a_long_time_is_shown_by_weeks(spool: Spool) -> None:
    """A year has 53 columns, not 366; each request is still in one."""
    until = NOW
    records = [
        Record("201", "202", "busy", "completed", "talked", (until - day * DAY,), 60.0, ()) for day in range(360)
    ]
    found = figures(records, read_offers(spool.directory), until - 365 * DAY, until)
    text = render(found, ENGLISH)
    assert "Requests by week" in text
    rows = re.findall(r"<tr><td>(\d{4}-\d\d-\d\d)</td><td>(\d+)</td>", text)
    assert 52 <= len(rows) <= 54
    assert sum(int(number) for _, number in rows) == 360


def test_figures_of_all_sizes_make_a_page() -> None:
    """One request, a million of them, a callee alone; in both languages."""
    for size in (1, 7, 1_000_000):
        found = Figures(NOW - DAY, NOW)
        found.states["completed"] = size
        found.days = {"2027-01-14": found.states}
        found.hours[3][9] = size
        for language in LANGUAGES.values():
            assert f"{size:,}" in render(found, language)


def test_the_page_goes_to_standard_output_or_nowhere(run: Run, spool: Spool, tmp_path: Path) -> None:
    """``-`` is standard output; a place that can't be written is a sentence; without a place it is a usage error."""
    assert run("report", "-o", "-").output.startswith("<!doctype html>")
    done = run("report", "-o", str(tmp_path / "none" / "page.html"))
    assert (done.exit_code, "can't be written: No such file or directory" in done.output) == (1, True)
    assert run("report").exit_code == 2


@pytest.mark.parametrize("writable", ["home", "spool", "nothing"])
def test_matplotlib_leaves_nothing_in_tmp(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: str
) -> None:
    """Who has no home of its own, as Asterisk's user where root's cron makes the page, has a place in the spool.

    Who can't write there either has one for that time alone.
    """
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    places = {"home": os.path.expanduser("~"), "spool": spool.directory}
    monkeypatch.setattr(os, "access", lambda path, mode: path == places.get(writable))
    with commands._place_of_matplotlib(spool.directory):
        place = os.environ.get("MPLCONFIGDIR", "")
        assert (place == f"{spool.directory}/matplotlib") == (writable == "spool")
        assert os.listdir(tmp_path / "tmp") == ([os.path.basename(place)] if writable == "nothing" else [])
    assert "MPLCONFIGDIR" not in os.environ
    assert os.listdir(tmp_path / "tmp") == []


def test_the_list_of_fonts_is_made_once_and_settings_in_its_place_are_not_read(spool: Spool) -> None:
    """As from root's cron, each night: what the first run has found the second finds there."""
    program = (
        "import os, sys; from busy_callback.report.commands import _place_of_matplotlib\n"
        "os.access = lambda path, mode: str(path).startswith(sys.argv[1])\n"
        "with _place_of_matplotlib(sys.argv[1]):\n"
        "    import matplotlib.font_manager; print(matplotlib.rcParams['font.size'])\n"
    )
    environ = {name: value for name, value in os.environ.items() if name not in {"MPLCONFIGDIR", "MATPLOTLIBRC"}}
    times = []
    for _ in range(2):
        words = [sys.executable, "-c", program, spool.directory]
        done = subprocess.run(words, env=environ, stdout=subprocess.PIPE, text=True, check=True)
        assert done.stdout == "10.0\n"
        (fonts,) = Path(spool.path("matplotlib", "")).glob("fontlist*.json")
        times.append(fonts.stat().st_mtime_ns)
        Path(spool.path("matplotlib", "matplotlibrc")).write_text("font.size: 77\n")
    assert times[0] == times[1]
