"""Install and the language that callers hear the prompts in: said, proposed by the locale, asked, and kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.cli import main
from busy_callback.errors import SettingsError, SetupError
from busy_callback.settings import load
from busy_callback.setup.changing import undo
from busy_callback.setup.prompt_language import with_line
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")
SPOKEN = " context : phones\n language                           : {}\n"
OWN_FILE = "[general]\nring_time = 30\n[manager]\nport = 5040\nsecret = x\n"


def in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine's locale be Chinese."""
    monkeypatch.setattr(main, "_help_option", None, raising=False)  # click would keep it in Chinese for other tests
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")


def language(pbx: Pbx) -> str:
    """Return the setting as the package finds it."""
    return load(pbx.directories.conf).language


def line(pbx: Pbx) -> str:
    """Return its line."""
    text = Path(pbx.directories.conf).read_text(encoding="utf-8")
    return "".join(row for row in text.splitlines() if row.startswith("language"))


def test_it_is_each_phones_own_unless_somebody_says_so(pbx: Pbx) -> None:
    """A new settings file has the line, so that it is found, and --language fills it in; later it does so again."""
    pbx.install()
    assert (line(pbx), language(pbx)) == ("language = own", "")
    pbx.install(language="zh")
    assert (line(pbx), language(pbx)) == ("language = zh", "zh")
    assert pbx.plan().changes == ()
    pbx.install(language="own")
    assert line(pbx) == "language = own"
    assert pbx.plan(language="own").changes == ()


