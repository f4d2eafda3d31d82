"""How a path is to be, as install plans it and shows it: nothing is written here."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from busy_callback.numbering import one_line
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, FILE, LINK, Snapshot

_SECRET = re.compile(r"(secret\s*=>?\s*)\S+")


@dataclass(frozen=True)
class Change:
    """How a path is to be; ``then`` is the console command by which Asterisk takes it up.

    A change that is ``yours`` gives way to what an admin put there. ``seen`` is the fingerprint of the file that
    an edit was worked out from.
    """

    path: Path
    wanted: Snapshot
    then: str = ""
    yours: bool = False
    seen: str = ""

    @classmethod
    def file(
        cls,
        path: Path,
        content: bytes,
        mode: int = 0o644,
        owner: tuple[int, int] = (0, 0),
        then: str = "",
        yours: bool = False,
    ) -> Change:
        """Return the change that puts a file of ours at ``path``."""
        return cls(path, Snapshot(FILE, content, mode, *owner), then, yours)

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
        now = Snapshot.take(target)
        if now.kind == ABSENT:
            return replace(cls.beside(path, text, like, then), seen=Snapshot.take(path).fingerprint)
        wanted = replace(now, kind=FILE, content=_encoded(text), mtime_ns=0)
        return cls(target, wanted, then, seen=now.fingerprint)

    @property
    def needed(self) -> bool:
        """Whether the path is not so yet."""
        now = Snapshot.take(self.path)
        if self.wanted.kind == LINK:  # its mode means nothing
            return now.fingerprint != self.wanted.fingerprint
        return replace(now, mtime_ns=0) != replace(self.wanted, mtime_ns=0)

    def diff(self) -> str:
        """Return the change as a unified diff, secrets blotted out; binary content as one line."""
        old, new, path = Snapshot.take(self.path), self.wanted, one_line(str(self.path))
        lines = []
        if new.kind == ABSENT:
            what = "directory" if old.kind == DIRECTORY else "link" if old.kind == LINK else "file"
            return f"remove {what} {path}"
        if new.kind == LINK:
            lines.append(f"link {path} -> {os.fsdecode(new.content)}")
        elif new.kind == DIRECTORY or _is_binary(new.content):
            verb = "make" if old.kind == ABSENT else "replace" if old.content != new.content else "keep"
            size = len(new.content)
            lines.append(f"{verb} file {path} ({size} bytes)" if new.kind == FILE else f"{verb} directory {path}")
        else:
            names = (path if old.kind == FILE else "/dev/null", path)
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
