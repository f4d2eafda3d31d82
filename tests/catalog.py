"""Keeps the catalogs of what people read:  python -m tests.catalog  puts new messages in, and makes the .mo anew.

A message is each text of the package that reads as words, but for docstrings, what is logged, and what ``NOT_TOLD``
has; and each that is said. So nobody has to mark one: who writes a sentence without its Chinese sees a test fail.
A value's name in a message is that of the expression in the f-string; where the code has one text or another, so has
the catalog.
"""

from __future__ import annotations

import ast
import errno
import inspect
import os
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import busy_callback
from busy_callback import request as rq
from busy_callback.language import DOMAIN, JOINTS, LOCALE
from busy_callback.report import page, sentences, tables
from busy_callback.setup import doctor, install, trial

PACKAGE = Path(busy_callback.__file__).parent
PO = Path(LOCALE) / "zh_TW" / "LC_MESSAGES" / f"{DOMAIN}.po"
MO = PO.with_suffix(".mo")

_LOGGING = {"debug", "info", "warning", "error", "exception", "log"}
_SAYING = {"say", "said", "words"}  # their first argument is a message as it stands in the catalog
_PROSE = re.compile(r"[A-Za-z]{2,}[,;:.)'}\]]* +[a-z(&{\[]")
# What click and the system say.
FOREIGN = (
    *("Usage:", "Options", "Commands", "default: {default}", "env var: {var}", "%(prog)s, version %(version)s"),
    *("Show this message and exit.", "Show the version and exit.", "Aborted!", "Error: {message}"),
    *("Try '{command} {option}' for help.", "Error: invalid input", "Missing argument", "Missing option"),
    *("Invalid value: {message}", "Invalid value for {param_hint}: {message}", "Missing command."),
    *("No such option {name!r}.", "No such option: {name}", "No such command {name!r}."),
    *("{value} is not in the range {range}.", "{value!r} is not a valid {number_type}."),
    *map(os.strerror, (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOSPC, errno.EROFS, errno.EISDIR)),
    *map(os.strerror, (errno.ENOTDIR, errno.ECONNREFUSED, errno.EEXIST, errno.ETIMEDOUT, errno.EIO, errno.EDQUOT)),
    *("required", "[Errno {number}] {text}: {path}"),
)
HEAD = """\
# What busy-callback says, in Traditional Chinese as used in Taiwan.
# python -m tests.catalog puts new messages in and makes the .mo: then write their Chinese here, and run it again."""
PLURAL = ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)")
_TEMPLATES = {"report/why"}  # the braces in the texts of these stand for values already
# What reads as words and is told to nobody, or not by itself: by module, or anywhere.
_MODULES = {
    # told to the log, or by report/sentences
    *("agi", "channel", "clock", "conversation", "offer", "policy", "settlement", "runs"),
    *("report/metrics", "report/pictures", "report/sentences", "setup/dialplan_shown", "setup/phones"),
}
NOT_TOLD = re.compile(
    r"""
    (core|manager|module|dialplan|database|pjsip|sip|iax2)\ (show|reload|del|deltree)\b.*  # Asterisk's commands
    | Unable\ to\ connect.* | There\ is\ no\ existence | Default\ language | (Manager|\(CID|Agi).* | No\ such\ channel
    | (Configuration|Spool|AGI\ Scripts|Data|Log)\ directory | call\ limit | asterisk\ \(enforce\) | Not\ connected
    | [;\#$\[].* | .*\\[.sd(bS].* | .*\(certified/.* | (agi_request|Setvar|Alert-Info|id|event):.*  # files and patterns
    | .*\.service\n.* | .*\n\ \ \ \ weekly.* | test\ .* | chmod\ o-rwx | systemctl\ enable | 20\ 4\ .*
    | ([{]\w+[}]\ poll)?\ ?--(watch|readers|asterisk-conf|wire)\ [{0-9]\w*[}]? | in\ sip_general_custom.*
    | (ReDial\ |code\ only|before\ voicemail|.*\|code\ only).* | asked\ again | cancelled\ .*\ rings  # kept
    | the\ other\ end\ is\ gone | .*\ is\ no\ part\ of\ an\ answer | no\ kind\ .* | does\ not\ run | <Request.*
    | [{]command[}]\ (?!install\ [{]words).* | [{]key[}](\ perm|:\ [{]each[}].*) | .*\[[{]getpid[}]\].*  # joined
    | [{]now[}]\ [{]kind[}].* | apt-get\ .* | [{]executable[}]\ .* | [{]name[}]\ [{]when[}].*
    | [{]\w+[}]([ @:;,]*[({\[]*[{]\w+[}][)\]]*)+ | [{]\w+[}]\ \([{]\w+[}]\ s\) | busy-callback:\ [{]\w+[}]
    | \s*[{]\w+[}]\s+[{]\w+[}](-[{]\w+[}])?(\s+[{]\w+[}])? | [{]command_path[}]\ .*
    | \n\[devices.* | trial\ ([{]\w+[}]|begin)
    """,
    re.VERBOSE | re.DOTALL,
)


