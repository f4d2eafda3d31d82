"""What uninstall gives back, whatever was there and whatever happened since: random trees, beside a twin without us."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from busy_callback.setup import as_owner
from busy_callback.setup import marked_blocks as blocks
from busy_callback.setup.changing import apply, preview, undo
from busy_callback.setup.entry import Back
from busy_callback.setup.file_change import Change
from busy_callback.setup.journal import Journal
from busy_callback.setup.snapshot import DIRECTORY, FILE, LINK, Snapshot

from ...lab.deaths import dies

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of other owners are made")

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # thousands of trees
EDITED = ("etc/a.conf", "etc/b.conf", "etc/c.conf")
PLACED = ("etc/ours.conf", "cron/ours")
PROMPT = "sounds/zh/ours.gsm"
CONTENTS = (b"", b"\n", b"a\n", b"a", b"a\r\nb\r\n", b"a\r\nb", b"[x]\n\n", b"caf\xe9\n\xff")
files = st.builds(
    Snapshot,
    st.just(FILE),
    st.sampled_from(CONTENTS) | st.binary(max_size=9).map(lambda content: content.replace(b"\r", b"")),
    st.sampled_from((0o644, 0o640, 0o444, 0o000)),
    st.sampled_from((0, 12345)),
    st.sampled_from((0, 54321)),
    st.integers(1, 2**60),
)
links = st.builds(Snapshot, st.just(LINK), st.sampled_from((b"behind", b"link", b"nowhere")))
places = st.one_of(st.just(Snapshot()), files, links)
trees = st.fixed_dictionaries(
    {
        "etc/behind": files,
        "etc/link": st.just(Snapshot(LINK, b"behind")),
        **dict.fromkeys((*EDITED, *PLACED, "sounds/ours.gsm"), places),
    }
)


@pytest.fixture(scope="module", autouse=True)
def _no_flushes() -> Iterator[None]:
    """No power fails here, and thousands of flushes take minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(os, "sync", lambda: None)
        yield


def changes(top: Path, version: int, keeper: int) -> list[Change]:
    """Return what a version of the package changes in the tree; ``keeper`` has a folder of the sounds."""
    wanted = []
    for name in EDITED:
        path = top / name
        text = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        text = blocks.append(blocks.strip_text(text), [f"ours {version}"])
        wanted.append(Change.edit(path, text, top / "etc/behind"))
    wanted += [Change.file(top / name, b"ours %d\n" % version, 0o640, (0, 54321)) for name in PLACED]
    wanted.append(Change(top / "sounds/zh", Snapshot(DIRECTORY, b"", 0o750, keeper, 54321)))
    wanted.append(Change(top / PROMPT, Snapshot(FILE, b"\0%d" % version, 0o644, keeper), yours=True))
    wanted.append(Change(top / "sounds/ours.gsm", Snapshot(LINK, b"zh/ours.gsm"), yours=True))
    return wanted


class Machine:
    """A tree in which the package is installed, and its twin in which it never is."""

    def __init__(self, folder: Path, tree: dict[str, Snapshot], keeper: int = 0) -> None:
        self.folder = folder
        self.keeper = keeper
        self.top, self.twin, self.state = folder / "top", folder / "twin", folder / "state"
        for top in (self.top, self.twin):
            for name in ("etc", "cron", "sounds"):
                (top / name).mkdir(parents=True)
            for name, snapshot in tree.items():
                snapshot.put(top / name)

    def install(self, version: int) -> None:
        """Install a version, or go on with it."""
        journal = Journal(self.state)
        wanted = changes(self.top, version, self.keeper)
        with as_owner.kept_helpers():
            apply([c for c in wanted if c.needed and not (c.yours and journal.edited(c.path))], journal)
        journal.told()

    def uninstall(self, purge: bool = False) -> list[Back]:
        """Take it out, as the command does: what was edited first; return what is not as before."""
        foreseen = preview(Journal(self.state), purge)
        journal = Journal(self.state)
        with as_owner.kept_helpers():
            undo(journal, purge, [path for path, entry in journal.entries.items() if entry.edit], {"reload"})
            left = undo(journal, purge, then={"reload"})
        journal.told()
        assert {back.path for back in left} == {back.path for back in foreseen if back.why}
        return left

    def content(self) -> set[bytes]:
        """Return the content of every file of the tree and of the journal's folder."""
        return {
            path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and self.twin not in path.parents
        }


def taken(top: Path) -> dict[str, Snapshot]:
    """Return what is below, without the times of folders and links, and without the modes of links."""
    found = {}
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = Path(folder, name)
            now = Snapshot.take(path)
            facts = (now.mode, now.uid, now.gid) if now.kind != LINK else ()
            found[str(path.relative_to(top))] = now if now.kind == FILE else Snapshot(now.kind, now.content, *facts)
    return found


