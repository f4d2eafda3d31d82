"""pyst2's Manager on a connection that it can't stumble over, and that ends when it is told to.

Its own reads a byte at a time, keeps whatever line comes, waits for ever for the end of some, does not
tell when its thread died, and leaves threads and socket behind.
"""

from __future__ import annotations

import contextlib
import io
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from asterisk.manager import Manager, ManagerException, ManagerMsg

from busy_callback.deadline import Deadline
from busy_callback.errors import AsteriskError, DeadlineError
from busy_callback.pbx.other_end import stranger
from busy_callback.settings import Settings
from busy_callback.store.safe_paths import user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from busy_callback.pbx.tls import TlsConnection

ANSWER_TIME = 5.0  # seconds that Asterisk may take for one answer; it takes less than a millisecond
_MAX_LINE = 8192  # bytes; Asterisk's own are shorter
_MAX_LINES = 200  # of one message
_GREETING = b"Asterisk Call Manager/"
# Lines that pyst2 stumbles over: it would wait for an end that never comes, or its thread would die. Nothing
# that we ask for has such a line, but an event carries what a caller calls itself.
_TRAPS = (b"status will follow", b"ChanVariable", b"--END COMMAND--", b"Response: Follows")


class _Wire:
    """What pyst2 reads and writes: a socket's messages, but for events and for lines that it can't bear.

    Events go to ``on_event``, with name and headers, in the thread that reads: in a storm of them pyst2's way
    through three threads would be minutes behind.
    """

    def __init__(
        self, connection: socket.socket, tls: TlsConnection | None, on_event: Callable[[str, dict[str, str]], None]
    ) -> None:
        self._socket = connection
        self._lines = io.BufferedReader(tls) if tls else connection.makefile("rb")
        self._tls = tls
        self._on_event = on_event
        self._ready: deque[bytes] = deque()
        self.trusted = False  # whether it is Asterisk that is at the other end; that has been looked at

    def __iter__(self) -> _Wire:
        return self

    def __next__(self) -> bytes:
        while not self._ready:
            message = self._message()
            if not self.trusted and not message[0].startswith(_GREETING):
                raise StopIteration  # Asterisk greets, and then waits for us
            if message[0].startswith(b"Event:"):
                parts = [line.decode("utf-8", "replace").partition(":") for line in message]
                headers = {key: value.strip() for key, _, value in parts}
                self._on_event(headers.get("Event", ""), headers)
            else:
                self._ready.extend(message)
        return self._ready.popleft()

    def _message(self) -> list[bytes]:
        """Return the lines of the next message, with the empty one that ends it; StopIteration at the end."""
        message: list[bytes] = []
        while True:
            try:
                line = self._lines.readline(_MAX_LINE)
            except ValueError:
                raise StopIteration from None  # closed meanwhile
            if not line:
                raise StopIteration
            if line == b"\r\n" or line.startswith(_GREETING):
                return [*message, line]
            bearable = line.endswith(b"\r\n") and b":" in line and not any(trap in line for trap in _TRAPS)
            if bearable and len(message) < _MAX_LINES:
                message.append(line)

    def write(self, data: bytes) -> None:
        (self._tls or self._socket).sendall(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """End the connection, so that a thread that reads from it notices."""
        if self._tls:
            self._tls.say_goodbye()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was faster

    def release(self) -> None:
        """Give the file descriptor back; nobody may read any more."""
        self._lines.close()
        self._socket.close()


class Session(Manager):  # type: ignore[misc]
    """pyst2's Manager, telling when its connection has ended, and leaving nothing behind when it does."""

    def __init__(self, on_event: Callable[[str, dict[str, str]], None], on_end: Callable[[], None]) -> None:
        super().__init__()
        self._on_event = on_event
        self.on_end = on_end

    def connect(self, place: tuple[str, int], host: str, tls: bool = False) -> None:
        """Connect to one of the host's places and wait for the greeting; OSError where nobody listens, or TLS is bad.

        Whoever is faster than an Asterisk that starts again can have its port: to a stranger nothing is told.
        """
        connection = socket.create_connection(place)
        try:
            self._sock = _Wire(connection, _sealed(connection, host) if tls else None, self._on_event)
        except BaseException:
            connection.close()
            raise
        self._connected.set()
        self._running.set()
        self.message_thread.start()
        self.event_dispatch_thread.start()
        if not self._response_queue.get():
            raise ManagerException(
                "it has ended the connection at once; too many may be open (manager.conf: authlimit)"
            )
        user = stranger(connection)
        if user is not None:
            raise ManagerException(f"it is user {user_name(user)} who listens there, and not Asterisk (see ss -ltnp)")
        self._sock.trusted = True

    def post(self, actions: Sequence[Mapping[str, str | list[str]]]) -> None:
        """Send actions in one go.

        pyst2's own way sends one and waits for its answer: for thousands, most of the time is waiting.
        """
        lines: list[str] = []
        for action in actions:
            for key, value in action.items():
                lines += [f"{key}: {each}\r\n" for each in (value if isinstance(value, list) else [value])]
            lines.append("\r\n")
        if not self.connected():
            raise ManagerException("Not connected")
        self._sock.write("".join(lines).encode("ascii"))

    def answers(self, count: int) -> list[ManagerMsg]:
        """Return the answers to as many actions, which come in the order in which these were sent."""
        answers = []
        for _ in range(count):
            answer = self._response_queue.get()
            if not answer:
                raise ManagerException("Connection Terminated")
            answers.append(answer)
        return answers

    def _receive_data(self) -> None:
        try:
            super()._receive_data()
        finally:
            self._message_queue.put(None)  # whatever ended it: who waits for a message must not wait for ever

    def message_loop(self) -> None:
        """Do pyst2's work of this thread, and tell the others when it ends."""
        try:
            super().message_loop()
        finally:
            # pyst2 tells the others when the connection ends, but not when a message was too much for it.
            self._connected.clear()
            self._event_queue.put(None)
            self._response_queue.put(None)

    def event_dispatch(self) -> None:
        """Do pyst2's work of this thread, and tell when it ends."""
        try:
            super().event_dispatch()
        finally:
            self.on_end()

    def end(self) -> None:
        """Close the socket and let the threads end: a watch connects anew as often as Asterisk goes away."""
        self._connected.clear()
        self._running.clear()
        if self._sock is not None:
            self._sock.close()
            self._message_queue.put(None)
            self.message_thread.join(1.0)
            self.event_dispatch_thread.join(1.0)
            if not self.message_thread.is_alive():  # else it still reads; a leak is better than to wait for it
                self._sock.release()

    def __del__(self) -> None:
        """pyst2 would log off here, and hang if it can't."""


def address(host: str, port: int) -> str:
    """Return where a manager is, for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sealed(connection: socket.socket, host: str) -> TlsConnection:
    from busy_callback.pbx.tls import TlsConnection  # not for the poller that stays and has no TLS

    return TlsConnection(connection, host)


@contextlib.contextmanager
def our_errors(broken: str) -> Iterator[None]:
    """Raise AsteriskError for what goes wrong with a connection: ``broken``, and why."""
    try:
        yield
    except DeadlineError as error:
        raise AsteriskError(str(error)) from None
    except (ManagerException, OSError, ValueError) as error:
        raise AsteriskError(f"{broken}: {reason(error)}") from None


@contextlib.contextmanager
def in_time(late: str, broken: str) -> Iterator[None]:
    """Hold Asterisk to ANSWER_TIME; raise AsteriskError: ``late`` after that, ``broken`` and why for other faults."""
    with our_errors(broken), Deadline(ANSWER_TIME, late):
        yield


def connect(
    settings: Settings,
    late: str,
    on_event: Callable[[str, dict[str, str]], None],
    on_end: Callable[[], None],
) -> Session:
    """Return a session with the first of the host's addresses at which Asterisk answers, and not somebody else.

    Where localhost is ::1 too, another user may listen there. Each has ANSWER_TIME; ``late`` says what is wrong then.
    Raises what the last one did: DeadlineError, OSError, ManagerException or ValueError.
    """
    host = settings.host
    with Deadline(ANSWER_TIME, late):
        found = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)
    places = list(dict.fromkeys((str(place[0]), int(place[1])) for *_, place in found))
    for place in places:
        session = Session(on_event, lambda: None)
        try:
            with Deadline(ANSWER_TIME, late):
                session.connect(place, host, settings.tls)
        except BaseException as error:
            session.end()
            if place == places[-1] or not isinstance(error, (DeadlineError, OSError, ManagerException, ValueError)):
                raise
        else:
            session.on_end = on_end
            return session
    raise OSError(f"{host} has no address")


def reason(error: Exception) -> str:
    """Return what is worth reading of pyst2's exceptions, which carry (errno, text) or a text."""
    return str(error.args[-1]) if error.args else type(error).__name__
