"""Ports of 127.0.0.1 that nobody else in the lab uses, in any process."""

from __future__ import annotations

import fcntl
import random
import socket
from typing import IO

from .releases import CACHE

RANGE = range(20000, 32000)  # below the ports that the kernel gives to clients
_reserved: list[IO[str]] = []  # open, so locked, until the process ends


def free_port(count: int = 1) -> int:
    """Return the first of ``count`` ports in a row that are free for TCP and UDP, reserved for this process."""
    folder = CACHE / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        first = random.choice(RANGE)
        files = [(folder / str(port)).open("w") for port in range(first, first + count)]
        try:
            for port, file in enumerate(files, first):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", port))
        except OSError:
            for file in files:
                file.close()
            continue
        _reserved.extend(files)
        return first
