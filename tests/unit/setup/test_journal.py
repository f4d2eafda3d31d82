"""Changes to files: diff, all or nothing, and undone byte for byte."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup import marked_blocks as blocks
from busy_callback.setup.journal import Change, Journal, apply, undo
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, FILE, LINK, Snapshot

ME = (os.geteuid(), os.getegid())


def new(path: Path, text: str = "ours\n", mode: int = 0o640) -> Change:
    """Return a change that places a file."""
    return Change.file(path, text.encode(), mode, ME)


@pytest.mark.parametrize("text", ["", "a\n", "a\nb", "a\r\nb\r\n", "\n\n", "caf\udce9\n"])
@pytest.mark.parametrize("after", [-1, 0, 99])
def test_a_block_leaves_no_trace(text: str, after: int) -> None:
    """A block that is put in and taken out again leaves the text as it was, but for a last line's missing end."""
    changed = blocks.insert(text, after, ["x", "y"])
    assert "x" in changed
    assert blocks.strip_text(changed) in {text, text + "\n"}
    assert blocks.insert(blocks.strip_text(changed), after, ["x", "y"]) == changed


def test_a_block_without_its_end_is_not_ours() -> None:
    """When an admin's editor lost the end mark, nothing of the file is taken for ours."""
    text = f"a\n{blocks.BEGIN}\nb\n"
    assert blocks.strip_text(text) == text


def test_a_placed_file_has_its_mode_from_its_first_moment(tmp_path: Path) -> None:
    """A file of ours is put in place whole, with owner and mode; a secret is never readable meanwhile."""
    apply([new(tmp_path / "f", mode=0o600)], Journal(tmp_path / "state"))
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    assert not new(tmp_path / "f", mode=0o600).needed
    assert new(tmp_path / "f", mode=0o640).needed


def test_undo_gives_back_every_byte_mode_and_time(tmp_path: Path) -> None:
    """Undo restores files, links and folders as they were, and removes what was not there."""
    old = tmp_path / "old"
    old.write_bytes(b"before, no newline\xff")
    old.chmod(0o604)
    os.utime(old, ns=(1, 1_000_000_007))
    before = Snapshot.take(old)
    folder = Change(tmp_path / "folder", Snapshot(DIRECTORY, b"", 0o750, *ME))
    link = Change(tmp_path / "folder" / "link", Snapshot(LINK, b"../old"))
    journal = Journal(tmp_path / "state")
    apply([new(old), folder, link, new(tmp_path / "new")], journal)
    assert os.readlink(link.path) == "../old"
    assert undo(Journal(tmp_path / "state")) == []
    assert Snapshot.take(old) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old"]


def test_a_failure_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    """When one change fails, the ones before it are put back, and the error says why."""
    (tmp_path / "old").write_text("before")
    with pytest.raises(SetupError, match="nothing was changed"):
        apply([new(tmp_path / "old"), new(tmp_path / "missing" / "f")], Journal(tmp_path / "state"))
    assert (tmp_path / "old").read_text() == "before"


def test_an_edit_follows_a_link_and_keeps_owner_and_mode(tmp_path: Path) -> None:
    """A configuration file that is a link stays one; the file behind it is edited and keeps its mode."""
    (tmp_path / "real").write_text("a\n")
    (tmp_path / "real").chmod(0o604)
    (tmp_path / "conf").symlink_to("real")
    apply([Change.edit(tmp_path / "conf", "b\n", tmp_path / "real")], Journal(tmp_path / "state"))
    assert (tmp_path / "conf").is_symlink()
    assert (tmp_path / "real").read_text() == "b\n"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o604


def test_a_link_that_leads_astray_is_not_followed(tmp_path: Path) -> None:
    """Where a file of ours is to stand, a link of another user's is replaced: nothing is made or changed at its end."""
    (tmp_path / "like").write_text("")
    (tmp_path / "victim").write_text("root's")
    for name, target in (("a", "nowhere"), ("b", "victim")):
        (tmp_path / name).symlink_to(target)
        apply([Change.beside(tmp_path / name, "ours\n", tmp_path / "like")], Journal(tmp_path / "state"))
        assert not (tmp_path / name).is_symlink()
    (tmp_path / "c").symlink_to("nowhere")
    apply([Change.edit(tmp_path / "c", "ours\n", tmp_path / "like")], Journal(tmp_path / "state"))
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / "victim").read_text() == "root's"


