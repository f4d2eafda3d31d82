"""Where the offer goes on plain Asterisk, what is told of what gets none, and the feature codes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.settings import load
from busy_callback.setup.changing import undo
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")

OFFER = "Gosub(busy-callback,s,1(${EXTEN}))"


def conf(pbx: Pbx, text: str) -> Pbx:
    """Return the PBX, whose phones are PJSIP/201 and PJSIP/202 in context phones, with this dialplan."""
    pbx.write("extensions.conf", text)
    return pbx


def wired(pbx: Pbx, *wire: str) -> str:
    """Install, and return extensions.conf without the marks of our blocks and without our own include."""
    pbx.install(*wire)
    assert pbx.plan().changes == (), "a second install changes something"
    text = (pbx.etc / "extensions.conf").read_text()
    return re.sub(r"; (BEGIN|END) busy-callback\n|#include extensions_busy_callback.conf\n", "", text)


def test_includes_are_followed(pbx: Pbx) -> None:
    """The offer goes where the Dial is, the codes where the phones' calls begin; the proposal names that line."""
    conf(pbx, "[phones]\ninclude => in\n[in]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n")
    (note,) = pbx.plan().notes
    assert note.endswith("Run: busy-callback install --wire phones   (behind extensions.conf:4 Dial(PJSIP/${EXTEN}))")
    assert wired(pbx, "phones") == (
        "[phones]\ninclude => in\ninclude => busy-callback-codes\n"
        f"[in]\nexten => _2XX,1,Dial(PJSIP/${{EXTEN}})\n same => n,{OFFER}\n same => n,Hangup()\n"
    )


def test_a_subroutine_has_its_own_expression(pbx: Pbx) -> None:
    """Behind a Dial of ${ARG1} the number is ${ARG1}, and where it is in nothing the admin is told so."""
    conf(pbx, "[phones]\nexten => _2XX,1,Gosub(s,1(${EXTEN}))\nexten => s,1,Dial(PJSIP/${ARG1})\n same => n,Return()\n")
    assert " same => n,Gosub(busy-callback,s,1(${ARG1}))\n same => n,Return()" in wired(pbx, "phones")
    undo(pbx.journal())
    conf(pbx, "[phones]\nexten => 201,1,Goto(s,1)\nexten => s,1,Dial(PJSIP/201)\n")
    with pytest.raises(
        SetupError, match=r"not wired: extensions\.conf:3 .*the number that was dialled is in no variable"
    ):
        pbx.plan("phones")


def test_the_offer_follows_the_last_dial_in_a_row(pbx: Pbx) -> None:
    """Two Dials of the same phone one after the other are one; where the admin has put an offer, none is added."""
    both = "exten => _2XX,1,Dial(PJSIP/${EXTEN},10)\n same => n,Dial(PJSIP/${EXTEN},20)\n"
    conf(pbx, f"[phones]\n{both} same => n,Hangup()\n")
    assert wired(pbx, "phones").startswith(f"[phones]\n{both} same => n,{OFFER}\n same => n,Hangup()\n")
    undo(pbx.journal())
    conf(pbx, f"[phones]\n{both} same => n,Gosub(busy-callback,${{EXTEN}},1)\n same => n,Hangup()\n")
    assert wired(pbx, "phones").count("Gosub") == 1


def test_busy_that_is_tested_before_the_dial(pbx: Pbx) -> None:
    """Two steps before the test see what it sees, in each sense; the Dial has its offer too, for no reply."""
    test = 'GotoIf($["${DEVICE_STATE(PJSIP/${EXTEN})}" = "INUSE"]?voicemail)'
    conf(pbx, f"[phones]\nexten => _2XX,1,{test}\n same => n,Dial(PJSIP/${{EXTEN}})\n same => n(voicemail),Hangup()\n")
    text = wired(pbx, "phones")
    condition = test.partition("(")[2].partition("?")[0]
    assert f"exten => _2XX,1,ExecIf({condition}?Set(DIALSTATUS=BUSY))\n same => n,{OFFER}\n" in text
    assert f"; was: exten => _2XX,1,{test}\nexten => _2XX,n,{test}\n same => n,Dial(PJSIP/${{EXTEN}})\n" in text
    assert text.count(OFFER) == 2
    undo(pbx.journal())
    free = 'GotoIf($["${DEVICE_STATE(PJSIP/${EXTEN})}" = "NOT_INUSE"]?ring)'
    ring = " same => n(ring),Dial(PJSIP/${EXTEN})\n"
    conf(pbx, f"[phones]\nexten => _2XX,1,NoOp()\n same => n,{free}\n same => n,Hangup()\n{ring}")
    condition = free.partition("(")[2].partition("?")[0]
    assert (
        f"NoOp()\n same => n,ExecIf({condition}?NoOp():Set(DIALSTATUS=BUSY))\n same => n,{OFFER}\n same => n,{free}"
        in (wired(pbx, "phones"))
    )


