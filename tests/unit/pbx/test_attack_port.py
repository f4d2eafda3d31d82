"""Attack: somebody else takes the manager's port while Asterisk is away, and waits there for our secret."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami import Ami
from busy_callback.settings import Settings

from ...lab.certificate import self_signed

GREETING = b"Asterisk Call Manager/9.0.0\r\n"
NOBODY = 65534


@contextlib.contextmanager
def listening(
    host: str, family: socket.AddressFamily, user: int, own: Path | None = None, greeting: bytes = GREETING, at: int = 0
) -> Iterator[tuple[int, int]]:
    """Let a user greet who connects, as Asterisk does or not; yield the port, and where to read what was said to it.

    With a file of its own key and certificate, by TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if own:
        context.load_cert_chain(own)
    with socket.socket(family) as listener:
        try:
            listener.bind((host, at))
        except OSError:
            pytest.skip("this machine has no IPv6")
        port = listener.getsockname()[1]
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            mine = socket.socket(family)
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            mine.bind((host, port))
            mine.listen()
            os.write(writing, b"!")
            connection = mine.accept()[0]
            if own:
                connection = context.wrap_socket(connection, server_side=True)
            connection.sendall(greeting)
            while data := connection.recv(4096):
                os.write(writing, data)
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"!"
    try:
        yield port, reading
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
@pytest.mark.parametrize(
    ("host", "listens", "family"),
    [
        ("127.0.0.1", "127.0.0.1", socket.AF_INET),
        ("127.0.0.1", "0.0.0.0", socket.AF_INET),
        ("127.0.0.1", "::ffff:127.0.0.1", socket.AF_INET6),
        ("127.0.0.1", "::", socket.AF_INET6),
        ("localhost", "127.0.0.1", socket.AF_INET),
        ("::1", "::1", socket.AF_INET6),
        ("::1", "::", socket.AF_INET6),
    ],
)
def test_a_stranger_on_the_managers_port_is_told_nothing(host: str, listens: str, family: socket.AddressFamily) -> None:
    """Neither user nor secret, nor whose state we ask for: the error names who it is."""
    settings = Settings()
    settings.host, settings.secret = host, "our-own-secret"
    with listening(listens, family, NOBODY) as (settings.port, said):
        with pytest.raises(AsteriskError, match="user nobody who listens there, and not Asterisk"), Ami(settings):
            pass
        assert os.read(said, 4096) == b""


def test_an_asterisk_of_our_own_user_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one of root's, nor one of which the kernel tells nothing: on another machine, in another container."""
    settings = Settings()
    with listening("127.0.0.1", socket.AF_INET, os.geteuid()) as (settings.port, said):
        monkeypatch.setattr("busy_callback.pbx.ami_session.ANSWER_TIME", 0.5)
        with pytest.raises(AsteriskError, match="did not answer Login"), Ami(settings):
            pass
        assert b"Action: Login" in os.read(said, 4096)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_a_stranger_who_speaks_tls_is_told_nothing_either(tmp_path: Path) -> None:
    """Within this machine no certificate is asked for, and whose process it is counts all the same."""
    settings = Settings()
    settings.secret, settings.tls = "our-own-secret", True
    self_signed(tmp_path / "own.pem", "localhost")
    with listening("127.0.0.1", socket.AF_INET, NOBODY, tmp_path / "own.pem") as (settings.port, said):
        with pytest.raises(AsteriskError, match="user nobody who listens there, and not Asterisk"), Ami(settings):
            pass
        assert os.read(said, 4096) == b""


@pytest.mark.parametrize("trusted", ["", "pbx", "localhost"])
def test_a_manager_of_another_machine_must_have_a_certificate_that_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    """By an authority that this machine trusts, and for that host: else nothing is told."""
    settings = Settings()
    settings.host, settings.secret, settings.tls = "localhost", "our-own-secret", True
    monkeypatch.setattr("busy_callback.pbx.tls.within_machine", lambda connection: False)
    monkeypatch.setattr("busy_callback.pbx.ami_session.ANSWER_TIME", 2.0)
    self_signed(tmp_path / "own.pem", trusted or "localhost")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.crt"))
    with listening("127.0.0.1", socket.AF_INET, os.geteuid(), tmp_path / "own.pem") as (settings.port, said):
        told = "did not answer Login" if trusted == "localhost" else "its certificate is not to be trusted"
        with pytest.raises(AsteriskError, match=told), Ami(settings):
            pass
        assert (b"Action: Login" in os.read(said, 4096)) == (trusted == "localhost")


EVENT = b"Event: DeviceStateChange\r\nDevice: PJSIP/202\r\nState: NOT_INUSE\r\n\r\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
@pytest.mark.parametrize(
    "greeting",
    [EVENT * 500 + GREETING, EVENT.rstrip() + b"\r\n" + GREETING, GREETING + EVENT * 500],
    ids=["before the greeting", "with it", "after it"],
)
def test_no_event_of_a_strangers_is_heard(greeting: bytes) -> None:
    """Whoever says, in place of a greeting or with it, what the phones do, is not believed: nothing is kept of it."""
    settings, heard = Settings(), []
    settings.secret = "our-own-secret"
    with listening("127.0.0.1", socket.AF_INET, NOBODY, greeting=greeting) as (settings.port, said):
        with pytest.raises(AsteriskError), Ami(settings, lambda name, headers: heard.append(name)):
            pass
        assert b"Login" not in os.read(said, 4096)
    assert set(heard) <= {""}  # that the connection has ended


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
@pytest.mark.parametrize("greeting", [GREETING, b""], ids=["greets", "is silent"])
def test_a_stranger_at_another_of_the_hosts_addresses(monkeypatch: pytest.MonkeyPatch, greeting: bytes) -> None:
    """Where localhost is ::1 and 127.0.0.1, and Asterisk listens at one alone, who takes the other stops nothing."""
    monkeypatch.setattr("busy_callback.pbx.ami_session.ANSWER_TIME", 0.5)
    settings, heard = Settings(), []
    with listening("127.0.0.1", socket.AF_INET, os.geteuid()) as (settings.port, said):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", settings.port)) for n in (2, 1)]
        with listening("127.0.0.2", socket.AF_INET, NOBODY, greeting=greeting, at=settings.port) as (_, overheard):
            monkeypatch.setattr(
                socket, "getaddrinfo", lambda host, *_, **__: found if host == "localhost" else found[:0]
            )
            monkeypatch.setattr(socket, "create_connection", _connected)
            settings.host = "localhost"
            with (
                pytest.raises(AsteriskError, match="did not answer Login"),
                Ami(settings, lambda name, headers: heard.append(name)),
            ):
                pass
            assert b"Action: Login" in os.read(said, 4096)
            assert os.read(overheard, 4096) == b""


def _connected(place: tuple[str, int]) -> socket.socket:
    """Do what create_connection does for an address, without a look at what it is called."""
    made = socket.socket()
    made.connect(place)
    return made
