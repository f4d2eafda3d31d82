"""Changes to files: diff, all or nothing, and undone byte for byte."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup import marked_blocks as blocks
from busy_callback.setup.changing import apply, preview, undo
from busy_callback.setup.entry import Back
from busy_callback.setup.file_change import Change
from busy_callback.setup.journal import Journal
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, FILE, LINK, Snapshot

from ...lab.deaths import dies

ME = (os.geteuid(), os.getegid())


def why(backs: list[Back]) -> dict[Path, str]:
    """Return what is said of the paths that are not as before."""
    return {back.path: back.why for back in backs if back.why}


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
    """A whole file of ours that somebody changed is reported and kept, and so is its entry; purge removes both."""
    path, state = tmp_path / "conf", tmp_path / "state"
    apply([new(path)], Journal(state))
    path.write_text("mine")
    assert why(undo(Journal(state))) == {path: "you changed it"}
    assert path.read_text() == "mine"
    assert undo(Journal(state), purge=True) == []
    assert not path.exists()
    assert not state.exists()


def test_an_edited_file_that_is_replaced_is_kept_aside(tmp_path: Path) -> None:
    """An upgrade that replaces a file of ours keeps each version that somebody edited, until a purge."""
    path, state = tmp_path / "f", tmp_path / "state"
    apply([new(path)], Journal(state))
    for text in ("mine", "mine again"):
        path.write_text(text)
        change = new(path, f"newer than {text}\n")
        note = Journal(state).note_aside(change)
        apply([change], Journal(state))
        assert f"You edited {path}. Your version will be kept as {state}/edited-f" in note
        assert Path(note.split()[-1]).read_text() == text
    assert path.read_text() == "newer than mine again\n"
    assert undo(Journal(state)) == []
    assert {place.read_text() for place in Journal(state).set_aside()} == {"mine", "mine again"}
    undo(Journal(state), purge=True)
    assert not state.exists()


def test_what_was_there_is_kept_when_its_place_is_empty(tmp_path: Path) -> None:
    """A file that somebody removed since stays removed; what it was before the install is told and kept."""
    path, state = tmp_path / "f", tmp_path / "state"
    path.write_text("before")
    apply([new(path)], Journal(state))
    path.unlink()
    (back,) = undo(Journal(state))
    assert "it was removed since; what was there before the install is in" in back.why
    assert Path(back.why.split()[-1]).read_text() == "before"
    note = Journal(state).note_aside(new(path))
    apply([new(path)], Journal(state))
    assert "You removed" in note
    assert Path(note.split()[-1]).read_text() == "before"
    assert undo(Journal(state)) == []
    assert not path.exists()


def test_a_file_of_the_admins_that_ours_replaced_outlives_an_edit_of_ours(tmp_path: Path) -> None:
    """A crontab by hand, replaced by ours, which somebody edited: told, kept, and given back by a purge."""
    path, state = tmp_path / "f", tmp_path / "state"
    path.write_text("by hand")
    apply([new(path)], Journal(state))
    path.write_text("mine")
    (back,) = undo(Journal(state))
    assert Path(back.why.split()[-1]).read_text() == "by hand"
    assert path.read_text() == "mine"
    assert undo(Journal(state), purge=True) == []
    assert path.read_text() == "by hand"


def test_lines_in_a_file_that_we_made_outlive_an_upgrade(tmp_path: Path) -> None:
    """A file that was not there, with our block and an admin's line: after an upgrade and undo the line is there."""
    conf, like = tmp_path / "conf", tmp_path / "like"
    like.write_text("")
    apply([Change.edit(conf, blocks.append("", ["ours"]), like)], Journal(tmp_path / "state"))
    conf.write_text(conf.read_text() + "mine\n")
    apply([Change.edit(conf, blocks.append("mine\n", ["newer"]), like)], Journal(tmp_path / "state"))
    assert undo(Journal(tmp_path / "state")) == []
    assert conf.read_text() == "mine\n"