def _name(node: ast.expr) -> str:
    """Return the name that a value has in a message."""
    if isinstance(node, ast.Name):
        return node.id.strip("_").lower()
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_").lower()
    if isinstance(node, ast.Call):
        return _name(node.args[-1]) if node.args else _name(node.func)
    if isinstance(node, (ast.Subscript, ast.Starred)):
        return _name(node.value)
    if isinstance(node, ast.BinOp):
        return _name(node.left)
    if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        return _name(node.generators[0].iter)
    return "value"


def _escaped(text: str) -> str:
    """Return a text whose braces are none of a value."""
    return text.replace("{", "{{").replace("}", "}}")


class Module:
    """The texts of a module."""

    def __init__(self, path: Path) -> None:
        self.name = str(path.relative_to(PACKAGE).with_suffix(""))
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._saying = _SAYING - {"say"} if self.name.startswith("setup/") else _SAYING  # there it prints
        self._passed: set[int] = set()  # nodes that are no messages by themselves
        self._assigned: dict[int, dict[str, list[ast.expr]]] = {}

    def messages(self) -> Iterator[str]:
        """Yield the messages."""
        yield from self._said()
        if self.name in _MODULES:
            return
        self._pass_over()
        for function in ast.walk(self._tree):
            if isinstance(function, (ast.Module, ast.FunctionDef)):
                self._resolve(function)
        yield from self._found(self._tree, {})

    def _said(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and _called(node) in self._saying and node.args:
                texts = node.args if _called(node) == "words" else node.args[:1]
                for inner in (inner for text in texts for inner in ast.walk(text)):
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                        self._passed.add(id(inner))
                        yield inner.value
            elif isinstance(node, ast.FunctionDef) and any(map(_makes_command, node.decorator_list)):
                yield from help_messages(ast.get_docstring(node) or "")

    def _pass_over(self) -> None:
        for node in ast.walk(self._tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr):
                self._passed.add(id(node.body[0].value))
            elif isinstance(node, ast.Call) and _called(node) in _LOGGING:
                self._passed |= {id(inner) for inner in ast.walk(node)}

    def _resolve(self, function: ast.AST) -> None:
        """Find the names of a function that stand for texts, which are parts of others alone."""
        found: dict[str, list[ast.expr]] = {}
        others: set[str] = set()
        inside = {id(n) for j in ast.walk(function) if isinstance(j, ast.JoinedStr) for n in ast.walk(j)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if _is_text(node.value):
                    found.setdefault(name, []).append(node.value)
                else:
                    others.add(name)
        texts = {name: values for name, values in found.items() if name not in others}
        self._assigned[id(function)] = texts
        if not isinstance(function, ast.Module):
            loads: dict[str, set[bool]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    loads.setdefault(node.id, set()).add(id(node) in inside)
            for name, values in texts.items():
                if loads.get(name) == {True}:
                    self._passed |= {id(inner) for value in values for inner in ast.walk(value)}

    def _found(self, node: ast.AST, names: dict[str, list[ast.expr]]) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef):
            names = self._assigned.get(id(node), {})
        passed = id(node) in self._passed
        if _is_literal(node) or _is_sum(node):
            if not passed:
                for text in self._texts(node, names):
                    yield from (text,) if is_message(text) else ()
            if isinstance(node, ast.JoinedStr):
                for value in node.values:
                    if isinstance(value, ast.FormattedValue) and not _is_choice(value.value):
                        yield from self._found(value.value, names)
            return
        for child in ast.iter_child_nodes(node):
            yield from self._found(child, names)

    def _texts(self, node: ast.AST, names: dict[str, list[ast.expr]]) -> list[str]:
        """Return what an expression may become, with names in place of values."""
        if isinstance(node, ast.Constant):
            text = str(node.value)
            return [text if self.name in _TEMPLATES else _escaped(text)]
        if isinstance(node, ast.IfExp):
            return [*self._texts(node.body, names), *self._texts(node.orelse, names)]
        if isinstance(node, ast.BoolOp) and _is_text(node.values[-1]):
            return [text for value in node.values for text in self._texts(value, names)]
        if _is_sum(node):
            return [a + b for a in self._texts(node.left, names) for b in self._texts(node.right, names)]  # type: ignore[attr-defined]
        if isinstance(node, ast.JoinedStr):
            texts = [""]
            for part in node.values:
                if isinstance(part, ast.Constant):
                    more = [_escaped(str(part.value))]
                else:
                    inner = part.value  # type: ignore[attr-defined]
                    if isinstance(inner, ast.Name) and inner.id in names:
                        more = [text for value in names[inner.id] for text in self._texts(value, names)]
                    elif _is_choice(inner):
                        more = self._texts(inner, names)
                    else:
                        more = ["{" + _name(inner) + "}"]
                texts = [text + piece for text in texts for piece in more]
            return [_numbered(text) for text in texts]
        return ["{" + _name(node) + "}"]  # type: ignore[arg-type]


def _makes_command(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and _called(decorator) in {"command", "group"}


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def _is_sum(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    )


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    if isinstance(node, ast.BoolOp):
        return _is_text(node.values[-1])
    return _is_literal(node)


def _is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_choice(node: ast.AST) -> bool:
    return isinstance(node, (ast.IfExp, ast.BoolOp)) and _is_text(node)


def _numbered(text: str) -> str:
    """Return the message with another name for each value."""
    seen: dict[str, int] = {}

    def name(match: re.Match[str]) -> str:
        bare = match[1].rstrip("0123456789")
        seen[bare] = seen.get(bare, 0) + 1
        return "{" + (bare if seen[bare] == 1 else f"{bare}{seen[bare]}") + "}"

    return re.sub(r"(?<!\{)\{(\w+)\}(?!\})", name, text)


def is_message(text: str) -> bool:
    """Tell whether a text reads as words that are told to people."""
    return bool(_PROSE.search(text)) and not NOT_TOLD.fullmatch(text)


def help_messages(docstring: str) -> Iterator[str]:
    """Yield the messages of a command's help: its paragraphs, and what stands behind each of its examples."""
    for paragraph in inspect.cleandoc(docstring).split("\n\n"):
        if paragraph.lstrip("\\b\b").startswith("\n"):
            for line in paragraph.split("\n")[1:]:
                yield re.split(r"\s{2,}", line.strip())[-1]
        elif paragraph:
            yield " ".join(paragraph.split())


def messages() -> dict[str, list[str]]:
    """Return each message with its places, module and line."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = Module(path)
        for text in module.messages():
            found.setdefault(text, []).append(module.name)
    html = (PACKAGE / "report" / "page.html").read_text(encoding="utf-8")
    for text in re.findall(r'say\("([^"]*)"', html):
        found.setdefault(text, []).append("report/page.html")
    words = [
        "Done.",
        "ok  ",
        "FAIL",
        *(*doctor.CHECKS, *doctor.OTHER_NAMES, *trial.STEPS),
        *JOINTS,
        *rq.KINDS,
        *tables.STATE_NAMES.values(),
        *page.WEEKDAYS,
        *sentences.LABELS.values(),
    ]
    for text in [*(english for _, _, english in sentences.sentences()), *words]:
        found.setdefault(text, []).append("report/sentences")
    written = install.SETTINGS_TEXT.template + install.DEVICES_TEXT
    for text in re.findall(r"(?m)^; (.*)", written):
        found.setdefault(text, []).append("the settings file")
    for text in FOREIGN:
        found.setdefault(text, []).append("click, strerror")
    return found


def read() -> Catalog:
    """Return the .po."""
    with open(PO, "rb") as file:
        return read_po(file, locale="zh_TW", domain=DOMAIN)


def compiled(catalog: Catalog) -> bytes:
    """Return the .mo of a catalog."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update() -> list[str]:
    """Put the messages into the .po, without those that are not told any more, make the .mo; return what is missing."""
    old = read()
    new = Catalog(
        locale="zh_TW",
        domain=DOMAIN,
        header_comment=HEAD,
        project="busy-callback",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        creation_date=old.creation_date,
        revision_date=old.creation_date,
        fuzzy=False,
    )
    for text, places in messages().items():
        known = old.get(text)
        new.add(text, known.string if known else "", auto_comments=[", ".join(sorted(set(places)))])
    known = old.get(PLURAL[0])
    new.add(PLURAL, known.string if known else "", auto_comments=["click, strerror"])
    with open(PO, "wb") as file:
        write_po(file, new, width=110)
    MO.write_bytes(compiled(new))
    return [str(message.id) for message in new if message.id and not message.string]


if __name__ == "__main__":
    for missing in update():
        print(f"without Chinese: {missing!r}")
