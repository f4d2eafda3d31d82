"""Power cuts: a record of what was done to files, and every state that a file system may have kept of it.

Only what was flushed is certain. A file's content is certain after its fsync; a name (made, moved or removed) after
an fsync of its directory. Names of one directory that were not flushed are kept or lost each by itself; content that
was not flushed is there, empty, or cut. This is weaker than what ext4, XFS or btrfs give.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Inode = int
Tree = dict[str, Inode]  # names relative to the top


@dataclass
class State:
    """The files as they are, and as they are certain to be."""

    names: Tree = field(default_factory=dict)  # files and folders ('.' is 0)
    contents: dict[Inode, bytes] = field(default_factory=dict)
    folders: set[Inode] = field(default_factory=set)
    flushed: dict[Inode, bytes] = field(default_factory=dict)
    # Changes of names that no flush has made certain, in order: (directory, name, new inode or None)
    pending: list[tuple[str, str, Inode | None]] = field(default_factory=list)
    certain: Tree = field(default_factory=dict)


class Recorder:
    """Stands in for ``os``' calls that change files below a folder, and notes each of them as it is done."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = str(top)
        self.log: list[tuple[Any, ...]] = []
        self.said: dict[int, list[str]] = {}  # what was confirmed after so many operations
        self._open: dict[int, str] = {}
        for name in ("open", "write", "fsync", "rename", "unlink", "mkdir", "close"):
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _relative(self, path: Any) -> str | None:
        text = os.fspath(path) if not isinstance(path, int) else self._open.get(path)
        if text is None or not str(text).startswith(f"{self.top}/"):
            return None
        return os.path.normpath(os.path.relpath(str(text), self.top))

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            path = self._relative(args[0])
            new = name == "open" and path is not None and not os.path.lexists(args[0])
            result = real(*args, **kwargs)
            if path is None:
                return result
            if name == "open":
                self._open[result] = os.fspath(args[0])
                if new:
                    self.log.append(("create", path))
            elif name == "write":
                self.log.append(("write", path, bytes(args[1][:result])))
            elif name == "rename":
                self.log.append(("rename", path, self._relative(args[1])))
                for descriptor, known in self._open.items():
                    if known == os.fspath(args[0]):
                        self._open[descriptor] = os.fspath(args[1])
            elif name == "close":
                del self._open[args[0]]
            else:
                self.log.append((name, path))
            return result

        return call

    def confirm(self, what: str) -> None:
        """Note that somebody was told so, after what was done by now."""
        self.said.setdefault(len(self.log), []).append(what)


def after(log: list[tuple[Any, ...]]) -> State:
    """Return the files after these operations, with what is certain of them."""
    state = State()
    inodes = itertools.count(1)

    def change(name: str, inode: Inode | None) -> None:
        if inode is None:
            del state.names[name]
        else:
            state.names[name] = inode
        state.pending.append((os.path.dirname(name) or ".", name, inode))

    for kind, path, *rest in log:
        if kind in {"create", "mkdir"}:
            inode = next(inodes)
            if kind == "mkdir":
                state.folders.add(inode)
            else:
                state.contents[inode] = b""
            change(path, inode)
        elif kind == "write":
            state.contents[state.names[path]] += rest[0]
        elif kind == "rename":
            inode = state.names[path]
            change(rest[0], inode)
            change(path, None)
        elif kind == "unlink":
            change(path, None)
        elif kind == "fsync" and (path == "." or state.names[path] in state.folders):
            kept = []
            for folder, name, new in state.pending:
                if folder != path:
                    kept.append((folder, name, new))
                elif new is None:
                    state.certain.pop(name, None)
                else:
                    state.certain[name] = new
            state.pending = kept
        elif kind == "fsync":
            state.flushed[state.names[path]] = state.contents[state.names[path]]
    return state


def outcomes(state: State, most: int) -> Iterator[tuple[Tree, dict[Inode, bytes]]]:
    """Yield the trees that may be found after a power cut: every subset of the uncertain, at most ``most``."""
    newest = state.pending[-4:]
    # A name that came and went is like one that was never there; only of the newest both halves are tried.
    gone = {name for _, name, inode in state.pending if inode is None and name not in state.certain}
    uncertain = [c for c in state.pending if c in newest or c[1] not in gone or c[1] in state.names]
    for chosen in itertools.islice(itertools.product((True, False), repeat=len(uncertain)), most):
        names = dict(state.certain)
        for (_, name, inode), kept in zip(uncertain, chosen):
            if kept and inode is None:
                names.pop(name, None)
            elif kept and inode is not None:
                names[name] = inode
        for style in range(3):
            contents = {}
            for inode in names.values():
                now, certain = state.contents.get(inode, b""), state.flushed.get(inode, b"")
                contents[inode] = (now, certain, now[: len(now) // 2] if now != certain else certain)[style]
            yield names, contents
            if all(state.contents.get(i) == state.flushed.get(i) for i in names.values() if i not in state.folders):
                break  # all content is certain: one style says it all


def build(top: Path, names: Tree, contents: dict[Inode, bytes], folders: set[Inode]) -> None:
    """Make the tree; a file whose folder was lost is lost with it."""
    lost: set[str] = set()
    for name in sorted(names):
        path = top / name
        if not path.parent.is_dir() or os.path.dirname(name) in lost:
            lost.add(name)
        elif names[name] in folders:
            path.mkdir()
        else:
            path.write_bytes(contents[names[name]])
