"""Asterisk's faults, real ones: the service comes back by itself, and the log has a line a change, not one a try."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..lab.office import LOG, Office
from ..lab.proxy import Proxy
from .conftest import OpenOffice, let_wait

WELL = "all is well again"
Counts = Callable[[str], None]


def errors(office: Office) -> list[str]:
    """Return what the poller complained of."""
    return [line.split("] ", 1)[1] for line in office.asterisk.log_text(LOG).splitlines() if " ERROR[" in line]


def wells(office: Office) -> int:
    """Return how often the poller said that all is well again."""
    return office.asterisk.log_text(LOG).count(WELL)


def each_is_told_once(complaints: list[str]) -> None:
    """Check that none of the complaints of one fault was told at two tries.

    There may be several: a connection that ends in the middle of an answer, one that ends at once, one that is refused.
    """
    assert complaints
    assert len(complaints) == len(set(complaints)), complaints


def complains(office: Office, known: int = 0) -> None:
    """Wait for a complaint more."""
    until("a complaint", lambda: len(errors(office)) > known)


def until_well(office: Office, known: int = 0) -> float:
    """Wait until all is well once more; return how long that took."""
    return until(WELL, lambda: wells(office) > known)


def until_tried(proxy: Proxy, count: int) -> None:
    """Wait for connections more."""
    count += proxy.connections
    until("more tries", lambda: proxy.connections >= count)


def until(what: str, is_so: Callable[[], bool]) -> float:
    """Wait until something is so; return how long that took."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() < begun + 30, f"never: {what}"
        time.sleep(0.01)  # a file grows; nothing tells when
    return time.monotonic() - begun


def through(office: Office, proxy: Proxy) -> None:
    """Let the package reach the manager interface through the proxy."""
    conf = office.asterisk.folder / "etc/busy_callback.conf"
    conf.write_text(re.sub(r"^port = .*", f"port = {proxy.port}", conf.read_text(), flags=re.MULTILINE))


def served_after_all(office: Office) -> None:
    """Let 202 get free; 201 is rung once and they talk."""
    a, b, _ = office.phones.values()
    rung = a.rings
    b.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    assert a.rings == rung + 1
    assert office.ended() == [("201-202", "completed")]


@pytest.mark.parametrize("stage", ["ringing", "answered", "talking"])
def test_killed_in_the_middle_of_a_recall(open_office: OpenOffice, stage: str) -> None:
    """Asterisk dies while 201 rings, when it has answered, or while both talk, and starts again.

    While 201 rang: the request is retried once, as an unanswered one, and served. When it had answered: the request
    has ended, and nobody is rung again.
    """
    office = open_office()
    a, b, c = let_wait(office)
    b.hang_up()
    a.ring()
    if stage != "ringing":
        a.accept()
        b.ring()
    if stage == "talking":
        b.accept()
        a.wait_until_tone(b.tone)
    office.asterisk.kill()
    for phone in (a, b, c):
        phone.hang_up()
    office.asterisk.start()
    if stage == "ringing":
        office.until_logged("Asterisk stopped during the recall")
        a.answer()
        b.answer()
        a.hang_up()
    office.until_logged("completed:")
    office.wait_idle("201", "202")
    assert office.command("poll").returncode == 0
    assert a.rings == (2 if stage == "ringing" else 1)
    assert office.ended() == [("201-202", "completed")]
    until("outgoing is empty", lambda: not list(office.asterisk.folder.glob("spool/outgoing/*")))


def test_a_second_run_of_a_call_file(open_office: OpenOffice) -> None:
    """Asterisk runs a call file again, having been killed while 201 rang: it rings nobody; the request is retried."""
    office = open_office()
    asterisk = office.asterisk
    a, b, c = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    b.hang_up()
    c.closed()
    assert office.command("poll").returncode == 0
    a.ring()
    asterisk.kill()
    for phone in (a, b):
        phone.hang_up()
    (call_file,) = asterisk.folder.glob("spool/outgoing/*")
    os.utime(call_file, (0, 0))  # as if RetryTime, a day, were over
    asterisk.start()
    until("the second run is over", lambda: not call_file.exists())
    assert asterisk.log_text().count("Executing [rd201202@custom-auto-redial:1]") == 2
    assert a.rings == 1
    assert office.command("poll").returncode == 0
    office.until_logged("Asterisk stopped during the recall")
    office.watch()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    assert a.rings == 2


def test_the_manager_is_away_stalls_or_is_cut(open_office: OpenOffice, counts: Counts) -> None:
    """Refused, cut in any place of a frame, stalled: well with the first try after the fault's end, a line each."""
    office = open_office()
    a, b, c = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    times: dict[str, list[float]] = {"refused": [], "cut": [], "stalled": []}
    with Proxy(office.asterisk.manager_port) as proxy:
        through(office, proxy)
        office.watch()
        until("connected", lambda: proxy.connections == 1)
        for _ in range(3):
            known, well = len(errors(office)), wells(office)
            proxy.refuse()
            complains(office, known)
            time.sleep(1)  # four tries more
            tried = proxy.connections
            proxy.accept()
            times["refused"].append(until_well(office, well))
            assert proxy.connections == tried + 1
            each_is_told_once(errors(office)[known:])
        for place in (0, 1, 28, 29, 60, 110, 160, 200, 250, 300):
            known, well = len(errors(office)), wells(office)
            proxy.cut_after(place)
            until_tried(proxy, 2)
            tried = proxy.connections
            proxy.cut_after(None)
            times["cut"].append(until_well(office, well))
            assert proxy.connections <= tried + 2, "one may have been cut still"
            each_is_told_once(errors(office)[known:])
        proxy.stall()
        b.hang_up()
        c.closed()
        time.sleep(0.5)  # the news is held up
        assert a.rings == 0
        begun = time.monotonic()
        proxy.resume()
        times["stalled"].append(a.ring().at - begun)
        a.accept()
        b.answer()
        a.hang_up()
        office.until_logged("completed:")
    counts("seconds to recover: " + ", ".join(f"{k} {statistics.median(v):.2f}" for k, v in times.items()))


