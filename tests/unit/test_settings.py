"""busy_callback.conf, asterisk.conf's directories and the numbering plan."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from busy_callback.errors import NumberError, SettingsError
from busy_callback.numbering import NumberingPlan, printable
from busy_callback.settings import Settings, find_directories, load


def write(tmp_path: Path, text: str) -> str:
    """Return the path of a settings file with that text."""
    path = tmp_path / "busy_callback.conf"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_an_absent_file_means_the_defaults(tmp_path: Path) -> None:
    """Without a file every setting has its default."""
    assert vars(load(str(tmp_path / "none.conf"))) == vars(Settings())


def test_settings_are_read_with_their_units(tmp_path: Path) -> None:
    """Times may be given in s, min and h; comments and signs are Asterisk's."""
    general = "; office\n[general]\nservice_time = 30 min ; as the old PBX\n# more\n ring_time=>15\n\n"
    path = write(tmp_path, general + "[manager]\nsecret=x=y#z\n")
    settings = load(path)
    assert (settings.service_time, settings.ring_time, settings.secret) == (1800, 15, "x=y#z")


@pytest.mark.parametrize(
    "line", ["alert_info=a;b\t; c", " alert_info : a;b", "ALERT_INFO  =>  a;b ;", "alert_info=a;b ;=[x]"]
)
def test_a_semicolon_begins_a_comment_after_a_blank_only(tmp_path: Path, line: str) -> None:
    """As in Asterisk's files a key may stand before =, => or :, and ``;`` within a word is a character as others."""
    assert load(write(tmp_path, f"[general] ; all\n{line}\n;alert_info=c\n#[x]\n")).alert_info == "a;b"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[general]\nring_time = soon\n", 2, "ring_time = 'soon' is not a time from 5 s to 120 s"),
        ("[general]\n\nring_time = 4\n", 3, "a time from 5 s"),
        ("[general]\nattempts = 0\n", 2, "a whole number from 1 to 20"),
        ("[general]\nextensions = 2XX, 20a\n", 2, "Asterisk patterns"),
        ("[general]\ndevice = PJSIP\n", 2, "PJSIP/{ext}"),
        ("[general]\ncontext = a b\n", 2, "a dialplan context's name"),
        ("[general]\nring_tme = 5\n", 2, "has no setting 'ring_tme'; allowed are extensions"),
        ("\n[genral]\n", 2, "no section is called [genral]; allowed are [general], [manager], [devices]"),
        ("[general]\nring_time=5\nRing_Time=6\n", 3, "ring_time is set a second time"),
        ("ring_time = 5\n", 1, "'ring_time = 5' is not a setting (key = value) of a [section]"),
        ("[general]\ncaller_id = {who}\n", 2, "{callee} for the number and {name} for the name"),
        ("[general]\ncallee_prefix = <b>\n", 2, "a text of 40 characters"),
        ("[general]\nlanguage = ../../etc\n", 2, "language = '../../etc' is not own (each phone hears its own) or a"),
        ("[manager]\nport = 70000\n", 2, "a whole number from 1 to 65535"),
        ("[manager]\nsecret = a b\n", 2, "printable ASCII"),
        ("[devices]\nanna = PJSIP/anna\n", 2, "[devices] has no setting 'anna'; allowed are extensions of 1 to 15"),
        ("[devices]\n = PJSIP/anna\n", 2, "is not a setting"),
        ("[devices]\n201 = anna\n", 2, "201 = 'anna' is not an extension's devices, as PJSIP/anna"),
        ("[devices]\n201 = PJSIP/\n", 2, "an extension's devices"),
        ("[devices]\n201 = PJSIP/anna&/b\n", 2, "an extension's devices"),
        (f"[devices]\n201 = PJSIP/{'a' * 61}\n", 2, "an extension's devices"),
        ("[general]\nring_time = 00000005\n", 2, "a time from 5 s"),
        ("[general]\nring_time = 10 m\n", 2, "a time from 5 s"),
        ("[devices]\n201 = PJSIP/anna,20,tT\n", 2, "an extension's devices"),
    ],
)
def test_a_bad_value_is_one_error_that_says_where_and_what(tmp_path: Path, text: str, line: int, says: str) -> None:
    """The error names file, line, key and what is allowed."""
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(("text", "language"), [("own", ""), ("", ""), ("zh", "zh"), ("pt_BR", "pt_BR")])
def test_the_prompts_language_is_own_or_one(tmp_path: Path, text: str, language: str) -> None:
    """Own, nothing and no line at all mean the same: each phone's own."""
    assert load(write(tmp_path, f"[general]\nlanguage = {text}\n")).language == language
    assert Settings().language == ""


def test_extensions_and_devices_are_mapped_both_ways(tmp_path: Path) -> None:
    """[devices] names an extension's devices and counts first; the dial string of the others tells both ways."""
    text = "[general]\ndevice = PJSIP/{ext}-desk\n[devices]\n201 = PJSIP/anna&SIP/201m\n299 = PJSIP/anna\n"
    settings = load(write(tmp_path, text))
    assert [settings.devices_of(e) for e in ("201", "202")] == ["PJSIP/anna&SIP/201m", "PJSIP/202-desk"]
    owners = ("PJSIP/anna", "SIP/201m", "PJSIP/202-desk", "PJSIP/201-desk", "PJSIP/trunk-desk", "PJSIP/202", "SIP/anna")
    assert [settings.extension_of(device) for device in owners] == ["201", "201", "202", "", "", "", ""]


def test_without_a_dial_string_asterisk_has_to_be_asked() -> None:
    """With auto, a hint or FreePBX the settings alone tell neither."""
    settings = Settings()
    for settings.device in ("auto", "freepbx", "hint@phones"):
        assert (settings.devices_of("201"), settings.extension_of("PJSIP/201")) == ("", "")
    assert Settings().devices is not settings.devices


