"""Whoever can open sockets to the manager's port stops no recall: a watch leaves its turn to one that can serve."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..lab import DIES_WITH_US
from ..lab.office import LOG, Office
from .conftest import OpenOffice

MANY = 60  # more than the 50 that Asterisk lets be open without a login (manager.conf: authlimit)
# As an ordinary user: keeps as many open as Asterisk allows; says when Asterisk has refused one.
FLOOD = """
import os, select, socket, sys, time
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
port, many = int(sys.argv[1]), int(sys.argv[2])
held = []
while True:
    while len(held) < many:
        held.append(socket.socket())
        held[-1].connect(("127.0.0.1", port))
    time.sleep(0.02)
    for one in select.select(held, [], [], 0)[0]:
        try:
            refused = not one.recv(1000)
        except ConnectionResetError:
            refused = True
        if refused:
            held.remove(one)
            print("refused", flush=True)
"""
TERM = 6  # seconds that are given to a watch; twice that and it ends, where no other comes
GOES_ON = "this run, which can, goes on beyond its time"


@contextmanager
def flooded(office: Office) -> Iterator[None]:
    """Let somebody open sockets until Asterisk refuses new ones, and go on so."""
    words = [sys.executable, "-c", FLOOD, str(office.asterisk.manager_port), str(MANY)]
    with subprocess.Popen([*DIES_WITH_US, *words], stdout=subprocess.PIPE, text=True) as flood:
        assert flood.stdout
        assert flood.stdout.readline() == "refused\n"
        reader = threading.Thread(target=flood.stdout.read)
        reader.start()
        try:
            yield
        finally:
            flood.kill()
            reader.join()


def served(office: Office) -> None:
    """Let 201 ask for 202, who is busy, and be recalled when it is free."""
    a, b, c = office.phones.values()
    done = office.asterisk.log_text(LOG).count("completed:")
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    b.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged(rf"(?s)(completed:.*){{{done + 1}}}")
    office.wait_idle("201", "202", "203")


def lines(office: Office, level: str) -> list[str]:
    """Return what the runs said at that level."""
    return re.findall(rf" {level}\[\d+\] (.*)", office.asterisk.log_text(LOG))


def logged_in(office: Office, watch: subprocess.Popen[bytes]) -> None:
    """Wait until a watch has logged in."""
    deadline = time.monotonic() + 30
    while "busy_callback" not in office.asterisk.console("manager show connected"):
        assert watch.poll() is None
        assert time.monotonic() < deadline


def test_a_watch_that_cannot_log_in_leaves_the_turn_to_one_that_is(open_office: OpenOffice) -> None:
    """Asterisk refuses each minute's new watch: the old one goes on beyond its time, and recalls; one line of each.

    Once Asterisk takes logins again the next watch takes over.
    """
    office = open_office()
    begun = time.monotonic()
    first = office.watch(TERM)
    logged_in(office, first)
    with flooded(office):
        while time.monotonic() < begun + 2 * TERM + 1:
            assert office.watch(TERM).wait(30) == 0
            assert first.poll() is None
        served(office)
        assert office.watch(TERM).wait(30) == 0
    (error,) = lines(office, "ERROR")
    assert "has ended the connection at once; too many" in error
    assert error.endswith("; the run before this one, which can still serve, goes on")
    assert lines(office, "WARNING") == [f"a new run can't serve; {GOES_ON}"]
    office.watch()
    assert first.wait(30) == 0
    served(office)
    assert lines(office, "WARNING")[1:] == ["all is well again"]


def test_a_watch_after_which_none_could_serve_goes_on(open_office: OpenOffice) -> None:
    """Where a timer starts the next one only when the last has ended (systemd): it ends when a new one could serve."""
    office = open_office()
    first = office.watch(TERM)
    logged_in(office, first)
    with flooded(office):
        office.until_logged(GOES_ON)
        served(office)
        assert first.poll() is None
        assert len(lines(office, "WARNING")) == 1
    assert first.wait(60) == 0


def test_a_watch_that_has_nobody_to_leave_the_turn_to_complains(open_office: OpenOffice) -> None:
    """It tries until Asterisk takes its login, and then recalls: a line when that begins and one when it is over."""
    office = open_office()
    with flooded(office):
        watch = office.watch()
        office.until_logged("at once; .*; trying again")
        office.watch()
        assert watch.wait(30) == 0, "no better, but it has the newest settings"
    served(office)
    assert len(lines(office, "ERROR")) == 1
    assert lines(office, "WARNING") == ["all is well again"]
