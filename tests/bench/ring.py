"""The callee hangs up: how long until the caller's phone rings? From its key to the other's event."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from busy_callback.settings import load

from ..lab import DIES_WITH_US
from ..lab.office import Office
from ..lab.phone import Phone
from ..lab.releases import ASTERISK_16, ASTERISK_22, Release
from . import daemon
from .samples import Samples

CALLER, CALLEE, OTHER = "201", "202", "203"
PATIENCE = 70.0  # seconds until a caller must have been rung
HAND = 0.05  # seconds; nobody's hand rejects a call faster

# No deliberate pause, and room for the many that other parts of the benchmark put in.
SETTINGS = {"guard_time": "0", "queue_in_all": "1000000"}

CCSS = """\
[from-internal]
exten => *30,1,CallCompletionRequest()
 same => n,UserEvent(Lab,Request: ${CC_REQUEST_RESULT})
 same => n,Hangup()
exten => _XXX,1,Dial(SIP/${EXTEN},15)
 same => n,Hangup()
"""
CCSS_PHONE = "[phone](!)\ncc_agent_policy = generic\ncc_monitor_policy = generic"

# What the page's script writes: Asterisk itself tries again, every 30 s.
PAGE_CALL_FILE = """\
Channel: Local/rd{caller}{callee}@custom-auto-redial
MaxRetries: 20
RetryTime: 30
WaitTime: 10
Context: from-internal
Extension: {callee}
Priority: 1
"""


class Bench(ABC):
    """One subject: an office of three phones and a way to ask for a callback."""

    def __init__(self, name: str, release: Release, folder: Path, extensions: str = "") -> None:
        self.samples = Samples(name)
        self.office = Office(release, folder, settings=SETTINGS, extensions=extensions)

    def open(self) -> None:
        """Plug in the phones."""
        for number in (CALLER, CALLEE, OTHER):
            self.office.phone(number)

    @abstractmethod
    def ask(self, caller: Phone) -> None:
        """Let the caller ask to be called back."""

    def once(self) -> None:
        """Measure one callback."""
        office = self.office
        caller, callee, other = (office.phones[number] for number in (CALLER, CALLEE, OTHER))
        office.wait_idle(CALLER, CALLEE, OTHER)
        office.talk(other, callee)
        self.ask(caller)
        office.wait_idle(CALLER)
        time.sleep(random.uniform(0.05, 0.1))  # nothing of the asking is still under way
        hung_up = time.monotonic()
        callee.hang_up()
        try:
            self.samples.add(caller.ring(PATIENCE).at - hung_up)
        except AssertionError as error:
            raise AssertionError(f"{self.samples.name}: {error}") from error
        callee.closed()
        self.finish(caller, callee)
        other.closed()

    @abstractmethod
    def finish(self, caller: Phone, callee: Phone) -> None:
        """End the recall that rings the caller."""


class Watch(Bench):
    """``busy-callback poll --watch``, and requests as the AGI script makes them."""

    def open(self) -> None:
        """Plug in the phones, start the watch."""
        super().open()
        self.office.spool.prepare()
        self.process = self.office.watch(3600)
        self.settings = load(self.office.directories.conf)

    def ask(self, caller: Phone) -> None:
        """Register as the AGI script does, and tell the watch as it does; see ``start`` for what that costs."""
        assert self.process.poll() is None, "the watch has ended: does anything else on this machine end polls?"
        status, self.request_id = self.office.spool.register(CALLER, CALLEE, "busy", "", self.settings, time.time())
        assert status == "REGISTERED", status
        mark = self.office.asterisk.manager.mark()
        self.office.asterisk.manager.act(
            Action="UserEvent", UserEvent="BusyCallback", Status=status, Request=self.request_id
        )
        self.office.asterisk.manager.wait("our event", mark, Event="UserEvent")

    def finish(self, caller: Phone, callee: Phone) -> None:
        """Cancel, and reject the recall."""
        office = self.office
        if office.release.technology == "SIP":
            # chan_sip takes a phone that rejects before it has said that it rings for one that rings for ever.
            # And the event of that, which it sends twice, may come after that of the end, and be believed.
            office.asterisk.manager.wait_for_state(office.asterisk.device(CALLER), "RINGING")
            time.sleep(HAND)
        office.spool.cancel(self.request_id, "by the benchmark", time.time())  # the watch ends the ringing, too
        caller.hang_up()
        caller.closed()
        until = time.monotonic() + PATIENCE
        while office.spool.load(self.request_id):  # else the next would find it waiting
            assert time.monotonic() < until, "the request has not ended"
            time.sleep(0.01)


class Ccss(Bench):
    """Asterisk's own call completion: generic agent and monitor."""

    def __init__(self, name: str, release: Release, folder: Path) -> None:
        super().__init__(name, release, folder, extensions=CCSS)
        sip = (self.office.asterisk.folder / "etc/sip.conf").read_text()
        self.office.asterisk.configure("sip.conf", sip.replace("[phone](!)", CCSS_PHONE))

    def ask(self, caller: Phone) -> None:
        """Find the callee busy, then ask for completion."""
        caller.dial(CALLEE)
        caller.closed()
        self.office.wait_idle(CALLER)
        mark = self.office.asterisk.manager.mark()
        caller.dial("*30")
        answer = self.office.asterisk.manager.wait("answer of CCSS", mark, Event="UserEvent", UserEvent="Lab")
        assert answer["Request"] == "SUCCESS", answer
        caller.closed()

    def finish(self, caller: Phone, callee: Phone) -> None:
        """Answer, and hang up when the callee has answered too: CCSS would try a caller who rejects again."""
        caller.accept()
        caller.established()
        callee.answer()
        caller.hang_up()
        caller.closed()
        callee.closed()


