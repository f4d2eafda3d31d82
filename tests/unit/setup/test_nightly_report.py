"""The page that cron makes each night, where ``install --report`` asks for it, on a PBX made of files."""

from __future__ import annotations

import os
import re

import pytest
from click.testing import CliRunner

from busy_callback.cli import main
from busy_callback.errors import SetupError
from busy_callback.setup import nightly_report, placed_files
from busy_callback.setup.changing import undo
from busy_callback.setup.nightly_report import Nightly
from busy_callback.store.spool import Spool
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a file of root's is placed")


@pytest.fixture(autouse=True)
def _cron(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cron daemon is installed."""
    monkeypatch.setattr(placed_files, "has_cron", lambda: True)


def test_cron_makes_the_page_each_night(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one line, in the admin's language; a later install leaves it, uninstall takes it, the page itself stays."""
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")
    page = pbx.root / "html" / "callbacks.html"
    page.parent.mkdir()
    status, output = pbx.command(monkeypatch, "install", "--yes", "--report", str(page), "--report-readers", "www-data")
    assert status == 0, output
    cron = pbx.system.cron / "busy-callback-report"
    head, locale, line = cron.read_text().splitlines()
    assert (head[0], locale) == ("#", "LANG=zh_TW.UTF-8")
    assert re.fullmatch(rf"20 4 \* \* \* root \S.* report --readers www-data -o {page}", line)
    assert pbx.install() == ()
    conf = pbx.root / "asterisk.conf"
    conf.write_text(f"astspooldir => {pbx.directories.astspooldir}\n")
    Spool(pbx.directories.spool).prepare()
    words = ["--asterisk-conf", str(conf), *line.partition(" report ")[2].replace("www-data", "all").split()]
    made = CliRunner().invoke(main, [*words[:2], "report", *words[2:]])
    assert (made.exit_code, made.output) == (0, "")
    assert "忙線回撥" in page.read_text(encoding="utf-8")
    undo(pbx.journal())
    assert not cron.exists()
    assert page.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--report", "callbacks.html"], "from / on"),
        (["--report-readers", "all"], "--report names"),
        (["--report", "/tmp/x.html", "--report-readers", "no-such-group"], "no group 'no-such-group'"),
        (["--report", "/no/such/folder/callbacks.html"], "in a folder that is there"),
        (["--report", "/tmp/a b.html"], "can't stand in cron's file"),
        (["--report", "/tmp/%x\n* * * * * root id"], "can't stand in cron's file"),
        (["--report", "/tmp/x.html", "--report-readers", "a;id"], "can't stand in cron's file"),
    ],
)
def test_a_page_that_cron_could_not_make_is_refused(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    """A sentence, and nothing changed."""
    before = pbx.tree()
    status, output = pbx.command(monkeypatch, "install", "--yes", *words)
    assert status == 1
    assert says in output
    assert pbx.tree() == before


def test_without_the_libraries_or_cron_no_page_is_promised(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to do."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"pip install 'busy-callback\[report\]'"):
        pbx.plan(nightly=Nightly("/tmp/callbacks.html"))
    monkeypatch.undo()
    monkeypatch.setattr(placed_files, "has_cron", lambda: False)
    with pytest.raises(SetupError, match="needs a cron daemon"):
        list(nightly_report.changes(pbx.survey(), Nightly("/tmp/callbacks.html")))
