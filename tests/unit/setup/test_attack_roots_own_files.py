"""Attack: asterisk.conf leads to folders of root's, and what is in them is to be given away, or removed."""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.house import ASTERISK, House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")


@pytest.fixture
def checkout() -> Iterator[Path]:
    """Root's checkout of this package in a folder of Asterisk's name: root installs, and so runs, what is in it."""
    Path("/opt").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asterisk-", dir="/opt") as name:
        top = Path(name)
        top.chmod(0o755)
        (top / "busy_callback").mkdir()
        (top / "busy_callback" / "cli.py").write_text("root's")
        (top / "outgoing").mkdir()
        yield top


@pytest.mark.parametrize("owner", ["root", "nobody"])
def test_a_spool_that_is_the_package_itself(house: House, checkout: Path, owner: str) -> None:
    """A folder of root's, or of a third user's, that is there already is not given to asterisk, wherever it is."""
    uid = pwd.getpwnam(owner).pw_uid
    os.chown(checkout / "busy_callback", uid, 0)
    as_asterisk(lambda: house.tell_directories(spool=str(checkout)))
    status, output = house.place()
    assert (checkout / "busy_callback").stat().st_uid == uid
    assert (status, f"busy_callback there is {owner}'s already" in output) == (1, True)
    assert house.place("--allow-path", str(checkout))[0] == 0
    assert (checkout / "busy_callback").stat().st_uid == ASTERISK.pw_uid


@pytest.mark.parametrize("where", ["bin", "lib/python3/site-packages", "share"])
def test_a_spool_beside_what_root_runs(
    house: House, checkout: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Where root's Python looks for busy_callback, asterisk gets no folder of that name to put its own code into."""
    folder = checkout / where
    (folder / "outgoing").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(checkout / "lib/python3/site-packages"), *sys.path])
    monkeypatch.setattr(sys, "prefix", str(checkout))
    monkeypatch.setattr(sys, "argv", [str(checkout / "bin" / "busy-callback")])
    as_asterisk(lambda: house.tell_directories(spool=str(folder)))
    status, output = house.place()
    assert not (folder / "busy_callback").exists()
    assert (status, "none of a PBX's" in output) == (1, True)


@pytest.mark.parametrize("mode", [0o755, 0o1777])
@pytest.mark.parametrize("key", ["spool", "log"])
def test_a_purge_where_asterisk_conf_leads(house: House, key: str, mode: int) -> None:
    """Uninstall removes requests and logs as asterisk's user: in a folder of root's, or in /tmp, it removes nothing."""
    folder = house.root / "elsewhere"
    folder.mkdir()
    folder.chmod(mode)
    kept = folder / {"spool": "busy_callback", "log": "busy_callback.log.old"}[key]
    assert house.place()[0] == 0
    kept.write_text("root's")
    as_asterisk(lambda: house.tell_directories(**{key: str(folder)}))
    status, output = house.run("uninstall", "--yes", "--purge")
    assert kept.read_text() == "root's"
    assert (status, f"kept {kept}" in output) == (0, True)