def test_a_chinese_machine_proposes_chinese(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock phones would hear English: with --yes it is Chinese, and that is said; a second install keeps it."""
    in_chinese(monkeypatch)
    words = ("install", "--allow-path", str(pbx.root), "--no-trial", "--yes")
    status, told = pbx.command(monkeypatch, *words)
    assert (status, line(pbx)) == (0, "language = zh")
    assert "busy-callback install --language own" in told
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    pbx.command(monkeypatch, *words)
    assert line(pbx) == "language = zh"


@pytest.mark.parametrize(("answer", "chosen"), [("\n", "zh"), ("y\n", "zh"), ("n\n", "own")])
def test_the_admin_is_asked(pbx: Pbx, monkeypatch: pytest.MonkeyPatch, answer: str, chosen: str) -> None:
    """Without --yes install asks, yes being the default; who says no has each phone's own."""
    in_chinese(monkeypatch)
    words = ("install", "--allow-path", str(pbx.root), "--no-trial")
    status, told = pbx.command(monkeypatch, *words, answer=f"{answer}y\n")
    assert (status, told.count("讓所有人都聽到 zh 的提示嗎")) == (0, 1)
    assert line(pbx) == f"language = {chosen}"


def test_nobody_is_asked_for_a_look(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run shows what is proposed, and asks and changes nothing; who stops at the question has nothing changed."""
    in_chinese(monkeypatch)
    before, words = pbx.tree(), ("install", "--allow-path", str(pbx.root), "--no-trial")
    status, told = pbx.command(monkeypatch, *words, "--dry-run")
    assert (status, "+language = zh" in told) == (0, True)
    status, _ = pbx.command(monkeypatch, *words)
    assert status == 1
    assert pbx.tree() == before


@pytest.mark.parametrize(
    ("first", "second", "proposed"),
    [("", "", "zh"), ("en", "", "zh"), ("zh_TW", "", ""), ("en", "zh", ""), ("tw", "tw", ""), ("en", "fr", "")],
)
def test_where_phones_have_languages_they_count(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch, first: str, second: str, proposed: str
) -> None:
    """Chinese is proposed where all phones hear one other language; where one hears it, or they differ, nothing is."""
    pbx.runs(**{f"pjsip show endpoint {n}": SPOKEN.format(own) for n, own in (("201", first), ("202", second))})
    assert pbx.plan().proposed == ""
    in_chinese(monkeypatch)
    assert pbx.plan().proposed == proposed
    assert pbx.plan(language="en").proposed == ""


def test_a_default_language_of_asterisks_is_the_phones_own(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asterisk.conf has defaultlanguage = zh already, nothing is proposed."""
    in_chinese(monkeypatch)
    pbx.runs(core_show_settings="  Default language:            zh\n")
    assert pbx.plan().proposed == ""


def test_an_older_settings_file_stays_as_it_is(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade changes nothing of what callers hear, in any locale; --language adds one line, in a marked block."""
    in_chinese(monkeypatch)
    conf = Path(pbx.directories.conf)
    conf.write_text(OWN_FILE)
    assert pbx.plan().proposed == ""
    pbx.install()
    assert conf.read_text() == OWN_FILE
    pbx.install(language="zh")
    marked = "[general]\n; BEGIN busy-callback\nlanguage = zh\n; END busy-callback\nring_time = 30\n"
    assert conf.read_text() == OWN_FILE.replace("[general]\nring_time = 30\n", marked)
    assert pbx.plan(language="zh").changes == ()
    pbx.install(language="en")
    assert language(pbx) == "en"
    undo(pbx.journal())
    assert conf.read_text() == OWN_FILE


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("[general]\nlanguage = en ; as agreed\n", "[general]\nlanguage = zh ; as agreed\n"),
        ("[general]\r\n Language=>en\r\nattempts = 2\r\n", "[general]\r\n language = zh\r\nattempts = 2\r\n"),
        ("[manager]\nuser = language\n[general] ; all\n;language = fr\nlanguage =\n", None),
        ("[manager]\nsecret = x", "[manager]\nsecret = x\n; BEGIN busy-callback\n[general]\nlanguage = zh\n"),
    ],
)
def test_only_the_settings_line_is_changed(tmp_path: Path, text: str, after: str | None) -> None:
    """Comments, line ends and all other lines are as they were; the result is read as what was said."""
    done = with_line(text, "zh")
    wanted = after if after is not None else text.replace("language =\n", "language = zh\n")
    assert done in {wanted, f"{wanted}; END busy-callback\n"}
    path = tmp_path / "busy_callback.conf"
    path.write_bytes(done.encode())
    assert load(str(path)).language == "zh"


@pytest.mark.parametrize("word", ["fr", "zh_TW", "../../etc", "zh\nsecret = x", "${SHELL(id)}", "/etc", "OWN"])
def test_a_language_that_cannot_be_changes_nothing(pbx: Pbx, word: str) -> None:
    """--language with what there are no prompts in is refused, before and after a first install."""
    for prepare in (lambda: None, pbx.install):
        prepare()
        before = pbx.tree()
        with pytest.raises(SettingsError, match="there are prompts in en, zh only; own is each phone's"):
            pbx.install(language=word)
        assert pbx.tree() == before


def test_a_bad_line_in_the_settings_is_named_and_left(pbx: Pbx) -> None:
    """Install does not go on over a setting that is a path: file and line are told, nothing is changed."""
    pbx.install()
    conf = Path(pbx.directories.conf)
    conf.write_text(conf.read_text().replace("language = own", "language = ../../etc"))
    before = pbx.tree()
    with pytest.raises(SettingsError, match=r"busy_callback\.conf:\d+: language = '\.\./\.\./etc' is not own"):
        pbx.install(language="zh")
    assert pbx.tree() == before


def test_a_settings_file_that_lies_elsewhere_is_not_edited(pbx: Pbx) -> None:
    """A link out of Asterisk's configuration is followed for reading alone; what is to be written there is told."""
    elsewhere = pbx.root / "elsewhere.conf"
    elsewhere.write_text(OWN_FILE)
    Path(pbx.directories.conf).symlink_to(elsewhere)
    pbx.install()
    with pytest.raises(SetupError, match="is not edited"):
        pbx.install(language="zh")
    assert elsewhere.read_text() == OWN_FILE
