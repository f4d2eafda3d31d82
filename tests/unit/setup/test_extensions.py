"""A dialplan as data: read from files, and from what Asterisk shows, and matched as Asterisk does."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.setup import dialplan_shown, extensions_conf
from busy_callback.setup.config_files import lines_of
from busy_callback.setup.extensions import HINT, Dialplan, matches
from tests.unit.setup.pbx import shown


def dialplan(folder: Path, text: str) -> Dialplan:
    """Return the dialplan of an extensions.conf."""
    (folder / "extensions.conf").write_text(text)
    return extensions_conf.read(list(lines_of(folder / "extensions.conf", folder)))


def steps(found: Dialplan, context: str, extension: str) -> dict[int, str]:
    """Return an extension's calls by their priorities."""
    return {priority: step.call for priority, step in found.contexts[context].steps[extension].items()}


@pytest.mark.parametrize(
    ("extension", "number", "meant"),
    [
        ("201", "201", True),
        ("2-01", "201", True),
        ("201", "2011", False),
        ("_2XX", "201", True),
        ("_2XX", "20", False),
        ("_2xx", "29*", False),
        ("_Z[2-46]N", "142", True),
        ("_Z[2-46]N", "052", False),
        ("_Z[2-46]N", "151", False),
        ("_X.", "2", False),
        ("_X.", "2*", True),
        ("_X!", "2", True),
        ("_NXX-XXXX", "2001234", True),
        ("_*8.", "*86", True),
        ("_.", "s", True),
        ("_+4[19]X", "+4137", False),
        ("_+4[19]X", "+419", True),
    ],
)
def test_patterns_are_asterisks(extension: str, number: str, meant: bool) -> None:
    """X, Z, N, sets, ``.`` and ``!``; a dash counts for nothing."""
    assert matches(extension, number) == meant


def test_the_first_choice_is_asterisks(tmp_path: Path) -> None:
    """A name before patterns, the narrower pattern first, the context before what it includes, once each."""
    found = dialplan(
        tmp_path,
        "[a]\ninclude => b\ninclude => c,9:00-17:00,*,*,*\ninclude => a\nexten => _2X.,1,A()\nexten => _[12]XX,1,B()\n"
        "exten => _2XX,1,C()\n[b]\nexten => 201,1,D()\nexten => 301,1,E()\n[c]\nexten => 401,1,F()\n",
    )
    assert [extension for _, extension in found.extensions("a", "201")] == ["_2XX", "_2X.", "_[12]XX", "201"]
    chosen = {number: found.find("a", number) for number in ("201", "2011", "101", "301", "401", "501")}
    assert {number: step and step.call for number, step in chosen.items()} == {
        "201": "C()",
        "2011": "A()",
        "101": "B()",
        "301": "E()",
        "401": "F()",
        "501": None,
    }


def test_a_priority_that_an_extension_lacks_is_the_next_ones(tmp_path: Path) -> None:
    """As Asterisk looks for each priority anew, a pattern goes on where the name ends."""
    found = dialplan(tmp_path, "[a]\nexten => 201,1,A()\nexten => _2XX,1,B()\nexten => _2XX,2(on),C()\n")
    assert [step.call for n in (1, 2) if (step := found.find("a", "201", n))] == ["A()", "C()"]
    labelled = found.labelled("a", "201", "on")
    assert labelled
    assert labelled.priority == 2
    assert found.find("a", "201", 3) is None


def test_priorities_are_counted_as_asterisk_does(tmp_path: Path) -> None:
    """n, same, s, + and labels, from the line before in the section, whatever its extension."""
    found = dialplan(
        tmp_path,
        "[a]\nexten => 201,1,A()\n same => n(here),B\n same => n+2,C(x,(y))\nexten => 202,1,D()\nexten => 201,n,E()\n"
        "exten=>201,10 , F()\nexten => 201,here,G()\nexten => 201,x,H()\nexten => 203,n,I()\nsame => 30,J()\n",
    )
    assert steps(found, "a", "201") == {1: "A()", 2: "B()", 5: "C(x,(y))", 10: "F()"}
    assert steps(found, "a", "203") == {3: "I()", 30: "J()"}


def test_what_asterisk_refuses_is_not_there(tmp_path: Path) -> None:
    """A second step of the same priority, n before any, a template; what counts for one caller only."""
    found = dialplan(
        tmp_path,
        "[t](!)\nexten => 1,1,T()\n[a](t)\nexten => 201,n,A()\nexten => 201,1,B()\nexten => 201,1,C()\n"
        "exten => 201/300,2,D()\n same => n,E()\nsame\n[b]\nsame => n,F()\nexten =>\n",
    )
    assert "t" not in found.contexts
    assert steps(found, "a", "1") == {1: "T()"}
    assert steps(found, "a", "201") == {2: "A()", 1: "B()"}
    assert found.contexts["b"].steps == {}


