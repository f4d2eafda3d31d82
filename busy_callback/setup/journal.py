"""What install changed and what was there before, on disk before the first change: /var/lib/busy-callback.

journal.json is the list, an entry a path; it is replaced whole, which is the one instant of commit. A backup is the
content of a file as it was before, in a file of its own that is never changed: its name begins with its hash, and it
is there before the list that names it and goes after the list that does not. Whatever is killed, the list and
its backups fit together; where they don't, somebody changed them, and nothing is done.

``edited-*`` are an admin's versions of files of ours, set aside when a new version of ours replaced them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from busy_callback.errors import SetupError
from busy_callback.setup.entry import Entry, Left, digest, first_entry, is_edit
from busy_callback.setup.file_change import Change
from busy_callback.setup.marked_blocks import strip
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, FILE, LINK, Snapshot, remove
from busy_callback.store.durable import flush_directory
from busy_callback.store.safe_paths import TEMPORARY

FORMAT = 2
MOST_ASIDE = 64 << 20  # bytes; an admin's files have kilobytes, but Asterisk's user could fill the disk
_BACKUP = re.compile(r"[0-9a-f]{16}-.*|[0-9]{4}-.*")  # the second is format 1's


class Journal:
    """The list as it is on disk; ``folder`` is root's alone.

    ``entries`` stand in the order in which their paths were changed first. ``then`` has what is still to be told to
    Asterisk and systemd ('': nothing) after the changes: while there is any, an install or uninstall is at work, or
    was when it was killed.
    """

    def __init__(self, folder: Path) -> None:
        """Read it; SetupError says what is wrong with a list, or with a backup, that is not as it was written."""
        self.folder = folder
        self.entries: dict[Path, Entry] = {}
        self.then: set[str] = set()
        self._list = folder / "journal.json"
        self._text = b""
        try:
            self._check_folder()
            self._text = self._list.read_bytes()
            raw = json.loads(self._text)
            if raw["format"] > FORMAT:
                raise SetupError(f"{self._list} is of a later version of busy-callback: use that one")
            read = self._entry if raw["format"] == FORMAT else self._entry_of_format_1
            self.entries = {Path(path): read(Path(path), entry) for path, entry in raw["paths"].items()}
            self.then = {str(command) for command in raw.get("then", [])}
        except FileNotFoundError:
            self._refuse_orphans()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = "permission denied: run it with sudo" if isinstance(error, PermissionError) else error
            raise SetupError(f"{self._list} can't be read ({what}); nothing was changed") from error

    def _check_folder(self) -> None:
        """Raise SetupError where somebody else could have written it; FileNotFoundError where it is not there."""
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
            raise SetupError(f"{self.folder} is not root's alone: who can write there could have us write anywhere")

    def _entry(self, path: Path, raw: dict[str, Any]) -> Entry:
        facts = dict(raw["before"])
        backup, sha256, size = facts.pop("backup", ""), facts.pop("sha256", ""), facts.pop("size", 0)
        content = os.fsencode(facts.pop("target", ""))
        if facts["kind"] == FILE:
            found = Snapshot.take(self.folder / backup)
            if found.kind == ABSENT or (len(found.content), digest(found.content)) != (size, sha256):
                raise self._lost(backup, path, "missing" if found.kind == ABSENT else "not as it was written")
            content = found.content
        left = tuple(Left(str(name), int(mode), int(uid), int(gid)) for name, mode, uid, gid in raw["left"])
        return Entry(_snapshot(content=content, **facts), left, bool(raw["edit"]), bool(raw["made"]))

    def _entry_of_format_1(self, path: Path, raw: dict[str, Any]) -> Entry:
        """Return the entry of a format that kept no backup of an empty file."""
        found = Snapshot.take(self.folder / raw["backup"]) if raw["backup"] else Snapshot()
        before = _snapshot(**{**raw["before"], "content": strip(found.content)})
        now = Snapshot()
        with contextlib.suppress(SetupError):
            now = Snapshot.take(path)
        edit = now.kind == FILE and is_edit(now.content)
        proved = edit and now.fingerprint == raw["after"] and strip(now.content).strip()
        if raw["backup"] and found.kind == ABSENT and (proved or before.kind != FILE):
            raise self._lost(raw["backup"], path, "missing")
        return Entry(before, (Left(str(raw["after"])),), edit, made=True)

    def _lost(self, backup: str, path: Path, what: str) -> SetupError:
        return SetupError(
            f"{self.folder / backup}, which keeps what {path} was before the install, is {what}; nothing was changed: "
            f"restore it from a backup of this machine, or move {self.folder} away and take out by hand what is ours"
        )

    def _refuse_orphans(self) -> None:
        """Raise SetupError where there are backups, but no list: it was there before them."""
        names = sorted(path.name for path in self.folder.glob("*") if re.fullmatch(r"[0-9a-f]{16}-.*", path.name))
        if names:
            raise SetupError(
                f"{self._list} is missing, but its backups are there ({', '.join(names)}); nothing was changed: "
                f"restore it from a backup of this machine, or move {self.folder} away"
            )

    # -- what it tells -----------------------------------------------------------------------------

    def edited(self, path: Path) -> bool:
        """Tell whether what is at ``path`` is there by somebody else's hand: an admin's, or another package's."""
        now = Snapshot.take(path)
        return now.kind != ABSENT and (path not in self.entries or not self.entries[path].is_ours(now))

    def note_aside(self, change: Change) -> str:
        """Return what to say of a file that the change would lose, and that is set aside instead; '': of none."""
        now = Snapshot.take(change.path)
        lost = self.entries[change.path].lost(now, change.wanted) if self._known(change.path, now) else Snapshot()
        if not lost.content:
            return ""
        place = self._aside(change.path, lost)
        if now.kind == ABSENT:
            return f"You removed {change.path}. What was there before the install will be kept as {place}"
        return f"You edited {change.path}. Your version will be kept as {place}"

    def _aside(self, path: Path, lost: Snapshot) -> Path:
        """Return where it has its place: told by its content alone, for our folder can't be read by everybody."""
        return self.folder / f"edited-{path.name}-{digest(lost.content)[:8]}"

    def _set_aside(self, path: Path, lost: Snapshot) -> None:
        kept = sum(other.stat().st_size for other in self.set_aside())
        if kept + len(lost.content) > MOST_ASIDE:
            raise SetupError(
                f"what was set aside in {self.folder} would be more than {MOST_ASIDE >> 20} MB with {path}: look at "
                "that file, and through edited-* there, and remove what nobody needs"
            )
        _own(lost).put(self._aside(path, lost))

    def set_aside(self) -> list[Path]:
        """Return the files of somebody's that were set aside."""
        return sorted(self.folder.glob("edited-*"))

    def backup(self, path: Path) -> Path | None:
        """Return where the content is kept that the file ``path`` had before, or None when it was no file."""
        before = self.entries[path].before
        return self.folder / f"{digest(before.content)[:16]}-{path.name}" if before.kind == FILE else None

    def _known(self, path: Path, now: Snapshot) -> bool:
        """Tell whether something of ours stands there, or did until somebody changed it; if in doubt, it did."""
        entry = self.entries.get(path)
        if entry is None:
            return False
        replaced = entry.before.kind == FILE and entry.before.fingerprint != now.fingerprint
        return entry.made or entry.is_ours(now) or entry.edit or replaced

    # -- what is written into it -------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else change it meanwhile; raise SetupError where somebody does, or has since it was read."""
        try:
            self._make_folder()
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (self._list.read_bytes() if self._list.exists() else b"") != self._text:
                raise SetupError("another install or uninstall has just been at work: try again")
            yield
        except BlockingIOError:
            raise SetupError("another install or uninstall is at work: wait for its end") from None
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that works as another user has it open too
            os.close(descriptor)

    def note(self, changes: Iterable[Change]) -> None:
        """Write down, durably, what the changes will replace and what they leave. Raises OSError, SetupError."""
        for change in changes:
            now = Snapshot.take(change.path)
            if change.seen and change.seen != now.fingerprint:
                raise SetupError(f"{change.path} has just been changed by somebody else: try again")
            self.then.add(change.then)
            if not self._known(change.path, now):
                self.entries[change.path] = first_entry(now, change.wanted)
                continue
            entry = self.entries[change.path]
            lost = entry.lost(now, change.wanted)
            if lost.content:
                self._set_aside(change.path, lost)
            self.entries[change.path] = entry.renewed(now, change.wanted)
        self.save()

    def made(self) -> None:
        """Write down that what was noted stands now."""
        for path, entry in self.entries.items():
            if not entry.made and entry.is_ours(Snapshot.take(path)):
                self.entries[path] = replace(entry, made=True)
        self.save()

    def told(self) -> None:
        """Write down that the install, or uninstall, is complete."""
        self.then = set()
        self.save()

    def save(self) -> None:
        """Put the list and its backups on disk; where there is nothing left to tell, remove them. Raises SetupError."""
        try:
            self._save()
        except OSError as error:
            raise self._unwritable(error) from error

    def _save(self) -> None:
        self._make_folder()
        if not self._text:  # so that backups without a list are always a list that was lost
            self._put_list({}, set())
        data = {}
        for path, entry in self.entries.items():
            backup = self.backup(path)
            if backup and Snapshot.take(backup).fingerprint != entry.before.fingerprint:
                _own(Snapshot(FILE, entry.before.content)).put(backup)
            data[str(path)] = entry.as_data(backup.name if backup else "")
        self._put_list(data, self.then)
        named = {self.backup(path) for path in self.entries}
        for path in self.folder.iterdir():
            if path.name.startswith(TEMPORARY) or (_BACKUP.fullmatch(path.name) and path not in named):
                remove(path)
        if not self.entries and not self.then:
            remove(self._list)
            self._text = b""
            with contextlib.suppress(OSError):  # an admin's own versions are in it
                remove(self.folder)

    def _unwritable(self, error: OSError) -> SetupError:
        return SetupError(f"{self.folder} can't be written: {error.strerror}")

    def _put_list(self, data: dict[str, Any], then: set[str]) -> None:
        text = json.dumps({"format": FORMAT, "then": sorted(then), "paths": data}, indent=1).encode()
        _own(Snapshot(FILE, text)).put(self._list)
        self._text = text

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flush_directory(str(self.folder.parent))


def _own(snapshot: Snapshot) -> Snapshot:
    """Return the same, for nobody else's eyes."""
    return Snapshot(snapshot.kind, snapshot.content, 0o600, os.geteuid(), os.getegid())


def _snapshot(kind: str, content: bytes, mode: int = 0, uid: int = 0, gid: int = 0, mtime_ns: int = 0) -> Snapshot:
    """Return a snapshot as it was written down; raise ValueError, TypeError for what never was."""
    if kind not in (FILE, DIRECTORY, LINK, ABSENT):
        raise ValueError(f"no kind {kind!r}")
    return Snapshot(kind, content, int(mode), int(uid), int(gid), int(mtime_ns))
