"""The admin's language: nothing that people read lacks its Chinese, and no log, no JSON and no value is touched."""

from __future__ import annotations

import ast
import gettext
import io
import json
import re
import sys
import time
from pathlib import Path
from string import Formatter

import pytest
from click.testing import CliRunner, Result

from busy_callback import cli, language
from busy_callback import request as rq
from busy_callback.language import ENGLISH, LANGUAGES, aligned, clock, cut, of_locale, of_terminal, width
from busy_callback.settings import Directories, Settings
from busy_callback.store.spool import Spool

from .. import catalog
from .setup.pbx import Pbx

CHINESE = LANGUAGES["zh"]
HAN = re.compile("[\u3400-\u9fff]")


def placeholders(text: str) -> list[str]:
    """Return the placeholders of a message, with their forms."""
    fields = [f"{name}!{form}" for _, name, _, form in Formatter().parse(text) if name is not None]
    return sorted([*set(fields), *re.findall(r"%\(\w+\)s", text)])


# -- the catalog -----------------------------------------------------------------------------------


def test_every_message_has_its_chinese_and_no_other_is_there() -> None:
    """What code says stands in the catalog; what it does not say any more does not (python -m tests.catalog)."""
    said = catalog.messages()
    told = {message.id: message for message in catalog.read() if message.id and isinstance(message.id, str)}
    assert len(said) > 600
    assert sorted(said.keys() - told.keys()) == []
    assert sorted(told.keys() - said.keys()) == []
    assert [name for name, message in told.items() if not message.string or message.fuzzy] == []
    assert not catalog.read().obsolete
    words = [name for name, message in told.items() if not HAN.search(str(message.string))]
    assert [name for name in words if re.search("[a-z]{2} [a-z]", name)] == []


def test_a_translation_has_the_same_placeholders() -> None:
    """No value is lost on the way, and none is missing."""
    for message in catalog.read():
        if isinstance(message.id, str) and message.id:
            assert placeholders(str(message.string)) == placeholders(message.id), message.id


def test_the_catalog_that_is_shipped_is_made_of_the_one_that_is_read() -> None:
    """The .mo is what the .po compiles to; the head may name another Babel."""
    ours = gettext.GNUTranslations(io.BytesIO(catalog.MO.read_bytes()))
    made = gettext.GNUTranslations(io.BytesIO(catalog.compiled(catalog.read())))
    known, wanted = dict(vars(ours)["_catalog"]), dict(vars(made)["_catalog"])
    assert (known.pop(""), wanted.pop("")) != ("", "")
    assert known == wanted
    assert CHINESE.texts == {key: text for key, text in known.items() if isinstance(key, str)}


def messages_of(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the messages of a module."""
    monkeypatch.setattr(catalog, "PACKAGE", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(source)
    return set(catalog.Module(path).messages())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise SetupError(f"{path} is a link of {user.name}\'s")', {"{path} is a link of {name}'s"}),
        ('raise CheckFailed("it is too small", f"run: {COMMAND} grow")', {"it is too small", "run: {command} grow"}),
        ("raise X(f\"there are {len(a)} {'left' if c else 'gone'}\")", {"there are {a} left", "there are {a} gone"}),
        (
            'def f():\n    more = f" of {n}" if n else ""\n    say(f"it is one{more}")',
            {"it is one of {n}", "it is one"},
        ),
        ('print(f"not {a.x} and not {b.x}, {c!r:>4}")', {"not {x} and not {x2}, {c}"}),
        ('"""What it does, for who reads it."""\nlogging.info("it has done it")', set()),
        ('x = f"take {{braces}} as they are, {y}"', {"take {{braces}} as they are, {y}"}),
    ],
)
def test_nobody_has_to_mark_a_message(
    source: str, found: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of an error, of doctor's or of what is printed is found in the code, with each form that it may have."""
    assert messages_of(source, tmp_path, monkeypatch) == found


def test_nothing_is_printed_past_the_catalog() -> None:
    """Commands print what was told, or data: no literal goes to the terminal by itself."""
    told = {"visible", "spoken", "said", "dumps"}
    for path in catalog.PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"click.echo", "click.confirm", "click.secho"}:
                literals = [inner for inner in ast.walk(node.args[0]) if isinstance(inner, ast.Constant)]
                words = any(re.search("[a-z]{3} ", str(literal.value)) for literal in literals)
                calls = {ast.unparse(inner.func) for inner in ast.walk(node.args[0]) if isinstance(inner, ast.Call)}
                assert not words or calls & told, f"{path}:{node.lineno}"