def test_a_mode_that_was_set_since_stays(tmp_path: Path) -> None:
    """Who closed a file to others, after the install, does not find it open after the uninstall."""
    conf = tmp_path / "conf"
    conf.write_text("a\n")
    apply([Change.edit(conf, blocks.append("a\n", ["ours"]), conf)], Journal(tmp_path / "state"))
    conf.chmod(0o600)
    assert undo(Journal(tmp_path / "state")) == []
    assert (conf.read_text(), stat.S_IMODE(conf.stat().st_mode)) == ("a\n", 0o600)


def test_the_journal_is_roots_alone_and_on_disk_first(tmp_path: Path) -> None:
    """Backups, which may hold secrets, are readable by their owner only, and written before any change."""
    path, state = tmp_path / "f", tmp_path / "state"
    for call in range(100):
        path.write_text("secret")
        died = dies(lambda: apply([new(path)], Journal(state)), call)
        assert path.read_text() == "secret" or Journal(state).entries[path].before.content == b"secret"
        for place in (state, *state.iterdir()) if state.exists() else ():
            assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place == state else 0o600)
        assert undo(Journal(state)) == []
        assert (path.read_text(), state.exists()) == ("secret", False)
        if not died:
            break
    assert call > 10


def test_an_empty_file_is_given_back_with_all_that_follows(tmp_path: Path) -> None:
    """A file of 0 bytes has a backup like any other; the entries after it are read too."""
    paths = [tmp_path / name for name in ("a", "empty", "z")]
    for path in paths:
        path.write_text("" if path.name == "empty" else path.name)
    apply([new(path) for path in paths], Journal(tmp_path / "state"))
    assert list(Journal(tmp_path / "state").entries) == paths
    assert undo(Journal(tmp_path / "state")) == []
    assert [path.read_text() for path in paths] == ["a", "", "z"]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", ["", "before"])
@pytest.mark.parametrize("damage", ["missing", "not as it was written"])
def test_a_backup_that_is_not_there_as_written_stops_everything(tmp_path: Path, content: str, damage: str) -> None:
    """Be it missing or altered, that of an empty file or not: the error names it and its path, nothing is changed."""
    path, state = tmp_path / "f", tmp_path / "state"
    path.write_text(content)
    apply([new(path), new(tmp_path / "other")], Journal(state))
    (backup,) = state.glob("*-f")
    if damage == "missing":
        backup.unlink()
    else:
        backup.write_text("altered")
    with pytest.raises(SetupError, match=f"{backup}, which keeps what {path} was .*, is {damage}; nothing was changed"):
        Journal(state)
    backup.write_text(content)
    assert undo(Journal(state)) == []
    assert path.read_text() == content


def test_a_journal_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    """A damaged journal is an error that names it, not an empty one; so is one of a later version, or of others."""
    (tmp_path / "journal.json").write_text("{")
    with pytest.raises(SetupError, match=r"journal\.json can't be read"):
        Journal(tmp_path)
    for damage in ('{"format": 2}', '{"format": 2, "paths": {"/f": {"before": {"kind": "fifo"}}}}', "[]"):
        (tmp_path / "journal.json").write_text(damage)
        with pytest.raises(SetupError, match=r"journal\.json can't be read"):
            Journal(tmp_path)
    (tmp_path / "journal.json").write_text('{"format": 3}')
    with pytest.raises(SetupError, match="of a later version"):
        Journal(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(SetupError, match="is not root's alone"):
        Journal(tmp_path)


def test_a_lost_list_is_missed(tmp_path: Path) -> None:
    """Backups without the list that names them are no empty journal."""
    (tmp_path / "f").write_text("before")
    apply([new(tmp_path / "f")], Journal(tmp_path / "state"))
    (tmp_path / "state" / "journal.json").unlink()
    with pytest.raises(SetupError, match=r"journal\.json is missing, but its backups are there"):
        Journal(tmp_path / "state")


def format_1(state: Path, before: dict[Path, bytes | None], left: dict[Path, bytes]) -> None:
    """Write a journal as the first version did: an empty file had no backup."""
    state.mkdir(mode=0o700)
    paths = {}
    for number, (path, content) in enumerate(before.items()):
        facts = {"kind": ABSENT if content is None else FILE, "content": "", "mode": 0o640, "uid": 0, "gid": 0}
        backup = f"{number:04}-{path.name}" if content is not None else ""
        if content:
            (state / backup).write_bytes(content)
        after = Snapshot(FILE, left[path]).fingerprint
        paths[str(path)] = {"before": {**facts, "mtime_ns": 10**9}, "backup": backup, "after": after}
        path.write_bytes(left[path])
    (state / "journal.json").write_text(json.dumps({"format": 1, "paths": paths}))


def test_a_journal_of_the_first_version_is_read_whole(tmp_path: Path) -> None:
    """Format 1 had no backup of an empty file: it is given back empty, and so is all that follows it."""
    block = blocks.append("", ["ours"]).encode()
    before = {tmp_path / "a": b"a\n", tmp_path / "empty": b"", tmp_path / "whole": b"", tmp_path / "new": None}
    left = {tmp_path / "a": b"a\n" + block, tmp_path / "empty": block, tmp_path / "whole": b"w", tmp_path / "new": b"n"}
    format_1(tmp_path / "state", before, left)
    (tmp_path / "a").write_bytes(b"mine\na\n" + block)
    apply([new(tmp_path / "newest")], Journal(tmp_path / "state"))
    assert undo(Journal(tmp_path / "state")) == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"mine\na\n",
        "empty": b"",
        "whole": b"",
    }
    assert (tmp_path / "empty").stat().st_mtime_ns == 10**9


