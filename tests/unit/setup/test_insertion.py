"""Steps are put between others so that every other step is still reached as before, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup import extensions_conf
from busy_callback.setup.config_files import Reading
from busy_callback.setup.extensions import Dialplan
from busy_callback.setup.insertion import Inserter, Insertion
from busy_callback.setup.marked_blocks import strip_text
from tests.unit.setup.test_extensions import dialplan


def put_in(folder: Path, text: str, *behind: str, before: tuple[str, ...] = ()) -> Dialplan:
    """Put New() behind, or two before, each step whose call this is; return the dialplan that Asterisk would load."""
    found = dialplan(folder, text)
    insertions = [Insertion(step, ("New()",)) for step in found.steps() if step.call in behind]
    insertions += [Insertion(step, ("One()", "Two()"), before=True) for step in found.steps() if step.call in before]
    for path, edits in Inserter(found, folder / "extensions.conf").put_in(insertions).items():
        old = path.read_text()
        path.write_text(edits.apply(old))
        assert strip_text(path.read_text()) == old
    return extensions_conf.read(list(Reading(folder, blocks=True).lines(folder / "extensions.conf")))


def calls(found: Dialplan, extension: str, context: str = "a") -> dict[int, str]:
    """Return an extension's calls by priority."""
    return {priority: step.call for priority, step in sorted(found.contexts[context].steps[extension].items())}


def test_behind_a_step_that_goes_on_with_n(tmp_path: Path) -> None:
    """Nothing else is touched, and labels stay where they are."""
    found = put_in(tmp_path, "[a]\nexten => 1,1,A()\n same => n(l),B()\nexten => 2,1,A()\n same => n,C()\n", "A()")
    assert calls(found, "1") == {1: "A()", 2: "New()", 3: "B()"}
    assert calls(found, "2") == {1: "A()", 2: "New()", 3: "C()"}
    labelled = found.labelled("a", "1", "l")
    assert labelled
    assert labelled.call == "B()"
    assert (tmp_path / "extensions.conf").read_text().count("; was: ") == 0


def test_numbers_by_hand_are_numbered_anew(tmp_path: Path) -> None:
    """Of exten and same, in any order and in included files, spaces and comments kept; another extension's stay."""
    (tmp_path / "more.conf").write_text("exten  =>  1,3 , C(x) ; third\n")
    text = "[a]\nexten => 1,1,A()\nexten => 2,1,D()\nexten => 1,2,B()\n#include more.conf\n"
    text += "exten => 2,2,E()\nsame => 3,F()\n"
    found = put_in(tmp_path, text, "A()")
    assert calls(found, "1") == {1: "A()", 2: "New()", 3: "B()", 4: "C(x)"}
    assert calls(found, "2") == {1: "D()", 2: "E()", 3: "F()"}
    assert (
        "; was: exten  =>  1,3 , C(x) ; third\nexten  =>  1,4 , C(x) ; third\n" in (tmp_path / "more.conf").read_text()
    )


def test_before_the_first_step(tmp_path: Path) -> None:
    """The new ones begin, in each way of counting; several at once."""
    text = "[a]\nexten => 1,1(top),A()\n same => n,B()\nexten => 2,1,A()\nexten => 2,2,B()\n"
    text += "exten => 3,1,C()\n same => n,A()\n"
    found = put_in(tmp_path, text, "B()", before=("A()",))
    assert calls(found, "1") == {1: "One()", 2: "Two()", 3: "A()", 4: "B()", 5: "New()"}
    assert calls(found, "2") == {1: "One()", 2: "Two()", 3: "A()", 4: "B()", 5: "New()"}
    assert calls(found, "3") == {1: "C()", 2: "One()", 3: "Two()", 4: "A()"}
    labelled = found.labelled("a", "1", "top")
    assert labelled
    assert labelled.priority == 3


def test_a_gap_takes_up_what_it_can(tmp_path: Path) -> None:
    """A step that followed none before keeps its number while there is room."""
    found = put_in(tmp_path, "[a]\nexten => 1,1,A()\nexten => 1,3,B()\nexten => 1,101,C()\n", "A()")
    assert calls(found, "1") == {1: "A()", 2: "New()", 3: "B()", 101: "C()"}