# -- a text is known again -------------------------------------------------------------------------


@pytest.mark.parametrize("message", [text for text in CHINESE.texts if "{" in text and "!" not in text])
def test_each_message_is_known_by_its_english(message: str) -> None:
    """With its values in it, as it comes from an error or a file; one that has hardly a word is only said."""
    values = {name: f"v{n}/x" for n, (_, name, _, _) in enumerate(Formatter().parse(message)) if name}
    letters = sum(map(str.isalpha, re.sub(r"\{\w+\}", "", message)))
    if values and letters >= 5:
        assert CHINESE.tell(message.format(**values)) == CHINESE.texts[message].format(**values)


def test_a_text_in_a_text_is_told_too() -> None:
    """The reason in brackets, the cure behind the fault, several joined; names and what is not ours stay."""
    told = CHINESE.tell("nothing was changed: /etc/x can't be read: Permission denied")
    assert told == "沒有任何變更：無法讀取 /etc/x：權限不足"
    assert CHINESE.tell("the callee is in a call (0.3 s)") == "受話方通話中（0.3 s）"
    assert CHINESE.tell("a strange text of another's; it says nothing") == "a strange text of another's；沒有任何訊息"
    assert CHINESE.tell("PJSIP/201, PJSIP/202") == "PJSIP/201, PJSIP/202"
    assert CHINESE.tell("/a/waiting is missing") == "找不到 /a/waiting"
    assert CHINESE.tell("waiting is missing") == "找不到 waiting"
    assert CHINESE.tell("Nobody is offered a callback yet. Run: x install --wire a b").endswith(
        "請執行：x install --wire a b"
    )
    assert ENGLISH.tell("the callee is in a call") == "the callee is in a call"
    assert CHINESE.tell("") == ""


@pytest.mark.parametrize(
    "text",
    [
        "{0.__class__}",
        "{path} is missing and {x[0]!r:>999999999}",
        "it says nothing: " * 3000,
        "; " * 100000,
        "(" * 5000 + ")" * 5000,
        "the spool can't be read: " * 300,
        "\x1b[2J it says nothing",
    ],
)
def test_a_hostile_text_is_only_text(text: str) -> None:
    """What another user wrote is taken for no format, and takes no time."""
    begun = time.process_time()
    told = CHINESE.tell(text)
    assert time.process_time() - begun < 5
    assert told.count("\x1b") == text.count("\x1b")
    assert "class" not in told or told == text
    assert len(told) <= len(text) + 20


