"""Asterisk's configuration files are read as Asterisk reads them (main/config.c)."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.setup.config_files import (
    Line,
    Reading,
    lines_of,
    section_of,
    sections_of,
    value_of,
    without_comments,
)
from busy_callback.setup.marked_blocks import BEGIN, END, edit


def lines(folder: Path, text: str, **others: str) -> list[Line]:
    """Return the lines of main.conf with that text; ``others`` are the files that it may include."""
    (folder / "main.conf").write_text(text)
    for name, content in others.items():
        (folder / f"{name}.conf").write_text(content)
    return list(lines_of(folder / "main.conf", folder))


@pytest.mark.parametrize(
    ("text", "depth", "kept", "left"),
    [
        ("a = b ; c", 0, "a = b", 0),
        (r"a = b\;c ; d", 0, "a = b;c", 0),
        ("a ;-- b", 0, "a", 1),
        ("a ;-- b --; c", 0, "a  c", 0),
        ("b --; c ; d", 1, " c", 0),
        ("b ; still in it", 1, "", 1),
        (";-- again", 1, "", 2),
        ("a ;--- b", 0, "a", 0),
        ("--;", 1, "", 0),
    ],
)
def test_comments_are_asterisks(text: str, depth: int, kept: str, left: int) -> None:
    """``;`` and ``;-- --;``, one in the other too; a backslash saves a ``;``, and ``;---`` begins no block."""
    assert without_comments(text, depth) == (kept, left)


def test_what_a_block_comment_hides_is_not_there(tmp_path: Path) -> None:
    """Sections, settings and includes in it count for nothing, and nothing may be put behind its first line."""
    found = lines(tmp_path, "[a]\nx = 1 ;-- [b]\nx = 2\n#include other.conf\n--; y = 3\nz = 4\n", other="x = 9\n")
    assert [line.setting for line in found if line.setting[0]] == [("x", "1"), ("y", "3"), ("z", "4")]
    assert {line.section for line in found} == {"a"}
    assert [line.end for line in found] == [0, 4, 4, 4, 4, 5]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    """What Python takes for a line's end else does not shift the numbers."""
    found = lines(tmp_path, "[a]\n; one\u2028x = 1\x0bx = 2\ny = 3\r\n")
    assert [(line.shown, line.setting) for line in found if line.setting[0]] == [(3, ("y", "3"))]


def test_a_file_goes_on_in_its_own_section_behind_an_include(tmp_path: Path) -> None:
    """The included file begins in the section where it stands, and its own sections end with it."""
    text = '[a]\n#include "in.conf"\nthree = 3\n#tryinclude <none.conf>\n#include in.conf\n'
    found = lines(tmp_path, text, **{"in": "one = 1\n[b]\ntwo = 2\n"})
    assert [(line.section, line.setting[0]) for line in found if line.setting[0]] == [
        ("a", "one"),
        ("b", "two"),
        ("a", "three"),
        ("a", "one"),
        ("b", "two"),
    ]
    assert [(s.name, [x.setting[0] for x in s.lines if x.setting[0]]) for s in sections_of(found)] == [
        ("a", ["one", "three", "one"]),
        ("b", ["two"]),
        ("b", ["two"]),
    ]


def test_includes_may_be_patterns_and_endless(tmp_path: Path) -> None:
    """Files of a pattern are read in the order of their names; a file that includes itself ends."""
    (tmp_path / "d").mkdir()
    for name in ("b", "a"):
        (tmp_path / "d" / f"{name}.conf").write_text(f"{name} = 1\n")
    found = lines(tmp_path, '[x]\n#include "d/*.conf"\n')
    assert [line.setting[0] for line in found if line.setting[0]] == ["a", "b"]
    assert len(lines(tmp_path, "[x]\n#include main.conf\n")) < 100


def test_of_two_sections_of_a_name_the_first_counts(tmp_path: Path) -> None:
    """As Asterisk does with two [general]; what is added with (+) is the first one's, and templates are none."""
    found = lines(
        tmp_path,
        "[general](!)\nport = 1\n[general]\nport = 2\n[other]\nx = 1\n[general]\nport = 3\nbind = 4\n"
        "[general](+)\nport = 5\nlast = 6\n",
    )
    assert value_of(found, "general", "port") == "2"
    assert value_of(found, "General", "bind") == ""
    assert value_of(found, "general", "none", "default") == "default"


def test_added_settings_belong_to_the_first_section(tmp_path: Path) -> None:
    """(+) goes on with it wherever it stands, and the last value counts."""
    found = lines(tmp_path, "[a]\nx = 1\n[b]\nx = 2\n[a](+)\nx = 3\ny = 4\n")
    assert [section.name for section in sections_of(found)] == ["a", "b"]
    assert (value_of(found, "a", "x"), value_of(found, "a", "y")) == ("3", "4")


def test_a_section_has_what_its_templates_have(tmp_path: Path) -> None:
    """Of several levels, whatever the case of their names; its own settings count more."""
    text = "[base](!)\nx = 1\ny = 1\n[Phone](!,base)\ny = 2\n[201](phone)\nz = 3\n[202](phone)\nx = 4\n"
    found = lines(tmp_path, text)
    assert [section_of(found, "201").value(key) for key in "xyz"] == ["1", "2", "3"]
    assert [section_of(found, "202").value(key) for key in "xyz"] == ["4", "2", ""]
    assert [section.name for section in sections_of(found) if section.template] == ["base", "Phone"]


def test_our_blocks_are_not_read_but_counted(tmp_path: Path) -> None:
    """What we put in is left out and what we stand in place of is back; lines are told as an editor counts them."""
    text = edit("[a]\nx = 1\ny = 2\n", {0: ["ours = 1"]}, {1: ["x = 7"]})
    found = lines(tmp_path, text)
    assert [(line.number, line.shown, line.setting) for line in found[1:]] == [(1, 5, ("x", "1")), (2, 7, ("y", "2"))]
    whole = list(Reading(tmp_path, blocks=True).lines(tmp_path / "main.conf"))
    assert value_of(whole, "a", "x") == "7"
    assert value_of(whole, "a", "ours") == "1"
    read = Reading(tmp_path, {tmp_path / "main.conf": "[a]\nx = 9\n"})
    assert value_of(list(read.lines(tmp_path / "main.conf")), "a", "x") == "9"
    assert text.count(BEGIN) == text.count(END) == 1


def test_lines_are_named_as_people_do(tmp_path: Path) -> None:
    """FILE:LINE, from 1; a byte order mark is no text."""
    found = lines(tmp_path, "\ufeff[a]\nx = 1\n")
    assert [str(line) for line in found] == ["main.conf:1", "main.conf:2"]
    assert found[0].header == "a"
