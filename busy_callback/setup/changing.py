"""Makes changes, all of them or none, and takes them back: what was there before, and nothing of anybody else's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup import as_owner
from busy_callback.setup.entry import Back, is_edit, same
from busy_callback.setup.file_change import Change
from busy_callback.setup.journal import Journal
from busy_callback.setup.snapshot import ABSENT, DIRECTORY, LINK, Snapshot, names_in, remove
from busy_callback.store.safe_paths import TEMPORARY, Folder

MOST_HELD = 64 << 20  # bytes of changed files; the dialplan of a large PBX has some of them


def apply(changes: Sequence[Change], journal: Journal) -> None:
    """Make all the changes, or none: raise SetupError after putting back what was there.

    What an earlier one that was killed has not finished is then finished too, but for ``journal.then``.
    """
    with journal.held():
        earlier = dict(journal.entries), set(journal.then)
        begun: list[tuple[Path, Snapshot]] = []
        try:
            _sweep([*journal.entries, *(change.path for change in changes)])
            journal.note(changes)
            for change in changes:
                begun.append((change.path, Snapshot.take(change.path)))
                # Hundreds of prompts are flushed together, at the end.
                change.wanted.put(change.path, flush=not change.yours)
            os.sync()
            journal.made()
        except (OSError, SetupError, KeyboardInterrupt) as error:
            stuck = _put_back(begun)
            if stuck:
                told = "; ".join(f"{path} ({why})" for path, why in stuck.items())
                raise SetupError(
                    f"{error or 'interrupted'}; and these could not be put back: {told}; mend that, then run "
                    "busy-callback uninstall"
                ) from error
            with contextlib.suppress(OSError, SetupError):
                journal.entries, journal.then = earlier
                journal.save()
            raise SetupError(f"nothing was changed: {error or 'interrupted'}") from error


def _put_back(begun: Iterable[tuple[Path, Snapshot]]) -> dict[Path, str]:
    """Put back what was there, the last first; return what could not be, and why."""
    stuck = {}
    for path, before in reversed(list(begun)):
        try:
            if not same(Snapshot.take(path), before):
                before.put(path)
        except (OSError, SetupError) as error:
            stuck[path] = _why(error)
    return stuck


def undo(
    journal: Journal, purge: bool = False, only: Collection[Path] | None = None, then: Iterable[str] = ()
) -> list[Back]:
    """Give back what was there before; return what is not as before, with why: the journal keeps their entries.

    A file that was edited since loses our blocks and nothing else. ``purge`` removes edited files of ours too.
    ``only``: of the journal's paths only these. ``then`` is what is to be told to Asterisk and systemd after it:
    until ``journal.then`` is emptied and saved, the journal stays.
    """
    with journal.held():
        journal.then = set(then)
        journal.save()
        _sweep(journal.entries)
        done: list[Back] = []
        left: list[Back] = []
        for back in _backs(journal, purge, only, act=True):
            (left if back.why else done).append(back)
        os.sync()
        for back in done:
            why = _difference(back)
            if why:
                left.append(replace(back, why=why, stuck=True))
        kept = {back.path for back in left}
        finished = {back.path for back in done} - kept
        journal.entries = {path: entry for path, entry in journal.entries.items() if path not in finished}
        if purge and not journal.entries:
            for copy in journal.set_aside():
                remove(copy)
        journal.save()
    return left


def preview(journal: Journal, purge: bool = False) -> list[Back]:
    """Return what ``undo`` would make of each path, and change nothing."""
    return list(_backs(journal, purge, None, act=False))


def _backs(journal: Journal, purge: bool, only: Collection[Path] | None, act: bool) -> Iterator[Back]:
    """Yield what becomes of each path, and make it so if it is to ``act``.

    Our blocks go first: should one stay, against our will, then what it refers to stays too. For the rest the last
    comes first, so that a folder's files are gone before it. Killed in between, the dialplan is whole.
    """
    paths = [path for path in reversed(journal.entries) if only is None or path in only]
    paths.sort(key=lambda path: not journal.entries[path].edit)
    gone: set[Path] = set()
    stuck: Path | None = None
    held = 0
    for path in paths:
        try:
            now = Snapshot.take(path)
            back = journal.entries[path].back(path, now, purge, journal.backup(path))
            if journal.entries[path].edit and now.kind == back.wanted.kind == LINK and _leads_to_ours(path, journal):
                why = "it is a link now, and our block is in what it leads to: take it out there by hand"
                back = Back(path, now, now, why, stuck=True)
            elif stuck and not journal.entries[path].edit and back.wanted != now:
                back = Back(path, now, now, f"it stays because of {stuck}", stuck=True)
            elif back.wanted.kind == ABSENT and now.kind == DIRECTORY and not _empty(path, gone):
                back = Back(path, now, now, "it has files in it that are not of the install")
            elif held + _made(back, journal) > MOST_HELD:
                why = f"with the others before it, it is larger than {MOST_HELD >> 20} MB: look at it"
                back = Back(path, Snapshot(), Snapshot(), why, stuck=True)
            elif act and back.wanted != now:
                back.wanted.put(path)
        except (OSError, SetupError) as error:
            back = Back(path, Snapshot(), Snapshot(), _why(error), stuck=True)
        if back.wanted.kind == ABSENT and not back.why:
            gone.add(path)
        if back.stuck and journal.entries[path].edit:
            stuck = stuck or path
        held += _made(back, journal)
        yield _light(back)


def _made(back: Back, journal: Journal) -> int:
    """Return the bytes of what is to stand at a path, unless they are those that the journal has, or that stay."""
    kept = journal.entries[back.path].before.content
    return 0 if back.why or back.wanted.content in (kept, back.now.content) else len(back.wanted.content)


def _light(back: Back) -> Back:
    """Return the same without the contents that nobody needs any more: many large files are more than the memory."""
    if back.now == back.wanted:
        return replace(back, now=Snapshot(), wanted=Snapshot()) if back.why else back
    return replace(back, now=replace(back.now, content=back.now.fingerprint.encode()))


def _leads_to_ours(link: Path, journal: Journal) -> bool:
    """Tell whether a block of ours stands behind a link, where the journal has no entry that takes it out."""
    behind, content = as_owner.at(link, _behind)
    return Path(behind) not in journal.entries and is_edit(content)


def _behind(folder: Folder, name: str) -> tuple[str, bytes]:
    """Return the path that a link leads to, and the content of the file there."""
    path = os.path.realpath(f"{folder.path}/{name}")
    return path, Snapshot.take(Path(path)).content


def _empty(folder: Path, gone: Collection[Path]) -> bool:
    return all(folder / name in gone or name.startswith(TEMPORARY) for name in names_in(folder))


def _difference(back: Back) -> str:
    """Return in what a path differs from how it was to be, or ''."""
    try:
        return "" if same(Snapshot.take(back.path), back.wanted) else "it was changed meanwhile: try again"
    except SetupError as error:
        return str(error)


def _sweep(paths: Iterable[Path]) -> None:
    """Remove what a killed run was just writing, beside the paths."""
    for folder in {path.parent for path in paths}:
        for name in names_in(folder, TEMPORARY):
            with contextlib.suppress(OSError, SetupError):
                remove(folder / name)


def _why(error: BaseException) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
