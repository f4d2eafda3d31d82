"""The small disk that Asterisk's spool lies on, in a mount namespace of the soak's own."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

SIZE = 32 << 20  # bytes


class Disk:
    """A file system in memory, mounted over a folder, that can be filled and made read-only.

    The kernel makes no disk read-only while a file on it is open for writing, as the poller's lock always is. So the
    same disk, read-only at another place, is laid over the folder: who opens a file from then on is refused.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_only = folder.with_name(f"{folder.name}-read-only")
        self._read_only.mkdir()
        self._recording = folder / "recording.wav"
        self._is_read_only = False
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))
        _run("mount", "--bind", str(folder), str(self._read_only))
        _run("mount", "-o", "remount,bind,ro", str(self._read_only))

    def fill(self) -> None:
        """Take every byte that is free."""
        with self._recording.open("wb", buffering=0) as file:
            for size in (65536, 512):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def set_read_only(self) -> None:
        """Let nothing be written below the folder any more."""
        _run("mount", "--bind", str(self._read_only), str(self._folder))
        self._is_read_only = True

    def heal(self) -> None:
        """Let all be well again."""
        if self._is_read_only:
            _run("umount", "--lazy", str(self._folder))  # somebody reads in it just now
            self._is_read_only = False
        self._recording.unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away."""
        self.heal()
        for folder in (self._read_only, self._folder):
            _run("umount", "--lazy", str(folder))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
