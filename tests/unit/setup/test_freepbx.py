"""Where the offer goes on FreePBX: into its override file."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup.config_files import Line, lines_of
from busy_callback.setup.extensions_conf import read
from busy_callback.setup.freepbx import freepbx_override
from tests.lab.freepbx_dialplans import MAIN, additional


def lines(folder: Path, text: str) -> tuple[Line, ...]:
    """Return a dialplan's lines."""
    (folder / "extensions.conf").write_text(text)
    return tuple(lines_of(folder / "extensions.conf", folder))


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
    own = [step.call for step in read(lines(tmp_path, MAIN)).contexts["macro-exten-vm"].steps["s-BUSY"].values()]
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
