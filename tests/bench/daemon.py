"""The other yardstick: what an add-on does that keeps no promises. It sees a state change and originates.

Nothing is on disk but AstDB, nothing is checked a second time, nobody is asked whether the caller is free, and who is
rung twice is rung twice: ``busy-callback-plain/CALLEE`` has the caller who waits.

    python -m tests.bench.daemon PORT
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys

FAMILY = "busy-callback-plain"
FREE = "0"  # of an extension's hint (include/asterisk/pbx.h, AST_EXTENSION_NOT_INUSE)
USER = "lab"


class Client:
    """A connection to the manager: actions with their answers, and events."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count()
        self._asked: dict[str, asyncio.Future[dict[str, str]]] = {}
        self._events: set[asyncio.Task[None]] = set()

    def act(self, **fields: str) -> asyncio.Future[dict[str, str]]:
        """Send an action; the answer, or for DBGet the event that has it, comes in time."""
        name = str(next(self._numbers))
        self._asked[name] = asyncio.get_running_loop().create_future()
        lines = [f"{key}: {value}\r\n" for key, value in {**fields, "ActionID": name}.items()]
        self._writer.write("".join([*lines, "\r\n"]).encode())
        return self._asked[name]

    async def run(self) -> None:
        """Follow the events until Asterisk ends the connection."""
        await self._reader.readline()  # the greeting
        login = self.act(Action="Login", Username=USER, Secret=USER, Events="call")
        while not self._reader.at_eof():
            text = (await self._reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            message = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
            number = message.get("Device", "").partition("/")[2]
            if message.get("State") == "NOT_INUSE" and number.isdigit():
                task = asyncio.create_task(self._call_back(number))
                self._events.add(task)
                task.add_done_callback(self._events.discard)
            elif message.get("Message") != "Result will follow":
                answer = self._asked.pop(message.get("ActionID", ""), None)
                if answer and not answer.done():
                    answer.set_result(message)
            if login.done() and login.result()["Response"] != "Success":
                raise SystemExit("the manager refuses the login")

    async def _call_back(self, callee: str) -> None:
        """Call whoever waits for a callee that has become free."""
        hint = await self.act(Action="ExtensionState", Exten=callee, Context="from-internal")
        waiting = await self.act(Action="DBGet", Family=FAMILY, Key=callee)
        if hint.get("Status") != FREE or "Val" not in waiting:
            return
        self.act(Action="DBDel", Family=FAMILY, Key=callee)
        await self.act(
            Action="Originate",
            Channel=f"Local/{waiting['Val']}@from-internal",
            Context="from-internal",
            Exten=callee,
            Priority="1",
            CallerID=f"Callback <{callee}>",
            Async="true",
        )


async def main(port: int) -> None:
    """Connect and serve."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    with contextlib.suppress(asyncio.IncompleteReadError):  # Asterisk has ended
        await client.run()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
