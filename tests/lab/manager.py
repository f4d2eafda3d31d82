"""The lab's own manager session: states, and waiting for events. It has every right, unlike the package's user."""

from __future__ import annotations

import itertools
import socket
import threading
import time

from . import WAIT

Message = dict[str, str]


class Manager:
    """A session with Asterisk's manager interface that remembers every event."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._numbers = itertools.count(1)
        self._messages: list[Message] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        answer = self.act(Action="Login", Username=user, Secret=secret)
        assert answer["Response"] == "Success", answer

    def _read(self) -> None:
        buffer = b""
        while True:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                chunk = b""
            if not chunk:
                return
            buffer += chunk
            while b"\r\n\r\n" in buffer:
                text, _, buffer = buffer.partition(b"\r\n\r\n")
                lines = [line.partition(":") for line in text.decode("utf-8", "replace").split("\r\n")]
                with self._news:
                    self._messages.append({key: value.strip() for key, _, value in lines})
                    self._news.notify_all()

    def act(self, **fields: str) -> Message:
        """Send an action and return its answer."""
        action_id = f"lab-{next(self._numbers)}"
        lines = [f"{key}: {value}" for key, value in {**fields, "ActionID": action_id}.items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.wait(f"answer to {fields['Action']}", 0, Response="", ActionID=action_id)

    def mark(self) -> int:
        """Return the place of the next event, to wait for one that comes after now."""
        with self._news:
            return len(self._messages)

    def wait(self, what: str, since: int, timeout: float = WAIT, **fields: str) -> Message:
        """Return the first message since a mark that has these fields ('' stands for any value)."""
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for message in self._messages[since:]:
                    if all(key in message and value in ("", message[key]) for key, value in fields.items()):
                        return message
                since = len(self._messages)
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    raise AssertionError(f"no {what} within {timeout} s: {fields}")

    def device_state(self, device: str) -> str:
        """Return Asterisk's word for the device's state."""
        return self.act(Action="Getvar", Variable=f"DEVICE_STATE({device})")["Value"]

    def wait_for_state(self, device: str, *states: str) -> str:
        """Wait until the device is in one of these states; return which."""
        deadline = time.monotonic() + WAIT
        while True:
            mark = self.mark()
            state = self.device_state(device)
            if state in states:
                return state
            left = max(0.01, deadline - time.monotonic())
            self.wait(
                f"change of {device} from {state} to {states}", mark, left, Event="DeviceStateChange", Device=device
            )

    def close(self) -> None:
        """End the session."""
        self._socket.close()
