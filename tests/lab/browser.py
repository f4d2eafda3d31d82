"""Debian's Chromium without a screen, driven over its debugging pipe: a page is opened, looked at and asked."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE = 60.0  # seconds for one answer
# It is not to look for its maker's services, and as root there is no sandbox.
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """A browser with one page; ``requests`` are the addresses that it asked for, ``complaints`` its console's."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._folder = tempfile.mkdtemp(prefix="busy-callback-browser-")
        self._number = 0
        self._session = ""
        down, up = os.pipe(), os.pipe()

        def place() -> None:
            """Put the pipe's ends where the browser looks for them: 3 to read, 4 to write."""
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (down[0], up[1])]  # out of the way of each other
            for end, wanted in zip(ends, (3, 4)):
                os.dup2(end, wanted)

        chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
        self._process = subprocess.Popen(
            [chromium, *_OPTIONS, f"--user-data-dir={self._folder}", "about:blank"],
            preexec_fn=place,  # noqa: PLW1509 - the only way to these two descriptors
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(down[0])
        os.close(up[1])
        self._down = os.fdopen(down[1], "wb")
        self._up = os.fdopen(up[0], "rb")
        self._rest = b""

    def __enter__(self) -> Browser:
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._do(f"{domain}.enable")
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._down.close()
        self._up.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- what it can be asked to do ----------------------------------------------------------------

    def open(self, path: Path, width: int, dark: bool = False) -> None:
        """Open a file in a window of that width, and wait until it is loaded."""
        height = 800
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._do("Emulation.setEmulatedMedia", features=features)
        self._do("Page.navigate", url=path.as_uri())
        self._until("Page.loadEventFired")

    def ask(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript in the page."""
        return self._do("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        shot = self._do("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def print(self, path: Path) -> bytes:
        """Print to a PDF, in the page's own paper size; return it."""
        data = base64.b64decode(self._do("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])
        path.write_bytes(data)
        return data

    # -- the debugging protocol: JSON messages that end with a zero byte ---------------------------

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._down.write(json.dumps(message).encode() + b"\0")
        self._down.flush()
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found

    def _until(self, event: str) -> None:
        while self._message().get("method") != event:
            pass

    def _message(self) -> dict[str, Any]:
        """Return the next message, and note what it tells."""
        late = threading.Timer(PATIENCE, self._process.kill)  # the pipe then ends
        late.start()
        try:
            while b"\0" not in self._rest:
                chunk = os.read(self._up.fileno(), 1 << 16)
                if not chunk:
                    raise AssertionError("the browser has gone")
                self._rest += chunk
        finally:
            late.cancel()
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        parameters = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.complaints.append(str(parameters["args"]))
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        return message