def refusals(office: Office) -> int:
    """Return how often Asterisk says that it refused the package's user."""
    return len(re.findall(r"failed to authenticate as 'busy_callback'", office.asterisk.log_text()))


def test_a_wrong_secret_is_told_once_and_not_shown(open_office: OpenOffice) -> None:
    """A refused login: one line over several tries and two watches, never the secret; served once it is right."""
    office = open_office()
    a, b, c = office.phones.values()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    section = office.asterisk.folder / "etc/manager_busy_callback.conf"
    right = section.read_text()
    section.write_text(right.replace("lab-secret", "another-one"))
    office.asterisk.console("manager reload")
    first = office.watch()
    complains(office)
    shown = [Path(f"/proc/{first.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert b"poll" in shown[0]
    assert not [text for text in shown if b"lab-secret" in text], "ps would show it"
    office.watch()
    assert first.wait(60) == 0
    refused = refusals(office)
    until("two tries more", lambda: refusals(office) >= refused + 2)
    assert len(errors(office)) == 1
    assert "refuses user 'busy_callback'" in errors(office)[0]
    section.write_text(right)
    office.asterisk.console("manager reload")
    until_well(office)
    served_after_all(office)
    logs = office.asterisk.log_text(LOG) + office.asterisk.log_text() + office.asterisk.log_text("console")
    assert "lab-secret" not in logs


def test_asterisk_restarted_while_a_watch_waits(open_office: OpenOffice) -> None:
    """Away for a while: complaints that it ended and can't be reached, each once; then all is well."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.asterisk.kill()
    complains(office)
    for phone in (a, b, c):
        phone.hang_up()
    time.sleep(1.5)  # six tries
    office.asterisk.start()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    each_is_told_once(errors(office))
    assert wells(office) == 1


def test_pbx_spool_is_not_loaded(open_office: OpenOffice) -> None:
    """A call file that nobody runs is waited for; when the module is there the recall comes at once.

    Not loaded at the start: a loaded one Asterisk refuses to unload.
    """
    office = open_office(modules="noload = pbx_spool.so\n")
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    b.hang_up()
    office.until_logged("recall 1: ringing 201")
    assert len(list(office.asterisk.folder.glob("spool/outgoing/*"))) == 1
    office.asterisk.console("module load pbx_spool.so")
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    assert a.rings == 1
    assert "recall 2" not in office.asterisk.log_text(LOG), "the file that waited is the one that was run"


def test_outgoing_is_missing(open_office: OpenOffice) -> None:
    """No recall is begun, one complaint; when the directory is back the recall comes, with the next try."""
    office = open_office()
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.ask(a, b)
    office.wait_idle("201")
    outgoing = office.asterisk.folder / "spool/outgoing"
    outgoing.rename(f"{outgoing}.away")
    b.hang_up()
    complains(office)
    time.sleep(1)  # four tries more
    assert len(errors(office)) == 1
    assert "outgoing" in errors(office)[0]
    assert [request.attempt for request in office.live()] == [0]
    Path(f"{outgoing}.away").rename(outgoing)
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    assert a.rings == 1
    assert len(errors(office)) == 1


def test_outgoing_is_on_another_file_system(open_office: OpenOffice) -> None:
    """A line when it begins and one when it is over, though the callee is busy in between and nothing is tried."""
    office = open_office(settings={"guard_time": "1"})
    a, b, c = office.phones.values()
    outgoing = str(office.asterisk.folder / "spool/outgoing")
    watched, told = f" ino:{os.stat(outgoing).st_ino:x} ", Path(f"/proc/{office.asterisk.pid}/fdinfo")

    def is_watched(path: Path) -> bool:
        try:
            return watched in path.read_text()
        except FileNotFoundError:
            return False  # a file that was open for a moment

    until("Asterisk watches it", lambda: any(map(is_watched, told.iterdir())))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", outgoing], check=True)
    try:
        office.watch()
        office.talk(b, c)
        office.ask(a, b)
        office.wait_idle("201")
        for _ in range(2):
            b.hang_up()
            complains(office)
            office.wait_idle("202", "203")
            time.sleep(3)  # some tries more, and the guard time
            office.talk(b, c)
    finally:
        subprocess.run(["umount", outgoing], check=True)
    assert wells(office) == 0
    b.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed:")
    why = "it is on another file system than the spool"
    assert errors(office) == [f"no recall can be handed to Asterisk in {outgoing}: {why}; trying again"]
    assert wells(office) == 1
