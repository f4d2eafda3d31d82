"""SECURITY.md keeps its word: each promise names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_each_promise_is_backed_by_tests_that_exist() -> None:
    """Every row of the table names at least one file of tests, or a test in one."""
    rows = [line for line in SECURITY.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 8
    for row in rows:
        named = re.findall(r"`(?:tests/[a-z/]+/)?(test_\w+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, test in named:
            (path,) = ROOT.glob(f"tests/**/{file}")
            assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), f"{file} has no {test}"
