"""Work in another user's folder, as that user: what the child may, and what can come back from it."""

from __future__ import annotations

import os
import pickle
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from busy_callback.errors import PathError, SetupError
from busy_callback.setup import as_owner
from busy_callback.setup.snapshot import (
    DIRECTORY,
    FILE,
    LINK,
    Snapshot,
    identity,
    keeper,
    names_in,
    remove,
    remove_tree,
)
from busy_callback.store.safe_paths import Folder, open_folder
from tests.unit.house import ASTERISK, House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")

HE = (ASTERISK.pw_uid, ASTERISK.pw_gid)


def ids() -> tuple[list[int], list[int], list[int]]:
    """Return all of the process's users and groups."""
    return list(os.getresuid()), list(os.getresgid()), os.getgroups()


def regain() -> str:
    """Try to be root again."""
    for attempt in (os.seteuid, os.setuid, os.setegid, os.setgid):
        try:
            attempt(0)
        except PermissionError:
            continue
        return attempt.__name__
    return "no way"


def process() -> int:
    """Return the process's id."""
    return os.getpid()


def whole(folder: Folder, name: str, *more: str) -> tuple[str, str, tuple[str, ...], int]:
    """Return what a function in a folder is told, and by whom it is run."""
    return folder.path, name, more, os.geteuid()


def missing() -> None:
    """Raise an error of the system."""
    raise FileNotFoundError(2, "No such file", "x")


def led_astray() -> None:
    """Raise an error of ours."""
    raise PathError("by a link")


def faulty() -> None:
    """Raise an error that is a fault of ours."""
    raise ZeroDivisionError("in our code")


def unheard_of() -> object:
    """Return what is no value of ours."""
    return Evil()


def same(value: object) -> object:
    """Return what it is given."""
    return value


def asleep() -> None:
    """Take longer than anybody waits."""
    time.sleep(60)


def killed() -> None:
    """Be ended by the other user, who may."""
    os.kill(os.getpid(), signal.SIGKILL)


class Evil:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/evil",)


def test_the_child_has_the_users_rights_and_no_way_back() -> None:
    """All of its users and groups are the other one's: nothing of root is kept."""
    assert as_owner.call(ASTERISK.pw_uid, ids) == ([HE[0]] * 3, [HE[1]] * 3, [HE[1]])
    assert as_owner.call(ASTERISK.pw_uid, regain) == "no way"
    assert as_owner.call(12345, ids) == ([12345] * 3, [65534] * 3, [])  # without a name there is no group either


def test_for_root_or_by_an_ordinary_user_there_is_no_child() -> None:
    """Root's own things root does itself; and who is not root can be nobody else."""
    assert as_owner.call(0, process) == os.getpid()

    def deed() -> None:
        assert as_owner.call(0, process) == as_owner.call(12345, process) == os.getpid()

    as_asterisk(deed)


def test_in_a_folder_it_is_who_can_write_there(house: House) -> None:
    """The folder comes open, its path without links; in one of root's, root does it."""
    path = house.etc / "x"
    assert as_owner.at(path, whole, "y") == (str(house.etc), "x", ("y",), HE[0])
    assert as_owner.at(house.root / "x", whole) == (str(house.root), "x", (), 0)
    assert as_owner.at(path, whole, as_root=True)[3] == 0


def test_a_folder_behind_a_closed_one(house: House) -> None:
    """The child gets it open from root: that its user could not go there does not matter."""
    house.base.chmod(0o700)
    Snapshot(FILE, b"x", 0o600, *HE).put(house.etc / "x")
    assert Snapshot.take(house.etc / "x").content == b"x"


def test_errors_come_back_as_they_are() -> None:
    """Those of the system and ours; a fault in our code as ours, with where it is."""
    with pytest.raises(FileNotFoundError) as caught:
        as_owner.call(ASTERISK.pw_uid, missing)
    assert (caught.value.errno, caught.value.filename) == (2, "x")
    with pytest.raises(PathError, match="by a link"):
        as_owner.call(ASTERISK.pw_uid, led_astray)
    with pytest.raises(SetupError, match="ZeroDivisionError: in our code"):
        as_owner.call(ASTERISK.pw_uid, faulty)


def test_an_answer_is_only_data() -> None:
    """A child that somebody got hold of all the same can't have root run anything."""
    with pytest.raises(SetupError, match=r"posix\.system is no part of an answer"):
        as_owner.call(ASTERISK.pw_uid, unheard_of)
    for name in (as_owner._Helper, subprocess.Popen, pickle.loads):
        with pytest.raises(SetupError, match="is no part of an answer"):
            as_owner.call(ASTERISK.pw_uid, same, name)


@pytest.mark.parametrize("keep", [True, False])
def test_a_child_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, keep: bool) -> None:
    """Stopped or killed by its user: an error that says as whom what was done; the next one gets a new child."""
    monkeypatch.setattr(as_owner, "LONG_PATIENCE", 0.3)
    for function in (asleep, killed):
        with pytest.raises(SetupError, match=f"to be done as user {ASTERISK.pw_name} has not ended well"):
            as_owner.call(ASTERISK.pw_uid, function)
    with as_owner.kept_helpers():
        with pytest.raises(SetupError, match="has not ended well"):
            as_owner.call(ASTERISK.pw_uid, asleep if keep else killed)
        assert as_owner.call(ASTERISK.pw_uid, process) > 0


