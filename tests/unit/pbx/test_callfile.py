"""Call files and the dialplan's reports."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from busy_callback import policy
from busy_callback.errors import SettingsError
from busy_callback.pbx import callfile
from busy_callback.pbx.callfile import clean, compose, read_report, untold
from busy_callback.settings import Settings
from busy_callback.settlement import Outcome
from busy_callback.store.durable import withdraw
from tests.unit.conftest import NOW
from tests.unit.test_policy import ask

DEVICES = ("PJSIP/201", "PJSIP/2021")
CANCELLED = Outcome(claimed=True, cancelled=True, caller="ANSWER", cause=16)
CONTROL = "/run/asterisk/asterisk.ctl"


def test_a_call_file_rings_the_caller_and_sends_it_to_the_callee() -> None:
    """It dials rdFROMTO in custom-auto-redial once; its far end dials the callee in the phones' own context."""
    request = policy.begin(ask("201", "2021", language="zh"), 1234, NOW)
    lines = compose(request, Settings(), DEVICES, "/spool/recalls/x.1", CONTROL).decode().splitlines()
    assert lines[-8:] == [
        "Callerid: 201 <201>",
        "Context: busy-callback-callee",
        "Extension: 2021",
        "Priority: 1",
        "WaitTime: 30",
        "MaxRetries: 0",
        "RetryTime: 86400",
        "Channel: Local/rd2012021@custom-auto-redial/n",
    ]
    assert "Setvar: BUSY_CALLBACK_CONTEXT=from-internal" in lines
    assert "Setvar: BUSY_CALLBACK_FROM=201" in lines
    assert "Setvar: BUSY_CALLBACK_TO=2021" in lines
    assert "Setvar: BUSY_CALLBACK_STARTED=1234" in lines
    assert "Setvar: CHANNEL(language)=zh" in lines
    assert not any("SOUNDS" in line for line in lines)


def test_a_recall_is_told_where_the_prompts_of_the_settings_language_are() -> None:
    """For the phone's channel, which is the Local channel's child."""
    lines = compose(ask("201", "202"), Settings(), DEVICES, "/r", CONTROL, "", "zh/").decode().splitlines()
    assert "Setvar: _BUSY_CALLBACK_SOUNDS=zh/" in lines


def test_the_callee_is_dialled_from_the_callers_own_context() -> None:
    """As its phone has it; where that is not known, from the context of the settings."""
    for context, dialled in (("sales", "sales"), ("", "from-internal")):
        request = policy.begin(ask("201", "202", context=context), 1234, NOW)
        lines = compose(request, Settings(), DEVICES, "/spool/recalls/x.1", CONTROL).decode().splitlines()
        assert f"Setvar: BUSY_CALLBACK_CONTEXT={dialled}" in lines


def test_each_attempt_has_its_own_call_file_and_report() -> None:
    """The names are a function of the request and the attempt, so nothing is ever handed over twice."""
    first = policy.begin(ask("201", "202"), 1, NOW)
    second = policy.begin(first, 1, NOW)
    assert callfile.call_file_name(first) != callfile.call_file_name(second)
    assert callfile.report_name(first) != callfile.report_name(second)


def test_a_call_file_arrives_whole(tmp_path: Path) -> None:
    """It is written elsewhere and renamed into outgoing: Asterisk never sees half of it."""
    for name in ("tmp", "outgoing"):
        (tmp_path / name).mkdir()
    callfile.hand_over(b"Channel: x\n", str(tmp_path / "tmp/a.call"), str(tmp_path / "outgoing"))
    assert (tmp_path / "outgoing" / "a.call").read_bytes() == b"Channel: x\n"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_of_a_call_file_that_was_cut_short_asterisk_makes_no_call() -> None:
    """It is not flushed; whom it calls stands last, after all that says for which start of Asterisk it is."""
    data = compose(policy.begin(ask("201", "202"), 1, NOW), Settings(), DEVICES, "/spool/recalls/x.1", CONTROL)
    whole, _, last = data.rstrip(b"\n").rpartition(b"\n")
    assert last.startswith(b"Channel: ")
    assert b"Channel: " not in whole


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("", Outcome()),
        ("claimed 17.1\n", Outcome(claimed=True)),
        ("claimed 17.1\ncaller NOANSWER 19\n", Outcome(claimed=True, caller="NOANSWER", cause=19)),
        (
            "claimed 17.1\ncaller BUSY 017 yes NOT_INUSE&RINGING&\n",
            Outcome(claimed=True, caller="BUSY", cause=17, rang=True, caller_in_use=True),
        ),
        ("claimed 17.1\ncaller BUSY 017 no NOT_INUSE&\n", Outcome(claimed=True, caller="BUSY", cause=17)),
        ("claimed 17.1\ncaller CANCEL 016 no &\n", Outcome(claimed=True, caller="CANCEL", cause=16)),
        ("claimed 17.1\nanswered\n", Outcome(claimed=True, answered=True)),
        ("claimed 17.1\ncaller NOT-RUNG 0\n", Outcome(claimed=True, caller="NOT-RUNG")),
        ("claimed 17.1\ncallee ANSWER 61\n", Outcome(claimed=True, callee="ANSWER", talked=61)),
        (
            "claimed 1\ncallee BUSY \ncaller ANSWER 16\n",
            Outcome(claimed=True, caller="ANSWER", cause=16, callee="BUSY"),
        ),
        (
            "claimed 1\ncallee CHANUNAVAIL 0 021 no NOT_INUSE& NOT_INUSE&\n",
            Outcome(claimed=True, callee="CHANUNAVAIL", callee_cause=21, callee_rang=False, callee_in_use=False),
        ),
        ("withdrawn\nclaimed 17.1\n", Outcome(withdrawn=True)),
        ("claimed 17.1\nwithdrawn\n", Outcome(claimed=True)),
        ("claimed 17.1 Local/rd201202@c-1;2\n", Outcome(claimed=True, channel="Local/rd201202@c-1;2")),
        ("cancelled\nclaimed 17.1\n", Outcome(withdrawn=True)),
        ("claimed 17.1\ncancelled\n", Outcome(claimed=True, cancelled=True)),
        ("claimed 17.1\ncancelled\nanswered\ncaller ANSWER 16\n", CANCELLED),
        ("claimed 17.1\nanswered\ncancelled\n", Outcome(claimed=True, answered=True)),
        ("\x00\x00\ngarbage", Outcome()),
        ("caller\ncallee\n", Outcome()),
    ],
)
def test_the_first_line_of_a_report_decides_who_has_the_attempt(tmp_path: Path, text: str, outcome: Outcome) -> None:
    """Asterisk claims or we withdraw: whoever wrote first; each leg's end follows."""
    report = tmp_path / "report"
    report.write_text(text)
    os.utime(report, (0, 0))
    assert read_report(str(report)) == outcome