def test_busy_that_is_tested_elsewhere_is_told(pbx: Pbx) -> None:
    """Where the test stands in another extension than the Dial, the steps to put before it are told."""
    test = 'GotoIf($["${DEVICE_STATE(PJSIP/${EXTEN})}" = "INUSE"]?gone)'
    conf(
        pbx,
        f"[phones]\nexten => _2XX,1,{test}\n same => n,Goto(in,${{EXTEN}},1)\n same => n(gone),Hangup()\n[in]\n"
        "exten => _2XX,1,Dial(PJSIP/${EXTEN})\n",
    )
    note = next(note for note in pbx.plan("phones").notes if "looks whether" in note)
    assert note.startswith("not wired: extensions.conf:2 GotoIf")
    assert "before extensions.conf:6" in note
    assert "Set(DIALSTATUS=BUSY)) and Gosub(busy-callback,s,1(NUMBER))" in note


def test_phones_with_names_reach_the_settings(pbx: Pbx) -> None:
    """[devices] has those that the dial string is not right for; settings that are there are the admin's to change."""
    pbx.runs(
        pjsip_show_endpoints="".join(
            f" Endpoint:  {name}   Not in use  0 of 1\n" for name in ("anna/201", "202", "203")
        ),
        **{f"pjsip show endpoint {name}": " context      : phones\n" for name in ("anna", "202", "203")},
    )
    conf(pbx, "[phones]\nexten => 201,1,Dial(PJSIP/anna)\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n")
    pbx.install("phones")
    settings = load(pbx.directories.conf)
    assert (settings.device, settings.devices) == ("PJSIP/{ext}", {"201": "PJSIP/anna"})
    path = Path(pbx.directories.conf)
    path.write_text(path.read_text().partition("\n[devices]")[0])
    (note,) = pbx.plan().notes
    assert note == f"write into [devices] of {path}: 201 = PJSIP/anna"


def test_a_context_that_only_includes_others_is_wired_in_those(pbx: Pbx) -> None:
    """The offer goes behind the Dial of the included one, of which install speaks, the once that it wires it."""
    inner = "exten => _2XX,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n"
    conf(
        pbx, f"[phones]\ninclude => features\ninclude => internal\n[features]\nexten => 5,1,Echo()\n[internal]\n{inner}"
    )
    assert pbx.plan("phones").notes == (
        "phones only includes features, internal: the offer goes into internal, the feature codes into phones",
    )
    text = wired(pbx, "phones")
    assert f"Dial(PJSIP/${{EXTEN}})\n same => n,{OFFER}\n" in text
    assert pbx.plan().notes == ()


def test_departments_are_named_one_by_one(pbx: Pbx) -> None:
    """Who begins elsewhere is told of, until that context is wired too; an unknown context is refused."""
    conf(pbx, "[phones]\nexten => 202,1,Dial(PJSIP/202)\n[shop]\nexten => 201,1,Dial(PJSIP/201)\n")
    pbx.runs(**{"pjsip show endpoint 202": " context      : shop\n"})
    assert "install --wire phones --wire shop   (" in pbx.plan().notes[0]
    assert pbx.plan("phones").notes == (
        "phones whose calls begin in shop are offered nothing: --wire names those contexts too",
    )
    assert pbx.plan("phones", "shop").notes == ()
    with pytest.raises(SetupError, match=r"no context 'shed'.*\nwhat can be wired: .*--wire phones --wire shop"):
        pbx.plan("shed")


def test_the_setting_context_is_where_most_phones_dial(pbx: Pbx) -> None:
    """Not the first that was wired: a recall's callee is dialled from there where nothing else is known."""
    conf(pbx, "[shop]\nexten => 203,1,Dial(PJSIP/203)\n[phones]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n")
    where = {"201": "phones", "202": "phones", "203": "shop"}
    pbx.runs(
        pjsip_show_endpoints="".join(
            f" Endpoint:  {number}   Not in use  0 of 1\n" for number in ("203", "201", "202")
        ),
        **{f"pjsip show endpoint {number}": f" context      : {context}\n" for number, context in where.items()},
    )
    pbx.install("shop", "phones")
    assert load(pbx.directories.conf).context == "phones"


def test_a_context_that_rings_nobody_is_refused_with_what_can_be_wired(pbx: Pbx) -> None:
    """The reasons of each Dial that calls from there come to, and the command that does work."""
    conf(pbx, "[phones]\nexten => 201,1,Dial(PJSIP/201)\n[in]\nexten => 300,1,Dial(PJSIP/201&PJSIP/202)\n")
    with pytest.raises(SetupError, match=r"(?s)from context 'in'.*extensions\.conf:4 .*a group.*install --wire phones"):
        pbx.plan("in")