def test_kept_helpers_are_one_a_user_and_end() -> None:
    """Within the block one child does it all for a user; afterwards there is none."""
    with as_owner.kept_helpers():
        first, second = (as_owner.call(ASTERISK.pw_uid, process) for _ in range(2))
        other = as_owner.call(12345, process)
        assert first == second != other
        assert [os.waitpid(helper, os.WNOHANG) for helper in (first, other)] == [(0, 0), (0, 0)]
    for helper in (first, other):
        with pytest.raises(ChildProcessError):
            os.waitpid(helper, os.WNOHANG)
    assert as_owner.call(ASTERISK.pw_uid, process) not in (first, other)


def test_its_user_can_not_look_into_the_child() -> None:
    """The kernel does not let a user trace a process that has become that user's: its memory may hold a secret."""
    with as_owner.kept_helpers():
        pid = as_owner.call(ASTERISK.pw_uid, process)

        def deed() -> None:
            for name in ("mem", "environ", "fd/0"):
                with pytest.raises(PermissionError):
                    os.open(f"/proc/{pid}/{name}", os.O_RDONLY)

        as_asterisk(deed)


def test_each_kind_of_thing_in_another_users_folder(house: House) -> None:
    """Files, folders and links are made, changed, looked at and removed there, as that user's."""
    file, folder, link = (house.etc / name for name in ("file", "folder", "link"))
    for path, snapshot in (
        (file, Snapshot(FILE, b"x", 0o640, *HE, mtime_ns=1_000_000_007)),
        (folder, Snapshot(DIRECTORY, b"", 0o750, *HE)),
        (link, Snapshot(LINK, b"file")),
    ):
        snapshot.put(path)
        assert Snapshot.take(path).fingerprint == snapshot.fingerprint
        assert path.lstat().st_uid == HE[0]
    assert file.stat().st_mtime_ns == 1_000_000_007
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o640, 0o750)
    assert names_in(house.etc, "fi") == ["file"]
    assert identity(file) == ((file.stat().st_dev, file.stat().st_ino), HE[0])
    (folder / "inner").mkdir()
    os.chown(folder / "inner", *HE)
    (folder / "inner" / "x").symlink_to(house.treasure)
    remove_tree(folder)
    for path in (file, link, folder):
        remove(path)
        assert not os.path.lexists(path)
    assert house.treasure.exists()


def test_what_is_not_there(house: House) -> None:
    """Nothing to look at, to name, to remove."""
    missing_folder = house.etc / "none" / "x"
    assert Snapshot.take(missing_folder) == Snapshot()
    assert names_in(missing_folder, "") == []
    assert identity(missing_folder) == (None, 0)
    remove(missing_folder)
    remove_tree(missing_folder)


def test_what_can_not_be_removed_stays(house: House) -> None:
    """A folder of root's within the tree, which is not its user's to empty."""
    (house.spool / "roots").mkdir(parents=True)
    (house.spool / "roots" / "file").touch()
    os.chown(house.spool, *HE)
    remove_tree(house.spool)
    assert (house.spool / "roots" / "file").exists()


def test_what_is_ours_belongs_to_who_can_write_there(house: House) -> None:
    """Root's in root's folders; where another user can write, that user's, whose it is anyhow."""
    assert keeper(house.base / "data") == (0, 0)
    assert keeper(house.etc) == HE
    assert keeper(house.etc / "to" / "be" / "made") == HE


def test_a_file_of_a_third_users_is_made_by_root(house: House) -> None:
    """With its owner from its first moment, and never with a bit that would have it run as that owner."""
    path = house.etc / "x"
    Snapshot(FILE, b"x", 0o4755, 65534, 65534).put(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o755)
    Snapshot(FILE, b"y", 0o640, HE[0], 12345).put(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (HE[0], 12345)


def test_a_failure_leaves_no_temporary_file(house: House) -> None:
    """A name that can't be taken, as it is a folder's."""
    (house.etc / "x").mkdir()
    before = sorted(os.listdir(house.etc))
    for owner in (HE, (0, 0)):
        for kind in (FILE, LINK):
            with pytest.raises(OSError, match=r"directory|exists"):
                Snapshot(kind, b"x", 0o600, *owner).put(house.etc / "x")
    assert sorted(os.listdir(house.etc)) == before


def test_what_asterisks_user_may_not_read_is_told_with_the_reason(house: House) -> None:
    """Whose rights were not enough, since root ran it."""
    house.etc.joinpath("x").write_text("root's")
    house.etc.joinpath("x").chmod(0o600)
    with pytest.raises(SetupError, match=f"can't be read by user {ASTERISK.pw_name}, whose folder it is in"):
        Snapshot.take(house.etc / "x")


def test_no_descriptor_is_left_open(house: House) -> None:
    """However often a folder is opened and worked in."""
    before = len(os.listdir("/proc/self/fd"))
    for path in (house.etc / "x", house.root / "x"):
        Snapshot(FILE, b"x", 0o600, *HE).put(path)
        Snapshot.take(path)
        with open_folder(str(Path(path).parent)):
            pass
        remove(path)
    assert len(os.listdir("/proc/self/fd")) == before