def test_what_an_admin_added_since_stays(tmp_path: Path) -> None:
    """Undo takes only our blocks out of a file that was edited after the install."""
    conf = tmp_path / "conf"
    conf.write_text("a\n")
    apply([Change.edit(conf, blocks.append("a\n", ["ours"]), conf)], Journal(tmp_path / "state"))
    conf.write_text(conf.read_text() + "mine\n")
    assert undo(Journal(tmp_path / "state")) == []
    assert conf.read_text() == "a\nmine\n"


def test_a_second_install_does_not_forget_the_admins_edit(tmp_path: Path) -> None:
    """A file that was edited between two installs is given back with that edit."""
    conf = tmp_path / "conf"
    conf.write_text("a\n")
    apply([Change.edit(conf, blocks.append("a\n", ["ours"]), conf)], Journal(tmp_path / "state"))
    conf.write_text(conf.read_text() + "mine\n")
    apply([Change.edit(conf, blocks.append("a\nmine\n", ["newer"]), conf)], Journal(tmp_path / "state"))
    undo(Journal(tmp_path / "state"))
    assert conf.read_text() == "a\nmine\n"


def test_an_edited_file_of_ours_stays_unless_purged(tmp_path: Path) -> None:
    """A whole file of ours that somebody changed is reported and kept; purge removes it."""
    path = tmp_path / "conf"
    apply([new(path)], Journal(tmp_path / "state"))
    path.write_text("mine")
    assert undo(Journal(tmp_path / "state")) == [path]
    assert path.read_text() == "mine"
    apply([new(tmp_path / "other")], Journal(tmp_path / "state"))
    (tmp_path / "other").write_text("mine")
    assert undo(Journal(tmp_path / "state"), purge=True) == []
    assert not (tmp_path / "other").exists()


def test_an_edited_file_that_is_replaced_is_kept_aside(tmp_path: Path) -> None:
    """An upgrade that replaces a file of ours keeps the version that somebody edited."""
    journal = Journal(tmp_path / "state")
    apply([new(tmp_path / "f")], journal)
    (tmp_path / "f").write_text("mine")
    apply([new(tmp_path / "f", "newer\n")], Journal(tmp_path / "state"))
    assert journal.kept_copy(tmp_path / "f").read_text() == "mine"
    assert (tmp_path / "f").read_text() == "newer\n"


def test_the_journal_is_roots_alone_and_on_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backups, which may hold secrets, are readable by their owner only, and written before any change."""
    (tmp_path / "f").write_text("secret")

    def crash(self: Snapshot, path: Path, flush: bool = True) -> None:
        if path == tmp_path / "f":
            raise KeyboardInterrupt
        put(self, path)

    put = Snapshot.put
    monkeypatch.setattr(Snapshot, "put", crash)
    with pytest.raises(KeyboardInterrupt):
        apply([new(tmp_path / "f")], Journal(tmp_path / "state"))
    monkeypatch.undo()
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "state").iterdir())
    assert undo(Journal(tmp_path / "state")) == []
    assert (tmp_path / "f").read_text() == "secret"


def test_a_journal_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    """A damaged journal is an error that names it, not an empty one."""
    (tmp_path / "journal.json").write_text("{")
    with pytest.raises(SetupError, match=r"journal\.json can't be read"):
        Journal(tmp_path)


def test_a_diff_shows_no_secret(tmp_path: Path) -> None:
    """The diff is a unified one; secrets, ours and others', are blotted out; binary files are one line."""
    (tmp_path / "f").write_text("[boss]\nsecret=tellnobody\n")
    diff = Change.edit(tmp_path / "f", "[boss]\nsecret=tellnobody\nsecret = ours\n", tmp_path / "f").diff()
    assert "+secret = ********" in diff
    assert "tellnobody" not in diff
    assert "ours" not in diff
    assert Change.file(tmp_path / "p.gsm", b"\0\1\2").diff() == f"make file {tmp_path}/p.gsm (3 bytes)"


def test_a_device_or_pipe_is_refused(tmp_path: Path) -> None:
    """What is neither file, link nor folder is not touched."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SetupError, match="neither a file nor a directory"):
        apply([new(tmp_path / "pipe")], Journal(tmp_path / "state"))


def test_nothing_is_a_snapshot_too(tmp_path: Path) -> None:
    """An absent path has a snapshot of its own kind, and putting it removes what is there."""
    nothing = Snapshot.take(tmp_path / "f")
    assert nothing.kind == ABSENT
    Snapshot(FILE, b"x", 0o600, *ME).put(tmp_path / "f")
    nothing.put(tmp_path / "f")
    assert not (tmp_path / "f").exists()
