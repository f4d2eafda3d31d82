"""A phone that does what baresip can't: it registers any contact it likes, forwards, declines."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable

from .ports import free_port

WAIT = 15.0  # seconds


class OddPhone:
    """A SIP user agent of a few lines (RFC 3261): it answers each INVITE with one and the same refusal.

    ``contact`` is what it registers, in place of its own address, with {port} for its own port; ``ringing`` is for
    how many seconds it rings before it says ``answer``, as ``302 Moved``, with the header ``header``. ``invites``
    are the calls that came.
    """

    def __init__(
        self,
        number: str,
        server_port: int,
        answer: str = "486 Busy Here",
        header: str = "",
        ringing: float = 0.0,
        contact: str = "",
    ) -> None:
        self.number = number
        self.invites: list[str] = []
        self._server = ("127.0.0.1", server_port)
        self._answer = answer
        self._header = header
        self._ringing = ringing
        self._port = free_port()
        self._contact = (contact or "sip:{number}@127.0.0.1:{port}").format(number=number, port=self._port)
        self._call_id, self._tag = secrets.token_hex(8), secrets.token_hex(4)
        self._news = threading.Condition()
        self._status = ""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self._port))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._register(1, "")
        self._wait("registration", lambda: self._status.startswith("SIP/2.0 200"))

    def _register(self, number: int, authorization: str) -> None:
        lines = [
            f"REGISTER sip:127.0.0.1:{self._server[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{secrets.token_hex(6)}",
            "Max-Forwards: 70",
            f"From: <sip:{self.number}@127.0.0.1>;tag={self._tag}",
            f"To: <sip:{self.number}@127.0.0.1>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {number} REGISTER",
            f"Contact: <{self._contact}>",
            "Expires: 600",
            *([authorization] if authorization else []),
        ]
        self._send(lines, self._server)

    def _send(self, lines: list[str], to: tuple[str, int]) -> None:
        self._socket.sendto(("\r\n".join([*lines, "Content-Length: 0"]) + "\r\n\r\n").encode(), to)

    def _read(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(65536)
            except OSError:
                return
            text = data.decode(errors="replace")
            if text.startswith("SIP/2.0 401"):
                self._register(2, self._credentials(text))
            elif text.startswith("SIP/2.0"):
                with self._news:
                    self._status = text
                    self._news.notify_all()
            elif text.startswith("INVITE"):
                with self._news:
                    self.invites.append(text)
                    self._news.notify_all()
                if self._ringing:
                    self._reply(text, sender, "180 Ringing", "")
                    time.sleep(self._ringing)
                self._reply(text, sender, self._answer, self._header)
            elif " SIP/2.0\r\n" in text and not text.startswith("ACK"):
                self._reply(text, sender, "200 OK", "")

    def _reply(self, text: str, sender: tuple[str, int], status: str, header: str) -> None:
        kept = [line for line in text.split("\r\n") if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
        (to,) = (line for line in text.split("\r\n") if line.startswith("To:"))
        to += "" if ";tag=" in to else f";tag={self._tag}"
        self._send([f"SIP/2.0 {status}", *kept, to, *([header] if header else [])], sender)

    def _credentials(self, challenge: str) -> str:
        """Return the header that answers a digest challenge (RFC 2617)."""

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324  what SIP asks for

        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        uri = f"sip:127.0.0.1:{self._server[1]}"
        secret, action = md5(self.number, asked["realm"], "lab"), md5("REGISTER", uri)
        words = {"username": self.number, "realm": asked["realm"], "nonce": asked["nonce"], "uri": uri}
        if "opaque" in asked:
            words["opaque"] = asked["opaque"]
        more = ""
        if "qop" in asked:
            words["response"] = md5(secret, asked["nonce"], "00000001", "0a0b", "auth", action)
            words["cnonce"] = "0a0b"
            more = ", qop=auth, nc=00000001"
        else:
            words["response"] = md5(secret, asked["nonce"], action)
        quoted = ", ".join(f'{key}="{value}"' for key, value in words.items())
        return f"Authorization: Digest {quoted}, algorithm=MD5{more}"

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT
        with self._news:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    raise AssertionError(f"odd phone {self.number}: no {what} within {WAIT} s: {self._status[:200]}")

    def wait_rung(self, times: int = 1) -> None:
        """Wait until as many calls have come in."""
        self._wait(f"call {times}", lambda: len(self.invites) >= times)

    def close(self) -> None:
        """Switch it off; Asterisk is not told."""
        self._socket.close()
