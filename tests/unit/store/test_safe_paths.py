"""Paths that others have a hand in: who decides, what is followed, and what is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from busy_callback.errors import PathError
from busy_callback.store import safe_paths
from busy_callback.store.safe_paths import decider, hand, open_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's way can be another user's")

OTHER = 65534


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """root's/ with theirs/ in it, which belongs to another user; in each a folder of root's, and a file."""
    for folder in ("ours", "ours/inner", "theirs", "theirs/inner"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("x")
    os.chown(tmp_path / "theirs", OTHER, OTHER)
    return tmp_path


def test_the_first_who_can_write_on_the_way_decides(tree: Path) -> None:
    """Root alone where all is root's; else whoever owns a folder on the way, or what is at the end."""
    assert decider(str(tree / "ours/inner/file")) == 0
    assert decider(str(tree / "theirs")) == OTHER
    assert decider(str(tree / "theirs/inner/file")) == OTHER
    assert decider(str(tree / "theirs/nothing/at/all")) == OTHER
    assert decider(str(tree / "ours/nothing/at/all")) == 0
    os.chown(tree / "ours/file", OTHER, OTHER)
    assert decider(str(tree / "ours/file")) == OTHER
    (tree / "theirs/link").symlink_to("/etc/passwd")
    assert decider(str(tree / "theirs/link")) == OTHER  # wherever it leads


def test_who_writes_in_a_folder_is_not_who_leads_there(tree: Path) -> None:
    """A folder of root's in another user's: only root writes in it, but the other may put another in its place."""
    with open_folder(str(tree / "theirs/inner")) as folder:
        assert (folder.writer, folder.decider) == (0, OTHER)
    with open_folder(str(tree / "theirs")) as folder:
        assert (folder.writer, folder.decider) == (OTHER, 0)


def test_roots_links_in_roots_folders_are_followed(tree: Path) -> None:
    """Absolute and relative ones, to folders and to links; the path that is told has none any more."""
    (tree / "ours/link").symlink_to("../theirs/../ours/inner")
    (tree / "link").symlink_to(tree / "ours" / "link")
    with open_folder(str(tree / "link")) as folder:
        assert folder.path == str(tree / "ours/inner")
        assert os.fstat(folder.descriptor).st_ino == (tree / "ours/inner").stat().st_ino


@pytest.mark.parametrize("where", ["theirs", "theirs/inner"])
def test_no_link_that_another_user_can_change_is_followed(tree: Path, where: str) -> None:
    """Not even root's own, where another could put another in its place: the sentence names it and says what to do."""
    (tree / where / "link").symlink_to(tree / "ours")
    with pytest.raises(PathError, match=rf"{where}/link is a link that user \w+ can change, which is not followed"):
        open_folder(str(tree / where / "link"))


def test_another_users_link_in_roots_folder_is_not_followed(tree: Path) -> None:
    """As in /tmp, where everybody may put one."""
    tree.chmod(0o1777)
    (tree / "link").symlink_to(tree / "ours")
    os.chown(tree / "link", OTHER, OTHER, follow_symlinks=False)
    with pytest.raises(PathError, match="is a link that user nobody can change"):
        open_folder(str(tree / "link"))
    os.chown(tree / "link", 0, 0, follow_symlinks=False)
    with open_folder(str(tree / "link")) as folder:
        assert folder.path == str(tree / "ours")


def test_links_without_end(tree: Path) -> None:
    """A link to itself is an error."""
    (tree / "link").symlink_to("link")
    with pytest.raises(PathError, match="without end"):
        open_folder(str(tree / "link"))


