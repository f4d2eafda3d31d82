"""The rooms of the package and the arrows between them: CONTRIBUTING.md has the picture."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import busy_callback

PACKAGE = Path(busy_callback.__file__).parent
WINGS = ("setup", "report", "pbx", "store")
GROUND = {
    "branches",
    "clock",
    "deadline",
    "errors",
    "installed",
    "numbering",
    "policy",
    "prompts",
    "request",
    "setting_values",
    "settings",
    "settlement",
}
TOLD = {"language", "printing", "terminal"}  # how people are told

# Each room and what it may import of the package. Who adds an arrow adds it here, and says why in the commit.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "agi": {"channel", "conversation", "errors", "numbering", "offer", "prompts", "request", "settings", "store"},
    "offer": {"channel", "errors", "numbering", "request", "settings", "store"},
    "conversation": set(),
    "channel": {"numbering", "request", "setting_values", "settings"},
    "printing": {"language", "numbering", "request"},
    "terminal": {"language"},
    "cli": {
        *("__init__", "errors", "language", "numbering", "poller", "printing", "report", "request", "settings"),
        *("setup", "store"),
    },
    "poller": {"clock", "errors", "pbx", "policy", "prompts", "request", "runs", "settings", "settlement", "store"},
    "runs": {"errors", "pbx", "settings", "store"},
    "setup": {"pbx", "store", *GROUND, *TOLD},
    "report": {"store", *GROUND, *TOLD},
    "pbx": {"store", *GROUND},
    "store": GROUND - {"policy", "settlement", "clock", "installed"},
    "settlement": {"policy", "request", "settings"},
    "policy": {"request", "settings"},
    "settings": {"branches", "errors", "numbering", "request", "setting_values"},
    "branches": {"errors", "numbering"},
    "setting_values": {"numbering", "request"},
    "numbering": {"errors", "request"},
    "request": {"errors"},
    "deadline": {"errors"},
    "language": set(),
    "prompts": set(),
    "clock": set(),
    "errors": set(),
    "installed": set(),
}
LATE = {
    ("cli", "setup"),
    ("cli", "report"),
    ("cli", "poller"),
    ("agi", "offer"),
    ("agi", "prompts"),
    ("settings", "branches"),
}  # loaded when they are called for


def room_of(parts: tuple[str, ...]) -> str:
    """Return the room of a module, by its path below the package."""
    return parts[0] if parts else "__init__"


def arrows(file: Path) -> Iterator[tuple[str, bool]]:
    """Yield the rooms that a module imports, and whether it does so at its own import (not for mypy alone)."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    late = {
        id(inner) for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.If)) for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: the package's modules name each other in full"
            module = str(node.module)
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "busy_callback" else [module]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "busy_callback":
                known = (PACKAGE / f"{rest[0]}.py").exists() or rest[0] in WINGS
                yield (rest[0] if known else "__init__"), id(node) not in late


MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", MODULES, ids=[str(path.relative_to(PACKAGE)) for path in MODULES])
def test_a_module_imports_only_what_its_room_may(file: Path) -> None:
    """Arrows run downwards only; what is loaded late is loaded late."""
    room = room_of(file.relative_to(PACKAGE).with_suffix("").parts)
    for target, at_once in arrows(file):
        if target != room:
            assert target in MAY_IMPORT[room], f"{room} must not import {target}"
            assert (room, target) not in LATE or not at_once, f"{room} loads {target} only when it is called for"


def test_every_room_is_known_and_there_is_no_way_round() -> None:
    """The table has all rooms and no others, and no arrow leads back."""
    rooms = {room_of(path.relative_to(PACKAGE).with_suffix("").parts) for path in MODULES}
    assert rooms == set(MAY_IMPORT)
    above: set[str] = set()
    left = dict(MAY_IMPORT)
    while left:
        free = {room for room, targets in left.items() if targets <= above}
        assert free, f"these import each other: {', '.join(left)}"
        above |= free
        left = {room: targets for room, targets in left.items() if room not in free}


def test_each_wing_says_what_lives_there() -> None:
    """A wing's __init__ is a text: what is there, who may import it, and what it may import itself."""
    for wing in WINGS:
        tree = ast.parse((PACKAGE / wing / "__init__.py").read_text(encoding="utf-8"))
        text = ast.get_docstring(tree) or ""
        assert len(tree.body) == 1
        assert "import" in text
        assert all(f"{other}/" in text for other in WINGS if other in MAY_IMPORT[wing])


def test_the_tests_mirror_the_wings() -> None:
    """Tests of a wing's modules lie in a folder of its name."""
    here = Path(__file__).parent
    for wing in WINGS:
        assert list((here / wing).glob("test_*.py"))


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_and_its_functions_are_read_in_one_go(file: Path) -> None:
    """No module has over 300 lines, no function over 50."""
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= 50] == []
