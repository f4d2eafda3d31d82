"""The README keeps its word: the tests that it names are there, and so are the settings."""

from __future__ import annotations

import re
from pathlib import Path

from busy_callback import settings

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
    assert named == set(settings._KEYS["general"])
    assert all(f"`{key}`" in section for key in settings._KEYS["manager"])