def test_jumps_by_number_are_honoured(tmp_path: Path) -> None:
    """Of the extension's own: Goto, both ways of GotoIf, times; a label and a condition's numbers stay."""
    text = """\
[a]
exten => 1,1,A()
exten => 1,2,GotoIf($[${X} = 2]?4:here)
exten => 1,3(here),Goto(1,5)
exten => 1,4,GotoIfTime(9:00-17:00,mon-fri,*,*?a,1,3) ; at 3
exten => 1,5,Goto(1)
exten => 2,1,Goto(2)
exten => 2,2,Goto(3,1)
"""
    found = put_in(tmp_path, text, "A()")
    assert calls(found, "1") == {
        1: "A()",
        2: "New()",
        3: "GotoIf($[${X} = 2]?5:here)",
        4: "Goto(1,6)",
        5: "GotoIfTime(9:00-17:00,mon-fri,*,*?a,1,4)",
        6: "Goto(1)",
    }
    assert calls(found, "2") == {1: "Goto(2)", 2: "Goto(3,1)"}


@pytest.mark.parametrize(
    "jump",
    [
        "[a]\nexten => 2,1,Goto(1,3)\n",
        "[b]\nexten => 2,1,Gosub(a,1,2(x))\n",
        "[b]\nexten => 2,1,ExecIf($[1]?Goto(a,1,3))\n",
        "[b]\nexten => 2,1,GotoIf($[1]?a,${X},3:4)\n",
        "[b]\ninclude => a\nexten => 2,1,Goto(1,2)\n",
        "[a]\nexten => 1,4,ExecIf($[1]?Goto(3))\n",
    ],
)
def test_jumps_from_elsewhere_are_refused_with_their_lines(tmp_path: Path, jump: str) -> None:
    """What would come to another step then is told, each line of it, and nothing is changed."""
    text = f"[a]\nexten => 1,1,A()\nexten => 1,2,B()\n same => n,C()\n{jump}"
    with pytest.raises(SetupError, match=r"jump to by number.*extensions\.conf:\d") as caught:
        put_in(tmp_path, text, "A()")
    assert str(caught.value).count("extensions.conf:") == 1
    assert (tmp_path / "extensions.conf").read_text() == text


def test_a_jump_to_what_stays_is_no_matter(tmp_path: Path) -> None:
    """Steps before the new one, other extensions' and labels."""
    text = "[a]\nexten => 1,1,Z()\n same => n(l),A()\n same => n,B()\nexten => 2,1,Goto(1,2)\n same => n,Goto(1,l)\n"
    found = put_in(tmp_path, f"{text}[b]\nexten => 3,1,Goto(2,3)\n", "A()")
    assert calls(found, "1") == {1: "Z()", 2: "A()", 3: "New()", 4: "B()"}


@pytest.mark.parametrize(
    "text",
    [
        "[a]\nexten => 1,1,A()\nexten => 2,1,C()\nexten => 1,n,B()\n",
        "[a]\nexten => 1,1,A()\nexten => 1,2,B()\n[b](a)\nexten => 1,3,C()\n",
    ],
)
def test_what_cannot_be_numbered_is_refused_with_its_lines(tmp_path: Path, text: str) -> None:
    """An n that counts from another extension's step, an extension in parts of two contexts: told, nothing changed."""
    with pytest.raises(SetupError, match=r"without breaking it.*extensions\.conf:2, extensions\.conf:\d"):
        put_in(tmp_path, text.replace("[a]", "[a]", 1), "A()")
    assert (tmp_path / "extensions.conf").read_text() == text


def test_a_block_comment_that_begins_behind_the_step_is_left_whole(tmp_path: Path) -> None:
    """The new step stands behind the comment, where it counts."""
    found = put_in(tmp_path, "[a]\nexten => 1,1,A() ;-- one\ntwo\nthree --;\n same => n,B()\n", "A()")
    assert calls(found, "1") == {1: "A()", 2: "New()", 3: "B()"}


def test_a_step_that_is_in_no_file_gets_none(tmp_path: Path) -> None:
    """What another module made can't be changed in a file."""
    found = dialplan(tmp_path, "[a]\nexten => 1,1,A()\n")
    (step,) = found.steps()
    lonely = Dialplan()
    lonely.add(type(step)("a", "1", 1, "A", source="pbx_ael"))
    with pytest.raises(SetupError, match="in no file"):
        Inserter(lonely, tmp_path / "extensions.conf").put_in([Insertion(s, ("New()",)) for s in lonely.steps()])
