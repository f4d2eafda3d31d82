"""Doctor on FreePBX and its kin looks at the dialplan that Asterisk has loaded, the generated part and the admin's."""

from __future__ import annotations

import os

import pytest

from busy_callback.settings import load
from busy_callback.setup.check import CheckFailed, Installation
from busy_callback.setup.checks_asterisk import check_language
from busy_callback.setup.checks_dialplan import check_calls, check_codes, check_reach
from tests.lab.freepbx_dialplans import CUSTOM_FILES, FREEPBX, ISSABEL, additional, files
from tests.unit.setup.pbx import Pbx

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed"),
    pytest.mark.parametrize(("form", "product"), [("Macro", FREEPBX), ("Gosub", FREEPBX), ("Macro", ISSABEL)]),
]


@pytest.fixture
def installed(pbx: Pbx, form: str, product: str) -> Pbx:
    """Return a running PBX of that product with the package in it."""
    for name in CUSTOM_FILES:
        pbx.write(name, "")
    for name, text in files(product, additional(form, product=product)).items():
        pbx.write(name, text)
    pbx.write("manager.conf", "[general]\nenabled = yes\n#include manager_custom.conf\n")
    pbx.runs()
    pbx.install()
    return pbx


def examined(pbx: Pbx) -> Installation:
    """Return what doctor's checks get to see."""
    return Installation(pbx.survey(), load(pbx.directories.conf))


def custom(pbx: Pbx, lines: str) -> None:
    """Put lines of the admin's own into extensions_custom.conf."""
    pbx.write("extensions_custom.conf", f"{(pbx.etc / 'extensions_custom.conf').read_text()}\n{lines}")


def test_the_language_of_its_extensions_is_told(installed: Pbx) -> None:
    """Its dialplan is not followed, but its phones are known: each hears the language of its own section."""
    assert ": 201" in check_language(examined(installed))


def test_a_taken_code_is_told(installed: Pbx) -> None:
    """*86 is the Park Prefix: install set other codes; with *86, or an own extension of the code's, doctor is red."""
    pbx = examined(installed)
    assert "are free for it" in check_codes(pbx)
    taken = pbx.settings.code_count
    pbx.settings.code_cancel = "*86"
    with pytest.raises(CheckFailed, match=r"code \*86 is \*86 of your own dialplan \(extensions_additional\.conf:\d+"):
        check_codes(pbx)
    custom(installed, f"[from-internal-custom]\nexten => {taken},1,NoOp(mine)\n")
    with pytest.raises(CheckFailed, match=r"of your own dialplan \(extensions_custom\.conf:\d+") as caught:
        check_codes(examined(installed))
    assert "write into [general]" in caught.value.cure


def test_a_call_of_ones_own_that_leads_nowhere_is_told(installed: Pbx) -> None:
    """A line of the admin's that calls our contexts is looked at, whatever FreePBX generates."""
    assert "lead to what they should" in check_calls(examined(installed))
    custom(installed, "[mine]\nexten => s,1,NoOp()\nexten => s,2,Gosub(busy-callback,s,1(${EXTEN}))\n")
    with pytest.raises(CheckFailed, match=r"extensions_custom\.conf:\d+ Gosub.*in extension s \$\{EXTEN\} is s"):
        check_calls(examined(installed))


def test_a_context_that_is_not_there_is_told(installed: Pbx) -> None:
    """The callees' context is one of the loaded dialplan."""
    pbx = examined(installed)
    assert check_reach(pbx) == "the callee is dialled from from-internal"
    pbx.settings.context = "elsewhere"
    with pytest.raises(CheckFailed, match="context = elsewhere is not there") as caught:
        check_reach(pbx)
    assert caught.value.cure.endswith("context = from-internal")
