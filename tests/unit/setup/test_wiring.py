"""Where the offer goes on plain Asterisk: after the Dial of the phones."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line, lines_of
from busy_callback.setup.wiring import after_dials


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
    """Where the admin has put the line already, none is added."""
    text = "[phones]\nexten => _2XX,1,Dial(SIP/${EXTEN})\n same => n,Gosub(busy-callback,${EXTEN},1)\n"
    assert places(tmp_path, text) == []


def test_an_unknown_context_is_told_with_the_known_ones(tmp_path: Path) -> None:
    """The error names the contexts that there are."""
    with pytest.raises(SetupError, match=r"no context 'phones' has extensions .* there are: offices"):
        places(tmp_path, "[general]\n[offices]\nexten => 1,1,Hangup()\n")


def test_a_context_without_a_phones_dial_gets_the_line_to_put_in(tmp_path: Path) -> None:
    """Where the place can't be found, the error has the line to put in by hand."""
    with pytest.raises(SetupError, match=r"same => n,Gosub\(busy-callback,\$\{EXTEN\},1\)"):
        places(tmp_path, "[phones]\nexten => _2XX,1,Gosub(ring,s,1)\n")


def test_includes_are_followed(tmp_path: Path) -> None:
    """The place may be in an included file, also by a pattern, and an endless include ends."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.conf").write_text("exten => _2XX,1,Dial(SIP/${EXTEN})\n")
    found = after_dials(lines(tmp_path, '[phones]\n#include "d/*.conf"\n'), "phones")
    assert found[0].path == tmp_path / "d" / "a.conf"
    (tmp_path / "d" / "a.conf").write_text("[more]\n#include d/a.conf\n")
    assert len(lines(tmp_path, '#include "d/*.conf"\n')) < 100
