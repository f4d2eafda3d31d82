"""The command and its man page are found by their names, on a PBX made of files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from busy_callback.setup import by_name
from busy_callback.setup.by_name import command_path
from busy_callback.setup.changing import undo
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")


@pytest.fixture
def command(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command in a Python of its own, which is root's."""
    path = pbx.root / "opt" / "bin" / "busy-callback"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(path)])
    return path


def test_the_command_and_its_man_page_are_found_and_go_again(pbx: Pbx, command: Path) -> None:
    """A link in /usr/local/bin, the page in a folder that is made for it; uninstall leaves neither."""
    before = pbx.tree()
    pbx.install()
    link, page = pbx.system.bin / "busy-callback", pbx.system.man / "busy-callback.8"
    assert os.readlink(link) == str(command)
    assert page.read_bytes().startswith(b".TH BUSY-CALLBACK 8 ")
    assert pbx.plan().changes == ()
    assert [str(back.path) for back in undo(pbx.journal(), purge=True)] == []
    assert pbx.tree() == before


def test_whoever_runs_it_by_the_link_changes_nothing(pbx: Pbx, command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron's line and the link lead to the command itself, which stays when the link goes."""
    pbx.install()
    monkeypatch.setattr(sys, "argv", [str(pbx.system.bin / "busy-callback")])
    assert command_path() == str(command)
    assert pbx.plan().changes == ()
    assert f" {command} " in (pbx.system.cron / "busy-callback").read_text()


def test_somebody_elses_file_of_that_name_stays_and_is_named(
    pbx: Pbx, command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither install nor uninstall touches it, and install says so each time."""
    own = pbx.system.bin / "busy-callback"
    own.write_text("#!/bin/sh\nexec mine\n")
    status, output = pbx.command(monkeypatch, "install", "--yes", "--no-trial")
    assert status == 0
    assert f"left {own} as it is, which is none of ours" in output
    assert own.read_text() == "#!/bin/sh\nexec mine\n"
    assert (pbx.system.man / "busy-callback.8").is_file()
    pbx.command(monkeypatch, "uninstall", "--yes", "--purge")
    assert own.read_text() == "#!/bin/sh\nexec mine\n"
    assert not pbx.system.man.exists()


@pytest.mark.parametrize("place", ["bin", "command"])
def test_root_follows_no_link_that_another_user_can_turn(
    pbx: Pbx, command: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Where the folder, or the command itself, is not root's alone, there is no link."""
    os.chown(pbx.system.bin if place == "bin" else command, 12345, 0)
    status, output = pbx.command(monkeypatch, "install", "--yes", "--no-trial")
    assert status == 0, output
    assert not os.path.lexists(pbx.system.bin / "busy-callback")


def test_a_command_that_is_found_already_gets_no_link(pbx: Pbx, command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip has put it into a usual place, both are there."""
    monkeypatch.setattr(by_name, "USUAL", {str(command.parent)})
    pbx.install()
    assert not os.path.lexists(pbx.system.bin / "busy-callback")
    assert not pbx.system.man.exists()