names = st.sampled_from(EDITED)
lines = st.sampled_from((b"mine", b"[mine]"))
deaths = st.none() | st.integers(0, 60)
steps = st.one_of(
    st.tuples(st.just("append"), names, lines),
    st.tuples(st.just("prepend"), names, lines),
    st.tuples(st.just("inside"), names),
    st.tuples(st.just("cut"), names),
    st.tuples(st.just("chmod"), names, st.sampled_from((0o600, 0o664))),
    st.tuples(st.just("chown"), names, st.sampled_from((1, 2))),
    st.tuples(st.just("remove"), names),
    st.tuples(st.just("rewrite"), names, st.sampled_from(CONTENTS)),
    st.tuples(st.just("link"), names),
    st.tuples(st.just("own"), st.sampled_from((*PLACED, PROMPT)), st.integers(0, 99)),
    st.tuples(st.just("install"), st.integers(1, 3), deaths),
    st.tuples(st.just("uninstall"), deaths),
)


class Admin:
    """Who works in the tree and, the same, in its twin; and who knows what must be there in the end."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.timed: set[str] = set()  # files whose time is that of an edit
        self.bare: set[str] = set()  # files that are there for the admin's line alone: modes are as they come
        self.owned: dict[str, bytes] = {}  # files of ours that the admin wrote anew
        self.removed = False

    def do(self, step: tuple[Any, ...]) -> None:
        """Do one thing."""
        getattr(self, step[0])(*step[1:])

    def install(self, version: int, death: int | None) -> None:
        """Run install, killed at a call."""
        self._killed(lambda: self.machine.install(version), death)

    def uninstall(self, death: int | None) -> None:
        """Run uninstall, killed at a call."""
        self._killed(self.machine.uninstall, death)

    def _killed(self, act: Callable[[], object], death: int | None) -> None:
        if death is None:
            act()
        else:
            dies(act, death)

    def append(self, name: str, line: bytes) -> None:
        """Write a line at the end."""
        self._write(name, lambda old: old + (_end(old) if old and not old.endswith(b"\n") else b"") + line + _end(old))

    def prepend(self, name: str, line: bytes) -> None:
        """Write a line at the beginning."""
        self._write(name, lambda old: line + _end(old) + old)

    def inside(self, name: str) -> None:
        """Write a line into our block."""
        path = self._real(self.machine.top, name)
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(BEGIN, BEGIN + b"\nx"))
            self.timed.add(path.name)

    def cut(self, name: str) -> None:
        """Take our block out, in the file's own manner."""
        path, twin = (self._real(top, name) for top in (self.machine.top, self.machine.twin))
        if path.is_file() and twin.is_file() and BEGIN in path.read_bytes():
            path.write_bytes(twin.read_bytes())
            self.timed.add(path.name)

    def chmod(self, name: str, mode: int) -> None:
        """Set the mode."""
        self._each(name, lambda path: path.chmod(mode))

    def chown(self, name: str, uid: int) -> None:
        """Set the owner."""
        self._each(name, lambda path: os.chown(path, uid, uid))

    def remove(self, name: str) -> None:
        """Remove the file, or the link."""
        self.removed = True
        for top in (self.machine.top, self.machine.twin):
            (top / name).unlink(missing_ok=True)

    def rewrite(self, name: str, content: bytes) -> None:
        """Put a new file in its place, as web interfaces and package managers do."""
        for top in (self.machine.top, self.machine.twin):
            Snapshot(FILE, content, 0o644, 7, 7, 1000).put(top / name)
        self.timed.add(Path(name).name)
        self.bare.discard(Path(name).name)

    def link(self, name: str) -> None:
        """Put a link in its place."""
        for top in (self.machine.top, self.machine.twin):
            Snapshot(LINK, b"behind").put(top / name)

    def own(self, name: str, number: int) -> None:
        """Write a file of ours anew."""
        path = self.machine.top / name
        if path.parent.is_dir():
            self.owned[name] = b"own %d" % number
            Snapshot(FILE, self.owned[name], 0o600).put(path)

    def _write(self, name: str, change: Callable[[bytes], bytes]) -> None:
        path, twin = (self._real(top, name) for top in (self.machine.top, self.machine.twin))
        if not path.is_file():
            return
        path.write_bytes(change(path.read_bytes()))
        if not twin.is_file():
            twin = self.machine.twin / name
            Snapshot(FILE, b"").put(twin)
            self.bare.add(twin.name)
        twin.write_bytes(change(twin.read_bytes()))
        self.timed.add(twin.name)

    def _each(self, name: str, change: Callable[[Path], None]) -> None:
        for top in (self.machine.top, self.machine.twin):
            path = self._real(top, name)
            if path.is_file():
                change(path)

    @staticmethod
    def _real(top: Path, name: str) -> Path:
        return Path(os.path.realpath(top / name))

    def expects(self, top: Path) -> dict[str, Snapshot]:
        """Return the tree without what nobody can know, or is looked at otherwise."""
        found = {}
        for name, snapshot in taken(top).items():
            base = Path(name).name
            if base in self.bare:
                snapshot = Snapshot(FILE, snapshot.content)  # noqa: PLW2901
            if base in self.timed:
                snapshot = replace(snapshot, mtime_ns=0)  # noqa: PLW2901
            if name not in self.owned and not (name == "sounds/zh" and PROMPT in self.owned):
                found[name] = snapshot
        return found


