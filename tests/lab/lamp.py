"""The lamp beside a key of a phone: a SIP subscription to a hint (RFC 4235), which baresip does not have."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import threading
import time

from . import WAIT
from .ports import free_port

LIT = {"terminated": "off", "confirmed": "on", "early": "blinking"}


class Lamp:
    """Shows a hint's state as a phone does: ``off``, ``on`` or ``blinking``; ``user`` is whose phone it is."""

    def __init__(self, server_port: int, user: str, key: str) -> None:
        self._server = ("127.0.0.1", server_port)
        self._user = user
        self._uri = f"sip:{key}@127.0.0.1:{server_port}"
        self._port = free_port()
        self._call_id = secrets.token_hex(8)
        self._tag = secrets.token_hex(4)
        self._states: list[str] = []
        self._news = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self._port))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._subscribe(1, "")

    def _subscribe(self, number: int, authorization: str) -> None:
        lines = [
            f"SUBSCRIBE {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{secrets.token_hex(6)}",
            "Max-Forwards: 70",
            f"From: <sip:{self._user}@127.0.0.1>;tag={self._tag}",
            f"To: <{self._uri}>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {number} SUBSCRIBE",
            f"Contact: <sip:{self._user}@127.0.0.1:{self._port}>",
            "Event: dialog",
            "Accept: application/dialog-info+xml",
            "Expires: 600",
            *([authorization] if authorization else []),
            "Content-Length: 0",
        ]
        self._send(lines)

    def _send(self, lines: list[str]) -> None:
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self._server)

    def _read(self) -> None:
        while True:
            try:
                text = self._socket.recv(65536).decode()
            except OSError:
                return
            if text.startswith("SIP/2.0 401") and "CSeq: 1 " in text:
                self._subscribe(2, self._answer(text))
            elif text.startswith("NOTIFY"):
                kept = ("Via:", "From:", "To:", "Call-ID:", "CSeq:")
                self._send(
                    ["SIP/2.0 200 OK", *(x for x in text.split("\r\n") if x.startswith(kept)), "Content-Length: 0"]
                )
                found = re.search(r"<state[^>]*>(\w+)</state>", text)
                with self._news:
                    self._states.append(LIT.get(found[1], found[1]) if found else "none")
                    self._news.notify_all()

    def _answer(self, challenge: str) -> str:
        """Return the header that answers a digest challenge (RFC 2617)."""

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324  what SIP asks for

        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        secret, action = md5(self._user, asked["realm"], "lab"), md5("SUBSCRIBE", self._uri)
        words = {"username": self._user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": self._uri}
        quoted = ", ".join(f'{key}="{value}"' for key, value in words.items())
        if "qop" in asked:
            response = md5(secret, asked["nonce"], "00000001", "0a0b", "auth", action)
            return f'Authorization: Digest {quoted}, response="{response}", qop=auth, nc=00000001, cnonce="0a0b"'
        return f'Authorization: Digest {quoted}, response="{md5(secret, asked["nonce"], action)}"'

    @property
    def states(self) -> list[str]:
        """Every state it has shown."""
        with self._news:
            return list(self._states)

    def wait(self, state: str) -> None:
        """Wait until it shows a state."""
        deadline = time.monotonic() + WAIT
        with self._news:
            while self._states[-1:] != [state]:
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    raise AssertionError(f"the lamp is not {state}: {self._states}")

    def close(self) -> None:
        """End it."""
        self._socket.close()
