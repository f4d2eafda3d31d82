"""One path that install changed: what was there before, what we left there, and what uninstall makes of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from busy_callback.setup.marked_blocks import BEGIN, END, strip
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, FILE, LINK, Snapshot

UNKNOWN = -1  # a mode or an owner that a journal of format 1 does not tell


def digest(content: bytes) -> str:
    """Return what a backup is known by."""
    return hashlib.sha256(content).hexdigest()


def is_edit(content: bytes) -> bool:
    """Tell whether blocks of ours are in the content, or the beginning of one."""
    return BEGIN.encode() in map(bytes.strip, content.splitlines())


def without_ours(content: bytes, before: bytes) -> bytes:
    """Return ``content`` without our blocks, and without the line end that the last line of ``before`` lacked."""
    rest = strip(content)
    at_end = rest != content and content.rstrip(b"\r\n").endswith(END.encode())
    if not at_end or not before or before.endswith(b"\n") or not rest.endswith(b"\n"):
        return rest
    return rest[:-2] if rest.endswith(b"\r\n") else rest[:-1]


def same(now: Snapshot, wanted: Snapshot) -> bool:
    """Tell whether a path is as wanted: to the byte, with mode and owner, and for files with the time."""
    if wanted.kind == FILE:
        return now == (wanted if wanted.mtime_ns else replace(wanted, mtime_ns=now.mtime_ns))
    facts = (now.mode, now.uid, now.gid) == (wanted.mode, wanted.uid, wanted.gid)
    return now.fingerprint == wanted.fingerprint and (facts or wanted.kind != DIRECTORY)


@dataclass(frozen=True)
class Left:
    """What tells our own from what somebody else put there since; and its mode and owner."""

    fingerprint: str
    mode: int = UNKNOWN
    uid: int = UNKNOWN
    gid: int = UNKNOWN

    @classmethod
    def of(cls, snapshot: Snapshot) -> Left:
        """Return what is left at a path where ``snapshot`` is put."""
        return cls(snapshot.fingerprint, snapshot.mode, snapshot.uid, snapshot.gid)


@dataclass(frozen=True)
class Back:
    """How a path is to be after uninstall, and ``why`` that is not what was before; '' where it is.

    ``stuck``: it can't be given back as it should be, until somebody mends what is in the way.
    """

    path: Path
    now: Snapshot
    wanted: Snapshot
    why: str = ""
    stuck: bool = False


@dataclass(frozen=True)
class Entry:
    """What the journal keeps of a path.

    ``left`` ends with what was put there last, or was about to be: then what we had left before comes first.
    ``edit``: that is what was there with our blocks in it, not a file of our own. ``made``: something of ours has
    stood there, for certain; an install that was killed does not tell.
    """

    before: Snapshot
    left: tuple[Left, ...]
    edit: bool
    made: bool

    def is_ours(self, now: Snapshot) -> bool:
        """Tell whether what is at the path is what we left there."""
        return any(left.fingerprint == now.fingerprint for left in self.left)

    def given_back(self, now: Snapshot) -> Snapshot:
        """Return what was before, but for a mode and an owner that somebody changed since."""
        if self.before.kind != now.kind or now.kind not in (FILE, DIRECTORY):
            return self.before
        left = next((left for left in self.left if left.fingerprint == now.fingerprint), self.left[-1])
        return replace(
            self.before,
            mode=self.before.mode if left.mode in (UNKNOWN, now.mode) else now.mode,
            uid=self.before.uid if left.uid in (UNKNOWN, now.uid) else now.uid,
            gid=self.before.gid if left.gid in (UNKNOWN, now.gid) else now.gid,
        )

    def lost(self, now: Snapshot, wanted: Snapshot) -> Snapshot:
        """Return what would be nowhere any more when ``wanted`` comes to where ``now`` is; nothing, mostly.

        That is a file of ours which somebody edited; or what was before, when somebody removed the file since.
        """
        if now.kind == ABSENT and self.before.kind == FILE:
            return self.before
        return Snapshot() if self._keeps(now, wanted) else now

    def _keeps(self, now: Snapshot, wanted: Snapshot) -> bool:
        if self.is_ours(now) or now.fingerprint in (wanted.fingerprint, self.before.fingerprint):
            return True
        if now.kind not in (FILE, LINK):
            return True  # a folder or nothing: ours does not come there, or loses nothing
        texts = strip(wanted.content), self._rest(now)
        return FILE == now.kind == wanted.kind and is_edit(wanted.content) and len({t.rstrip() for t in texts}) == 1

    def renewed(self, now: Snapshot, wanted: Snapshot) -> Entry:
        """Return the entry of a path that has one, before ``wanted`` is put there."""
        before = self.given_back(now)
        if now.kind == ABSENT:
            before = now
        elif now.kind == FILE and not self.is_ours(now) and self._keeps(now, wanted):
            if now.fingerprint == wanted.fingerprint:
                return self  # a file of ours that was edited, and stays so
            rest = self._rest(now)
            if before.kind == FILE or rest.strip() or rest == now.content:
                # Edited since: without our blocks it is what uninstall has to give back.
                facts = before if before.kind == FILE else now
                time = before.mtime_ns if rest == before.content else now.mtime_ns
                before = replace(facts, content=rest, mtime_ns=time)
        known = tuple(left for left in self.left if left.fingerprint == now.fingerprint)[-1:]
        left = (*known, Left.of(wanted))
        return replace(self, before=before, left=left, edit=self.edit or _edits(before, wanted))

    def back(self, path: Path, now: Snapshot, purge: bool, backup: Path | None) -> Back:
        """Return what uninstall makes of the path where ``now`` is.

        What somebody else made of it since stays: an edit loses our blocks, a file of ours that was edited is
        kept unless to ``purge``. ``backup`` is where what was before is kept, and stays then.
        """
        kept_in = f"; what was there before the install is in {backup}" if backup and self.before.content else ""
        if now.kind == ABSENT:
            return Back(path, now, now, f"it was removed since{kept_in}" if kept_in and not purge else "")
        if same(now, self.before):
            return Back(path, now, now)
        if self.is_ours(now):
            return Back(path, now, self.given_back(now))
        if now.kind == FILE:
            rest = self._rest(now)
            if is_edit(rest) and not is_edit(self.before.content):
                return Back(path, now, now, f"our block in it has no line {END!r} any more: take it out by hand", True)
            if self.before.kind == FILE and rest == self.before.content:
                return Back(path, now, self.given_back(now))
            if self.edit or rest != now.content:
                return Back(path, now, self._without_blocks(now, rest))
        elif self.edit:
            return Back(path, now, now)
        if not self.made and (self.before.kind == ABSENT or purge):
            return Back(path, now, now)  # as far as we know it never was ours
        return Back(path, now, self.before) if purge else Back(path, now, now, f"you changed it{kept_in}")

    def _rest(self, now: Snapshot) -> bytes:
        """Return the content of a file without what is ours."""
        return without_ours(now.content, self.before.content if self.before.kind == FILE else b"")

    def _without_blocks(self, now: Snapshot, rest: bytes) -> Snapshot:
        if self.before.kind != FILE and rest != now.content and not rest.strip():
            return self.before
        facts = self.given_back(now) if self.before.kind == FILE else now
        return replace(facts, content=rest, mtime_ns=now.mtime_ns if rest == now.content else 0)

    def as_data(self, backup: str) -> dict[str, Any]:
        """Return what is written down; the content of a file is in the journal's file ``backup``."""
        facts: dict[str, Any] = {"kind": self.before.kind}
        if self.before.kind != ABSENT:
            facts.update({name: getattr(self.before, name) for name in ("mode", "uid", "gid", "mtime_ns")})
        if self.before.kind == FILE:
            size, sha256 = len(self.before.content), digest(self.before.content)
            facts.update({"size": size, "sha256": sha256, "backup": backup})
        if self.before.kind == LINK:
            facts["target"] = os.fsdecode(self.before.content)
        left = [[left.fingerprint, left.mode, left.uid, left.gid] for left in self.left]
        return {"before": facts, "left": left, "edit": self.edit, "made": self.made}


def first_entry(now: Snapshot, wanted: Snapshot) -> Entry:
    """Return the entry of a path at which nothing of ours stands, before ``wanted`` is put there."""
    # A time of 0 would mean any time; and blocks of ours that stand there are none of the admin's.
    before = replace(now, content=strip(now.content), mtime_ns=now.mtime_ns or 1) if now.kind == FILE else now
    return Entry(before, (Left.of(wanted),), _edits(before, wanted), made=False)


def _edits(before: Snapshot, wanted: Snapshot) -> bool:
    return wanted.kind == FILE and (is_edit(wanted.content) or (before.kind, before.content) == (FILE, wanted.content))
