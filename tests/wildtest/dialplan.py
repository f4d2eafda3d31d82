"""Copies the dialplan of a machine into a folder of our own, whole enough for Asterisk to load it."""

from __future__ import annotations

import re
from pathlib import Path

from busy_callback.setup.freepbx import OVERRIDES

from ..lab.freepbx_dialplans import FREEPBX, main

_INCLUDE = re.compile(r"(\s*#\s*(?:try)?include\s+)[\"<]?([^\">\s;]+)[\">]?.*", re.IGNORECASE)
_EXEC = re.compile(r"\s*#\s*exec\b", re.IGNORECASE)
_MOST = 200  # files
# FreePBX's program that works out whom a group rings: in its place, the second of them is rung.
_PARTIES = re.compile(r"(exten\s*=>\s*s,n(?:\(\w+\))?),AGI\([^()]*dialparties\.agi[^()]*\).*", re.IGNORECASE)
_INSTEAD = ",Gosub(wild-dialparties,s,1(${ARG3}))\nexten => s,n,Goto(normdial)"
PARTIES = """
[wild-dialparties]
exten => s,1,Set(FILTERED_DIAL=${ARG1})
exten => s,n,Set(ds=${DB(DEVICE/${CUT(ARG1,-,2)}/dial)},10,)
exten => s,n,Return()
"""


def copy_dialplan(source: Path, etc: Path) -> list[str]:
    """Copy extensions.conf and all that it includes; return what was not there, and what was left out.

    A link that leads out of ``source`` counts as missing: for extensions.conf the frame that the product has is put
    there, for others an empty file.
    """
    told: list[str] = []
    waiting, done = ["extensions.conf"], set[str]()
    while waiting and len(done) < _MOST:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        text = _read(source, name)
        if text is None:
            told.append(f"{name} is not there")
            text = main(_product(source)) if name == "extensions.conf" else ""
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        lines, left_out = [], 0
        for line in text.split("\n"):
            included = _INCLUDE.fullmatch(line)
            if _EXEC.match(line):
                left_out += 1
            elif included:
                inside = included[2].replace("/etc/asterisk/", "")
                names = sorted(str(p.relative_to(source)) for p in source.glob(inside)) if "*" in inside else [inside]
                inside_etc = [one for one in names if ".." not in Path(one).parts and not one.startswith("/")]
                told += [f"{one} is not there" for one in names if one not in inside_etc]
                waiting += inside_etc
                lines += [f"{included[1]}{one}" for one in inside_etc]
            else:
                lines.append(_PARTIES.sub(lambda found: f"{found[1]}{_INSTEAD}", line))
        told += [f"{name}: {left_out} #exec left out"] if left_out else []
        (etc / name).write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    return told


def form(etc: Path) -> str:
    """Return how the copied dialplan calls its parts: by Macro (to FreePBX 16) or by Gosub; '' for none of these."""
    generated = etc / "extensions_additional.conf"
    text = generated.read_text(errors="replace") if generated.exists() else ""
    own = text.partition("\n[macro-exten-vm]")[2].partition("\n[")[0]
    return "" if not own else "Macro" if "Macro(dial-one" in own else "Gosub" if "Gosub(macro-dial-one" in own else ""


def follow_me(etc: Path, number: str) -> str:
    """Return follow-me's steps for a number, as the machine has them for one; '' where it has none, or one for all."""
    generated = etc / "extensions_additional.conf"
    text = generated.read_text(errors="replace") if generated.exists() else ""
    own = text.partition("\n[ext-findmefollow]")[2].partition("\n[")[0]
    other = re.search(r"^exten\s*=>\s*(\d+),1,", own, re.MULTILINE)
    if not other or "followme-check" in own:
        return ""
    steps = [line for line in own.splitlines() if re.match(rf"exten\s*=>\s*{other[1]},", line)]
    return "\n".join(["[ext-findmefollow]", *(re.sub(rf"(?<!\d){other[1]}(?!\d)", number, line) for line in steps), ""])


def _product(source: Path) -> str:
    return next((name for file, name in OVERRIDES.items() if (source / file).exists()), FREEPBX)


def _read(source: Path, name: str) -> str | None:
    path = source / name
    if not path.is_file() or not path.resolve().is_relative_to(source.resolve()):
        return None
    return path.read_bytes().decode("utf-8", "surrogateescape")
