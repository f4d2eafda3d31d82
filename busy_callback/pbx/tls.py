"""A TLS connection that one thread reads while another writes, which ssl's own sockets don't promise to bear."""

from __future__ import annotations

import contextlib
import io
import ipaddress
import socket
import ssl
import threading
from typing import Any

_PIECE = 65536  # bytes


def within_machine(connection: socket.socket) -> bool:
    """Tell whether the other end is on this machine: it has our own address, or one that leads nowhere else."""
    ours, others = connection.getsockname()[0], connection.getpeername()[0]
    return bool(ours == others or ipaddress.ip_address(others).is_loopback)


class TlsConnection(io.RawIOBase):
    """What a socket is to who reads lines and writes, with TLS (1.2 or later) on the way.

    Within this machine no certificate is looked at: Asterisk's is its own, mostly (ast_tls_cert), and the kernel tells
    better whose process it is (see ``other_end``). From another machine it must be good by this machine's authorities,
    and for ``host``. Raises OSError.
    """

    def __init__(self, connection: socket.socket, host: str) -> None:
        super().__init__()
        context = ssl.create_default_context()
        if within_machine(connection):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._socket = connection
        self._arrived, self._leaves = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arrived, self._leaves, server_hostname=host)
        self._one_at_a_time = threading.Lock()
        try:
            while not self._shaken_hands():
                if not self._take():
                    raise ConnectionResetError("it has ended the connection")
        except ssl.SSLCertVerificationError as error:
            raise OSError(f"its certificate is not to be trusted ({error.verify_message})") from error
        except (ssl.SSLError, ConnectionResetError) as error:
            raise OSError(f"it does not speak TLS ({error.args[-1]}); is tls right for that port?") from error

    def _shaken_hands(self) -> bool:
        """Go on with the handshake as far as that is possible; tell whether it is over."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._socket.sendall(self._leaves.read())
        return True

    def _take(self) -> bool:
        """Wait for more to arrive; False where nothing will any more."""
        data = self._socket.recv(_PIECE)
        with self._one_at_a_time:
            self._arrived.write(data)
        return bool(data)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes, at least one; 0 at the end."""
        while True:
            try:
                with self._one_at_a_time:
                    return int(self._tls.read(len(buffer), buffer))  # with a buffer it is a number
            except ssl.SSLWantReadError:
                if not self._take():
                    return 0

    def say_goodbye(self) -> None:
        """Tell the other end that no more comes (RFC 8446, 6.1): else Asterisk logs an error."""
        with contextlib.suppress(OSError):
            with self._one_at_a_time, contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()  # wants the other end's goodbye too, for which nobody waits
            self._socket.send(self._leaves.read(), socket.MSG_DONTWAIT)

    def sendall(self, data: bytes) -> None:
        """Write all of it. One thread only writes; and what reading had to answer goes out with it."""
        with self._one_at_a_time:
            self._tls.write(data)
            sealed = self._leaves.read()
        self._socket.sendall(sealed)
