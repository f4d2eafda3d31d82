"""Puts steps between the others of an extension, in the files where these stand: a diff that changes nothing else.

Steps that are numbered by hand are numbered anew, and with them what jumps to them by number. What can't be done so
that every step is still reached as before is refused, with all the lines that stand in the way.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.call_paths import split_ways
from busy_callback.setup.config_files import Line, Reading, read_text
from busy_callback.setup.extensions import Dialplan, Step, matches
from busy_callback.setup.extensions_conf import read, split_call
from busy_callback.setup.marked_blocks import edit, split, strip_text

_NUMBERED = re.compile(r"(\s*(?:exten\s*=>?[^,]*,|same\s*=>?)\s*)(\d+)", re.IGNORECASE)
_CALL = re.compile(r"(\s*(?:exten\s*=>?[^,]*,|same\s*=>?)[^,]*,)(.*)", re.IGNORECASE | re.DOTALL)
_GOAL = re.compile(r"(?:^|,)\s*(\d{1,9})\s*(?:\(.*)?$", re.ASCII | re.DOTALL)  # of a jump, with a Gosub's arguments
_JUMPS = {"goto", "gotoif", "gotoiftime"}
_OTHER_JUMPS = {"gosub", "gosubif", "execif", "execiftime"}


@dataclass(frozen=True)
class Insertion:
    """Calls of applications to put behind a step, or ``before`` it."""

    step: Step
    calls: tuple[str, ...]
    before: bool = False


@dataclass
class Edits:
    """What changes in one file: lines ``after`` a line and ``instead`` of one, numbered as without our blocks."""

    after: dict[int, list[str]] = field(default_factory=dict)
    instead: dict[int, list[str]] = field(default_factory=dict)

    def apply(self, text: str) -> str:
        """Return the text, which has no blocks, with the changes."""
        return edit(text, self.after, self.instead)


class Inserter:
    """Works out the edits for insertions into the dialplan that these files are."""

    def __init__(self, dialplan: Dialplan, main: Path) -> None:
        self._dialplan = dialplan
        self._main = main
        self._texts: dict[Path, list[str]] = {}
        self.edits: dict[Path, Edits] = {}

    def put_in(self, insertions: Sequence[Insertion]) -> dict[Path, Edits]:
        """Return the edits of each file; raise SetupError that names all the lines in the way."""
        by_extension: dict[tuple[str, str], list[Insertion]] = {}
        for insertion in insertions:
            key = insertion.step.context, insertion.step.extension
            by_extension.setdefault(key, []).append(insertion)
        moved: dict[Step, int] = {}
        for (context, extension), some in by_extension.items():
            moved.update(self._renumber(list(self._dialplan.contexts[context].steps[extension].values()), some))
        self._check_jumps(moved)
        for step, priority in moved.items():
            self._write(step, priority, moved)
        for insertion in insertions:
            self._insert(insertion, moved)
        self._check(insertions)
        return self.edits

    @staticmethod
    def _renumber(steps: list[Step], insertions: list[Insertion]) -> Iterator[tuple[Step, int]]:
        """Yield each step whose priority changes, with its new one; a gap between priorities takes up what it can."""
        new = -1
        counted = sorted((step for step in steps if step.priority > 0), key=lambda step: step.priority)
        known: set[int] = set()
        for step in counted:
            before = sum(
                len(insertion.calls)
                for insertion in insertions
                if (insertion.before and insertion.step == step)
                or (not insertion.before and insertion.step.priority + 1 == step.priority)
            )
            behind_gap = step.priority - 1 not in known
            new = max(step.priority, new + 1 + before) if behind_gap and known else new + 1 + before
            new = step.priority + before if not known else new
            known.add(step.priority)
            if new != step.priority:
                yield step, new

    def _text(self, line: Line) -> str:
        """Return a line as it is in its file, without its end."""
        lines = self._texts.setdefault(line.path, split(strip_text(read_text(line.path))))
        return lines[line.number].rstrip("\r\n")

    def _edits(self, path: Path) -> Edits:
        return self.edits.setdefault(path, Edits())

    def _write(self, step: Step, priority: int, moved: Mapping[Step, int]) -> None:
        """Write a step whose priority, or whose jumps, changed; ``n`` goes on as it is."""
        if not step.line:
            return
        text = self._text(step.line)
        call = _CALL.fullmatch(text)
        wanted = text
        if call and step.application.lower() in _JUMPS:
            wanted = call[1] + self._retargeted(step, call[2], moved)
        numbered = _NUMBERED.match(wanted)
        if numbered:
            wanted = f"{numbered[1]}{priority}{wanted[numbered.end() :]}"
        if wanted != text:
            self._edits(step.line.path).instead[step.line.number] = [wanted]

    def _insert(self, insertion: Insertion, moved: Mapping[Step, int]) -> None:
        step = insertion.step
        if not step.line:
            raise SetupError(f"{step} is in no file; nothing can be put there")
        edits = self._edits(step.line.path)
        lines = [f" same => n,{call}" for call in insertion.calls]
        previous = self._dialplan.contexts[step.context].steps[step.extension].get(step.priority - 1)
        if not insertion.before:
            edits.after.setdefault(step.line.end, []).extend(lines)
        elif previous and previous.line:
            self._edits(previous.line.path).after.setdefault(previous.line.end, []).extend(lines)
        else:
            text = edits.instead.get(step.line.number, [self._text(step.line)])[0]
            head = _NUMBERED.match(text)
            if not head:
                raise SetupError(f"{step.line}: nothing can be put before this step; do it by hand")
            first = f"{head[1]}{step.priority},{insertion.calls[0]}"
            edits.instead[step.line.number] = [first, *lines[1:], f"{head[1]}n{text[head.end() :]}"]

    # -- jumps -------------------------------------------------------------------------------------

    def _check_jumps(self, moved: dict[Step, int]) -> None:
        """Add the steps of moved extensions that jump by number; raise SetupError for jumps from elsewhere."""
        by_extension: dict[tuple[str, str], set[int]] = {}
        for step in moved:
            by_extension.setdefault((step.context, step.extension), set()).add(step.priority)
        in_the_way = []
        jumps = [(step, way) for step in self._dialplan.steps() for way in _ways(step) if _GOAL.search(way)]
        for step, way in jumps:
            for (context, extension), numbers in by_extension.items():
                if not self._may_mean(step, way, context, extension, numbers):
                    continue
                if (step.context, step.extension) == (context, extension) and step.application.lower() in _JUMPS:
                    moved.setdefault(step, step.priority)
                else:
                    in_the_way.append(f"{step} {step.call}")
        if in_the_way:
            raise SetupError(
                "a step put in would change what these jump to by number; write labels instead, then try again: "
                + "; ".join(dict.fromkeys(in_the_way))
            )

    def _may_mean(self, step: Step, way: str, context: str, extension: str, numbers: Container[int]) -> bool:
        """Tell whether a jump's target may be one of an extension's priorities that change."""
        goal = _GOAL.search(way)
        if not goal or int(goal[1]) not in numbers:
            return False
        parts = [part.strip() for part in way[: goal.end(1)].split(",")][-3:]
        number = parts[-2] if len(parts) > 1 and parts[-2] else step.extension
        where = parts[-3] if len(parts) > 2 and parts[-3] else step.context
        if "${" in where or "${" in number:
            return "${" in where or context in {c.name for c in self._dialplan.tree(where)}
        same = number == extension or (matches(extension, number) and not number.startswith("_"))
        return same and context in {c.name for c in self._dialplan.tree(where)}

    def _retargeted(self, step: Step, call: str, moved: Mapping[Step, int]) -> str:
        """Return a jump, ``GotoIf(condition?3:7)``, with the numbers that its own extension's steps have now."""
        numbers = {
            s.priority: n for s, n in moved.items() if (s.context, s.extension) == (step.context, step.extension)
        }
        application, arguments = split_call(call)
        condition, mark, ways = arguments.partition("?") if "?" in arguments else ("", "", arguments)
        done = []
        for way in split_ways(ways) if mark else [ways]:
            head, number = re.fullmatch(r"(.*?)(\d*\s*)", way, re.DOTALL).groups()  # type: ignore[union-attr]
            mine = self._may_mean(step, way, step.context, step.extension, numbers)
            done.append(f"{head}{numbers[int(number)]}" if mine else way)
        tail = call[call.rindex(")") + 1 :] if ")" in call else ""
        lead = call[: len(call) - len(call.lstrip())]
        return f"{lead}{application}({condition}{mark}{':'.join(done)}){tail}"

    # -- the proof ---------------------------------------------------------------------------------

    def _check(self, insertions: Sequence[Insertion]) -> None:
        """Read what the files will be; raise SetupError unless each step still follows the one that it followed."""
        texts = {path: edits.apply(strip_text(read_text(path))) for path, edits in self.edits.items()}
        new = read(list(Reading(self._main.parent, texts, blocks=True).lines(self._main)))
        broken = []
        for context in self._dialplan.contexts.values():
            for extension, steps in context.steps.items():
                now = new.contexts[context.name].steps.get(extension, {})
                added = [call for i in insertions if _is_at(i, context.name, extension) for call in i.calls]
                if not _goes_on(steps, now, added):
                    broken += [step for step in steps.values() if step.line]
        if broken:
            lines = ", ".join(dict.fromkeys(str(step.line) for step in broken))
            raise SetupError(
                f"no step can be put into this extension without breaking it: write n instead of the numbers, "
                f"its lines one after the other, then try again: {lines}"
            )


