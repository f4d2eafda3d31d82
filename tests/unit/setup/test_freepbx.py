"""Where the offer goes on FreePBX and its kin: before the steps of their own, of which none is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import lines_of
from busy_callback.setup.extensions import Dialplan
from busy_callback.setup.extensions_conf import read
from busy_callback.setup.freepbx import product, takeover_lines
from tests.lab.freepbx_dialplans import ELASTIX, FREEPBX, ISSABEL, additional, files, main

FORMS = [("Macro", FREEPBX), ("Gosub", FREEPBX), ("Macro", ISSABEL)]


def dialplan(folder: Path, generated: str, name: str = FREEPBX, **others: str) -> Dialplan:
    """Return a machine's dialplan; ``others`` are its files, by the names without their ends."""
    texts = {**files(name, generated), **{f"{key}.conf": text for key, text in others.items()}}
    for file, text in texts.items():
        (folder / file).write_text(text)
    return read(tuple(lines_of(folder / "extensions.conf", folder)))


@pytest.mark.parametrize(("form", "name"), FORMS)
def test_the_first_step_alone_is_repeated(tmp_path: Path, form: str, name: str) -> None:
    """s-BUSY begins with a GotoIf on every machine: it comes behind our step, and then FreePBX's own second one."""
    wanted = takeover_lines(dialplan(tmp_path, additional(form, product=name), name), before_voicemail=False)
    begin = wanted.index("[macro-exten-vm]")
    assert wanted[begin + 1 : begin + 5] == [
        "exten => s-BUSY/_.,1,Goto(1001)",
        "exten => s-BUSY/_.,1001,Gosub(busy-callback-freepbx,s,1(${EXTTOCALL},busy))",
        'exten => s-BUSY/_.,1002,GotoIf($["${IVR_RETVM}"="RETURN" & "${IVR_CONTEXT}"!=""]?exit,1)',
        "exten => s-BUSY/_.,1003,Goto(2)",
    ]


@pytest.mark.parametrize("form", ["Macro", "Gosub"])
def test_a_line_of_the_log_is_all_that_ours_stands_for(tmp_path: Path, form: str) -> None:
    """With FreePBX's trace on, its first step is a NoOp, as before voicemail and follow-me always: no copy is made."""
    wanted = takeover_lines(dialplan(tmp_path, additional(form, trace=True)), before_voicemail=False)
    assert "exten => s-BUSY/_.,1,Gosub(busy-callback-freepbx,s,1(${EXTTOCALL},busy))" in wanted
    assert not any("IVR_RETVM" in line for line in wanted)
    wanted = takeover_lines(dialplan(tmp_path, additional(form)), before_voicemail=False)
    vm = wanted[wanted.index("[macro-vm]") + 1 :]
    assert vm[0] == "exten => s-BUSY/_.,1,Gosub(busy-callback-freepbx,s,1(${MEXTEN},busy))"
    assert wanted[wanted.index("[macro-simple-dial]") + 1].endswith(
        ",1,Gosub(busy-callback-freepbx,s,1(${EXTTOCALL},busy))"
    )


@pytest.mark.parametrize(("form", "name"), FORMS)
def test_where_freepbx_has_a_pattern_nothing_is_repeated(tmp_path: Path, form: str, name: str) -> None:
    """A step of one form, Macro or Gosub, would end the call in the other: another name leads to FreePBX's own."""
    wanted = takeover_lines(dialplan(tmp_path, additional(form, product=name), name), before_voicemail=True)
    begin = wanted.index("exten => s-NOANSWER/_.,1,Gosub(busy-callback-freepbx,s,1(${MEXTEN}))")
    assert wanted[begin + 1] == "exten => s-NOANSWER/_.,2,Goto(s-ONWARD,1)"
    assert not any("macro-get-vmcontext" in line or "Macro(" in line for line in wanted)


def test_no_reply_before_voicemail_is_the_admins_choice(tmp_path: Path) -> None:
    """Without it the number is kept for the feature code; with it there is an offer."""
    machine = dialplan(tmp_path, additional("Macro"))
    kept, offered = (takeover_lines(machine, before_voicemail=some) for some in (False, True))
    assert any("busy-callback-no-reply,s,1(${MEXTEN},NOANSWER)" in line for line in kept)
    assert any("s-NOANSWER" in line and "busy-callback-freepbx,s,1(${MEXTEN})" in line for line in offered)


def test_the_pages_recipe_is_not_fought(tmp_path: Path) -> None:
    """Where the override file has an s-BUSY by the page, the error names its line."""
    recipe = "[macro-exten-vm]\nexten => s-BUSY,1,Read(D)\nexten => s-BUSY,2,AGI(busy_callback.py,1,2)\n"
    machine = dialplan(tmp_path, additional("Macro"), extensions_override_freepbx=recipe)
    with pytest.raises(SetupError, match=r"override_freepbx\.conf:3 offers a callback in s-BUSY of macro-exten-vm"):
        takeover_lines(machine, before_voicemail=False)


def test_an_override_of_the_admins_own_stays(tmp_path: Path) -> None:
    """What an admin put in FreePBX's place is what comes behind ours."""
    machine = dialplan(
        tmp_path, additional("Macro"), extensions_override_freepbx="[macro-exten-vm]\nexten => s-BUSY,1,Hangup()\n"
    )
    assert "exten => s-BUSY/_.,1002,Hangup()" in takeover_lines(machine, before_voicemail=False)


def test_a_step_is_repeated_as_it_is_written(tmp_path: Path) -> None:
    """A semicolon that begins no comment stays one; the macro that ends each call is called in both forms alike."""
    own = "[macro-exten-vm]\nexten => s-BUSY,1,Set(A=b\\;c)\n"
    wanted = takeover_lines(
        dialplan(tmp_path, additional("Macro"), extensions_override_freepbx=own), before_voicemail=False
    )
    assert "exten => s-BUSY/_.,1002,Set(A=b\\;c)" in wanted
    assert "exten => h/_.,1002,Gosub(macro-hangupcall,s,1())" in wanted


def test_freepbx_before_its_first_apply_is_told_so(tmp_path: Path) -> None:
    """Without a generated dialplan there is nothing to wire, and the error says to press Apply Config."""
    with pytest.raises(SetupError, match="Issabel's dialplan has no macro-exten-vm: press Apply Config"):
        takeover_lines(dialplan(tmp_path, ""), before_voicemail=False, name=ISSABEL)


@pytest.mark.parametrize("name", [FREEPBX, ISSABEL, ELASTIX])
def test_the_product_is_told_by_its_override_file(tmp_path: Path, name: str) -> None:
    """extensions.conf names it; where it does not, a file of the product's own in /etc; else it is a plain Asterisk."""
    (tmp_path / "extensions.conf").write_text(main(name))
    lines = tuple(lines_of(tmp_path / "extensions.conf", tmp_path))
    mark = tmp_path / "freepbx.conf"
    mark.write_text("")
    assert product(lines, {mark: FREEPBX}) == name
    assert product([], {mark: FREEPBX}) == FREEPBX
    assert product([], {tmp_path / "none": FREEPBX}) == ""