# -- which language --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"LANG": "zh_TW.UTF-8"}, "zh-Hant-TW"),
        ({"LANG": "zh"}, "zh-Hant-TW"),
        ({"LANG": "zh-Hant"}, "zh-Hant-TW"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-Hant-TW"),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB", "LC_ALL": "", "LC_MESSAGES": "zh_HK.Big5"}, "zh-Hant-TW"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:zh_TW:en"}, "zh-Hant-TW"),
        ({"LANG": "zh_TW.UTF-8", "LANGUAGE": "en"}, "en"),
        ({"LANG": "C", "LANGUAGE": "zh_TW"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_locale(environ: dict[str, str], name: str) -> None:
    """As locale(7) and gettext have it: LC_ALL before LC_MESSAGES before LANG; Chinese of any place, else English."""
    assert of_locale(environ).name == name


@pytest.mark.parametrize(
    ("locale", "encoding", "name"),
    [
        ("zh_TW.UTF-8", "utf-8", "zh-Hant-TW"),
        ("zh_TW.Big5", "big5", "zh-Hant-TW"),
        ("zh_TW.Big5", "utf-8", "en"),  # the system lacks that locale, so that Python guesses wrongly
        ("zh_TW", "ascii", "en"),
        ("zh_TW.nonsense", "utf-8", "en"),
    ],
)
def test_a_terminal_that_can_not_show_it_has_english(
    monkeypatch: pytest.MonkeyPatch, locale: str, encoding: str, name: str
) -> None:
    """Better English than signs that nobody can read, or a traceback."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert of_terminal({"LANG": locale}).name == name


def test_without_its_catalog_it_is_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is missing or broken costs the language and nothing else."""
    monkeypatch.setattr(language, "LOCALE", str(tmp_path))
    assert language.Language("x", "zh_TW").tell("it says nothing") == "it says nothing"
    place = tmp_path / "zh_TW" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "busy_callback.mo").write_bytes(b"no catalog")
    assert language.Language("x", "zh_TW").say("{number} s", number=3) == "3 s"


def test_durations_and_times_are_said_as_people_do() -> None:
    """Short ones with a tenth, long ones in hours; a time of today without its day."""
    told = [ENGLISH.duration(seconds) for seconds in (0, 5.25, 9.97, 59.4, 60, 3599, 3600, 9000)]
    assert told == ["0 s", "5.2 s", "10 s", "59 s", "1 min", "1 h", "1 h", "2 h 30 min"]
    assert CHINESE.duration(9000) == "2 小時 30 分鐘"
    assert ENGLISH.join(["204", "205", "207"]) == "204, 205 and 207"
    assert ENGLISH.join(["204"]) == "204"
    assert CHINESE.join(["204", "205"]) == "204、205"
    assert re.fullmatch(r"\d\d:\d\d", clock(1e9, 1e9))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", clock(1e9, 1.1e9))


def test_columns_stand_under_each_other() -> None:
    """A Chinese character takes two columns of a terminal, in a table and where it is cut."""
    lines = aligned([("狀態", "x"), ("201", "y")])
    assert [width(line) for line in lines] == [7, 7]
    assert [width(cut("回撥中 abc", columns)) for columns in range(12)] == [0, 0, 2, 2, 4, 4, 6, 7, 8, 9, 10, 10]


# -- the commands ----------------------------------------------------------------------------------


@pytest.fixture
def conf(directories: Directories, tmp_path: Path) -> Path:
    """An asterisk.conf that leads to the directories, in which 201 waits for 202, and 203's request has ended."""
    names = ("astetcdir", "astspooldir", "astlogdir", "astrundir")
    path = tmp_path / "asterisk.conf"
    path.write_text("".join(f"{name} => {getattr(directories, name)}\n" for name in names))
    spool = Spool(directories.spool)
    spool.prepare()
    spool.register("201", "202", rq.BUSY, "", Settings(), time.time())
    _, ended = spool.register("203", "202", rq.NO_REPLY, "", Settings(), time.time())
    spool.cancel(ended, "by the admin", time.time())
    return path


def run(conf: Path, *words: str, locale: str = "zh_TW.UTF-8") -> Result:
    """Run a command."""
    return CliRunner().invoke(cli.main, ["--asterisk-conf", str(conf), *words], env={"LC_ALL": locale})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("list",), "種類  狀態"),
        (("list", "--wide"), "發話方  受話方  種類  狀態"),
        (("history",), "由管理員取消"),
        (("show", "201-202"), "201 登記對 202 的回撥"),
        (("show", "999"), "沒有名為 '999' 的回撥"),
        (("why", "201"), "201 自 "),
        (("why", "999"), "最近 30 天內"),
        (("stats",), "登記的回撥"),
        (("stats", "--since", "x"), "不是 36h、7d、4w 這樣的時間"),
        (("cancel", "201"), "已取消 201-202-"),
        (("cancel", "999"), "'999' 沒有等候中的回撥"),
        (("offer",), "目前會向來電者提供回撥"),
        (("offer", "off"), "目前不提供回撥"),
        (("doctor",), "->"),
        (("install",), "busy-callback: "),
        (("uninstall",), "還原"),
        (("poll", "--watch", "0"), "不在範圍"),
        (("report", "-o", "/nowhere/x"), "無法寫入 /nowhere/x：沒有這個檔案或目錄"),
        (("--help",), "等候中的回撥"),
        (("install", "--help"), "號碼計畫"),
        (("nothing",), "沒有 'nothing' 這個命令"),
    ],
)
def test_each_command_speaks_chinese(conf: Path, words: tuple[str, ...], says: str) -> None:
    """By the locale alone; and English by another, without a sign of the first."""
    done = run(conf, *words, locale="C.UTF-8")
    assert not HAN.search(done.output)
    told = run(conf, *words)
    assert told.exit_code == done.exit_code or words[0] == "cancel"
    assert HAN.search(told.output)
    if words[0] != "cancel":
        assert says in told.output


