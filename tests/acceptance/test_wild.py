"""``tests/wild`` on the generated forms: what it plays on real machines' configurations is right on ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..lab.freepbx_dialplans import FREEPBX, ISSABEL, additional, files
from ..wildtest.machine import Machine
from ..wildtest.play import play

FORMS = [("Macro", FREEPBX), ("Macro", ISSABEL), ("Gosub", FREEPBX)]


def machine_of(folder: Path, form: str, product: str) -> Path:
    """Write a machine's configuration folder, with what no Asterisk here may run; return it."""
    source = folder / "source"
    source.mkdir()
    technology = "SIP" if form == "Macro" else "PJSIP"
    for name, text in files(product, additional(form, technology=technology, product=product)).items():
        (source / name).write_text(text)
    with (source / "extensions_custom.conf").open("a") as custom:
        custom.write("#exec touch /tmp/never\n#include missing.conf\n#include ../outside.conf\n")
    (folder / "outside.conf").write_text("[outside]\nexten => s,1,NoOp()\n")
    return source


@pytest.mark.parametrize(("form", "product"), FORMS)
def test_a_machine_is_played(tmp_path: Path, form: str, product: str) -> None:
    """Each step is right, from install to uninstall, and the folder that was given is as it was."""
    source = machine_of(tmp_path, form, product)
    before = {path: path.read_bytes() for path in source.iterdir()}
    with Machine(source, tmp_path / "machine") as machine:
        assert "missing.conf is not there" in machine.told
        assert "../outside.conf is not there" in machine.told
        assert "extensions_custom.conf: 1 #exec left out" in machine.told
        found = list(play(machine))
    assert [line for line in found if line[0] != "ok"] == []
    assert f"This is {product}:" in found[0][2]
    assert {path: path.read_bytes() for path in source.iterdir()} == before


def test_another_dialplan_is_no_machine_of_freepbxs_kind(tmp_path: Path) -> None:
    """What has no macro-exten-vm can't be played, and is told so by its form."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "extensions.conf").write_text("[phones]\nexten => 201,1,Dial(SIP/201)\n")
    assert Machine(source, tmp_path / "machine").form == ""
