"""Attack: another user of the machine reads the manager's secret where Asterisk was installed from source."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback.pbx.manager_exposure import complaints
from busy_callback.settings import load
from busy_callback.setup.check import CheckFailed, Installation
from busy_callback.setup.checks_machine import check_log, check_settings
from tests.lab.freepbx_dialplans import MAIN, additional
from tests.unit.setup.pbx import MANAGER, Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")


def from_source(pbx: Pbx) -> None:
    """Asterisk's `make samples`: every file is root's, open to everybody."""


def with_a_folder(pbx: Pbx) -> None:
    """Debian's manager.d, as open."""
    (pbx.etc / "manager.d").mkdir()
    pbx.write("manager.conf", f'{MANAGER}#include "manager.d/*.conf"\n')


def freepbx(pbx: Pbx) -> None:
    """FreePBX's files, as open."""
    pbx.write("extensions.conf", MAIN)
    pbx.write("extensions_additional.conf", additional("Macro"))
    for name in ("extensions_custom.conf", "extensions_override_freepbx.conf", "manager_custom.conf"):
        pbx.write(name, "")


def by_an_older_version(pbx: Pbx) -> None:
    """An earlier install put the user, with its secret, into manager.conf itself."""
    pbx.write("manager.conf", f"{MANAGER}; BEGIN busy-callback\n[busy_callback]\nsecret = x\n; END busy-callback\n")


@pytest.mark.parametrize("prepare", [from_source, with_a_folder, freepbx, by_an_older_version])
def test_no_file_with_our_secret_is_open_to_others(pbx: Pbx, prepare: Callable[[Pbx], None]) -> None:
    """Whatever the tree's modes and the umask are: each file that install put the secret in is 0640, or stricter."""
    prepare(pbx)
    for path in pbx.etc.rglob("*"):
        path.chmod(0o666 if path.is_file() else 0o777 & ~0o022)
    old = os.umask(0)
    try:
        pbx.install()
    finally:
        os.umask(old)
    secret = load(pbx.directories.conf).secret.encode()
    holders = [path for path in pbx.root.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert len(holders) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o640}
    assert {path.stat().st_gid for path in holders} == {pbx.survey().owner.gid}
    assert pbx.plan().changes == ()


def test_manager_conf_outlives_the_loss_of_our_file(pbx: Pbx) -> None:
    """It is tried to include, not required: where somebody removes it, the other users of the manager stay."""
    pbx.install()
    assert "\n#tryinclude busy_callback_manager.conf\n" in (pbx.etc / "manager.conf").read_text()


@pytest.mark.parametrize("name", ["busy_callback.conf", "busy_callback_manager.conf", "manager_custom.conf"])
def test_a_file_with_our_secret_that_is_open_is_told(pbx: Pbx, tmp_path: Path, name: str) -> None:
    """By doctor, and in the log: the file that really holds it is named, be it ours or one by hand."""
    pbx.install()
    settings = load(pbx.directories.conf)
    path = pbx.etc / name
    if not path.exists():
        path.write_text(f"[busy_callback]\nsecret = {settings.secret}\n")
    path.chmod(0o644)
    (complaint,) = complaints(pbx.directories, settings, str(tmp_path))
    assert f"chmod o-r {path}" in complaint
    assert settings.secret not in complaint
    with pytest.raises(CheckFailed, match=name) as caught:
        check_settings(Installation(pbx.survey(), settings))
    assert caught.value.cure == f"run: chmod 0640 {path}"
    path.chmod(0o640)
    assert complaints(pbx.directories, settings, str(tmp_path)) == []
    assert check_settings(Installation(pbx.survey(), settings))


def test_other_files_may_be_open(pbx: Pbx, tmp_path: Path) -> None:
    """manager.conf with other users' secrets is the admin's business; a FIFO of that name hangs nobody."""
    pbx.install()
    (pbx.etc / "manager.conf").chmod(0o644)
    os.mkfifo(pbx.etc / "manager_fifo.conf")
    assert complaints(pbx.directories, load(pbx.directories.conf), str(tmp_path)) == []


def test_a_log_that_is_open_is_told(pbx: Pbx) -> None:
    """It has the numbers of who asked for whom."""
    pbx.install()
    log = Path(pbx.directories.log)
    log.touch(0o644)
    with pytest.raises(CheckFailed, match="open to everybody"):
        check_log(Installation(pbx.survey(), load(pbx.directories.conf)))
    log.chmod(0o640)
    assert check_log(Installation(pbx.survey(), load(pbx.directories.conf))) == str(log)