def test_install_and_doctor_speak_chinese(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary, what is still to be done, the new settings file's comments, faults and cures."""
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")
    words = ("install", "--allow-path", str(pbx.root))
    status, told = pbx.command(monkeypatch, *words, "--dry-run")
    summary, diff = told.split("--- ", 1)
    assert status == 0
    assert [line for line in summary.splitlines() if not HAN.search(line)] == []
    assert "\n+extensions = 2XX\n" in diff
    assert "目前還沒有任何人會得到回撥服務" in diff
    status, told = pbx.command(monkeypatch, *words, "--no-trial", answer="y\ny\n")
    assert (status, "讓所有人都聽到 zh 的提示嗎" in told) == (0, True)
    assert (status, "要繼續嗎？" in told, "完成。" in told) == (0, True, True)
    _, undone = pbx.command(monkeypatch, "uninstall", "--dry-run")
    heads = [line for line in undone.splitlines() if line[:1] not in {"+", "-", " ", "@", ""}]
    assert [line for line in heads if not HAN.search(line)] == []
    assert f"移除檔案 {pbx.directories.conf}" in heads
    conf = Path(pbx.directories.conf)
    written = conf.read_text(encoding="utf-8")
    comments = [line for line in written.splitlines() if line.startswith("; ")]
    assert len(comments) >= 4
    assert [line for line in comments if not HAN.search(line)] == []
    _, told = pbx.command(monkeypatch, "doctor")
    lines = [line for line in told.splitlines() if line.startswith(("異常", "     ->"))]
    assert len(lines) > 4
    names = [line[3:].partition("：")[0] for line in told.splitlines() if not line.startswith(" ")]
    assert [name for name in names if not HAN.search(name) and "Asterisk" not in name] == []
    assert "語言（language）" in names
    assert [line for line in lines if not HAN.search(line[3:])] == []
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    pbx.command(monkeypatch, *words, "--no-trial", "-y")
    assert conf.read_text(encoding="utf-8") == written


def test_cancel_says_what_it_did(conf: Path) -> None:
    """And what it could not do."""
    assert "已取消 201-202-" in run(conf, "cancel", "201").output
    assert "'201' 沒有等候中的回撥" in run(conf, "cancel", "201").output


@pytest.mark.parametrize(
    "words", [("list",), ("history",), ("show", "201-202"), ("offer",), ("stats", "--since", "2026-01-01"), ("doctor",)]
)
def test_programs_read_english(conf: Path, words: tuple[str, ...]) -> None:
    """--json is the same in each locale."""
    told = json.loads(run(conf, *words, "--json").stdout)
    assert not HAN.search(json.dumps(told, ensure_ascii=False))
    again = json.loads(run(conf, *words, "--json", locale="C.UTF-8").stdout)
    if words[0] != "stats":
        assert told == again


def test_a_log_is_english(conf: Path, directories: Directories) -> None:
    """So that it can be searched for, here and elsewhere."""
    import subprocess

    Path(directories.conf).write_text("[manager]\nport = 1\n")
    words = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(conf), "poll", "-v"]
    environ = {"LC_ALL": "zh_TW.UTF-8", "PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"}
    done = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=30, check=False, env=environ)
    log = Path(directories.log).read_text(encoding="utf-8")
    assert "can't be reached" in log
    assert not HAN.search(log)
    assert "無法連上" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "big5"])
def test_no_encoding_ends_in_a_traceback(conf: Path, encoding: str) -> None:
    """English where the terminal has no Chinese."""
    import subprocess

    words = [sys.executable, "-m", "busy_callback", "--asterisk-conf", str(conf), "history"]
    environ = {"LANG": "zh_TW.UTF-8", "PATH": "/usr/bin:/bin", "PYTHONIOENCODING": encoding}
    done = subprocess.run(words, capture_output=True, timeout=30, check=True, env=environ)
    assert (b"REASON" in done.stdout) == (encoding != "big5")
    assert ("由管理員取消".encode("big5") in done.stdout) == (encoding == "big5")
