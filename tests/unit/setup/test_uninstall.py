"""The command that takes it out, on a PBX made of files: what it says, its exit status, and where it stops."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.setup import commands, uninstall
from busy_callback.setup.changing import apply
from busy_callback.setup.marked_blocks import END
from tests.unit.setup.pbx import Pbx

from ...lab.deaths import Killed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")


def test_a_crontab_by_hand_comes_back(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who ran the poller before the install by a file of that name finds it again; the dry run says so and waits."""
    (pbx.system.cron / "busy-callback").write_text("* * * * * asterisk busy-callback poll\n")
    before = pbx.tree()
    pbx.install()
    installed = pbx.tree()
    status, output = pbx.command(monkeypatch, "uninstall", "--dry-run", "--purge")
    assert (status, pbx.tree()) == (0, installed)
    assert "+* * * * * asterisk busy-callback poll\n" in output
    assert f"remove {pbx.directories.spool} with its requests" in output
    assert pbx.command(monkeypatch, "uninstall", "--yes", "--purge") == (0, "Done.\n")
    assert pbx.tree() == before


def test_a_block_that_cannot_be_taken_out_stops_it_before_it_begins(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the file and what to do, exit status 1, and the callback goes on; mended, all is given back."""
    pbx.install("phones")
    path = pbx.etc / "extensions.conf"
    path.write_text(path.read_text().replace(END, "", 1))
    installed = pbx.tree()
    for words in (["--dry-run"], ["--yes"]):
        status, output = pbx.command(monkeypatch, "uninstall", *words)
        assert (status, pbx.tree()) == (1, installed)
        assert f"NOT given back {path}: our block in it has no line '; END busy-callback' any more" in output
    assert "nothing was changed" in output
    path.write_text("")
    assert pbx.command(monkeypatch, "uninstall", "--yes") == (0, "Done.\n")
    assert not pbx.system.state.exists()


def test_a_lost_backup_stops_install_and_uninstall(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both name it and the path that it is of, exit status 1, and change nothing."""
    pbx.write("extensions.conf", "")
    pbx.install()
    (backup,) = pbx.system.state.glob("*-extensions.conf")
    backup.unlink()
    installed = pbx.tree()
    for words in (["uninstall", "--yes"], ["uninstall", "--dry-run"], ["install", "--yes"]):
        status, output = pbx.command(monkeypatch, *words)
        assert (status, pbx.tree()) == (1, installed)
        assert f"{backup}, which keeps what {pbx.etc}/extensions.conf was before the install, is missing" in output


def test_the_next_install_finishes_what_was_interrupted(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before Asterisk was told, all files are in place: the next one tells it, the one after does not."""
    told: list[set[str]] = []
    monkeypatch.setattr(commands, "take_up", lambda survey, what: told.append(set(what)))
    apply(pbx.plan("phones").changes, pbx.journal())
    status, output = pbx.command(monkeypatch, "install", "--yes")
    assert (status, "had begun when it was interrupted" in output, "Done." in output) == (0, True, True)
    assert told == [{"", "dialplan reload", "manager reload"}]
    assert "Nothing to change" in pbx.command(monkeypatch, "install", "--yes")[1]


@pytest.mark.parametrize("command", ["dialplan reload", "manager reload"])
@pytest.mark.parametrize("then", ["install", "uninstall"])
def test_uninstall_interrupted(pbx: Pbx, monkeypatch: pytest.MonkeyPatch, command: str, then: str) -> None:
    """Killed before Asterisk was told, the next uninstall does; the next install puts all back, and tells."""
    before = pbx.tree()
    pbx.install("phones")
    installed = set(pbx.tree())
    told: list[str] = []

    def dies_before(survey: object, what: list[str]) -> None:
        told.extend(what)
        if command in what and len(told) < 3:
            raise Killed

    monkeypatch.setattr(uninstall, "take_up", dies_before)
    monkeypatch.setattr(commands, "take_up", dies_before)
    with pytest.raises(Killed):
        pbx.command(monkeypatch, "uninstall", "--yes")
    told += ["killed"]
    status, output = pbx.command(monkeypatch, then, "--yes", *(["--wire", "phones"] if then == "install" else []))
    assert (status, "Done." in output) == (0, True)
    assert {"dialplan reload", "manager reload"} <= set(told[told.index("killed") :])
    if then == "install":
        assert set(pbx.tree()) == installed
        assert pbx.command(monkeypatch, "uninstall", "--yes")[0] == 0
    assert pbx.tree() == before
    assert not Path(pbx.system.state).exists()
