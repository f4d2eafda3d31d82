"""Changes to files: shown as a diff, applied whole or not at all, written down so that they can be undone.

A Change says how a path is to be. The journal keeps, for each path ever changed, what was there before (its
bytes, owner, mode and times) and a fingerprint of what we left; it is on disk before the first change.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.marked_blocks import BEGIN, strip
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, FILE, LINK, Snapshot

_SECRET = re.compile(r"(secret\s*=>?\s*)\S+")


@dataclass(frozen=True)
class Change:
    """How a path is to be; ``then`` is the console command by which Asterisk takes it up.

    A change that is ``yours`` gives way to what an admin put there.
    """

    path: Path
    wanted: Snapshot
    then: str = ""
    yours: bool = False

    @classmethod
    def file(
        cls, path: Path, content: bytes, mode: int = 0o644, owner: tuple[int, int] = (0, 0), then: str = ""
    ) -> Change:
        """Return the change that puts a file of ours at ``path``."""
        return cls(path, Snapshot(FILE, content, mode, *owner), then)

    @classmethod
    def beside(cls, path: Path, text: str, like: Path, then: str = "") -> Change:
        """Return the change that puts a file of ours beside ``like``, with its owner and mode.

        A link in its place is replaced, never followed: the folder may be another user's than root.
        """
        now = Snapshot.take(path)
        old = now if now.kind == FILE else Snapshot.take(Path(os.path.realpath(like)))
        return cls(path, replace(old, kind=FILE, content=_encoded(text), mtime_ns=0), then)

    @classmethod
    def edit(cls, path: Path, text: str, like: Path, then: str = "") -> Change:
        """Return the change of a file's text, behind a link if there is one; one that is missing is as ``like``."""
        target = Path(os.path.realpath(path))
        if Snapshot.take(target).kind == ABSENT:
            return cls.beside(path, text, like, then)
        return cls(target, replace(Snapshot.take(target), kind=FILE, content=_encoded(text), mtime_ns=0), then)

    @property
    def needed(self) -> bool:
        """Whether the path is not so yet."""
        now = Snapshot.take(self.path)
        if self.wanted.kind == LINK:  # its mode means nothing
            return now.fingerprint != self.wanted.fingerprint
        return replace(now, mtime_ns=0) != replace(self.wanted, mtime_ns=0)

    def diff(self) -> str:
        """Return the change as a unified diff, secrets blotted out; binary content as one line."""
        old, new = Snapshot.take(self.path), self.wanted
        lines = []
        if new.kind == LINK:
            lines.append(f"link {self.path} -> {os.fsdecode(new.content)}")
        elif new.kind == DIRECTORY or _is_binary(new.content):
            verb = "make" if old.kind == ABSENT else "replace" if old.content != new.content else "keep"
            lines.append(f"{verb} {new.kind} {self.path} ({len(new.content)} bytes)".replace(" (0 bytes)", ""))
        else:
            names = (str(self.path) if old.kind == FILE else "/dev/null", str(self.path))
            lines += difflib.unified_diff(_text(old), _text(new), *names, lineterm="")
        if old.kind != ABSENT and (old.mode, old.uid, old.gid) != (new.mode, new.uid, new.gid) and new.kind != LINK:
            lines.append(f"mode {old.mode:o} owner {old.uid}:{old.gid} -> mode {new.mode:o} owner {new.uid}:{new.gid}")
        return _SECRET.sub(r"\1********", "\n".join(lines))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_binary(content: bytes) -> bool:
    return b"\0" in content or b"\xff" in content[:4096]


def _text(snapshot: Snapshot) -> list[str]:
    return snapshot.content.decode("utf-8", "replace").splitlines() if snapshot.kind == FILE else []


