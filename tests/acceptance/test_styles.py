"""A dialplan of each style that people write: wired by install, played with phones, and given back byte for byte."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from busy_callback.setup import placed_files
from busy_callback.setup.doctor import try_out

from ..lab.releases import RELEASES
from ..lab.styled_office import StyledOffice
from ..lab.styles import STYLES, Style
from .conftest import IN_SERVICE, asks, prompt, talk_again

CASES = [(style, release) for style in STYLES for release in RELEASES if release.version in style.versions]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].name}-asterisk{case[1].version}")
def office(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StyledOffice]:
    """An office of the style, in which the package is not installed yet."""
    style, release = request.param
    monkeypatch.setattr(placed_files, "has_cron", lambda: True)
    with StyledOffice(release, tmp_path / "pbx", style) as made:
        monkeypatch.setenv("PATH", made.path)
        yield made
        print(made.asterisk.log_text())
        print(made.poller_log())


def test_a_style_is_wired_played_and_given_back(office: StyledOffice) -> None:
    """What install proposes loads without a warning, the trial and a callback work, uninstall gives back every byte."""
    before = office.files()
    told = office.plan()
    if office.style.wire and not any(":" in word for word in office.style.wire):
        assert [set(re.findall(r"--wire (\S+)", note)) for note in told.notes[:1]] == [set(office.style.wire)]
    mark = len(office.asterisk.log_text())
    office.install(*office.style.wire)
    if office.style.by_hand:
        _follow(office, "\n".join(told.notes))
        office.reload()
    assert _complaints(office, mark) == []
    assert office.plan().changes == ()
    assert [check for check in try_out(office.directories, str(office.asterisk.conf)) if not check.ok] == []
    _play(office)
    if office.style.code:
        a = office.phones[0]
        a.dial(office.style.code)
        a.established()
        a.wait_until_heard(prompt("busy-callback-none"))
        a.closed()
    assert _complaints(office, mark) == []
    office.uninstall()
    left = {path for path in office.files() if path not in before}
    assert left <= {office.etc / "busy_callback.conf"}
    if not office.style.by_hand:
        assert {path: office.files()[path] for path in before} == before


def _play(office: StyledOffice) -> None:
    """201 finds 202 busy, presses 5, and is called back when 202 is free."""
    a, b, c = office.phones
    office.watch()
    b.dial("201" if office.style.name == "departments" else "203")
    other = a if office.style.name == "departments" else c
    if other is a:
        a, c = c, a  # the workshop reaches 201 only: 203 asks
    other.answer()
    b.established()
    for phone in (b, other):
        office.wait_for_state(phone, "INUSE", "BUSY")
    asks(a, b.number)
    office.wait_for_state(a, "NOT_INUSE")
    b.hang_up()
    talk_again(a, b)


def _complaints(office: StyledOffice, mark: int) -> list[str]:
    """Return what Asterisk has complained of since then."""
    lines = office.asterisk.log_text()[mark:].splitlines()
    return [line for line in lines if IN_SERVICE.search(line) and "app_macro.c" not in line]


def _follow(office: StyledOffice, told: str) -> None:
    """Do by hand what install tells of a dialplan that is elsewhere than in extensions.conf."""
    if office.style.name == "AEL":
        found = re.search(r"extensions\.ael:(\d+)\); put this line behind it: (\S+;)", told)
        assert found, told
        path = office.etc / "extensions.ael"
        rows = path.read_text().splitlines()
        rows.insert(int(found[1]), found[2])
        path.write_text("\n".join(rows) + "\n")
        office.asterisk.console("ael reload")
    elif office.style.name == "Lua":
        found = re.search(r"end with  (return app\.gosub\(.*?)  ", told)
        assert found, told
        path = office.etc / "extensions.lua"
        path.write_text(path.read_text().replace("\nend", f"\n    {found[1]}\nend"))
        office.asterisk.console("module reload pbx_lua.so")
    elif office.style.name == "realtime":
        found = re.search(r"app (\w+) and appdata (\S+)", told)
        assert found, told
        with contextlib.closing(sqlite3.connect(office.etc / "office.sqlite3")) as database, database:
            database.execute("UPDATE extensions SET priority = 3 WHERE priority = 2")
            office.add_rows(database, [(2, found[1], found[2])])
    else:
        rows = re.findall(r"put this line into \[default\] of extensions\.conf: (exten => .*)", told)
        assert len(rows) == 3, told
        path = office.etc / "extensions.conf"
        path.write_text(path.read_text().replace("[default]\n", "[default]\n" + "\n".join(rows) + "\n"))


def test_each_style_is_played_somewhere() -> None:
    """No style is written for a version that the lab does not have."""
    played = {style.name for style, _ in CASES}
    assert played == {style.name for style in STYLES}
    assert all(isinstance(style, Style) for style, _ in CASES)