def test_a_lost_backup_of_the_first_version_is_not_taken_for_empty(tmp_path: Path) -> None:
    """Where what we left shows that there was something, a backup that is missing is named."""
    path = tmp_path / "f"
    format_1(tmp_path / "state", {path: b"a\n"}, {path: blocks.append("a\n", ["ours"]).encode()})
    (tmp_path / "state" / "0000-f").unlink()
    with pytest.raises(SetupError, match=r"0000-f, which keeps .* is missing; nothing was changed"):
        Journal(tmp_path / "state")


def test_undo_keeps_the_journal_until_all_is_back(tmp_path: Path) -> None:
    """What can't be given back is named with the reason, and can be once that is mended; the rest is given back."""
    folder = Change(tmp_path / "folder", Snapshot(DIRECTORY, b"", 0o755, *ME))
    apply([new(tmp_path / "a"), folder, new(tmp_path / "folder" / "f")], Journal(tmp_path / "state"))
    (tmp_path / "folder").rename(tmp_path / "away")
    (tmp_path / "folder").write_text("")
    (back,) = [back for back in undo(Journal(tmp_path / "state")) if back.stuck]
    assert (back.path, "Not a directory" in back.why) == (tmp_path / "folder" / "f", True)
    assert not (tmp_path / "a").exists()
    (tmp_path / "folder").unlink()
    (tmp_path / "away").rename(tmp_path / "folder")
    assert undo(Journal(tmp_path / "state")) == []
    assert list(tmp_path.iterdir()) == []


