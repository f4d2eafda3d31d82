"""Attack: asterisk.conf, which Asterisk's user can write, names a folder of root's when the package is purged.

What a removed Debian package leaves behind is removed with that user's rights, and not at all where root would do it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

POSTRM = Path(__file__).parents[2] / "packaging/debian/postrm"
NOBODY = 65534


@pytest.fixture
def purge(tmp_path: Path) -> Path:
    """A copy of the script that has a state folder of its own."""
    script = tmp_path / "postrm"
    script.write_text(POSTRM.read_text().replace("state=/var/lib/busy-callback", f"state={tmp_path}/state"))
    (tmp_path / "state").mkdir(mode=0o700)
    for place in (tmp_path, *tmp_path.parents):
        if place == Path(tempfile.gettempdir()):
            break
        place.chmod(0o755)
    return script


def run(script: Path, user: str, spool: Path, log: Path) -> str:
    """Purge after a removal that noted these; return what is said."""
    note = script.parent / "state/left-behind"
    note.write_text(f"{user}\n{spool}\n{log}\n{log.parent / 'none.conf'}\n")
    done = subprocess.run(["/bin/sh", str(script), "purge"], capture_output=True, text=True, check=True)
    assert not note.parent.exists()
    return done.stderr


def folder(path: Path, owner: int) -> Path:
    """Make a folder with files of that owner."""
    path.mkdir(mode=0o755)
    for one in (path / "requests", path / "busy_callback.log", path / "busy_callback.log.2.gz"):
        one.touch()
        os.chown(one, owner, owner)
    os.chown(path, owner, owner)
    return path


def test_what_is_asterisks_users_goes(purge: Path, tmp_path: Path) -> None:
    """The requests, the log and the logs that were put away."""
    (tmp_path / "open").mkdir()
    os.chown(tmp_path / "open", NOBODY, NOBODY)
    spool, logs = folder(tmp_path / "open/spool", NOBODY), folder(tmp_path / "open/log", NOBODY)
    assert "stays" not in run(purge, "nobody", spool, logs / "busy_callback.log")
    assert not spool.exists()
    assert [path.name for path in logs.iterdir()] == ["requests"]


@pytest.mark.parametrize("user", ["nobody", "root", "no-such-user", "-rf"])
def test_what_is_roots_stays_and_is_told(purge: Path, tmp_path: Path, user: str) -> None:
    """Whoever was noted: root removes nothing for another user's word."""
    spool = folder(tmp_path / "roots", 0)
    said = run(purge, user, spool, spool / "busy_callback.log")
    assert f"{spool} stays" in said
    assert len(list(spool.iterdir())) == 3
