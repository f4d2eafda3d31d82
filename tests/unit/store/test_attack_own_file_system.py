"""Attack: Asterisk's user mounts a file system of its own (FUSE), which says that all in it is root's."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.errors import PathError
from busy_callback.store import mounts
from busy_callback.store.safe_paths import decider, open_folder
from tests.unit.house import ASTERISK, House

LOOKUP, GETATTR, READLINK, INIT = 1, 3, 5, 26  # include/uapi/linux/fuse.h
FOLDER, LINK = 1, 2


def attributes(node: int) -> bytes:
    """Return what the kernel is told of a node: whatever it is, it is root's."""
    mode = stat.S_IFDIR | 0o755 if node == FOLDER else stat.S_IFLNK | 0o777
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def serve(device: int, target: bytes) -> None:
    """Be a file system of one link in a folder."""
    while True:
        data = os.read(device, 1 << 18)
        _, code, unique, node = struct.unpack_from("<IIQQ", data)
        answers = {
            INIT: struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 1, 1, 1 << 16, 1, 0, 0, *[0] * 8),
            GETATTR: struct.pack("<QII", 0, 0, 0) + attributes(node),
            LOOKUP: struct.pack("<4Q2I", LINK, 0, 0, 0, 0, 0) + attributes(LINK),
            READLINK: target,
        }
        answer = answers.get(code)
        if answer is None:
            os.write(device, struct.pack("<IiQ", 16, -38, unique))
        else:
            os.write(device, struct.pack("<IiQ", 16 + len(answer), 0, unique) + answer)


@contextlib.contextmanager
def mounted(place: Path, target: Path) -> Iterator[None]:
    """Mount it, as fusermount does for Asterisk's user where fuse.conf has user_allow_other."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        pytest.skip("this machine has no FUSE")
    options = f"fd={device},rootmode=40000,user_id={ASTERISK.pw_uid},group_id={ASTERISK.pw_gid},allow_other"
    if libc.mount(b"evil", os.fsencode(place), b"fuse", 6, options.encode()):
        os.close(device)
        pytest.skip("nothing can be mounted here")
    server = os.fork()
    if not server:
        try:
            serve(device, os.fsencode(target))
        finally:
            os._exit(0)
    os.close(device)
    try:
        yield
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
        libc.umount2(os.fsencode(place), 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")
def test_a_file_system_in_which_all_is_roots(house: House) -> None:
    """Whose word it is tells who has mounted it: root follows no link there, and works there as that user."""
    place = house.base / "run"
    before = os.stat(place).st_dev
    with mounted(place, house.treasure.parent):
        found = os.stat(place)
        assert (found.st_uid, found.st_dev != before) == (0, True)
        assert os.path.samefile(place / "link", house.treasure.parent)
        with pytest.raises(PathError, match="is a link that user games can change"):
            open_folder(str(place / "link"))
        with open_folder(str(place)) as folder:
            assert folder.writer == ASTERISK.pw_uid
        assert decider(str(place)) == decider(str(place / "link")) == ASTERISK.pw_uid
        with open_folder(f"{place}/..") as folder:
            assert folder.path == str(house.base)
            assert folder.writer == 0


def test_file_systems_of_roots_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root has mounted, FUSE or not, is root's word; and a device that no mount has is nobody's."""
    rows = (
        "36 35 0:50 / /mnt rw - ext4 /dev/user_id=7 rw,user_id=9\n"
        "37 35 0:51 / /mnt rw shared:1 - fuse.sshfs me@there:/ rw,user_id=0,group_id=0\n"
        "38 35 0:52 / /mnt rw - fuse evil\\040 rw,user_id=12,group_id=5,allow_other\n"
    )
    (tmp_path / "mounts").write_text(rows)
    monkeypatch.setattr(mounts, "MOUNTS", str(tmp_path / "mounts"))
    assert [mounts.mounter(os.makedev(0, minor)) for minor in (50, 51, 52, 53)] == [0, 0, 12, 0]