@pytest.mark.parametrize("text", ["no section\n", "[general]\nring_time=5\nring_time=6\n", "[general\n"])
def test_a_file_that_is_no_ini_is_one_error(tmp_path: Path, text: str) -> None:
    """A syntax error is told in one line, with the file's name."""
    path = write(tmp_path, text)
    with pytest.raises(SettingsError, match=r"busy_callback\.conf") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_plan_admits_its_extensions_only() -> None:
    """X, Z, N and ranges are Asterisk's; lengths may be mixed."""
    plan = NumberingPlan(("2XX", "_[3-5]0ZN"))
    assert [n for n in ("200", "299", "3012", "4019", "6012", "2000", "20", "3002", "3011") if n in plan] == [
        "200",
        "299",
        "3012",
        "4019",
    ]


@pytest.mark.parametrize("number", ["", "2", "2000000", "20a", "٢٠١", "201\n", " 201", "201&203", "²²²"])
def test_without_a_plan_only_2_to_6_ascii_digits_are_extensions(number: str) -> None:
    """Nothing but 2 to 6 of 0 to 9 is an extension."""
    assert number not in NumberingPlan()


def test_a_plan_says_how_long_its_extensions_are() -> None:
    """From 1 to 15 digits (the longest number of ITU-T E.164), where the settings say so."""
    plan = NumberingPlan(("N", "2XXXXXXX", "88621[2-9]XXXXXXXXX"))
    assert [n for n in ("1", "2", "20", "20000000", "886212345678901") if n in plan] == [
        "2",
        "20000000",
        "886212345678901",
    ]
    for pattern in ("X" * 16, "", "_", "2?", "2X.", "[", "[]"):
        with pytest.raises(ValueError, match="is not a pattern of 1 to 15 digits"):
            NumberingPlan((pattern,))


def test_a_plans_numbers_can_be_listed() -> None:
    """All of them or, where there are too many or any, none."""
    assert NumberingPlan(("20[1-3]", "9")).listed(4) == ["201", "202", "203", "9"]
    assert NumberingPlan(("20[1-3]", "9")).listed(3) == []
    assert NumberingPlan(("X" * 15,)).listed(1000) == []
    assert NumberingPlan().listed(1000) == []


def test_some_extensions_are_taken_out(tmp_path: Path) -> None:
    """not_callers may not ask, not_callees may not be asked for; the error names the setting. None by default."""
    settings = load(write(tmp_path, "[general]\nnot_callers = 299, 28X\nnot_callees = 201\n"))
    settings.check_pair("202", "299")
    for caller, callee, name in (
        ("299", "202", "not_callers"),
        ("285", "202", "not_callers"),
        ("202", "201", "not_callees"),
    ):
        with pytest.raises(NumberError, match=f"is one of the {name}"):
            settings.check_pair(caller, callee)
    Settings().check_pair("299", "201")


def test_nobody_is_called_back_by_themselves() -> None:
    """A caller never equals its callee."""
    with pytest.raises(NumberError, match="by itself"):
        NumberingPlan().check_pair("201", "201")


def test_hostile_text_is_made_harmless_for_the_log() -> None:
    """Control characters, quotes and dialplan syntax are replaced, and long text is cut."""
    assert printable("20\n1\"${SHELL(x)}`'é") == "20?1??{SHELL(x)}???"
    assert printable("1" * 50) == "1" * 40 + "..."


def test_directories_come_from_asterisk_conf(tmp_path: Path) -> None:
    """Both of Asterisk's assignment signs, comments and the template mark are understood."""
    conf = tmp_path / "asterisk.conf"
    conf.write_text("[directories](!)\nastspooldir => /srv/spool ; here\nastetcdir=/srv/etc\n[files]\nastctl = a.ctl\n")
    found = find_directories({}, str(conf))
    assert (found.spool, found.outgoing) == ("/srv/spool/busy_callback", "/srv/spool/outgoing")
    assert (found.conf, found.astctl) == ("/srv/etc/busy_callback.conf", "a.ctl")


def test_the_environment_can_name_asterisk_conf(tmp_path: Path) -> None:
    """BUSY_CALLBACK_ASTERISK_CONF wins over what Asterisk tells its AGI scripts."""
    conf = tmp_path / "asterisk.conf"
    conf.write_text("[directories]\nastspooldir => /srv/spool\n")
    environ = {"AST_SPOOL_DIR": "/other", "AST_CONFIG_DIR": "/other", "AST_LOG_DIR": "/other"}
    found = find_directories(environ)
    assert (found.astspooldir, found.astlogdir) == ("/other", "/other")
    assert find_directories({**environ, "BUSY_CALLBACK_ASTERISK_CONF": str(conf)}).astspooldir == "/srv/spool"


def test_a_named_asterisk_conf_must_exist(tmp_path: Path) -> None:
    """A wrong --asterisk-conf is an error, never silently the usual one."""
    with pytest.raises(SettingsError, match="can't be read"):
        find_directories({}, str(tmp_path / "none"))


def test_a_file_that_is_none_or_has_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO and a folder are waited for by nobody; a file larger than any settings is not read to its end."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_text(";" * 200)
    monkeypatch.setattr("busy_callback.settings._MOST", 100)
    for name, why in (
        ("fifo", "not a regular file"),
        (".", "not a regular file"),
        ("large", "more than 100 characters"),
    ):
        with pytest.raises(SettingsError, match=f"can't be read: .*{why}"):
            load(str(tmp_path / name))
    with pytest.raises(SettingsError, match=r"it is not a regular file; name Asterisk's asterisk\.conf"):
        find_directories({}, str(tmp_path / "fifo"))