# The plain daemon's dialplan: the hints that it asks, and the Dial.
PLAIN = """\
[from-internal]
exten => 201,hint,@TECH@/201
exten => 202,hint,@TECH@/202
exten => _XXX,1,Dial(@TECH@/${EXTEN},15)
 same => n,Hangup()
"""


class Plain(Bench):
    """A daemon that originates at the state change, and keeps no promise: see ``daemon``."""

    def __init__(self, name: str, release: Release, folder: Path) -> None:
        super().__init__(name, release, folder, extensions=PLAIN)

    def open(self) -> None:
        """Plug in the phones, start the daemon."""
        super().open()
        words = [sys.executable, "-m", "tests.bench.daemon", str(self.office.asterisk.manager_port)]
        mark = self.office.asterisk.manager.mark()
        self.process = subprocess.Popen([*DIES_WITH_US, *words])
        self.office.asterisk.manager.wait("login of the daemon", mark, Event="SuccessfulAuth", Service="AMI")

    def ask(self, caller: Phone) -> None:
        """Put the caller where the daemon looks."""
        assert self.process.poll() is None, "the daemon has ended"
        self.office.asterisk.manager.act(Action="DBPut", Family=daemon.FAMILY, Key=CALLEE, Val=CALLER)

    def finish(self, caller: Phone, callee: Phone) -> None:
        """Reject the callback."""
        if self.office.release.technology == "SIP":
            self.office.asterisk.manager.wait_for_state(self.office.asterisk.device(CALLER), "RINGING")
        caller.hang_up()
        caller.closed()


class Page:
    """The page's method, a call file with RetryTime 30: six callers at once, as each waits half a minute."""

    def __init__(self, name: str, release: Release, folder: Path) -> None:
        self.samples = Samples(name)
        self.callers = [str(number) for number in range(211, 217)]
        self.office = Office(release, folder, (CALLEE, OTHER, *self.callers))

    def open(self) -> None:
        """Plug in the phones."""
        for number in (CALLEE, OTHER, *self.callers):
            self.office.phone(number)

    def once(self) -> None:
        """Measure one callback for each caller; they asked at times spread over the half minute."""
        office = self.office
        callee, other = office.phones[CALLEE], office.phones[OTHER]
        office.talk(other, callee)
        for number in self.callers:
            call_file = office.asterisk.folder / f"{number}.call"
            call_file.write_text(PAGE_CALL_FILE.format(caller=number, callee=CALLEE))
            os.rename(call_file, office.asterisk.folder / "spool/outgoing" / call_file.name)
            time.sleep(30 / len(self.callers) * random.uniform(0.5, 1.5))
        hung_up = time.monotonic()
        callee.hang_up()
        callee.closed()
        for number in self.callers:
            self.samples.add(office.phones[number].ring(PATIENCE).at - hung_up)
            (office.asterisk.folder / f"spool/outgoing/{number}.call").unlink(missing_ok=True)
            office.phones[number].hang_up()
            office.phones[number].closed()
        other.closed()


@contextlib.contextmanager
def opened(*benches: Bench | Page) -> Iterator[None]:
    """Start the offices; end them in the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        for bench in benches:
            stack.enter_context(bench.office)
            bench.open()
        yield


def subjects(folder: Path) -> list[Bench]:
    """Return those that ring within milliseconds; the first is the yardstick, CCSS."""
    return [
        Ccss("CCSS, Asterisk 16", ASTERISK_16, folder / "ccss"),
        Plain("a plain daemon that originates, Asterisk 16", ASTERISK_16, folder / "plain16"),
        Plain("a plain daemon that originates, Asterisk 22", ASTERISK_22, folder / "plain22"),
        Watch("busy-callback poll --watch, Asterisk 16", ASTERISK_16, folder / "watch16"),
        Watch("busy-callback poll --watch, Asterisk 22", ASTERISK_22, folder / "watch22"),
    ]


def measure(folder: Path, count: int, page_rounds: int) -> tuple[list[Samples], Samples]:
    """Return the samples of all subjects, taken in turns, and those of the yardstick, CCSS."""
    benches = subjects(folder)
    pages = [
        Page("the page's call file, Asterisk 16", ASTERISK_16, folder / "page16"),
        Page("the page's call file, Asterisk 22", ASTERISK_22, folder / "page22"),
    ]
    with opened(*benches, *pages):
        threads = [
            threading.Thread(target=lambda page=page: [page.once() for _ in range(page_rounds)]) for page in pages
        ]
        for thread in threads:
            thread.start()
        for number in range(count + 2):
            for bench in random.sample(benches, len(benches)):
                bench.once()
                if number < 2:
                    bench.samples.values.clear()  # the first times warm everything up
        for thread in threads:
            thread.join()
    return [*(bench.samples for bench in benches), *(page.samples for page in pages)], benches[0].samples