def test_what_undo_left_is_compared_with_what_it_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is not as it was, whatever the calls said, is told and stays in the journal."""
    (tmp_path / "f").write_text("before")
    apply([new(tmp_path / "f"), new(tmp_path / "g")], Journal(tmp_path / "state"))
    monkeypatch.setattr(os, "sync", lambda: (tmp_path / "f").write_text("somebody is faster"))
    (back,) = undo(Journal(tmp_path / "state"))
    assert (back.path, back.why, back.stuck) == (tmp_path / "f", "it was changed meanwhile: try again", True)
    assert list(Journal(tmp_path / "state").entries) == [tmp_path / "f"]


def stuck_block(path: Path, how: str) -> None:
    """Bring a file with our block into a state in which it can't be taken out."""
    if how == "has no line":
        path.write_text(path.read_text().replace(f"{blocks.END}\n", ""))
    elif how == "a link":
        path.rename(path.parent / "elsewhere")
        path.symlink_to("elsewhere")
    else:
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize("how", ["has no line", "a link", "neither a file nor a directory"])
def test_a_block_that_stays_keeps_what_it_refers_to(tmp_path: Path, how: str) -> None:
    """An include of our file that can't be taken out is told, and the file stays: without it no dialplan is loaded."""
    conf, state = tmp_path / "extensions.conf", tmp_path / "state"
    conf.write_text("a\n")
    edit = Change.edit(conf, blocks.append("a\n", ["#include ours"]), conf)
    apply([new(tmp_path / "ours"), edit], Journal(state))
    stuck_block(conf, how)
    foreseen = why(preview(Journal(state)))
    left = undo(Journal(state))
    assert foreseen == why(left)
    assert how in left[0].why
    assert why(left)[tmp_path / "ours"] == f"it stays because of {conf}"
    assert (tmp_path / "ours").read_text() == "ours\n"
    for path in (conf, tmp_path / "elsewhere"):
        path.unlink(missing_ok=True)
    conf.write_text("a\n")
    assert undo(Journal(state)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["extensions.conf"]


def test_an_interrupted_upgrade_is_nobodys_edit(tmp_path: Path) -> None:
    """What is ours still, of either version, is given back and set aside by nobody."""
    paths, state = [tmp_path / name for name in "ab"], tmp_path / "state"
    apply([new(path) for path in paths], Journal(state))
    for call in range(100):
        upgrade = [new(path, f"{call}\n") for path in paths]
        died = dies(lambda: apply(upgrade, Journal(state)), call)  # noqa: B023
        assert not any(Journal(state).edited(path) for path in paths)
        assert not any(Journal(state).note_aside(new(path)) for path in paths)
        if not died:
            break
    assert Journal(state).then == {""}
    assert undo(Journal(state)) == []
    assert list(tmp_path.iterdir()) == []


def test_an_edit_while_install_waits_is_not_overwritten(tmp_path: Path) -> None:
    """A file that is not any more what the change was worked out from stops the install, and stays."""
    conf = tmp_path / "conf"
    conf.write_text("a\n")
    change = Change.edit(conf, blocks.append("a\n", ["ours"]), conf)
    conf.write_text("a\nmine\n")
    with pytest.raises(SetupError, match=f"nothing was changed: {conf} has just been changed by somebody else"):
        apply([new(tmp_path / "f"), change], Journal(tmp_path / "state"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("conf", "a\nmine\n")]


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """While one is at work another is refused; and so is one that has read the journal before."""
    early = Journal(tmp_path / "state")
    with Journal(tmp_path / "state").held(), pytest.raises(SetupError, match="is at work: wait"):
        apply([new(tmp_path / "f")], Journal(tmp_path / "state"))
    apply([new(tmp_path / "f")], Journal(tmp_path / "state"))
    with pytest.raises(SetupError, match="has just been at work"):
        undo(early)
    assert (tmp_path / "f").exists()


def test_a_full_disk_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    """Where no byte can be written, neither install nor uninstall begins, and both say so in a sentence."""
    state = tmp_path / "state"
    (tmp_path / "f").write_text("before")
    script = (
        "import resource, signal, sys; from pathlib import Path; from tests.unit.setup.test_journal import *; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
        "path, state = Path(sys.argv[1]), Path(sys.argv[2]); eval(sys.argv[3])"
    )
    for act in ("apply([new(path)], Journal(state))", "undo(Journal(state))"):
        words = [sys.executable, "-c", script, str(tmp_path / "f"), str(state), act]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert f"{state} can't be written: File too large" in done.stderr.splitlines()[-1]
        assert done.stderr.splitlines()[-1].startswith("busy_callback.errors.SetupError:")
        assert (tmp_path / "f").read_text() == ("before" if act.startswith("apply") else "ours\n")
        apply([new(tmp_path / "f")], Journal(state))


def test_what_cannot_be_put_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an install fails and so does its undoing, the error does not say that nothing was changed."""
    (tmp_path / "a").write_text("before")

    def put(self: Snapshot, path: Path, flush: bool = True) -> None:
        if path.parent == tmp_path and (path.name == "b" or self.content == b"before"):
            raise OSError(28, "No space left on device")
        really_put(self, path, flush)

    really_put = Snapshot.put
    monkeypatch.setattr(Snapshot, "put", put)
    with pytest.raises(SetupError, match=f"could not be put back: {tmp_path}/a .No space left"):
        apply([new(tmp_path / "a"), new(tmp_path / "b")], Journal(tmp_path / "state"))
    monkeypatch.undo()
    assert undo(Journal(tmp_path / "state")) == []
    assert (tmp_path / "a").read_text() == "before"


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