def test_a_folder_that_a_group_can_write(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is its user's, where the group is a user's own; where it is everybody's or a whole group's, an error."""
    os.chown(tree / "ours", 0, OTHER)
    (tree / "ours").chmod(0o775)
    with pytest.raises(PathError, match=r"each user of group 65534 can write in .*/ours.*chmod g-w"):
        open_folder(str(tree / "ours"))
    monkeypatch.setattr(safe_paths, "_user_of_group", lambda group: OTHER)
    with open_folder(str(tree / "ours")) as folder:
        assert folder.writer == OTHER
    assert decider(str(tree / "ours/file")) == OTHER
    (tree / "ours").chmod(0o757)
    with pytest.raises(PathError, match=r"everybody can write in .*/ours.*chmod o-w"):
        decider(str(tree / "ours/file"))


def test_on_the_way_root_may_trust_a_group(tree: Path) -> None:
    """As staff with /usr/local; but not where the last folder is theirs, and no link there is followed."""
    os.chown(tree / "ours", 0, OTHER)
    (tree / "ours").chmod(0o775)
    assert decider(str(tree / "ours/inner/file")) == 0
    with pytest.raises(PathError, match="can write in"):
        decider(str(tree / "ours/file"))
    with open_folder(str(tree / "ours/inner")) as folder:
        assert (folder.writer, folder.decider) == (0, 0)
    (tree / "ours/link").symlink_to("inner")
    with pytest.raises(PathError, match="link that others can change"):
        open_folder(str(tree / "ours/link"))


def test_the_user_that_has_a_group_of_its_own() -> None:
    """Debian's group games is the user's own; staff is nobody's; root's may be the mask of a list of others."""
    assert safe_paths._user_of_group(60) == 5
    assert safe_paths._user_of_group(50) is None
    assert safe_paths._user_of_group(99999) is None
    assert safe_paths._user_of_group(0) is None


def test_only_what_can_be_written_counts(tree: Path) -> None:
    """A link's and a socket's modes tell nothing; in a sticky folder each may change only what is his own."""
    (tree / "ours").chmod(0o1777)
    assert hand((tree / "ours").stat(), "") == 0
    (tree / "link").symlink_to("ours")
    assert hand((tree / "link").lstat(), "") == 0


def test_a_path_must_be_one(tree: Path) -> None:
    """A relative path, a file in place of a folder, and nothing at all are errors."""
    with pytest.raises(PathError, match="not a path from / on"):
        open_folder("etc")
    with pytest.raises(NotADirectoryError):
        open_folder(str(tree / "ours/file"))
    with pytest.raises(FileNotFoundError):
        open_folder(str(tree / "nothing"))


def test_two_dots_lead_back_the_way_that_was_come(tree: Path) -> None:
    """Not to where a folder was moved meanwhile."""
    with open_folder(str(tree / "ours/inner/../../theirs")) as folder:
        assert folder.path == str(tree / "theirs")


def test_a_file_is_read_without_waiting(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO, a link and a file without end are errors."""
    os.mkfifo(tree / "fifo")
    (tree / "link").symlink_to("ours/file")
    with open_folder(str(tree)) as folder:
        with pytest.raises(PathError, match="not a regular file"):
            folder.read("fifo")
        with pytest.raises(OSError, match="symbolic links"):
            folder.read("link")
        monkeypatch.setattr(safe_paths, "MOST", 3)
        (tree / "file").write_text("four")
        with pytest.raises(PathError, match="larger than"):
            folder.read("file")
        (tree / "file").write_text("is")
        assert folder.read("file")[0] == b"is"


def test_a_new_file_is_its_makers_alone(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made where nothing is, not even a link, and nobody else can open it."""
    names = iter([b"taken", b"free!"])
    monkeypatch.setattr(os, "urandom", lambda _: next(names))
    (tree / f".busy-callback-{b'taken'.hex()}").symlink_to("ours/file")
    with open_folder(str(tree)) as folder:
        descriptor, name = folder.create()
    os.close(descriptor)
    assert name == f".busy-callback-{b'free!'.hex()}"
    assert stat.S_IMODE((tree / name).stat().st_mode) == 0o600
    assert (tree / "ours/file").read_text() == "x"
