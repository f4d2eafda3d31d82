"""busy-callback list --follow: the table, kept up to date in place; without a terminal a line a change."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError, SpoolError
from busy_callback.language import aligned, cut, of_terminal, said
from busy_callback.printing import words
from busy_callback.report.listing import COLOURS, state_of, when
from busy_callback.report.sentences import as_told
from busy_callback.request import Request
from busy_callback.store.history import read_request
from busy_callback.store.spool import Spool
from busy_callback.terminal import coloured

TICK = 0.25  # seconds between looks at the spool; what is shown of time changes with the second
SHOWN_AFTER = 60.0  # seconds that a request stays in the table when it has ended
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # another screen, without a cursor (xterm's)
_HOME, _TO_END_OF_LINE, _TO_END = "\x1b[H", "\x1b[K", "\x1b[J"


class Changes:
    """What has changed among the requests, look by look; ``live`` are those of the last look, by id."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._files: dict[str, tuple[int, int]] = {}
        self.live: dict[str, Request] = {}

    def look(self) -> list[tuple[Request | None, Request]]:
        """Return each request that is new or has changed or ended, before and after, in the order they were made."""
        found: list[tuple[Request | None, Request]] = []
        try:
            with os.scandir(self._spool.path("requests", "")) as entries:
                files = dict(filter(None, map(self._seen, entries)))
            for name in files.keys() | self.live.keys():
                if self._files.get(name) != files.get(name):
                    before, after = self.live.pop(name, None), self._read(name)
                    if after and after.state in rq.LIVE_STATES:
                        self.live[name] = after
                    if after and before != after and (before or after.state in rq.LIVE_STATES):
                        found.append((before, after))
        except OSError as error:
            raise SpoolError(f"the spool {self._spool.directory} can't be read: {error}") from error
        self._files = files
        return sorted(found, key=lambda change: (change[1].stamp, change[1].id))

    def _seen(self, entry: os.DirEntry[str]) -> tuple[str, tuple[int, int]] | None:
        """Return a file's name, and what is another with each change, as each is a new file."""
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        return entry.name, (status.st_ino, status.st_mtime_ns)

    def _read(self, name: str) -> Request | None:
        try:
            return read_request(self._spool, "ended", name) or read_request(self._spool, "requests", name)
        except CorruptRequestError:
            return None  # the poller sets it aside


def follow(spool: Spool, describe: Callable[[Request], dict[str, Any]] | None = None) -> None:
    """Show the live requests until Ctrl-C or SIGTERM; ``describe``: as JSON, a line for each that has changed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    changes = Changes(spool)
    in_place = describe is None and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    try:
        if in_place:
            _keep_table(changes)
        while True:
            for before, after in changes.look():
                lines = [json.dumps(describe(after))] if describe else news(before, after)
                for line in lines:
                    click.echo(line)
            time.sleep(TICK)
    except KeyboardInterrupt:
        pass  # how it is meant to end


def news(before: Request | None, after: Request) -> Iterator[str]:
    """Yield a line for each thing that happened to a request; of one that was not known, the latest."""
    known = before.events if before else after.events[:-1]
    for moment, event in after.events:
        if (moment, event) not in known:
            yield f"{when(moment)}  {after.caller}-{after.callee}  {as_told(after, event)}"


def _keep_table(changes: Changes) -> None:
    ended: dict[str, tuple[float, Request]] = {}  # and until when it is shown
    click.echo(_ENTER, nl=False)
    try:
        while True:
            for _, after in changes.look():
                if after.state in rq.END_STATES:
                    ended[after.id] = time.monotonic() + SHOWN_AFTER, after
            ended = {name: item for name, item in ended.items() if item[0] > time.monotonic()}
            shown = sorted(changes.live.values(), key=lambda r: (r.stamp, r.id))
            size = shutil.get_terminal_size()
            lines = table(shown, [request for _, request in ended.values()], time.time(), size.columns, size.lines)
            click.echo(_HOME + "".join(f"{line}{_TO_END_OF_LINE}\r\n" for line in lines) + _TO_END, nl=False)
            time.sleep(TICK)
    finally:
        click.echo(_LEAVE, nl=False)


def table(live: list[Request], ended: Iterable[Request], now: float, columns: int, lines: int) -> Iterator[str]:
    """Yield the lines of the table, cut to a terminal of that size."""
    head = words("CALLER", "CALLEE", "KIND", "STATE", "TRIES", "WAITS", "LEFT", "LATEST")
    requests = [*live, *ended]
    rows = [head, *(_row(request, now) for request in requests)]
    texts = [cut(line, columns) for line in aligned(rows, left=len(head))]
    told = time.strftime("%H:%M:%S", time.localtime(now))
    if len(live) == 1:
        yield cut(said("1 callback waits; {now}; Ctrl-C ends", now=told), columns)
    else:
        yield cut(said("{live} callbacks wait; {now}; Ctrl-C ends", live=len(live), now=told), columns)
    places = lines - 4  # this line and the last one, the head, and one that says how many are left out
    yield coloured(texts[0], bold=True)
    for request, text in zip(requests[:places], texts[1:]):
        yield coloured(text, **COLOURS.get(request.state, {}))
    if len(requests) > places:
        yield cut(said("... and {requests} more", requests=len(requests) - max(0, places)), columns)


def _row(request: Request, now: float) -> tuple[str, ...]:
    waits = (request.ended or now) - request.requested
    duration = of_terminal(os.environ).duration
    left = "-" if request.ended else duration(max(0.0, request.expires - now))
    latest = as_told(request, request.events[-1][1]) if request.events else ""
    return (
        *(request.caller, request.callee, said(request.kind), state_of(request), str(request.attempt)),
        *(duration(round(max(0.0, waits))), left, latest),
    )
