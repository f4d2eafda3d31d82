"""Calls into our contexts that anybody wrote: where each leads, and what is wrong with it."""

from __future__ import annotations

import pytest

from busy_callback.setup import dialplan_shown, own_calls
from tests.unit.setup.pbx import Pbx

OURS = """\
[ Context 'busy-callback' created by 'pbx_config' ]
  's' =>            1. Set(BUSY_CALLBACK_TO=${ARG1})               [ours.conf:1]
  '_-!' =>          1. Set(BUSY_CALLBACK_TO=${EXTEN})              [ours.conf:2]

"""
STEPS = """\
[ Context '{context}' created by 'pbx_config' ]
  '{extension}' =>    1. {before:<44} [extensions.conf:1]
                    2. {call:<44} [extensions.conf:2]

"""


def wrong(call: str, extension: str = "_2XX", before: str = "Dial(PJSIP/${EXTEN})", context: str = "phones") -> str:
    """Return what is wrong with a call, and what to write, in a dialplan as Asterisk shows it; '' if nothing."""
    shown = OURS + STEPS.format(context=context, extension=extension, call=call, before=before)
    found = list(own_calls.faults(dialplan_shown.read(shown)))
    assert all(str(fault).startswith("extensions.conf:2 Gosub") for fault, _, _ in found)
    return "; ".join(f"{why} -> {right}" for _, why, right in found)


@pytest.mark.parametrize(
    ("call", "extension"),
    [
        ("Gosub(busy-callback,s,1(${EXTEN}))", "_2XX"),
        ("Gosub(busy-callback,s,1(${EXTEN},busy))", "201"),
        ("Gosub(busy-callback,${EXTEN},1)", "_2XX"),
        ("Gosub(busy-callback,s,1(${ARG1}))", "s"),
        ("GosubIf($[1]?busy-callback,s,1(${EXTEN}):elsewhere,s,1)", "_2XX"),
        ("Gosub(elsewhere,s,1(busy-callback))", "_2XX"),
    ],
)
def test_a_call_that_does_what_it_should(call: str, extension: str) -> None:
    """The manual's lines, in an extension or a subroutine, and calls of other contexts are well."""
    assert wrong(call, extension) == ""


def test_a_call_of_what_is_not_there() -> None:
    """A priority or a context of ours that there is not is named, with the right line."""
    assert "busy-callback,s,7 is no step" in wrong("Gosub(busy-callback,s,7(${EXTEN}))")
    assert "busy-callbacks,s,1 is no step" in wrong("Gosub(busy-callbacks,s,1(${EXTEN}))")


def test_a_call_without_a_number() -> None:
    """In a subroutine ${EXTEN} is s; in a macro it is too; and no argument is no number at all."""
    assert "${EXTEN} is s, no number -> busy-callback,s,1(${ARG1})" in wrong("Gosub(busy-callback,s,1(${EXTEN}))", "s")
    assert "${EXTEN} is s" in wrong("Gosub(busy-callback,${EXTEN},1)", "s")
    assert "s,1(${MACRO_EXTEN})" in wrong("Gosub(busy-callback,s,1(${EXTEN}))", "s", context="macro-dial")
    assert "not told which number" in wrong("Gosub(busy-callback,s,1)")


def test_a_call_that_is_never_reached() -> None:
    """Behind a step that always leaves the extension nobody comes to it."""
    assert "no call comes to it" in wrong("Gosub(busy-callback,s,1(${EXTEN}))", before="Hangup()")
    assert wrong("Gosub(busy-callback,s,1(${EXTEN}))", before="VoiceMail(${EXTEN})") == ""


def test_uninstall_goes_on_only_when_no_line_of_ones_own_calls(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names file and line, exit status 1, and changes nothing; --force goes on; its own lines do not count."""
    monkeypatch.setattr("busy_callback.setup.commands._as_root", lambda what: None)
    path = pbx.etc / "extensions.conf"
    mine = "[mine]\nexten => 777,1,Gosub(busy-callback,s,1(${EXTEN}))\n"
    path.write_text(path.read_text() + mine)
    pbx.install("phones")
    before = pbx.tree()
    status, output = pbx.command(monkeypatch, "uninstall", "--yes")
    assert status == 1
    assert f"extensions.conf:{len(path.read_text().splitlines()) - 3}" in output or "777" in output
    assert "--force" in output
    assert pbx.tree() == before
    assert "Gosub(busy-callback" in pbx.command(monkeypatch, "uninstall", "--dry-run")[1]
    assert pbx.command(monkeypatch, "uninstall", "--yes", "--force")[0] == 0
    assert "BEGIN busy-callback" not in path.read_text()
    assert mine in path.read_text()
