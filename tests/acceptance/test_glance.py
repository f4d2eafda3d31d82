"""What the admin is told, of real calls: why, the list that follows, the figures, the page and the metrics."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..lab.office import Office
from .conftest import OpenOffice, complaints


@contextlib.contextmanager
def ended_at_last(program: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Tell a program to end, whatever happened."""
    with program:
        try:
            yield program
        finally:
            program.terminate()


def test_what_the_admin_is_told_of_real_calls(open_office: OpenOffice, tmp_path: Path) -> None:
    """201 and 204 ask for 202, who is in a call; 201 is called back, 204 cancels; each is told truly at each moment."""
    office = open_office("201", "202", "203", "204")
    a, b, c, d = office.phones.values()
    office.watch()
    office.talk(b, c)
    office.command("poll")  # so that there is a spool to follow
    words = [sys.executable, "-m", "busy_callback", "list", "--follow"]
    program = subprocess.Popen(words, env=office.asterisk.environ, stdout=subprocess.PIPE, text=True)
    with ended_at_last(program) as following:

        def until(what: str) -> None:
            """Wait until the list that follows tells it."""
            assert following.stdout is not None
            while what not in following.stdout.readline():
                pass

        office.ask(a, b)
        until("201-202  registered")
        d.dial(b.number)
        d.established()
        d.wait_until_sound()
        d.hang_up()  # an offer that is let pass
        d.closed()
        office.ask(d, b)
        until("204-202  registered")
        told = office.command("why", "204-202").stdout
        assert "202 is in a call" in told
        assert "204 is number 2 in line; before it asked 201." in told
        office.command("cancel", "204")
        until("204-202  cancelled: by the admin")
        b.hang_up()
        a.ring()
        a.accept()
        a.established()
        b.answer()
        a.wait_until_tone(b.tone)
        until("201-202  201 answered")
        assert "the call to 202 is under way" in office.command("why", "201-202").stdout
        a.hang_up()
        b.closed()
        until("201-202  completed: 201 and 202 talked for")
    assert "That is done since" in office.command("why", "201-202").stdout
    assert "by the admin." in office.command("why", "204-202").stdout
    assert office.command("why", "203-202").returncode == 1
    check_figures(office, tmp_path / "page.html")
    assert complaints(office) == []


def check_figures(office: Office, page: Path) -> None:
    """See that statistics, page and metrics tell of one that talked, one that was cancelled, and an offer let pass."""
    found = json.loads(office.command("stats", "--json").stdout)
    assert (found["asked"], found["states"]["completed"], found["states"]["cancelled"]) == (2, 1, 1)
    assert {row["reason"] for row in found["reasons"]} == {"talked", "by-admin"}
    assert (found["offered"], found["offers_taken"]) == (3, 2)
    assert found["asking_to_talking"]["count"] == 1
    assert found["free_to_ring"]["count"] == 1
    assert 0 <= found["free_to_ring"]["median"] < found["asking_to_talking"]["median"]
    done = office.command("report", "-o", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    assert "they talked" in page.read_text(encoding="utf-8")
    metrics = office.command("metrics").stdout
    assert 'busy_callback_requests_ended_total{outcome="completed",reason="talked"} 1.0' in metrics
