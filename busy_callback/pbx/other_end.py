"""Whose process is at the other end of a connection within this machine: told by the kernel, not by who answers."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys

_Address = tuple["ipaddress.IPv4Address | ipaddress.IPv6Address", int]
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def stranger(connection: socket.socket) -> int | None:
    """Return the user at the other end, if that is neither root nor we; None, too, where the kernel does not tell.

    Ask when the other end has said something: before it has accepted the connection the kernel takes it for root's.
    """
    ends = _end(*connection.getpeername()[:2]), _end(*connection.getsockname()[:2])
    for name in _TABLES:
        try:
            with open(name, encoding="ascii") as table:
                next(table, "")
                for row in map(str.split, table):  # proc(5): local and remote address, in the eighth column the user
                    if int(row[1].rpartition(":")[2], 16) == ends[0][1] and (_listed(row[1]), _listed(row[2])) == ends:
                        return None if int(row[7]) in (0, os.geteuid()) else int(row[7])
        except OSError:
            continue
    return None


def _listed(text: str) -> _Address:
    """Return an entry of the tables: hexadecimal words in the machine's order, and the port."""
    words, _, port = text.partition(":")
    raw = b"".join(int(words[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(words), 8))
    return _end(raw, int(port, 16))


def _end(address: str | bytes, port: int) -> _Address:
    """Return one end of a connection; an IPv4 address in IPv6's clothes as what it is."""
    found = ipaddress.ip_address(address)
    return getattr(found, "ipv4_mapped", None) or found, port
