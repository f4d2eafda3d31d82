"""README, manual and man page keep their word, in both languages: what they name is there, and all of it is named."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from busy_callback import __version__, settings
from busy_callback.cli import main
from busy_callback.setting_values import BRANCH, KEYS

from ..lab.markdown import Section, sections

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ROOT / "docs/en", ROOT / "docs/zh-TW"
PAIRS = [
    (ROOT / "README.md", ROOT / "README.zh-TW.md"),
    *((path, CHINESE / path.name) for path in sorted(ENGLISH.glob("*.md"))),
]
LANGUAGES = pytest.mark.parametrize("folder", [ENGLISH, CHINESE], ids=lambda folder: folder.name)
BOTH = pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=[path.stem for path, _ in PAIRS])
TEXTS = [path for pair in PAIRS for path in pair]
COMMANDS = main.list_commands(click.Context(main))


def all_sections() -> list[Section]:
    """Return the sections of README and manual, in both languages."""
    return [section for path in TEXTS for section in sections(path)]


def neutral(path: Path, target: str) -> str:
    """Return where a link leads, the same for both languages: a heading by its number."""
    name, _, anchor = target.partition("#")
    to = (path.parent / name).resolve() if name else path
    place = str(to.relative_to(ROOT)).replace(".zh-TW.md", ".md")
    place = re.sub(r"docs/(en|zh-TW)", "docs/LANGUAGE", place)
    return f"{place}#{[section.anchor for section in sections(to)].index(anchor)}" if anchor else place


# -- both languages ------------------------------------------------------------------------------


def test_each_chapter_is_there_in_both_languages() -> None:
    """No chapter is missing in one, the pictures included."""
    names = [sorted(path.name for path in folder.iterdir()) for folder in (ENGLISH, CHINESE)]
    assert names[0] == names[1]
    assert len(PAIRS) > 10


@BOTH
def test_the_languages_say_the_same(english: Path, chinese: Path) -> None:
    """Chapter by chapter: the headings' levels, the codes, settings and commands, the paragraphs, the links."""
    ours, theirs = sections(english), sections(chinese)
    assert [section.level for section in ours] == [section.level for section in theirs]
    for one, other in zip(ours, theirs):
        where = f"{one.title} / {other.title}"
        assert one.spans == other.spans, where
        assert one.commands == other.commands, where
        assert one.parts == other.parts, where
        assert [len(row) for row in one.rows] == [len(row) for row in other.rows], where
        assert sorted(neutral(english, link) for link in one.links if "://" not in link) == sorted(
            neutral(chinese, link) for link in other.links if "://" not in link
        ), where


def test_the_speeds_tables_are_the_commands_own_in_both_languages() -> None:
    """Numbers that are measured anew are put into both."""
    tables = [[section.rows for section in sections(folder / "speed.md")] for folder in (ENGLISH, CHINESE)]
    assert tables[0] == tables[1]
    assert sum(map(len, tables[0])) > 20


@pytest.mark.parametrize("name", ["flow.svg", "architecture.svg"])
def test_the_pictures_are_the_same_in_both_languages(name: str) -> None:
    """The same shapes and as many texts; the pictures' own title says what the link's does."""
    trees = [ElementTree.parse(folder / name).getroot() for folder in (ENGLISH, CHINESE)]  # noqa: S314 - our own
    assert [child.tag for child in trees[0].iter()] == [child.tag for child in trees[1].iter()]
    for tree in trees:
        title = tree.findtext("{http://www.w3.org/2000/svg}title")
        assert any(f"![{title}]" in path.read_text(encoding="utf-8") for path in TEXTS)