def _is_at(insertion: Insertion, context: str, extension: str) -> bool:
    return (insertion.step.context, insertion.step.extension) == (context, extension)


def _ways(step: Step) -> list[str]:
    """Return the targets that a step may jump to, as they are written."""
    name = step.application.lower()
    if name not in _JUMPS | _OTHER_JUMPS:
        return []
    _, mark, rest = step.arguments.partition("?")
    ways = split_ways(rest) if mark else [step.arguments]
    if name in {"execif", "execiftime"}:
        calls = [split_call(way) for way in ways]
        return [arguments for application, arguments in calls if application.lower() in _JUMPS | _OTHER_JUMPS]
    return ways


def _goes_on(old: Mapping[int, Step], new: Mapping[int, Step], added: Sequence[str]) -> bool:
    """Tell whether the steps are the same ones, each behind the same one as before, but for those added."""
    left = list(added)
    place: dict[int, int] = {}
    waiting = sorted(priority for priority in old if priority > 0)
    for priority in sorted(p for p in new if p > 0):
        step = new[priority]
        if waiting and _is_same(old[waiting[0]], step):
            place[waiting.pop(0)] = priority
        elif step.call in left:
            left.remove(step.call)
        else:
            return False
    ours = {priority for priority in new if priority > 0} - set(place.values())
    return not waiting and not left and all(ours.issuperset(range(a + 1, b)) for a, b in _neighbours(place))


def _neighbours(place: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Yield where two steps are now of which one followed the other."""
    return ((now, place[old + 1]) for old, now in place.items() if old + 1 in place)


def _is_same(old: Step, new: Step) -> bool:
    """Tell whether it is the same step; a jump's numbers may differ."""
    if old.label != new.label or old.application.lower() != new.application.lower():
        return False
    if old.application.lower() in _JUMPS:
        return re.sub(r"\d+", "0", old.arguments) == re.sub(r"\d+", "0", new.arguments)
    return old.arguments == new.arguments
