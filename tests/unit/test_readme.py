"""README and man page keep their word: tests, settings and commands that they name are there, and all of them."""

from __future__ import annotations

import re
from pathlib import Path

import click

from busy_callback.cli import main
from busy_callback.setting_values import KEYS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_each_cell_of_the_feature_table_is_backed_by_a_test() -> None:
    """Every test that README names is a test of this project."""
    named = set(re.findall(r"`(test_\w+)`", README))
    written = {name for file in ROOT.glob("tests/**/*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert len(named) > 20
    assert named <= written


def test_each_setting_is_documented() -> None:
    """Every setting that busy_callback.conf may have is in README, and README names no other."""
    section = README.partition("## Settings")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"(?m)^\| (`[^|]+) \|", section) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(KEYS["general"])
    assert all(f"`{key}`" in section for key in KEYS["manager"])


def test_each_command_is_documented() -> None:
    """Every command is in README and in the man page."""
    man_page = (ROOT / "busy_callback" / "busy-callback.8").read_text(encoding="utf-8")
    names = main.list_commands(click.Context(main))
    assert len(names) >= 8
    for name in names:
        assert f"busy-callback {name}" in README
        assert f".BR {name} " in man_page
