"""A TCP proxy before a manager interface, that refuses, stalls or cuts when it is told to."""

from __future__ import annotations

import selectors
import socket
import threading
from types import TracebackType


class Proxy:
    """Passes on what comes to ``port``; one thread serves all connections."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._lock = threading.Lock()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._to_client: dict[socket.socket, int] = {}  # bytes passed to it
        self._stalled = False
        self._cut_after: int | None = None
        self._over = False
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    # -- what is told to it ------------------------------------------------------------------------

    def refuse(self) -> None:
        """Break every connection, and refuse new ones until ``accept``."""
        with self._lock:
            self._listener.close()
            self._drop_all()
        self._notify()

    def accept(self) -> None:
        """Take connections again."""
        with self._lock:
            self._listener = socket.create_server(("127.0.0.1", self.port))
        self._notify()

    def stall(self) -> None:
        """Pass nothing on, in either direction, but keep and take connections."""
        self._stalled = True
        self._notify()

    def resume(self) -> None:
        """Pass everything on again, what has come meanwhile first."""
        self._stalled = False
        self._notify()

    def cut_after(self, count: int | None) -> None:
        """End each connection when so many bytes have gone to the client; None: no longer."""
        with self._lock:
            self._cut_after = count
            self._drop_all()
        self._notify()

    # -- its work ----------------------------------------------------------------------------------

    def _notify(self) -> None:
        self._waker.send(b"x")

    def _drop_all(self) -> None:
        for end in list(self._peers):
            end.close()
        self._peers.clear()
        self._to_client.clear()

    def _serve(self) -> None:
        while not self._over:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake, selectors.EVENT_READ)
                with self._lock:
                    if self._listener.fileno() >= 0:
                        selector.register(self._listener, selectors.EVENT_READ)
                    for end in [] if self._stalled else self._peers:
                        selector.register(end, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select()]
            with self._lock:
                for one in ready:
                    assert isinstance(one, socket.socket)
                    self._act(one)

    def _act(self, end: socket.socket) -> None:
        if end is self._wake:
            end.recv(100)
        elif end is self._listener and end.fileno() >= 0:
            client, _ = end.accept()
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                return
            self._peers |= {client: server, server: client}
            self._to_client[client] = 0
        elif end in self._peers:
            self._pass_on(end, self._peers[end])

    def _pass_on(self, end: socket.socket, peer: socket.socket) -> None:
        try:
            data = end.recv(65536)
            if peer in self._to_client and self._cut_after is not None:
                data = data[: max(0, self._cut_after - self._to_client[peer])]
            peer.sendall(data)
        except OSError:
            data = b""
        if peer in self._to_client:
            self._to_client[peer] += len(data)
            if self._cut_after is not None and self._to_client[peer] >= self._cut_after:
                data = b""
        if not data:
            for one in (end, peer):
                del self._peers[one]
                self._to_client.pop(one, None)
                one.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over = True
        self._notify()
        self._thread.join()
        self._listener.close()
        self._drop_all()
        self._wake.close()
        self._waker.close()