class Journal:
    """What install changed, and what was there before; ``folder`` is root's alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._list = folder / "journal.json"
        self.entries: dict[Path, tuple[Snapshot, str]] = {}
        try:
            raw = json.loads(self._list.read_text(encoding="utf-8"))
            for path, entry in raw["paths"].items():
                content = (folder / entry["backup"]).read_bytes() if entry["backup"] else b""
                self.entries[Path(path)] = Snapshot(**{**entry["before"], "content": content}), entry["after"]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SetupError(f"{self._list} can't be read ({error}); nothing was changed") from error

    def edited(self, path: Path) -> bool:
        """Tell whether what is at ``path`` is there by somebody else's hand: an admin's, or another package's."""
        now = Snapshot.take(path)
        return now.kind != ABSENT and (path not in self.entries or self.entries[path][1] != now.fingerprint)

    def kept_copy(self, path: Path) -> Path:
        """Return where an admin's version of a file of ours is kept when a new one of ours replaces it."""
        return self.folder / f"edited-{path.name}"

    def placed(self, path: Path) -> bool:
        """Tell whether a whole file of ours is at ``path``, and somebody edited it."""
        return (
            path in self.entries
            and self.entries[path][0].kind == ABSENT
            and Snapshot.take(path).kind == FILE
            and self.edited(path)
        )

    def note(self, changes: Iterable[Change]) -> None:
        """Back up what the changes will replace, each path once, and write the list down, durably."""
        for change in changes:
            before, _ = self.entries.get(change.path, (None, ""))
            now = Snapshot.take(change.path)
            if before is None:
                before = now
            elif self.placed(change.path) and BEGIN.encode() not in now.content:
                replace(now, mode=0o600, uid=os.geteuid(), gid=os.getegid()).put(self.kept_copy(change.path))
            elif self.edited(change.path) and before.kind == FILE:
                # Edited since: without our blocks it is what uninstall has to give back.
                before = replace(now, content=strip(now.content))
            self.entries[change.path] = before, change.wanted.fingerprint
        self.write()

    def write(self) -> None:
        """Put the list and the backups on disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = {}
        for number, (path, (before, after)) in enumerate(self.entries.items()):
            backup = f"{number:04}-{path.name}" if before.kind in (FILE, LINK) else ""
            kept = Snapshot(FILE, before.content, 0o600, os.geteuid(), os.getegid())
            if backup and Snapshot.take(self.folder / backup).content != before.content:
                kept.put(self.folder / backup)
            paths[str(path)] = {"before": {**asdict(before), "content": ""}, "backup": backup, "after": after}
        text = json.dumps({"format": 1, "paths": paths}, indent=1)
        Snapshot(FILE, text.encode(), 0o600, os.geteuid(), os.getegid()).put(self._list)

    def forget(self) -> None:
        """Remove the journal with its backups: nothing of ours is left to undo."""
        shutil.rmtree(self.folder, ignore_errors=True)


def apply(changes: Sequence[Change], journal: Journal) -> None:
    """Make all the changes, or none: raise SetupError after putting back what was there."""
    done: list[tuple[Path, Snapshot]] = []
    try:
        journal.note(changes)
        for change in changes:
            before = Snapshot.take(change.path)
            # Hundreds of prompts are flushed together, at the end.
            change.wanted.put(change.path, flush=not change.yours)
            done.append((change.path, before))
        os.sync()
    except (OSError, SetupError) as error:
        for path, before in reversed(done):
            with contextlib.suppress(OSError):
                before.put(path)
        raise SetupError(f"nothing was changed: {error}") from error


def undo(journal: Journal, purge: bool = False) -> list[Path]:
    """Give back what was there before; return what stays because somebody else changed it.

    A file that was edited since loses our blocks and nothing else. ``purge`` removes edited files of ours too.
    """
    kept = []
    for path, (before, after) in reversed(list(journal.entries.items())):
        now = Snapshot.take(path)
        if now.kind == ABSENT:
            continue
        if now.fingerprint == after:
            try:
                before.put(path)
            except OSError:  # a directory that is not empty
                kept.append(path)
            continue
        rest = replace(now, content=strip(now.content), mtime_ns=0) if now.kind == FILE else now
        emptied = rest.content != now.content and not rest.content.strip()
        was_so = before.kind == FILE and rest.content == before.content
        if was_so or (before.kind == ABSENT and (purge or emptied)):
            before.put(path)
        elif rest.content != now.content:
            rest.put(path)
        else:
            kept.append(path)
    journal.forget()
    return kept
