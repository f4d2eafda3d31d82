"""A call is followed to every Dial that it may come to; nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.setup.call_paths import MOST, CallPaths, Ring, split_arguments, split_ways
from busy_callback.setup.variables import UNKNOWN, substitute
from tests.unit.setup.test_extensions import dialplan


def rings(folder: Path, text: str, number: str = "201", context: str = "phones") -> list[Ring]:
    """Return what a call comes to."""
    return CallPaths(dialplan(folder, text)).rings(context, number)


def devices(folder: Path, text: str, number: str = "201") -> list[tuple[str, ...]]:
    """Return the devices of each Dial that a call comes to."""
    return [ring.devices for ring in rings(folder, text, number)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("PJSIP/${EXTEN}", "PJSIP/2012"),
        ("${EXTEN:1}-${EXTEN:1:2}-${EXTEN:-2}-${EXTEN:0:-1}", "012-01-12-201"),
        ("${${NAME}}", "2012"),
        ("a${GLOBAL(NAME)}b${LOCAL(NAME)}", "aEXTENbEXTEN"),
        ("${NONE}", UNKNOWN),
        ("$[1 + ${EXTEN}]x", f"{UNKNOWN}x"),
        ("${DB(a/${EXTEN})}", UNKNOWN),
        ("${EXTEN", UNKNOWN),
        ("${TWICE(${EXTEN}):1}", "0122012"),
        ("${EXTEN:x}", UNKNOWN),
    ],
)
def test_variables_are_what_is_known_of_them(text: str, value: str) -> None:
    """Slices, variables in variables, functions that can be told; what only a call would tell stays unknown."""
    known = {"EXTEN": "2012", "NAME": "EXTEN"}
    assert substitute(text, known, {"TWICE": lambda argument: argument * 2}) == value


def test_variables_without_end_end() -> None:
    """A name within names as deep as anybody likes is unknown, and takes no stack."""
    assert UNKNOWN in substitute("${" * 5000 + "}" * 5000, {})


def test_arguments_are_split_outside_of_brackets() -> None:
    """A comma or a colon in a function, an expression or a variable parts nothing."""
    assert split_arguments("a(b,c),${IF($[1]?x,y:z)},,d") == ["a(b,c)", "${IF($[1]?x,y:z)}", "", "d"]
    assert split_ways("a,b,1(${X:1}):c") == ["a,b,1(${X:1})", "c"]


def test_a_calls_way_is_followed(tmp_path: Path) -> None:
    """Includes, jumps by number and label, to other contexts, both ways of a branch, and what ends a call."""
    text = """\
[phones]
include => more
exten => 201,1,GotoIf($[${X}]?busy:ring)
 same => n(ring),Dial(PJSIP/${EXTEN},20)
 same => n,Goto(elsewhere,${EXTEN},1)
 same => n,Dial(PJSIP/never)
 same => n(busy),GotoIfTime(9:00-17:00,mon-fri,*,*?9)
 same => n,Hangup()
 same => 9,Goto(202,1)
[more]
exten => 202,1,Dial(SIP/202&SIP/desk)
 same => n,Busy()
 same => n,Dial(PJSIP/never)
[elsewhere]
exten => _2XX,1,RetryDial(tone,5,3,SIP/${EXTEN},20)
"""
    assert set(devices(tmp_path, text)) == {("PJSIP/201",), ("SIP/202", "SIP/desk"), ("SIP/201",)}
    assert devices(tmp_path, text, "999") == []


def test_macros_and_subroutines_are_entered_with_their_arguments(tmp_path: Path) -> None:
    """A Macro, a Gosub in each form, nested; what they set and are given is known in them, and lost behind them."""
    text = """\
[phones]
exten => 201,1,Macro(ring,PJSIP/anna)
 same => n,Dial(PJSIP/${ARG1})
exten => 202,1,Gosub(ring,s,1(${EXTEN},SIP))
exten => 203,1,GosubIf($[1]?inside(${EXTEN}):ring,s,1(203,IAX2))
 same => n,Hangup()
 same => n(inside),Dial(SIP/${ARG1})
 same => n,Return()
[macro-ring]
exten => s,1,Set(__WHO=${ARG1})
 same => n,Dial(${WHO}&SIP/${MACRO_EXTEN})
[ring]
exten => s,1,MSet(LOCAL(number)=${ARG1},LOCAL(technology)=${ARG2})
 same => n,Gosub(deeper,${number},1)
 same => n,Return()
 same => n,Dial(SIP/never)
[deeper]
exten => _X.,1,Dial(${technology}/${EXTEN})
 same => n,Return()
"""
    assert devices(tmp_path, text) == [("PJSIP/anna", "SIP/201"), (f"PJSIP/{UNKNOWN}",)]
    assert devices(tmp_path, text, "202") == [("SIP/202",)]
    assert set(devices(tmp_path, text, "203")) == {("SIP/203",), ("IAX2/203",)}
    values = rings(tmp_path, text, "202")[0].values
    assert (values["EXTEN"], values["number"]) == ("202", "202")


def test_a_dial_inside_another_application_is_seen(tmp_path: Path) -> None:
    """ExecIf, both ways; hints, contacts and filters tell devices; a Local channel is followed to what it rings."""
    text = """\
[phones]
exten => 201,hint,PJSIP/anna&SIP/anna
exten => 201,1,ExecIf($[${X}]?Dial(PJSIP/${EXTEN},20):Dial(SIP/${FILTER(0-9,${EXTEN})}))
 same => n,Dial(${HINT(${EXTEN})})
 same => n,Dial(${HINT(201@phones)},20)
 same => n,Dial(${PJSIP_DIAL_CONTACTS(${EXTEN})},20)
 same => n,Dial(Local/201@inside/n&Local/202@inside&Local/9@gone)
[inside]
exten => _2XX,1,Dial(IAX2/${EXTEN})
[default]
exten => 201,hint,SIP/bert
"""
    assert devices(tmp_path, text) == [
        ("PJSIP/201",),
        ("SIP/201",),
        ("SIP/bert",),
        ("PJSIP/anna", "SIP/anna"),
        ("PJSIP/201",),
        ("IAX2/201", "IAX2/202"),
    ]


def test_tests_of_a_phones_state_are_noted(tmp_path: Path) -> None:
    """By a function or by a variable that holds it; a test of anything else is none."""
    text = """\
[phones]
exten => 201,1,Set(S=${DEVICE_STATE(PJSIP/201)})
 same => n,GotoIf($["${S}" = "INUSE"]?busy)
 same => n,GotoIf($["${EXTENSION_STATE(201@phones)}" = "INUSE"]?busy:go)
 same => n(busy),Hangup()
 same => n(go),Set(S=1)
 same => n,GotoIf($["${S}" = "1"]?ring)
 same => n(ring),Dial(PJSIP/201)
"""
    (ring,) = rings(tmp_path, text)
    assert [(test.step.priority, [way.priority for way in test.ways]) for test in ring.tests] == [
        (2, [4, 3]),
        (3, [4, 5]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "exten => 201,1,Goto(201,1)\n",
        "exten => 201,1,Gosub(phones,201,1)\n same => n,Macro(x)\n[macro-x]\nexten => s,1,Macro(x)\n",
        "exten => 201,1,Dial(Local/201@phones)\n",
        "exten => _X.,1,Goto(${EXTEN}1,1)\n",
    ],
)
def test_a_call_without_end_ends(tmp_path: Path, text: str) -> None:
    """A dialplan that goes round for ever does not hold us."""
    assert len(rings(tmp_path, f"[phones]\n{text}")) <= MOST
