"""Upgrading from 0.x: what its install, its journal, its settings and its spool left on a machine is taken over.

The old version is built from this project's own history; where a checkout has none, there is nothing to try.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ..lab.machine import COMMAND, Machine, build_wheel, wheel_of
from ..lab.office import REPOSITORY
from ..lab.releases import ASTERISK_22
from .page_flow import SPOOL
from .test_install import CONF, PENDING

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("upgrade")]

# With the first dialplan, settings and spool that install placed; and the last whose journal was of format 1.
OLD = {
    "first": "1dc05a73a607481dfb0087277147e859e42e79a2",
    "last of format 1": "02e0a0960b49fe05566e16d7062382d7b05f170a",
}


@pytest.fixture(params=OLD)
def old_wheel(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The wheel of an old version."""
    commit = OLD[request.param]
    tree = tmp_path / "old"
    tree.mkdir()
    words = ["git", "-c", f"safe.directory={REPOSITORY}", "archive", commit]
    archive = subprocess.run(words, cwd=REPOSITORY, capture_output=True, check=False) if shutil.which("git") else None
    if archive is None or archive.returncode:
        pytest.skip(f"this checkout has no history with {commit[:7]}")
    subprocess.run(["tar", "x", "-C", str(tree)], input=archive.stdout, check=True)
    return wheel_of(tree, tmp_path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this version."""
    return build_wheel(REPOSITORY, tmp_path_factory.mktemp("wheel"))


def test_an_old_version_is_taken_over(old_wheel: Path, wheel: Path, tmp_path: Path) -> None:
    """Requests, settings and wiring stay, a callback works, doctor finds nothing, and uninstall gives back all."""
    with Machine(ASTERISK_22, tmp_path / "machine") as machine:
        machine.add_phones("201", "202", "203")
        machine.start_asterisk()
        before = machine.tree()
        machine.pip_install(old_wheel)
        machine.run(f"{COMMAND} install --yes --wire phones")
        wings = machine.run("ls -d /opt/busy-callback/lib/*/*/busy_callback/store", check=False).stdout
        pending = PENDING if wings else PENDING.replace("busy_callback.store.spool", "busy_callback.spool")
        machine.run(f"runuser -u asterisk -- /opt/busy-callback/bin/python -c '{pending}'")
        assert '"format": 1' in machine.run("cat /var/lib/busy-callback/journal.json").stdout
        settings = machine.run(f"cat {CONF}").stdout
        machine.pip_install(wheel)
        said = machine.run(f"{COMMAND} install", answers="y\n").stdout
        assert "ok   trial: a callback works from end to end" in said
        assert "Nothing to change" in machine.run(f"{COMMAND} install --yes").stdout
        assert machine.run(f"cat {CONF}").stdout == settings
        assert "201-203" in machine.run(f"{COMMAND} list").stdout
        machine.daemon("cron -f")
        failed = {name for name, check in machine.doctor().items() if check["ok"] is False}
        assert failed <= {"poller"}  # cron's minute is not waited for
        machine.run("pkill -x cron || kill $(pidof cron)", check=False)
        assert "201" in machine.run(f"{COMMAND} why 201-203").stdout
        machine.run(f"{COMMAND} uninstall --yes")
        assert (machine.root / SPOOL[1:]).exists()
        machine.run(f"{COMMAND} install --yes --no-trial --wire phones; {COMMAND} uninstall --yes --purge")
        machine.run("rm -rf /opt/busy-callback /var/log/asterisk/messages* ~root/.cache", check=False)
        assert machine.tree().splitlines() == before.splitlines()
