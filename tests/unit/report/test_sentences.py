"""What stands in a request's history is known again: no sentence of policy without its place in the tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import busy_callback
from busy_callback.report import sentences

PACKAGE = Path(busy_callback.__file__).parent

# Where sentences of a request's history are written: the modules that decide, and those that call them.
DECIDING = ("policy", "settlement")
CALLING = ("store/spool", "cli", "agi", "poller")
WRITERS = {"end", "but", "cancel"}  # functions that take a sentence


class Sentences:
    """The texts that a module's strings may become, with 201, 202 and 3 in place of what is not known."""

    def __init__(self, path: Path) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self._inner: set[str] = set()  # texts that only stand in others
        self._functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]

    def decided(self) -> set[str]:
        """Return all texts with a blank that are no docstrings: in a module that decides, all are sentences."""
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
        }
        found: set[str] = set()
        for function in self._functions:
            parts = {
                id(value) for node in ast.walk(function) if isinstance(node, ast.JoinedStr) for value in node.values
            }
            for node in ast.walk(function):
                is_text = isinstance(node, ast.JoinedStr) or (
                    isinstance(node, ast.Constant) and isinstance(node.value, str)
                )
                if is_text and id(node) not in docstrings | parts:
                    found |= set(self._texts(node, function))
        return {text for text in found - self._inner if " " in text.strip()}

    def passed(self) -> set[str]:
        """Return the texts that are passed to a function which takes a sentence."""
        found: set[str] = set()
        for function in self._functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in WRITERS:
                    for argument in node.args:
                        if isinstance(argument, (ast.Constant, ast.JoinedStr)):
                            found |= set(self._texts(argument, function))
        return found

    def _texts(self, node: ast.AST, function: ast.FunctionDef) -> Iterator[str]:
        """Yield what an expression may become."""
        if isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.IfExp):
            yield from self._texts(node.body, function)
            yield from self._texts(node.orelse, function)
        elif isinstance(node, ast.JoinedStr):
            texts = [""]
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    inner = list(self._texts(part.value, function))
                    self._inner |= set(inner)
                else:
                    inner = list(self._texts(part, function))
                texts = [text + piece for text in texts for piece in inner]
            yield from texts
        elif isinstance(node, ast.Name):
            yield from self._named(node.id, function)
        else:
            name = getattr(node, "attr", "")
            yield {"caller": "201", "callee": "202"}.get(name, "3")

    def _named(self, name: str, function: ast.FunctionDef) -> Iterator[str]:
        """Yield what a name may stand for: what is assigned to it, or passed for it."""
        if name in {"caller", "callee"}:
            yield {"caller": "201", "callee": "202"}[name]
            return
        values = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets)
        ]
        places = [number for number, argument in enumerate(function.args.args) if argument.arg == name]
        calls = [
            (node.args[places[0]], caller)
            for caller in self._functions
            for node in ast.walk(caller)
            if places
            and isinstance(node, ast.Call)
            and getattr(node.func, "id", "") == function.name
            and len(node.args) > places[0]
        ]
        found = [text for value in values for text in self._texts(value, function)]
        found += [text for value, caller in calls for text in self._texts(value, caller)]
        yield from found or ["3"]


def written() -> set[str]:
    """Return every sentence that the package may write into a request's history."""
    found: set[str] = set()
    for name in DECIDING:
        path = PACKAGE / f"{name}.py"
        if path.exists():
            found |= Sentences(path).decided()
    for name in CALLING:
        found |= Sentences(PACKAGE / f"{name}.py").passed()
    return found


def test_each_sentence_of_policy_is_in_the_tables() -> None:
    """Who gives policy another reason writes one row in sentences.py for it, and its Chinese in the catalog."""
    found = written()
    assert {"201 did not answer the recall (3 of 3 attempts)", "asked again", "by the caller"} <= found
    assert {text for text in found if sentences.understand(text).code == sentences.OTHER} == set()


def test_a_sentence_is_understood_with_its_values() -> None:
    """Whichever state it ended in, and whichever attempt it was."""
    told = sentences.understand("failed: 201 did not answer the recall (2 of 3 attempts)")
    assert (told.code, told.values) == ("unanswered", {"caller": "201", "count": "2", "most": "3"})
    told = sentences.understand("completed: 201 and 202 talked for 61 s")
    assert (told.code, told.values) == ("talked", {"caller": "201", "callee": "202", "seconds": "61"})
    told = sentences.understand("201 vanished")
    assert (told.code, told.english.format(**told.values)) == (sentences.OTHER, "201 vanished")


def test_each_code_stands_for_one_thing() -> None:
    """A reason's code is one state's alone: it is a name in the metrics and in --json."""
    codes = [code for rows in sentences.ENDS.values() for code, _, _ in rows]
    assert len(codes) == len(set(codes))
    patterns = [pattern for _, pattern, _ in sentences.sentences()]
    assert len(patterns) == len(set(patterns))
