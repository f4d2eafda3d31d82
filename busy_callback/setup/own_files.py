"""Which file of Asterisk's is ours to edit, and how one of ours is placed beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.file_change import Change
from busy_callback.setup.snapshot import FILE, Snapshot, keeper
from busy_callback.setup.survey import Survey


def own_file(survey: Survey, allowed: Sequence[str], path: Path) -> Path:
    """Return the file of Asterisk's own configuration that is at ``path``, behind a link if there is one.

    Raises SetupError where it is somebody else's, as a web interface's own, to which links may lead, unless it is
    below a folder of ``allowed``.
    """
    real = Path(os.path.realpath(path))
    if any(real.is_relative_to(os.path.realpath(home)) for home in (str(survey.etc), *allowed)):
        return real
    what = f"{path} is {real}, which" if real != path else str(path)
    raise SetupError(
        f"{what} is not in Asterisk's own configuration folder {survey.etc}, and so is not edited: put a copy there "
        f"in its place, or add the lines by hand (the manual, install.md), or name its folder with --allow-path"
    )


def edit(path: Path, text: str, like: Path, then: str = "") -> Change:
    """Return the change of the text of a file that ``own_file`` has returned; it must still be that file."""
    change = Change.edit(path, text, like, then)
    if change.path != path:
        raise SetupError(f"{path} has become a link while it was looked at; nothing was changed, try again")
    return change


def beside(path: Path, text: str, like: Path, then: str = "") -> Change:
    """Return the change that makes a file of ours beside ``like``, with its mode; one that is there keeps its own."""
    change = Change.beside(path, text, like, then)
    if Snapshot.take(path).kind == FILE:
        return change
    owner, wanted = keeper(path.parent), replace(change.wanted, mode=change.wanted.mode & 0o664)
    wanted = wanted if wanted.uid == owner[0] else replace(wanted, uid=owner[0], gid=owner[1])
    return replace(change, wanted=wanted)


def secret_file(survey: Survey, path: Path, text: str, then: str = "") -> Change:
    """Return the change that makes a file that root, Asterisk's user and its group may read, and nobody else.

    Whatever the modes around it are: an Asterisk that was installed from source has all its files open to everybody.
    """
    owner, now = keeper(path.parent)[0], Snapshot.take(path)
    owner = 0 if now.kind == FILE and now.uid == 0 else owner
    return Change.file(path, text.encode("utf-8", "surrogateescape"), 0o640, (owner, survey.owner.gid), then)
