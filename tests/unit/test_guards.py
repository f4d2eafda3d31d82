"""tests/prove can do its work: each guard stands in the package as its table says, each promise's test has one."""

from __future__ import annotations

import re

import pytest

from ..guards import GUARDS
from ..guards.guard import ROOT, Guard

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.what for guard in GUARDS])
def test_a_guard_stands_where_it_is_taken_out(guard: Guard) -> None:
    """Its lines are there, once, and the tests that would miss it."""
    for edit in guard.edits:
        assert edit.old in edit.read(ROOT)
    for test in guard.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_each_test_of_a_promise_has_a_guard() -> None:
    """Every test in the files that SECURITY.md names was seen to fail without something."""
    missed = {test.partition("[")[0] for guard in GUARDS for test in guard.tests}
    files = {path for name in re.findall(r"test_\w+\.py", SECURITY) for path in ROOT.glob(f"tests/**/{name}")}
    for path in sorted(files - {ROOT / "tests/acceptance/test_numbers.py"}):
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"{path.relative_to(ROOT)}::{name}" in missed, name