def test_what_the_disk_did_not_take_belongs_to_the_report(tmp_path: Path) -> None:
    """Asterisk tells it; one that had answered before was not cancelled in time."""
    report = tmp_path / "report"
    report.write_text("claimed 17.1\n")
    told = ["answered", "callee ANSWER 5", "caller ANSWER 16"]
    outcome = Outcome(claimed=True, answered=True, caller="ANSWER", cause=16, callee="ANSWER", talked=5)
    os.utime(report, (0, 0))
    assert read_report(str(report), told) == outcome
    withdraw(str(report), "cancelled")
    assert read_report(str(report), told) == replace(outcome, fresh=True)
    assert untold("201-202-000000001.1")[0] == "BUSY_CALLBACK_answered_201-202-000000001.1"


def test_a_report_that_has_just_grown_may_grow_more(tmp_path: Path) -> None:
    """The legs of a call end within milliseconds of each other; a time in the future says nothing."""
    report = tmp_path / "report"
    report.write_text("claimed 17.1\nanswered\ncaller ANSWER 016 yes &\n")
    for age, fresh in ((0.0, True), (10.0, False), (-3600.0, False)):
        os.utime(report, (0, time.time() - age))
        assert read_report(str(report)).fresh == fresh


@pytest.mark.parametrize(
    ("facts", "in_use"),
    [
        ("no NOT_INUSE& NOT_INUSE&", False),
        ("no INUSE& NOT_INUSE&", True),
        ("no NOT_INUSE&INUSE& NOT_INUSE&NOT_INUSE&", True),
        ("no RINGING& NOT_INUSE&", True),
        ("no NOT_INUSE& BUSY&", True),
        ("no NOT_INUSE& RINGING&", False),
        ("yes NOT_INUSE& BUSY&", False),
        ("", True),
    ],
)
def test_a_callee_in_use_is_told_from_one_that_refuses(tmp_path: Path, facts: str, in_use: bool) -> None:
    """By its devices before the call and after it; a state that its own ringing left behind does not count."""
    report = tmp_path / "report"
    report.write_text(f"claimed 1\ncallee BUSY 0 017 {facts}\n")
    assert read_report(str(report)).callee_in_use == in_use


def test_a_report_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    """No report: nobody has claimed the attempt."""
    assert read_report(str(tmp_path / "none")) == Outcome()


def test_a_withdrawn_attempt_can_no_longer_be_claimed(tmp_path: Path) -> None:
    """Our claim comes first, and an Asterisk that claims afterwards has lost."""
    report = tmp_path / "report"
    withdraw(str(report))
    with report.open("a") as file:
        file.write("claimed 17.1\n")
    assert read_report(str(report)).withdrawn


def test_a_path_that_a_dialplan_cannot_name_is_refused() -> None:
    """A spool with a comma or a blank in its path would break FILE() and STAT()."""
    for path in ("/spool,x/r", "/spool x/r", "/spool/${X}", "/spool/a)"):
        with pytest.raises(SettingsError, match="can't name this path"):
            compose(ask("201", "202"), Settings(), DEVICES, path, CONTROL)


@pytest.mark.parametrize("value", ["a", "PJSIP/201", "room#5", "x=y(1)"])
def test_plain_values_may_stand_in_a_call_file(value: str) -> None:
    """What needs no escape is passed through."""
    assert clean(value) == value
