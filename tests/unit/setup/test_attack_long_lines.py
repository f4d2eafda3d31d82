"""Attack: lines of Asterisk's user over which a command of root's would think for hours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.deadline import Deadline
from busy_callback.setup import own_calls
from busy_callback.setup.config_files import Line
from busy_callback.setup.console import Console
from tests.unit.house import House, as_asterisk
from tests.unit.setup.pbx import EXTENSIONS, Pbx

PATIENCE = 20.0  # seconds
MANY = 500_000
GAP = " " * MANY


@pytest.mark.parametrize(
    "text", [f"exten{GAP}x", f"{GAP}x", f"#include a{GAP}b", f"#include {GAP}", "=" * MANY, f"[{GAP}"]
)
def test_a_line_of_a_configuration_file(text: str) -> None:
    """It is read in one go, whatever it is."""
    with Deadline(PATIENCE, "a line is read for ever"):
        line = Line(Path("x"), 0, "", text)
        assert line.setting in (("", ""), ("=", ""))
        assert len(line.include) in (0, MANY + 2)


def test_a_line_of_asterisks_console(pbx: Pbx) -> None:
    """The same for what its console says; what is right is read as ever."""
    pbx.runs(odd=f"{GAP}x\nName: a\n  * Other  :   b c \n:\n : x\nno: \nName: z\na:b\n{GAP}:{GAP}x\n")
    with Deadline(PATIENCE, "a line is read for ever"):
        assert Console(pbx.directories).table("odd") == {"Name": "a", "Other": "b c", "no": ""}


@pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")
@pytest.mark.parametrize("words", [["doctor"], ["install", "--dry-run"]], ids=" ".join)
def test_a_dialplan_that_nobody_can_read_in_a_day(house: House, words: list[str]) -> None:
    """Whoever runs the command has the prompt again."""
    lines = [f"exten{GAP}x", f"#include a{GAP}b", "[phones]", f"exten => 1{GAP}x,1,NoOp({GAP}x", f"same => n{GAP}x"]
    text = EXTENSIONS + "\n".join(lines)
    as_asterisk(lambda: (house.etc / "extensions.conf").write_text(text) and None)
    assert house.run(*words)[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are planned")
@pytest.mark.parametrize("number", ["9" * 5000, "\u00b2", "\u0663"], ids=["long", "superscript", "arabic"])
def test_a_number_that_python_takes_for_none(pbx: Pbx, number: str) -> None:
    """A priority, a place to jump to, a line or a call of ours that is no number of Asterisk's: none of it ends us."""
    rows = [
        f"exten => 7,{number},NoOp()",
        f"exten => 8,1+{number},NoOp()",
        f"exten => _2XX,1,GotoIf($[1]?{number}:{number})",
        " same => n,Dial(PJSIP/${EXTEN})",
        f" same => n,Goto(phones,201,{number})",
        f" same => n,Goto(busy-callback,s,{number})",
    ]
    text = "[phones]\n" + "\n".join(rows) + "\n"
    pbx.write("extensions.conf", text)
    assert pbx.plan("phones").changes
    shown = f"  '201' => {number}. NoOp(){'[extensions.conf:' + number + ']':>40}\n"
    pbx.runs(**{"dialplan show": f"[ Context 'phones' created by 'pbx_config' ]\n{shown}"})
    assert list(own_calls.faults(pbx.survey().loaded)) == []
    assert "busy-callback,s," in str([fault[0] for fault in own_calls.faults(pbx.survey().written)])
