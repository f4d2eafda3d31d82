"""Somebody who publishes device states to an Asterisk, as a branch does: a few SIP messages over UDP."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import socket
from types import TracebackType

from . import WAIT

REQUEST = """\
PUBLISH {uri} SIP/2.0
Via: SIP/2.0/UDP {own};branch=z9hG4bK{tag}
Max-Forwards: 70
From: <sip:{user}@{own}>;tag={tag}
To: <{uri}>
Call-ID: {call}
CSeq: {number} PUBLISH
Event: asterisk-devicestate
Expires: 60
{more}Content-Type: application/json
Content-Length: {length}

{body}"""


class Publisher:
    """It speaks from an address of 127.0.0.0/8 to one of Asterisk's, for the inbound publication ``name``."""

    def __init__(self, host: str, asterisk: str, name: str) -> None:
        at, _, port = asterisk.partition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(WAIT)
        self._socket.bind((host, 0))
        self._socket.connect((at, int(port)))
        self._uri = f"sip:{name}@{asterisk}"

    def publish(self, device: str, state: str, user: str = "somebody", password: str = "") -> int:
        """Claim a device's state, with the ``user``'s password where Asterisk asks for it; return its status code."""
        body = {"type": "devicestate", "device": device, "state": state, "cachable": 1, "eid": "02:00:00:00:00:99"}
        call = secrets.token_hex(8)
        answer = self._ask(user, call, 1, json.dumps(body))
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', "".join(re.findall(r"(?m)^WWW-Authenticate: (.*)$", answer))))
        if challenge and password:
            answer = self._ask(user, call, 2, json.dumps(body), self._authorization(user, password, challenge))
        return int(answer.split()[1])

    def _ask(self, user: str, call: str, number: int, body: str, more: str = "") -> str:
        own = "{}:{}".format(*self._socket.getsockname())
        text = REQUEST.format(
            uri=self._uri,
            own=own,
            tag=secrets.token_hex(4),
            user=user,
            call=call,
            number=number,
            more=more,
            length=len(body),
            body=body,
        )
        self._socket.send(text.replace("\n", "\r\n").encode())
        return self._socket.recv(65536).decode()

    def _authorization(self, user: str, password: str, challenge: dict[str, str]) -> str:
        """Return the header that answers a digest challenge (RFC 2617 clause 3.2.2)."""

        def digest(*words: str) -> str:
            return hashlib.md5(":".join(words).encode(), usedforsecurity=False).hexdigest()

        secret = digest(user, challenge["realm"], password)
        response = digest(secret, challenge["nonce"], "00000001", "c", "auth", digest("PUBLISH", self._uri))
        facts = {
            "username": user,
            "realm": challenge["realm"],
            "nonce": challenge["nonce"],
            "uri": self._uri,
            "response": response,
            "cnonce": "c",
            "opaque": challenge.get("opaque", ""),
        }
        quoted = ", ".join(f'{name}="{value}"' for name, value in facts.items())
        return f"Authorization: Digest {quoted}, algorithm=MD5, qop=auth, nc=00000001\n"

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
