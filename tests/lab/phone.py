"""A SIP phone: one baresip process, driven over its ctrl_tcp interface (netstrings of JSON)."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from . import GOES_ON, WAIT, audio
from .ports import free_port

TONE_SHARE = 0.9  # of the energy that is heard

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip_port}
rtp_ports 10000-19999
call_local_timeout 120
call_max_calls {calls}
audio_player aubridge,{number}
audio_source ausine,{tone}
audio_alert aubridge,alert-{number}
ausrc_srate 48000
ausrc_channels 2
auplay_srate {rate}
audio_txmode thread
jitter_buffer_delay 1-20
module_path /usr/lib/baresip/modules
{codec}
module ausine.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path .
"""
CODECS = {"pcmu": (8000, "module g711.so"), "g722": (16000, "module g722.so\nmodule g711.so")}


@dataclass(frozen=True)
class Event:
    """What the phone reported, and when (time.monotonic)."""

    type: str
    at: float
    data: dict[str, Any]

    @property
    def caller_id(self) -> str:
        """What the phone shows of the other end: name and number."""
        number = str(self.data.get("peeruri", "")).partition(":")[2].partition("@")[0]
        return f"{self.data.get('peerdisplayname', '')} <{number}>".strip()


class Phone:
    """A phone that registers itself; it plays its tone into every call and records what it hears.

    ``tone`` is in Hz. A phone takes one call at a time: others hear busy; one of two ``calls`` rings for the second.
    """

    def __init__(
        self, number: str, folder: Path, server_port: int, tone: int = 440, codec: str = "pcmu", calls: int = 1
    ) -> None:
        self.number = number
        self.tone = tone
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._events: list[Event] = []
        self._seen = 0
        self._news = threading.Condition()
        rate, modules = CODECS[codec]
        control_port = free_port()
        sip_port = free_port(2)  # baresip listens for TLS on the next one
        self.sip_port = sip_port
        config = CONFIG.format(
            number=number,
            calls=calls,
            tone=tone,
            rate=rate,
            codec=modules,
            sip_port=sip_port,
            control_port=control_port,
        )
        (folder / "config").write_text(config)
        account = f"<sip:{number}@127.0.0.1:{server_port}>;auth_pass=lab;regint=600;audio_codecs={codec}"
        (folder / "accounts").write_text(f"{account}\n")
        self._output = (folder / "output.txt").open("w")
        self._process = subprocess.Popen(
            [*GOES_ON, "baresip", "-s", "-f", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=folder,  # where it records: a longer path than its own 128 characters would be cut
        )
        self._socket = self._connect(control_port)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + WAIT
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(f"the phone did not start; see {self._output.name}") from None
                time.sleep(0.01)  # nothing tells when it listens

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
            while b":" in buffer:
                size, _, rest = buffer.partition(b":")
                if len(rest) < int(size) + 1:
                    break
                data, buffer = json.loads(rest[: int(size)]), rest[int(size) + 1 :]
                kind = "RESPONSE" if data.get("response") else str(data.get("type"))
                with self._news:
                    self._events.append(Event(kind, time.monotonic(), data))
                    self._news.notify_all()

    def _command(self, command: str, params: str = "") -> None:
        data = json.dumps({"command": command, "params": params}).encode()
        self._socket.sendall(b"%d:%s," % (len(data), data))

    # -- what a person does ------------------------------------------------------------------------

    def dial(self, number: str) -> None:
        """Call a number."""
        self._command("dial", number)

    def accept(self) -> None:
        """Answer the call that rings."""
        self._command("accept")

    def hang_up(self) -> None:
        """End the call, or reject the one that rings (486)."""
        self._command("hangup")

    def switch_off(self) -> None:
        """End its call, tell Asterisk that it is gone, and end."""
        self._command("quit")
        self._process.wait(WAIT)
        self.close()

    def press(self, digit: str) -> None:
        """Press a key during a call."""
        self._command("sndcode", digit)

    # -- what a person sees and hears --------------------------------------------------------------

    def wait(self, kind: str, timeout: float = WAIT) -> Event:
        """Return the next event of that type that no wait has passed yet; AssertionError when none comes."""
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for index in range(self._seen, len(self._events)):
                    if self._events[index].type == kind:
                        self._seen = index + 1
                        return self._events[index]
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    seen = [event.type for event in self._events]
                    raise AssertionError(f"phone {self.number}: no {kind} within {timeout} s; events: {seen}")

    def pass_all(self) -> None:
        """Let no later wait be content with what it has reported so far."""
        with self._news:
            self._seen = len(self._events)

    def events(self, since: int = 0) -> list[Event]:
        """Return what it has reported, but for the first ``since`` events."""
        with self._news:
            return self._events[since:]

    def count(self, kind: str) -> int:
        """Return how many events of that type there were."""
        with self._news:
            return sum(event.type == kind for event in self._events)

    @property
    def rings(self) -> int:
        """How many calls have come in."""
        return self.count("CALL_INCOMING")

    def ring(self, timeout: float = WAIT) -> Event:
        """Wait until it rings."""
        return self.wait("CALL_INCOMING", timeout)

    def established(self) -> Event:
        """Wait until the call is answered, by either end."""
        return self.wait("CALL_ESTABLISHED")

    def closed(self, timeout: float = WAIT) -> Event:
        """Wait until the call has ended."""
        return self.wait("CALL_CLOSED", timeout)

    def answer(self) -> Event:
        """Wait until it rings, answer, and return the event of the ring."""
        ring = self.ring()
        self.accept()
        self.established()
        return ring

    def recordings(self) -> list[Path]:
        """Return what was heard in each call, the latest last."""
        return sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_ctime)

    def wait_until_heard(self, prompt: Path) -> None:
        """Wait until the call under way has played the whole prompt (wav)."""
        self._wait_for_sound(f"{prompt.name} from its beginning to its end", lambda path: audio.heard(prompt, path))

    def wait_until_sound(self) -> None:
        """Wait until the call under way has begun to play something; a digit pressed before may not be heard."""
        self._wait_for_sound("anything", audio.begun)

    def wait_until_tone(self, frequency: int) -> None:
        """Wait until half a second of the other phone's tone has been heard."""
        self._wait_for_sound(f"{frequency} Hz", lambda path: audio.tone_share(path, frequency) > TONE_SHARE)

    def _wait_for_sound(self, what: str, is_heard: Callable[[Path], bool]) -> None:
        deadline = time.monotonic() + WAIT
        while not is_heard(self.recordings()[-1]):
            if time.monotonic() > deadline:
                raise AssertionError(f"phone {self.number} did not hear {what}; see {self.recordings()[-1]}")
            time.sleep(0.1)  # the recording grows; nothing tells when

    def sip_trace(self) -> str:
        """Return every SIP message that the phone has sent and received."""
        return Path(self._output.name).read_text(errors="replace")

    def close(self) -> None:
        """Switch it off."""
        self._process.kill()
        self._process.wait()
        self._socket.close()
        self._reader.join()
        self._output.close()

    def __enter__(self) -> Phone:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