def test_a_line_is_named(pbx: Pbx) -> None:
    """FILE:LINE, as an editor counts, for a Dial that no rule finds; it stays wired, and a wrong one is refused."""
    conf(pbx, "[phones]\nexten => _2XX,1,Goto(${DB(x)},${EXTEN},1)\n[x]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n")
    with pytest.raises(SetupError, match=r"install --wire FILE:LINE"):
        pbx.plan("phones")
    assert f"Dial(PJSIP/${{EXTEN}})\n same => n,{OFFER}\n" in wired(pbx, "extensions.conf:4")
    assert "busy-callback-codes" not in (pbx.etc / "extensions.conf").read_text()
    assert f"Dial(PJSIP/${{EXTEN}})\n same => n,{OFFER}\n" in wired(pbx, "phones", str(pbx.etc / "extensions.conf:4"))
    assert "include => busy-callback-codes" in (pbx.etc / "extensions.conf").read_text()
    for wrong in ("extensions.conf:1", "none.conf:2", "extensions.conf:400"):
        with pytest.raises(SetupError, match="is no step of the dialplan"):
            pbx.plan(wrong)


@pytest.mark.parametrize(
    ("step", "expression"),
    [
        ("[macro-x]\nexten => s,1,Dial(${ARG1})", "${MACRO_EXTEN}"),
        ("[x]\nexten => s,1,Dial(SIP/${ARG2},20)", "${ARG2}"),
        ("[x]\nexten => s,1,Dial(SIP/${who})", "${who}"),
        ("[x]\nexten => 201,1,Dial(SIP/x)", "${EXTEN}"),
    ],
)
def test_a_named_lines_number_is_told_by_its_place(pbx: Pbx, step: str, expression: str) -> None:
    """The extension, the macro's, or the variable that the Dial itself rings."""
    conf(pbx, f"{step}\n")
    assert f"Gosub(busy-callback,s,1({expression}))" in wired(pbx, "extensions.conf:2")


def test_a_named_line_without_a_number_is_refused(pbx: Pbx) -> None:
    """Where nothing there has the number dialled, the line to put in by hand is told."""
    conf(pbx, "[x]\nexten => s,1,Dial(SIP/anna)\n")
    with pytest.raises(SetupError, match=r"extensions\.conf:2.*in no variable.*Gosub\(busy-callback,s,1\(NUMBER\)\)"):
        pbx.plan("extensions.conf:2")


def test_the_running_asterisk_is_asked_first(pbx: Pbx) -> None:
    """What it has not loaded is not wired, and what was changed since is told."""
    conf(pbx, "[phones]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n")
    pbx.runs(dialplan_show="[ Context 'phones' created by 'pbx_config' ]\n")
    with pytest.raises(SetupError, match="comes to a Dial"):
        pbx.plan("phones")
    shown = (
        "[ Context 'phones' created by 'pbx_config' ]\n  '_2XX' =>  1. Dial(PJSIP/${EXTEN},30)  [extensions.conf:2]\n"
    )
    pbx.runs(dialplan_show=shown)
    with pytest.raises(SetupError, match="changed since Asterisk loaded it: run dialplan reload"):
        pbx.plan("phones")


def test_a_file_without_places_is_found_by_its_steps(pbx: Pbx) -> None:
    """An older 16 shows no lines: context, extension and step find the place where there is one only."""
    conf(pbx, "[phones]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n")
    head = "[ Context 'phones' created by 'pbx_config' ]\n"
    pbx.runs(dialplan_show=f"{head}  '_2XX' =>         1. Dial(PJSIP/${{EXTEN}})      [pbx_config]\n")
    assert OFFER in wired(pbx, "phones")


@pytest.mark.parametrize(
    ("source", "call", "says"),
    [
        (
            "pbx_ael",
            "Dial(PJSIP/${EXTEN},20)",
            r"AEL \(extensions\.ael:2\).*: Exec\(Gosub\(busy-callback,s,1\(\$\{EXTEN\}\)\)\);",
        ),
        ("pbx_config", "Dial(${HINT})", r"users\.conf makes it.*\[phones\].*: exten => 201,2,Gosub"),
        ("CLI", "Dial(PJSIP/${EXTEN})", r"made by CLI; put a step behind it there: Gosub"),
    ],
)
def test_what_is_written_elsewhere_is_told_in_its_own_syntax(pbx: Pbx, source: str, call: str, says: str) -> None:
    """AEL with its line, users.conf with the line that goes on behind it, what was made at run time."""
    pbx.write("extensions.ael", "context phones { 201 => {\nDial(PJSIP/${EXTEN}, 20);\n}; };\n")
    pbx.runs(dialplan_show=f"[ Context 'phones' created by 'x' ]\n  '201' =>   1. {call}      [{source}]\n")
    assert re.search(says, pbx.plan().notes[1])


