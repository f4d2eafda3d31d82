"""What lets strangers at the manager interface. The admin is told; nothing is changed."""

from __future__ import annotations

import glob
import ipaddress
import os
import shlex
import stat
import sys

from busy_callback.settings import Directories, Settings, open_regular
from busy_callback.store.logged_faults import LoggedFaults

_MOST = 1 << 20  # bytes of a file that are looked through
_LISTENING = "0A"  # include/net/tcp_states.h, TCP_LISTEN


def complaints(directories: Directories, settings: Settings, proc: str = "/proc/net") -> list[str]:
    """Return a sentence for each thing that is open wider than it need be."""
    found = [
        f"everybody on this machine can read the secret in {path}: chmod o-r {shlex.quote(path)}"
        for path in files_with_secret(directories, settings)
        if os.stat(path).st_mode & stat.S_IROTH
    ]
    listens, cure = reached_by_strangers(settings, proc)
    return [*found, f"{listens}; {cure}"] if listens else found


def reached_by_strangers(settings: Settings, proc: str = "/proc/net") -> tuple[str, str]:
    """Return where the manager interface can be reached by other machines, and what to set; '' twice where it can't."""
    open_to = sorted(address for address in _listeners(settings.port, proc) if not address.is_loopback)
    if not open_to:
        return "", ""
    name = "tlsbindaddr" if settings.tls else "bindaddr"
    where = f"{', '.join(map(str, open_to))}, port {settings.port}"
    return (
        f"Asterisk's manager listens on {where}: strangers can try passwords there",
        f"set {name} = 127.0.0.1 in manager.conf (FreePBX: in its Advanced Settings)",
    )


def files_with_secret(directories: Directories, settings: Settings) -> list[str]:
    """Return the files that hold our secret and can be read: our settings, and manager.conf with what belongs to it.

    Those are looked through that may be part of it by their names: manager.d/*.conf, manager_custom.conf, our own.
    """
    if not settings.secret:
        return []
    folder = glob.escape(directories.astetcdir)
    names = [directories.conf, *glob.glob(f"{folder}/*manager*.conf"), *glob.glob(f"{folder}/manager.d/*.conf")]
    return [path for path in dict.fromkeys(names) if _holds(path, settings.secret)]


def _holds(path: str, secret: str) -> bool:
    try:
        with open(open_regular(path), "rb") as file:
            return secret.encode() in file.read(_MOST)
    except OSError:
        return False


def tell(directories: Directories, settings: Settings, known: str) -> None:
    """Log each of them once, and when there is none any more; the file ``known`` remembers."""
    told = LoggedFaults(known, "", "only this machine reaches the manager interface, and its secret is private")
    told.tell(complaints(directories, settings))


def _listeners(port: int, proc: str) -> list[ipaddress.IPv4Address]:
    """Return the addresses on which somebody listens at that TCP port; IPv6's any counts as IPv4's."""
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            with open(f"{proc}/{name}", encoding="ascii") as file:
                next(file, "")
                for row in map(str.split, file):  # one by one: others may have very many connections
                    address, _, listening_port = row[1].partition(":")
                    if row[3] == _LISTENING and int(listening_port, 16) == port:
                        found.add(_address(address))
        except OSError:
            continue
    return sorted(found)


def _address(text: str) -> ipaddress.IPv4Address:
    """Return the kernel's hexadecimal address (words in the machine's order) as IPv4: IPv6's as what it amounts to."""
    words = [int(text[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(text), 8)]
    if len(words) == 1:
        return ipaddress.IPv4Address(words[0])
    six = ipaddress.IPv6Address(b"".join(words))
    if six.ipv4_mapped:
        return six.ipv4_mapped
    return ipaddress.IPv4Address("127.0.0.1" if six.is_loopback else "0.0.0.0")  # noqa: S104
