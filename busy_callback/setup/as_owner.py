"""Works in another user's folder as that user: a child that has given up root's rights for good does it.

Root hands the child a function, its arguments and the open folder, and takes back a value: nothing that the other
user put there (a link, a FIFO, a name that changes meanwhile) is met with root's rights. The kernel keeps that user
from looking into the child or changing it: a process that has changed its user can't be traced (ptrace(2),
PR_SET_DUMPABLE). What comes back is taken apart as data all the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import pickle
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, TypeVar

from busy_callback.errors import BusyCallbackError, SetupError
from busy_callback.settings import Directories
from busy_callback.setup.console import Console
from busy_callback.store.asterisk_user import become
from busy_callback.store.safe_paths import Folder, open_folder, user_name

T = TypeVar("T")

PATIENCE = 60.0  # seconds for what is done in one folder: what lies in another user's may be made to hold us
LONG_PATIENCE = 600.0  # seconds for all else: a survey asks a busy Asterisk many things
PATIENCE_IN_ALL = 1200.0  # seconds for all that one user does: it may hold each child up anew
# Bytes that a child may take beside what it begins with: a few lines of a dialplan can be made to stand for any number.
MEMORY = 2 << 30
_LONGEST = 256 << 20  # bytes of an answer
_VALUES = (BusyCallbackError, OSError, PurePath, Directories, Console)  # beside dataclasses
_HEAD = 8  # bytes of a message's length
_helpers: dict[int, _Helper] = {}
_spent: dict[int, float] = {}  # seconds by now, by user
_kept = False


def at(path: Path, function: Callable[..., T], *arguments: object, as_root: bool = False) -> T:
    """Return ``function(folder, name, *arguments)`` for the open folder of ``path`` and its name in it.

    Who can write in the folder besides root is who does it, unless ``as_root`` is asked for: then the function must
    touch nothing in the folder but by descriptors that it made itself.
    """
    with open_folder(str(path.parent)) as folder:
        if as_root or not folder.writer or os.geteuid():
            return function(folder, path.name, *arguments)
        return _ask(folder.writer, function, (path.name, *arguments), folder)


def call(uid: int, function: Callable[..., T], *arguments: object) -> T:
    """Return ``function(*arguments)`` as another user has it, or as we do where we are that user or not root."""
    if uid == 0 or os.geteuid():
        return function(*arguments)
    return _ask(uid, function, arguments, None)


@contextlib.contextmanager
def kept_helpers() -> Iterator[None]:
    """Let one child do all that is to be done as its user, until this ends: a start takes a hundred times as long."""
    global _kept  # noqa: PLW0603 - as global as the process is
    _kept = True
    try:
        yield
    finally:
        _kept = False
        while _helpers:
            _helpers.popitem()[1].end()


def _ask(uid: int, function: Callable[..., T], arguments: tuple[object, ...], folder: Folder | None) -> T:
    helper = _helpers.get(uid) or _Helper(uid)
    try:
        answer: T = helper.ask(function, arguments, folder)
        return answer
    finally:
        if _kept and helper.well:
            _helpers[uid] = helper
        else:
            _helpers.pop(uid, None)
            helper.end()


class _Helper:
    """A child with another user's rights, which does what it is asked, one thing after the other."""

    def __init__(self, uid: int) -> None:
        self._uid = uid
        self.well = True
        self._socket, there = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if not self._pid:
            try:
                _let_go_of_all_but(there.fileno())
                become(uid)
                limit_memory()
                _serve(there)
            finally:
                os._exit(1)
        there.close()

    def ask(self, function: Callable[..., T], arguments: tuple[object, ...], folder: Folder | None) -> T:
        """Return what the function returns; raise what it raises, and SetupError where no answer comes."""
        self.well = False
        who, spent, begun = user_name(self._uid), _spent.get(self._uid, 0.0), time.monotonic()
        if spent >= PATIENCE_IN_ALL:
            raise SetupError(
                f"no more is done as user {who}, whose processes have taken {spent:.0f} s: who stops them?"
            )
        until = begun + min(PATIENCE if folder else LONG_PATIENCE, PATIENCE_IN_ALL - spent)
        try:
            self._socket.settimeout(until - begun)
            _send(self._socket, (function, arguments, folder), [folder.descriptor] if folder else [])
            well, answer = _received(self._socket, _Answer, until)[0]
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            where = f" in {folder.path}" if folder else ""
            raise SetupError(f"what was to be done as user {who}{where} has not ended well: {error}") from error
        finally:
            _spent[self._uid] = spent + time.monotonic() - begun
        self.well = True
        if well:
            return answer  # type: ignore[no-any-return]
        raise answer

    def end(self) -> None:
        """End it: it has nothing to do any more, and its user may have stopped it, so that it would never go itself."""
        self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def limit_memory() -> None:
    """Let this process take so much more memory, and no more than it may have already."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = min(limit for limit in (held + MEMORY, *resource.getrlimit(resource.RLIMIT_AS)) if limit >= 0)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _let_go_of_all_but(descriptor: int) -> None:
    """Have nothing of root's open in a child, as the journal with its lock: it may outlive root's process.

    The numbers stay taken: what is in memory may still close them.
    """
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in (0, 1, 2, descriptor, nothing):
            with contextlib.suppress(OSError):  # that of the listing is closed
                os.fstat(number)
                os.dup2(nothing, number, inheritable=False)


def _serve(there: socket.socket) -> None:
    """Do what is asked until nobody asks any more."""
    while True:
        try:
            (function, arguments, folder), descriptors = _received(there, pickle.Unpickler)
        except EOFError:
            os._exit(0)
        try:
            if folder:
                folder.descriptor = descriptors[0]
                with folder:
                    answer: tuple[bool, object] = True, function(folder, *arguments)
            else:
                answer = True, function(*arguments)
        except (BusyCallbackError, OSError) as error:
            answer = False, error
        except MemoryError:
            told = f"{MEMORY >> 20} MB of memory are not enough for it: look at the files in Asterisk's folders"
            answer = False, SetupError(told)
        except Exception:  # a fault of ours
            answer = False, SetupError(*traceback.format_exc().splitlines())
        _send(there, answer, [])


def _send(to: socket.socket, message: object, descriptors: list[int]) -> None:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    socket.send_fds(to, [len(data).to_bytes(_HEAD, "big")], descriptors)
    to.sendall(data)


def _received(
    by: socket.socket, unpickler: type[pickle.Unpickler], until: float | None = None
) -> tuple[Any, list[int]]:
    """Return the next message and the descriptors that came with it; raise EOFError where none comes any more.

    ``until`` (monotonic) it must be there, else TimeoutError is raised.
    """
    head, descriptors, _, _ = socket.recv_fds(by, _HEAD, 1)
    if len(head) < _HEAD:
        raise EOFError("the other end is gone")
    left = int.from_bytes(head, "big")
    if until is not None and left > _LONGEST:
        raise EOFError(f"{left >> 20} MB are more than any answer has")
    parts = []
    while left:
        if until is not None:
            by.settimeout(max(0.001, until - time.monotonic()))
        part = by.recv(min(left, 1 << 20))
        if not part:
            raise EOFError("the other end is gone")
        parts.append(part)
        left -= len(part)
    return unpickler(io.BytesIO(b"".join(parts))).load(), descriptors


class _Answer(pickle.Unpickler):
    """Reads an answer as data: values of ours, paths and errors, and nothing that does anything."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class that an answer may have; raise UnpicklingError for everything else."""
        found = super().find_class(module, name) if "." not in name else None
        if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, _VALUES)):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an answer")