def test_other_dialplans_are_told(pbx: Pbx) -> None:
    """Extensions in a database or in Lua, each in its syntax; AEL that only a running Asterisk can tell."""
    conf(pbx, "[phones]\nswitch => Realtime/phones@extensions\nswitch => Lua\n")
    notes = "\n".join(pbx.plan().notes)
    assert "app Gosub and appdata busy-callback,s,1(${EXTEN})" in notes
    assert 'return app.gosub("busy-callback,s,1(" .. extension .. ")")' in notes


def test_numbers_of_any_length_are_wired_and_longer_ones_told(pbx: Pbx) -> None:
    """One digit or seven are extensions as others; what no request can name is neither wired nor silently left out."""
    conf(pbx, "[phones]\nexten => 1,1,Dial(PJSIP/201)\nexten => 2000000,1,Dial(PJSIP/202)\n")
    assert wired(pbx, "phones").count(OFFER) == 2
    undo(pbx.journal())
    conf(pbx, "[phones]\nexten => 1234567890123456,1,Dial(PJSIP/201)\n")
    notes = pbx.plan().notes
    assert "only extensions of 1 to 15 digits are served: 1234567890123456 is offered nothing" in notes
    assert "--wire phones" not in notes[0]


def test_feature_codes_that_are_taken_are_others(pbx: Pbx) -> None:
    """At first install others are chosen, set and told; later it is the admin's to do."""
    dialplan = "[phones]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\nexten => _*8.,1,Pickup(${EXTEN:2})\n"
    conf(pbx, dialplan)
    plan = pbx.plan("phones")
    assert plan.notes[-1].startswith("*86 is _*8. already (extensions.conf:3); *87 is _*8. already")
    assert "the feature codes are *56, *76, *77 instead" in plan.notes[-1]
    pbx.install("phones")
    settings = load(pbx.directories.conf)
    assert (settings.code_request, settings.code_cancel, settings.code_count) == ("*56", "*76", "*77")
    assert "exten => *76,1," in (pbx.etc / "extensions_busy_callback.conf").read_text()
    assert pbx.plan().notes == ()
    undo(pbx.journal())
    Path(pbx.directories.conf).write_text("[general]\n[manager]\nsecret = x\n")
    assert f"write others into [general] of {pbx.directories.conf}" in pbx.plan("phones").notes[-1]


def test_where_all_is_caught_the_codes_are_the_contexts_own(pbx: Pbx) -> None:
    """An include would come too late behind _. or an include that has it: our extensions' names go before it."""
    conf(pbx, "[phones]\ninclude => last\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n[last]\nexten => _.,1,Hangup()\n")
    text = wired(pbx, "phones").partition("[last]")[0]
    assert "exten => *66,1," in text
    assert "exten => _*66X.,hint,Custom:busy-callback-${EXTEN:3}" in text
    assert "include => busy-callback-codes" not in text


def test_a_dialplan_of_the_version_before_is_taken_over(pbx: Pbx) -> None:
    """What it wired stays wired, with the entry as it is now."""
    old = "; BEGIN busy-callback\n same => n,Gosub(busy-callback,${EXTEN},1)\n; END busy-callback\n"
    codes = "; BEGIN busy-callback\ninclude => busy-callback-codes\n; END busy-callback\n"
    conf(pbx, f"[phones]\nexten => _2XX,1,Dial(PJSIP/${{EXTEN}})\n{old} same => n,Hangup()\n{codes}")
    text = wired(pbx)
    assert text.count(OFFER) == text.count("Gosub") == 1
    assert text.count("include => busy-callback-codes") == 1


def test_a_context_is_unwired(pbx: Pbx) -> None:
    """--unwire takes codes and offers of one context out, and leaves those that another one needs."""
    dial = "exten => _2XX,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n"
    text = f"[phones]\ninclude => in\n[boss]\ninclude => in\nexten => 202,1,Dial(PJSIP/202)\n[in]\n{dial}"
    conf(pbx, text)
    pbx.install("phones", "boss")
    both = (pbx.etc / "extensions.conf").read_text()
    assert both.count(OFFER) == 2
    assert both.count("include => busy-callback-codes") == 2
    pbx.install(unwire=("boss",))
    one = (pbx.etc / "extensions.conf").read_text()
    assert one.count(OFFER) == 1
    assert one.count("include => busy-callback-codes") == 1
    assert one.index(OFFER) > one.index("[in]")
    with pytest.raises(SetupError, match="not wired; wired are: phones"):
        pbx.plan(unwire=("boss",))


def test_a_wrong_name_is_answered_with_the_right_one(pbx: Pbx) -> None:
    """A context that there is not is told, with the one that was meant."""
    with pytest.raises(SetupError, match=r"did you mean phones\?"):
        pbx.plan("phnoes")