# -- what is named is there ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [*TEXTS, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))], ids=str
)
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file of this project, and to a heading of it where the link names one."""
    for section in sections(path):
        for link in section.links:
            name, _, anchor = link.partition("#")
            to = (path.parent / name).resolve() if name else path
            assert to.exists(), link
            assert not anchor or anchor in [other.anchor for other in sections(to)], link


def test_each_cell_of_the_feature_table_is_backed_by_a_test() -> None:
    """Every test that README and the manual name is a test of this project."""
    written = {name for file in ROOT.glob("tests/**/*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}
    for folder in (ENGLISH, CHINESE):
        named = set(re.findall(r"`(test_\w+)`", (folder / "standards.md").read_text(encoding="utf-8")))
        assert len(named) > 20
    everywhere = {
        name for section in all_sections() for span in section.spans for name in re.findall(r"test_\w+", span)
    }
    assert everywhere <= written


@LANGUAGES
def test_each_setting_is_documented(folder: Path) -> None:
    """Every setting that busy_callback.conf may have is in the chapter, which names no other, with its default."""
    chapter = {section.title: section.rows[2:] for section in sections(folder / "settings.md")}
    for part in ("general", "manager"):
        named = {}
        for name, default, *_ in chapter[f"[{part}]"]:
            for key, value in zip(re.findall(r"`(\w+)`", name), re.split("[,、] ?", default)):
                named[key] = value.strip("`")
            if default in ("none", "無"):
                named.update(dict.fromkeys(re.findall(r"`(\w+)`", name), ""))
        assert set(named) == set(KEYS[part])
        for key, value in named.items():
            if key != "extensions":  # a sentence
                assert KEYS[part][key](value) == getattr(settings.Settings, key) or not value, key


@LANGUAGES
def test_each_setting_of_a_branch_is_documented(folder: Path) -> None:
    """The same for the section of another PBX."""
    rows = next(one for one in sections(folder / "settings.md") if one.title == f"[{BRANCH} NAME]").rows[2:]
    assert {name.strip("`") for name, *_ in rows} == set(KEYS[BRANCH])


@LANGUAGES
def test_each_chapter_is_in_the_index(folder: Path) -> None:
    """Who opens the manual finds all of it."""
    listed = {link for section in sections(folder / "README.md") for link in section.links}
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} <= listed


def test_each_command_is_documented() -> None:
    """Every command is in the manual's list, in both languages, and in the man page."""
    man_page = (ROOT / "busy_callback" / "busy-callback.8").read_text(encoding="utf-8")
    assert len(COMMANDS) >= 8
    for folder in (ENGLISH, CHINESE):
        listed = next(section for section in sections(folder / "glance.md") if section.level > 1).commands
        assert {line.split()[1] for line in listed[1:]} == set(COMMANDS)
    for name in COMMANDS:
        assert f".BR {name} " in man_page


def test_each_command_that_is_typed_is_one() -> None:
    """Whatever README and manual have typed after busy-callback is a command of ours, with options that it has."""
    typed = 0
    for section in all_sections():
        for line in (*section.commands, *section.spans):
            _, found, rest = line.partition("busy-callback ")
            words = rest.partition("|")[0].split()
            if not found or not words or line.startswith(("apt-get", "man ")):
                continue
            command = main.get_command(click.Context(main), words[0])
            assert command, line
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("-")} <= options, line
            typed += 1
    assert typed > 50


def test_the_feature_codes_are_the_settings() -> None:
    """README, the page for the people at the phones and the chapter on keys have the codes that are the defaults."""
    codes = {getattr(settings.Settings, name) for name in ("code_request", "code_cancel", "code_count")}
    for path in TEXTS:
        if path.parent == ROOT or path.stem in ("phones", "keys"):
            named = {span for section in sections(path) for span in section.spans}
            assert codes <= named
            assert {span[:3] for span in named if re.fullmatch(r"\*\d+", span)} == codes


def test_the_packages_are_called_by_their_version() -> None:
    """What the manual has installed is what this version's packages are called."""
    named = {
        version
        for section in all_sections()
        for line in (*section.code, *section.spans)
        for version in re.findall(r"busy[-_]callback[-_](\d[\d.]*\d)", line)
    }
    assert named == {__version__}


def test_readme_is_short() -> None:
    """Under 150 lines, in each language; what is longer stands in the manual."""
    for path in PAIRS[0]:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 150


def test_every_script_that_is_named_is_there() -> None:
    """The commands of tests/ and packaging/ that README and manual name can be run."""
    named = {
        word
        for section in all_sections()
        for line in (*section.commands, *section.spans)
        for word in re.findall(r"(?:^|\s)((?:tests|packaging)/[a-z-]+)", line)
    }
    assert len(named) > 5
    for name in named:
        assert os.access(ROOT / name, os.X_OK), name
