"""A stand-in for Asterisk where a test runs a thousand times: its manager interface, and what becomes of call files.

It answers as the real ones do (the conversations of tests/corpus/ami were recorded from them), at once, and can
be told to misbehave. It runs call files by the dialplan's own rules: dialplan/extensions_busy_callback.conf.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from pathlib import Path
from types import TracebackType

GREETING = b"Asterisk Call Manager/9.0.0\r\n"


class StandIn:
    """A manager interface on a port of 127.0.0.1; ``states`` are the words of DEVICE_STATE, by device."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.bridge_peers: dict[str, str] = {}  # by channel, of all that there are
        self.greeting = GREETING
        self.login = "Response: Success\r\nActionID: {id}\r\nMessage: Authentication accepted\r\n\r\n"
        self.garbage = b""  # comes before each answer
        self.actions: list[dict[str, str]] = []
        self.forget_probe = False  # as where the probe's context is not loaded
        self.overtaken = 0  # so many answers of the probe are overwritten by another poller's before they are read
        self._probe = ""
        self._sessions: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """End every session."""
        for session in self._sessions:
            try:
                session.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def say(self, data: bytes) -> None:
        """Send something to every session."""
        for session in self._sessions:
            try:
                session.sendall(data)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                session, _ = self._listener.accept()
            except OSError:
                return
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as main/manager.c does
            self._sessions.append(session)
            threading.Thread(target=self._serve, args=(session,), daemon=True).start()

    def _serve(self, session: socket.socket) -> None:
        buffer = b""
        try:
            session.sendall(self.greeting)
            while True:
                chunk = session.recv(65536)
                if not chunk:
                    return
                buffer += chunk
                while b"\r\n\r\n" in buffer:
                    frame, _, buffer = buffer.partition(b"\r\n\r\n")
                    session.sendall(self.garbage + self._answer(frame.decode()).encode())
        except OSError:
            return
        finally:
            session.close()

    def _answer(self, frame: str) -> str:
        lines = [line.split(": ", 1) for line in frame.split("\r\n")]
        fields = {line[0]: line[1] for line in lines if len(line) == 2}
        self.actions.append(fields)
        head = "Response: {}\r\nActionID: " + fields["ActionID"] + "\r\n{}\r\n\r\n"
        if fields["Action"] == "Login":
            return self.login.replace("{id}", fields["ActionID"])
        if fields["Action"] == "Getvar":
            variable = fields["Variable"]
            device = re.fullmatch(r"DEVICE_STATE\((.*)\)", variable)
            value = self._probe if variable == "BUSY_CALLBACK_PROBE" else ""
            wanted = re.fullmatch(r"CHANNELS\((.*)\)", variable)
            if wanted:
                value = " ".join(name for name in self.bridge_peers if re.match(wanted[1], name))
            elif "Channel" in fields:
                if fields["Channel"] not in self.bridge_peers:
                    return head.format("Error", "Message: No such channel")
                value = self.bridge_peers[fields["Channel"]]
            if device:
                value = self.states.get(device[1], "UNKNOWN" if device[1].startswith("Custom:") else "INVALID")
            return head.format("Success", f"Variable: {variable}\r\nValue: {value}")
        if fields["Action"] == "Originate":
            values = dict(line[1].split("=", 1) for line in lines if line[0] == "Variable")
            if "BUSY_CALLBACK_LAMP" in values:
                number = fields["Channel"].partition("/")[2].partition("@")[0]
                self.states[f"Custom:busy-callback-{number}"] = values["BUSY_CALLBACK_LAMP"]
            elif not self.forget_probe:
                words = [self.states.get(d, "INVALID") for d in values["BUSY_CALLBACK_DEVICE"].split("&")]
                numbers = "&".join(str(WORDS.index(word)) for word in words)
                self._probe = f"{'another' if self.overtaken else values['BUSY_CALLBACK_PROBE_ID']} {numbers}"
                self.overtaken = max(0, self.overtaken - 1)
            else:
                self._probe = ""
            return head.format("Error", "Message: Originate failed")
        return head.format("Goodbye", "Message: Thanks for all the fish.")


WORDS = ("UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD")


class CallFiles:
    """What Asterisk makes of the call files in ``outgoing``: who is rung, and what the dialplan reports."""

    def __init__(self, outgoing: Path) -> None:
        self._outgoing = outgoing
        self.rung: list[str] = []  # the report's name of each recall that rang its caller

    def run(self, callee: str = "ANSWER 5") -> None:
        """Run every call file to its end: the caller answers, and the call to the callee ends so."""
        for path in sorted(self._outgoing.iterdir()):
            self._run(path.read_text(), callee)
            path.unlink()

    def _run(self, text: str, callee: str) -> None:
        values = dict(re.findall(r"^Setvar: _*([^=\n]+)=(.*)$", text, re.MULTILINE))
        assert text.endswith("\n"), "a call file that is not whole"
        assert "CHANNEL(hangup_handler_push)" in values, "a call file that is not whole"
        report = Path(values["BUSY_CALLBACK_REPORT"])
        if int(os.stat(values["BUSY_CALLBACK_CONTROL"]).st_mtime) != int(values["BUSY_CALLBACK_STARTED"]):
            return
        claim = f"claimed {len(self.rung)}.1"
        with report.open("a") as file:
            file.write(f"{claim}\n")
        if not report.read_text().startswith(claim):
            return
        self.rung.append(report.name)
        if callee:
            with report.open("a") as file:
                file.write(f"caller ANSWER 16\ncallee {callee}\n")