BEGIN = blocks.BEGIN.encode()


def _end(content: bytes) -> bytes:
    """Return how the file's lines end."""
    first = content.decode("utf-8", "surrogateescape").splitlines(keepends=True)[:1]
    return b"\r\n" if first and first[0].endswith("\r\n") else b"\n"


@given(trees)
@tries(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_install_and_uninstall_lead_back(tree: dict[str, Snapshot]) -> None:
    """Whatever files and links there are: byte for byte, with owner, mode and time, and nothing is left over."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        machine = Machine(Path(folder), tree, keeper=12345)
        machine.install(1)
        assert machine.uninstall() == []
        assert taken(machine.top) == taken(machine.twin)
        assert not machine.state.exists()


@given(trees, st.lists(steps, max_size=8))
@tries(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happened_since(tree: dict[str, Snapshot], history: list[tuple[Any, ...]]) -> None:
    """Installs, upgrades, uninstalls, each killed anywhere, and an admin at work in between: the tree without us.

    Only what an admin made of a file of ours stays, and nothing that an admin wrote is lost; --purge removes the rest.
    """
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        machine = Machine(Path(folder), tree)
        admin = Admin(machine)
        for step in [("install", 1, None), *history]:
            admin.do(step)
        left = {str(back.path.relative_to(machine.top)): back for back in machine.uninstall()}
        assert not any(back.stuck for back in left.values()), left
        assert admin.removed or left.keys() <= {*admin.owned, "sounds/zh"}, left
        assert admin.expects(machine.top) == admin.expects(machine.twin)
        assert {*admin.owned.values()} <= machine.content()
        machine.uninstall(purge=True)
        assert admin.expects(machine.top) == admin.expects(machine.twin)
        assert not machine.state.exists() or PROMPT in admin.owned


OLD = {
    "etc/behind": Snapshot(FILE, b"a\r\nb", 0o604, 12345, 54321, 1),
    "etc/link": Snapshot(LINK, b"behind"),
    "etc/a.conf": Snapshot(LINK, b"link"),
    "etc/b.conf": Snapshot(FILE, b"", 0o444, 12345, 0, 2),
    "etc/ours.conf": Snapshot(FILE, b"by hand", 0o600, 0, 0, 3),
    "cron/ours": Snapshot(LINK, b"nowhere"),
}


def installed(folder: Path) -> Machine:
    """Return a machine with version 1."""
    machine = Machine(folder, OLD)
    machine.install(1)
    return machine


KILLED: dict[str, tuple[Callable[[Path], Machine], Callable[[Machine], object]]] = {
    "install": (lambda folder: Machine(folder, OLD), lambda machine: machine.install(1)),
    "upgrade": (installed, lambda machine: machine.install(2)),
    "uninstall": (installed, lambda machine: machine.uninstall()),
}


@pytest.mark.parametrize("what", KILLED)
def test_killed_at_every_call(what: str, counts: Callable[[str], None]) -> None:
    """Killed before any call that changes something: the next install, and the next uninstall, end where they should.

    In between no file is half written.
    """
    prepare, act = KILLED[what]
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        whole = Machine(Path(folder), OLD)
        contents = whole.content()
        for version in (1, 2):
            whole.install(version)
            contents |= whole.content()
        wanted = {name: replace(snapshot, mtime_ns=0) for name, snapshot in taken(whole.top).items()}
    for call in itertools.count():
        for ends_in in ("install", "uninstall"):
            with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
                machine = prepare(Path(folder))
                died = dies(partial(act, machine), call)
                assert {path.read_bytes() for path in machine.top.rglob("[!.]*") if path.is_file()} <= contents, call
                if ends_in == "install":
                    machine.install(2)
                    found = {name: replace(snapshot, mtime_ns=0) for name, snapshot in taken(machine.top).items()}
                    assert found == wanted, call
                assert machine.uninstall() == [], call
                assert taken(machine.top) == taken(machine.twin), call
                assert not machine.state.exists(), call
        if not died:
            break
    counts(f"{what}: killed before each of {call} calls")
    assert call > 20
