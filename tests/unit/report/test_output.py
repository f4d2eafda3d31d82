"""The file that is written for others: whole or as it was, for the readers that were named, and by no link."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from busy_callback.errors import PathError
from busy_callback.report.output import OutputError, OutputFile, apart
from busy_callback.store.asterisk_user import become

NOBODY = 65534


def write(path: Path, readers: str = "", data: bytes = b"new") -> None:
    """Write a file."""
    with OutputFile(str(path), readers) as file:
        file.write(data)


def mode(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Who asked for whom is nobody else's business, unless the admin says so: all, or a group."""
    path = tmp_path / "page.html"
    write(path)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    write(path, "all")
    assert mode(path) == 0o644
    write(path, "nogroup")
    assert (mode(path), path.stat().st_gid) == (0o640, NOBODY)


def test_an_old_file_keeps_its_readers(tmp_path: Path) -> None:
    """What an admin set once by hand stays so each night; nothing else is left in the folder."""
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    os.chown(path, 0, NOBODY)
    path.chmod(0o640)
    write(path)
    assert (path.read_bytes(), mode(path), path.stat().st_gid) == (b"new", 0o640, NOBODY)
    assert os.listdir(tmp_path) == ["page.html"]


def test_what_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in between, or a full disk: nothing half written, and nothing beside it."""
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    with contextlib.suppress(KeyError), OutputFile(str(path)) as file:
        file.write(b"ne")
        raise KeyError
    assert os.listdir(tmp_path) == ["page.html"]

    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(OutputError, match="can't be written: No space left"):
        write(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["page.html"]


@pytest.mark.parametrize("kind", ["no folder", "folder", "link", "device", "group"])
def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path, kind: str) -> None:
    """It names the place and says why."""
    path, readers = tmp_path / "page.html", ""
    if kind == "no folder":
        path = tmp_path / "none" / "page.html"
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "other")
    elif kind == "device":
        path = Path("/dev/null")
    else:
        readers = "no-such-group"
    with pytest.raises(OutputError, match="no-such-group" if readers else str(path)):
        write(path, readers)
    assert not (tmp_path / "other").exists()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_root_is_led_nowhere_by_anothers_link_on_the_way(tmp_path: Path) -> None:
    """Its owner could change it between two runs; root's own links in its own folders lead on."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link" / "page.html")
    assert os.listdir(tmp_path / "real") == ["page.html"]
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(PathError, match=r"link that user .* can change"):
        write(tmp_path / "link" / "other.html")
    assert os.listdir(tmp_path / "real") == ["page.html"]


def test_roots_file_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    """Who looks after the web server's folder can do so with the page too."""
    os.chown(tmp_path, NOBODY, NOBODY)
    write(tmp_path / "page.html")
    found = (tmp_path / "page.html").stat()
    assert (found.st_uid, found.st_gid) == (NOBODY, NOBODY)


def test_what_goes_into_it_is_worked_out_without_roots_rights(tmp_path: Path) -> None:
    """A child that has become another user writes it; root keeps the open file, and the way it ended."""
    path = tmp_path / "page.html"

    def as_nobody() -> None:
        become(NOBODY)
        file.write(f"{os.geteuid()}".encode())

    with OutputFile(str(path)) as file:
        apart(as_nobody)
    assert path.read_bytes() == f"{NOBODY}".encode()
    assert os.geteuid() == 0