def test_globals_stand_in_names_hints_and_includes(tmp_path: Path) -> None:
    """As far as they are known when the file is read; [general] is no context."""
    found = dialplan(
        tmp_path,
        "[general]\nexten => 1,1,No()\n[globals]\nWHO=PJSIP/anna\nNUMBER = 201\nBOTH=${WHO}&${WHO}2\nWHERE=inner\n"
        "[a]\ninclude => ${WHERE}\nswitch => Lua/x\n"
        "exten => ${NUMBER},hint,${BOTH}\nexten => ${NUMBER},1,Dial(${WHO})\n",
    )
    assert found.globals["BOTH"] == "PJSIP/anna&PJSIP/anna2"
    assert found.hint("a", "201") == "PJSIP/anna&PJSIP/anna2"
    assert steps(found, "a", "201") == {HINT: "PJSIP/anna&PJSIP/anna2()", 1: "Dial(${WHO})"}
    assert (found.contexts["a"].includes, found.switches("a")) == (["inner"], ["Lua/x"])
    assert "general" not in found.contexts


SHOWN = """\
[ Context 'phones' created by 'pbx_config' ]
  '201' =>          hint: PJSIP/201                               [extensions.conf:13]
                    1. Dial(PJSIP/${EXTEN},20)                    [extensions.conf:9]
     [busy]         2. GotoIf($["${DIALSTATUS}" = "BUSY"]?3:4)    [more.conf:1]
  '_2XX' (CID match '301') =>  1. NoOp(by caller)                 [extensions.conf:12]
                    2. Hangup()                                   [extensions.conf:14]
  '_2XX' =>         1. NoOp(a [b])                                [pbx_ael]
  Include =>        'internal'                                    [pbx_config]
  Ignore pattern => '9'                                           [pbx_config]
  Alt. Switch =>    'Realtime/ext@extensions'                     [pbx_config]

[ Context 'internal' created by 'pbx_config' ]

-= 3 extensions (6 priorities) in 2 contexts. =-
"""


def test_what_asterisk_shows_is_read() -> None:
    """Steps with their places, hints, labels, includes and switches; what counts for one caller only is left out."""
    found = dialplan_shown.read(SHOWN, "   ANNA=PJSIP/anna\n   LIST=a=b\n\n    -- 2 variables\n")
    assert steps(found, "phones", "201") == {
        HINT: "PJSIP/201()",
        1: "Dial(PJSIP/${EXTEN},20)",
        2: 'GotoIf($["${DIALSTATUS}" = "BUSY"]?3:4)',
    }
    assert steps(found, "phones", "_2XX") == {1: "NoOp(a [b])"}
    step = found.labelled("phones", "201", "busy")
    assert step
    assert (step.priority, step.source, str(step)) == (2, "more.conf:1", "more.conf:1")
    assert found.contexts["phones"].includes == ["internal"]
    assert found.switches("phones") == ["Realtime/ext@extensions"]
    assert "internal" in found.contexts
    assert found.globals == {"ANNA": "PJSIP/anna", "LIST": "a=b"}


def test_a_step_that_asterisk_cut_has_what_is_left() -> None:
    """It shows 255 characters of a step: the arguments of a longer one end there."""
    call = "NoOp(" + "x" * 300
    row = f"  '1' =>            1. {call[:252]}) [extensions.conf:1]\n"
    found = dialplan_shown.read("[ Context 'a' created by 'pbx_config' ]\n" + row)
    assert found.contexts["a"].steps["1"][1].arguments.startswith("x" * 200)


def test_both_ways_tell_the_same(tmp_path: Path) -> None:
    """What the files make, and what Asterisk shows of them, is one dialplan."""
    written = dialplan(
        tmp_path,
        "[a]\ninclude => b\nexten => 201,1,A(x)\n same => n(l),B()\nexten => 201,hint,PJSIP/201\n"
        "[b]\nexten => _X.,1,C()\n",
    )
    told = dialplan_shown.read(shown(tmp_path))
    assert {(s.context, s.extension, s.priority, s.label, s.call) for s in told.steps()} == {
        (s.context, s.extension, s.priority, s.label, s.call) for s in written.steps()
    }
