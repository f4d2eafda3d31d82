"""Where the offer goes: after Dial on plain Asterisk, in the override file on FreePBX."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line, lines_of
from busy_callback.setup.wiring import GOSUB, after_dials, freepbx_override, steps_in
from tests.lab.freepbx_dialplans import MAIN, additional


def lines(folder: Path, text: str) -> tuple[Line, ...]:
    """Return a dialplan's lines."""
    (folder / "extensions.conf").write_text(text)
    return tuple(lines_of(folder / "extensions.conf", folder))


def places(folder: Path, text: str) -> list[str]:
    """Return the lines behind which the offer would go, in the context phones."""
    return [line.text.strip() for line in after_dials(lines(folder, text), "phones")]


def test_the_offer_follows_the_dial_of_the_phones(tmp_path: Path) -> None:
    """The Dial by the extension's number is the one, in both spellings; a trunk's is not."""
    text = """[phones]
exten => _2XX,1,Dial(PJSIP/${EXTEN},20,tT) ; rings
exten = 301,1,NoOp()
 same = n(ring),Dial(SIP/301)
exten => _4XX,1,Dial(${PJSIP_DIAL_CONTACTS(${EXTEN})},20)
exten => _0.,1,Dial(PJSIP/${EXTEN:1}@trunk)
exten => _9XX,1,Dial(PJSIP/${EXTEN}@provider,30)
exten => s,1,Dial(PJSIP/${EXTEN})
[others]
exten => _4XX,1,Dial(PJSIP/${EXTEN})
"""
    assert places(tmp_path, text) == [
        "exten => _2XX,1,Dial(PJSIP/${EXTEN},20,tT)",
        "same = n(ring),Dial(SIP/301)",
        "exten => _4XX,1,Dial(${PJSIP_DIAL_CONTACTS(${EXTEN})},20)",
    ]


def test_numbered_steps_are_left_alone(tmp_path: Path) -> None:
    """A step put between numbered ones would shift nothing and break all: the error says what to do."""
    with pytest.raises(SetupError, match=r"extensions\.conf:2: the steps after this Dial are numbered"):
        places(tmp_path, "[phones]\nexten => _2XX,1,Dial(SIP/${EXTEN})\nexten => _2XX,2,Hangup\n")


def test_a_dial_at_an_extensions_end_may_be_numbered(tmp_path: Path) -> None:
    """Where no step of the same extension follows, n is the next number."""
    assert places(tmp_path, "[phones]\nexten => _2XX,1,Dial(SIP/${EXTEN})\nexten => 300,1,Hangup\n")


def test_an_offer_by_the_admins_own_hand_is_enough(tmp_path: Path) -> None:
    """Where the admin has put the line already, in this form or the older one, none is added."""
    for line in (GOSUB, "Gosub(busy-callback,${EXTEN},1)", "gosub(busy-callback,s,1(${EXTEN},busy))"):
        assert places(tmp_path, f"[phones]\nexten => _2XX,1,Dial(SIP/${{EXTEN}})\n same => n,{line}\n") == []


def test_an_unknown_context_is_told_with_the_known_ones(tmp_path: Path) -> None:
    """The error names the contexts that there are."""
    with pytest.raises(SetupError, match=r"no context 'phones' has extensions .* there are: offices"):
        places(tmp_path, "[general]\n[offices]\nexten => 1,1,Hangup()\n")


def test_a_context_without_a_phones_dial_gets_the_line_to_put_in(tmp_path: Path) -> None:
    """Where the place can't be found, the error has the line to put in by hand."""
    with pytest.raises(SetupError, match=r"same => n,Gosub\(busy-callback,s,1\(\$\{EXTEN\}\)\)"):
        places(tmp_path, "[phones]\nexten => _2XX,1,Gosub(ring,s,1)\n")


def test_includes_are_followed(tmp_path: Path) -> None:
    """The place may be in an included file, also by a pattern, and an endless include ends."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.conf").write_text("exten => _2XX,1,Dial(SIP/${EXTEN})\n")
    found = after_dials(lines(tmp_path, '[phones]\n#include "d/*.conf"\n'), "phones")
    assert found[0].path == tmp_path / "d" / "a.conf"
    (tmp_path / "d" / "a.conf").write_text("[more]\n#include d/a.conf\n")
    assert len(lines(tmp_path, '#include "d/*.conf"\n')) < 100


def freepbx(folder: Path, generated: str, override: str = "") -> list[str]:
    """Return the override for a generated dialplan."""
    (folder / "extensions_additional.conf").write_text(generated)
    (folder / "extensions_override_freepbx.conf").write_text(override)
    return freepbx_override(lines(folder, MAIN))


@pytest.mark.parametrize("form", ["Macro", "Gosub"])
def test_freepbx_loses_nothing_but_a_line_of_its_log(tmp_path: Path, form: str) -> None:
    """With its trace on, FreePBX's first step is a NoOp: only that is taken over, whatever its form."""
    wanted = freepbx(tmp_path, additional(form))
    assert [line for line in wanted if line.startswith("[")] == [
        "[macro-exten-vm]",
        "[macro-exten-vm]",
        "[macro-vm]",
        "[macro-simple-dial]",
    ]
    assert [line.split(",")[1] for line in wanted if "s-BUSY" in line] == ["1", "1", "1", "2", "3"]
    assert [line.split(",")[1] for line in wanted if "s-NOANSWER" in line] == ["1", "2", "3"]
    assert sum("busy-callback,s,1(${EXTTOCALL},busy)" in line for line in wanted) == 2
    assert sum("busy-callback,s,1(${EXTTOCALL})" in line for line in wanted) == 1
    assert sum("busy-callback,s,1(${MEXTEN},busy)" in line for line in wanted) == 1


@pytest.mark.parametrize("form", ["Macro", "Gosub"])
def test_freepbx_without_trace_keeps_all_its_steps(tmp_path: Path, form: str) -> None:
    """With its trace off, its steps come after ours, in their order and as they were."""
    generated = additional(form, trace=False)
    (tmp_path / "extensions_additional.conf").write_text(generated)
    own = [s.application for s in steps_in(lines(tmp_path, MAIN), "macro-exten-vm") if s.extension == "s-BUSY"]
    wanted = freepbx(tmp_path, generated)
    assert wanted[2 : 2 + len(own)] == [f"exten => s-BUSY,{n},{step}" for n, step in enumerate(own, 2)]


def test_another_takeover_is_not_fought(tmp_path: Path) -> None:
    """Where the override file has an s-BUSY of somebody else's, as by the page, the error names its line."""
    with pytest.raises(SetupError, match=r"override_freepbx\.conf:2 takes over s-BUSY of macro-exten-vm already"):
        freepbx(tmp_path, additional("Macro"), "[macro-exten-vm]\nexten => s-BUSY,1,Hangup()\n")


def test_freepbx_before_its_first_apply_is_told_so(tmp_path: Path) -> None:
    """Without a generated dialplan there is nothing to wire, and the error says to press Apply Config."""
    with pytest.raises(SetupError, match="Apply Config"):
        freepbx(tmp_path, "")
