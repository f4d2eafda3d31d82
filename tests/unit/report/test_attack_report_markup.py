"""Attack: who can write into the spool puts markup there, so that it runs in the admin's browser."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from busy_callback import request as rq
from busy_callback.language import ENGLISH
from busy_callback.report.figures import Callee, Figures
from busy_callback.settings import Settings
from busy_callback.store.spool import Spool

from ...lab.browser import Browser
from .conftest import Run

MARKUP = (
    "<script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "</text><script>document.title='run'</script>",
    '"><svg onload="document.title=\'run\'">',
    "&lt;b&gt; text007 {{ 7 * 7 }} {% raw %}",
)


def test_a_reason_with_markup_is_shown_as_text(run: Run, spool: Spool, tmp_path: Path) -> None:
    """In the table and in the picture: nothing of it runs, nothing is fetched."""
    now = time.time()
    for number, markup in enumerate(MARKUP):
        request_id = spool.register(str(300 + number), "202", rq.BUSY, "", Settings(), now)[1]
        request = spool.load(request_id)
        assert request is not None
        spool.replace(request, rq.end(request, rq.FAILED, markup, now))
    path = tmp_path / "page.html"
    assert run("report", "-o", str(path)).exit_code == 0
    with Browser() as browser:
        browser.open(path, 800)
        assert browser.ask("document.title").startswith("Callbacks ")
        assert browser.ask("document.querySelectorAll('script, img, [onload], [onerror]').length") == 0
        shown = browser.ask("document.body.innerText")
        assert browser.requests == [path.as_uri()]
        assert browser.complaints == []
    for markup in MARKUP:
        assert re.sub("[0-9]+", "N", markup)[:60] in shown


@pytest.mark.parametrize("markup", MARKUP)
def test_a_callee_with_markup_is_shown_as_text(markup: str) -> None:
    """No file of the spool may have such a name; the page does not count on it."""
    from busy_callback.report.page import render

    found = Figures(time.time() - 3600, time.time())
    found.states["completed"] = 1
    found.callees[markup] = Callee(markup)
    found.callees[markup].states["completed"] = 1
    page = render(found, ENGLISH)
    assert markup not in page.partition("</style>")[2]
    assert "49" not in page.partition("Who needs")[2]
