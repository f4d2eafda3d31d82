"""Runs programs that another user has in hand: what they print has a limit, and so has the time that they take."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, cast

from busy_callback.errors import SetupError

MOST = 64 << 20  # bytes; ten times a large PBX's dialplan, as its console shows it
_CHUNK = 1 << 16


class TooMuchError(SetupError):
    """A program prints more than anybody could need."""


def run(
    words: Sequence[str], patience: float, text: str = "", env: Mapping[str, str] | None = None, **options: Any
) -> tuple[int, bytes, bytes]:
    """Run a program in / and out of reach of our terminal; return its exit status, its output and its complaints.

    ``text``, of a few lines, is its input; ``options`` are Popen's. Raises OSError, subprocess.TimeoutExpired after
    ``patience`` seconds, and TooMuchError.
    """
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=env,
        start_new_session=True,  # the admin's terminal is none of its business (TIOCSTI)
        **options,
    ) as process:
        try:
            until = time.monotonic() + patience
            output, complaints = _read(process, words[0], until, text)
            return process.wait(max(0.0, until - time.monotonic())), output, complaints
        except BaseException as error:
            process.kill()
            if isinstance(error, TimeoutError):
                raise subprocess.TimeoutExpired(list(words), patience) from None
            raise


def _read(process: subprocess.Popen[bytes], name: str, until: float, text: str) -> tuple[bytes, bytes]:
    """Return what it prints until it closes both; raise TimeoutError, TooMuchError."""
    with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as its_input:
        its_input.write(text.encode())
    found: dict[Any, list[bytes]] = {process.stdout: [], process.stderr: []}
    size = 0
    with selectors.DefaultSelector() as open_ones:
        for file in found:
            open_ones.register(file, selectors.EVENT_READ)
        while open_ones.get_map():
            ready = open_ones.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    open_ones.unregister(key.fileobj)
                size += len(chunk)
                found[key.fileobj].append(chunk)
            if size > MOST:
                raise TooMuchError(f"{name} prints more than {MOST >> 20} MB")
    return b"".join(found[process.stdout]), b"".join(found[process.stderr])
