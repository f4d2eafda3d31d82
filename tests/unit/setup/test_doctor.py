"""Doctor's checks, on a PBX made of files: what is wrong, and the cure. The phones' tests have the rest."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from busy_callback.errors import AsteriskError
from busy_callback.settings import Directories, Settings
from busy_callback.setup import checks_asterisk, checks_machine
from busy_callback.setup.check import Check, Installation
from busy_callback.setup.console import Console
from busy_callback.setup.doctor import CHECKS, _run, examine
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")

MODULES = "".join(f"{name}  Something  0  Running  core\n" for name in ("pbx_spool.so", "res_agi.so"))


def no_manager(settings: Settings) -> None:
    """Take the manager's place: nobody listens."""
    raise AsteriskError("Asterisk's manager at 127.0.0.1:5039 can't be reached: Connection refused")


@pytest.fixture(autouse=True)
def installed(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PBX has the package in it."""
    monkeypatch.setattr(checks_asterisk, "Ami", no_manager)
    pbx.install("phones")


def examined(pbx: Pbx) -> dict[str, Check]:
    """Return the checks by their names."""
    return {check.name: check for check in examine(pbx.directories, str(pbx.conf), pbx.system)}


def test_every_check_has_a_result(pbx: Pbx) -> None:
    """All checks run, whatever the others find; each failure has a cure, and what is well has none."""
    checks = examined(pbx)
    assert list(checks) == list(CHECKS)
    assert all(check.message for check in checks.values())
    assert [check.name for check in checks.values() if bool(check.cure) == check.ok] == []


def test_unusable_settings_are_the_one_result(pbx: Pbx) -> None:
    """When the settings can't be read nothing else can be known: file, line and what is allowed are told."""
    Path(pbx.directories.conf).write_text("[general]\nring_time = soon\n")
    (check,) = examined(pbx).values()
    assert not check.ok
    assert "busy_callback.conf:2" in check.message


def test_settings_for_everybodys_eyes(pbx: Pbx) -> None:
    """The secret must not be readable by everybody."""
    assert examined(pbx)["settings"].ok
    os.chmod(pbx.directories.conf, 0o644)
    assert "chmod 0640" in examined(pbx)["settings"].cure


def test_asterisk_that_is_down_or_elsewhere(pbx: Pbx) -> None:
    """Doctor tells an Asterisk that does not run from one that has its directories elsewhere."""
    pbx.runs(
        core_show_settings="  AGI Scripts directory:       /elsewhere\n", core_show_version="Asterisk 22 built by x"
    )
    assert "astagidir => /elsewhere" in examined(pbx)["asterisk"].message
    (pbx.root / "bin" / "asterisk").write_text("#!/bin/sh\necho 'Unable to connect to remote asterisk' >&2; exit 1\n")
    checks = examined(pbx)
    assert "does not run" in checks["asterisk"].message
    assert "start Asterisk" in checks["asterisk"].cure
    assert {name for name, check in checks.items() if check.ok is None} >= {"modules", "manager", "probe", "calls"}


def test_a_missing_module_is_named_with_its_purpose(pbx: Pbx) -> None:
    """The first module that is missing, or loaded but not running, is named with the command that loads it."""
    pbx.runs(module_show=MODULES)
    check = examined(pbx)["modules"]
    assert "app_chanisavail.so, which asks whether a phone is free" in check.message
    assert "module load app_chanisavail.so" in check.cure
    pbx.runs(module_show=MODULES.replace("Running", "Not Running"))
    assert "pbx_spool.so" in examined(pbx)["modules"].message


def test_a_manager_user_with_too_little(pbx: Pbx) -> None:
    """What the user lacks is told with what it needs; one that may do all is enough."""
    pbx.runs(**{"manager show user busy_callback": "        read perm: call,user\n       write perm: reporting\n"})
    check = examined(pbx)["permissions"]
    assert "write = reporting" in check.message
    assert "write = reporting,originate" in check.cure
    pbx.runs(**{"manager show user busy_callback": "        read perm: all\n       write perm: all\n"})
    assert examined(pbx)["permissions"].ok


def test_contexts_that_are_not_loaded_or_not_alone(pbx: Pbx) -> None:
    """A missing context is named; the page's own recipe beside ours is found, since its pattern would win."""
    contexts = [
        line[1:-1] for line in (pbx.etc / "extensions_busy_callback.conf").read_text().splitlines() if line[:1] == "["
    ]
    shown = {f"dialplan show {context}": "[ Context ]\n" for context in contexts}
    pbx.runs(**shown)
    assert examined(pbx)["contexts"].ok
    pbx.runs(**{**shown, "dialplan show busy-callback": "There is no existence of 'busy-callback' context\n"})
    assert "has not loaded the dialplan's context busy-callback" in examined(pbx)["contexts"].message
    pbx.runs(**{**shown, "dialplan show custom-auto-redial": "'_rdXXXXXX' => 1. NoOp()\n'_rdX.' => 1. NoOp()\n"})
    assert "an older recipe" in examined(pbx)["contexts"].message
    with (pbx.etc / "extensions_busy_callback.conf").open("a") as file:
        file.write("; of another version\n")
    assert "is out of date" in examined(pbx)["contexts"].message


def test_prompts_must_be_playable(pbx: Pbx) -> None:
    """A prompt counts only in a format that this Asterisk plays, and not when it is empty."""
    pbx.runs(core_show_file_formats="gsm  gsm  gsm\nslin wav wav\n")
    assert examined(pbx)["prompts"].ok
    sounds = Path(pbx.directories.astdatadir) / "sounds"
    (sounds / "zh" / "busy-callback-ok.gsm").unlink()
    assert examined(pbx)["prompts"].ok
    (sounds / "zh" / "busy-callback-ok.wav").write_bytes(b"")
    assert "prompt busy-callback-ok is missing" in examined(pbx)["prompts"].message
    pbx.runs(core_show_file_formats="g729 g729 g729\n")
    assert "any format that Asterisk plays" in examined(pbx)["prompts"].message


def test_the_agi_script_is_really_run(pbx: Pbx) -> None:
    """The script is run as Asterisk runs it; a Python that is not there, or fails, is told."""
    assert examined(pbx)["agi"].ok
    script = Path(pbx.directories.astagidir) / "busy_callback.py"
    text = script.read_text()
    script.write_text("#!/gone/python3\n" + text.partition("\n")[2])
    assert "can't be run" in examined(pbx)["agi"].message
    script.write_text("#!/bin/sh\necho no such package >&2\n")
    assert "no such package" in examined(pbx)["agi"].message


def test_the_spools_owner_and_what_was_set_aside(pbx: Pbx) -> None:
    """Files of another user's in the spool, and requests that could not be read, are found."""
    spool = Path(pbx.directories.spool)
    assert examined(pbx)["spool"].ok
    (spool / "corrupt").mkdir()
    (spool / "corrupt" / "201-202-x.1").touch()
    (spool / "corrupt" / "201-202-x.1.reason").write_text("it is empty\n")
    assert "201-202-x.1: it is empty" in examined(pbx)["spool"].message
    os.chown(spool / "corrupt", 12345, 0)
    assert "chown -R" in examined(pbx)["spool"].cure


def test_outgoing_is_on_the_spools_file_system(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without outgoing nothing can be recalled."""
    assert examined(pbx)["outgoing"].ok
    Path(pbx.directories.outgoing).rmdir()
    assert "install -d" in examined(pbx)["outgoing"].cure


def test_the_last_poll_tells_whether_cron_is_alive(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """No poll yet, an old one, a recent one, no cron daemon, and nothing that would start one are told apart."""
    monkeypatch.setattr(checks_machine, "_daemons", lambda names: ["cron"])
    assert "the first poll runs within a minute" in examined(pbx)["poller"].message
    monkeypatch.setattr(checks_machine, "POLL_AGE", -1)
    assert "wait a minute" in examined(pbx)["poller"].cure
    monkeypatch.setattr(checks_machine, "POLL_AGE", 150)
    lock = Path(pbx.directories.spool) / "poller.lock"
    lock.write_text("1")
    assert examined(pbx)["poller"].ok
    os.utime(lock, (time.time() - 600, time.time() - 600))
    assert "the last poll began 6" in examined(pbx)["poller"].message
    monkeypatch.setattr(checks_machine, "_daemons", lambda names: [])
    assert "the cron daemon does not run" in examined(pbx)["poller"].cure
    (pbx.system.cron / "busy-callback").unlink()
    assert "nothing runs the poller" in examined(pbx)["poller"].message


def test_a_clock_that_was_set_back(pbx: Pbx) -> None:
    """A file of the future means that the clock went back; the cure is to set it."""
    assert examined(pbx)["clock"].ok
    (Path(pbx.directories.spool) / "poller.lock").write_text("1")
    os.utime(Path(pbx.directories.spool) / "poller.lock", (time.time() + 3600, time.time() + 3600))
    assert "set the clock" in examined(pbx)["clock"].cure


def test_phones_outside_the_numbering_plan(pbx: Pbx) -> None:
    """Phones that may not ask are counted, with the line that would let them."""
    assert examined(pbx)["extensions"].ok
    text = Path(pbx.directories.conf).read_text()
    Path(pbx.directories.conf).write_text(text.replace("2XX", "201"))
    check = examined(pbx)["extensions"]
    assert "1 phones are not in the numbering plan (201): 202" in check.message
    assert check.cure.endswith("extensions = 2XX")


def test_phones_that_do_not_tell_their_state(pbx: Pbx) -> None:
    """Chan_sip without callcounter fails, with what to write; PJSIP without device_state_busy_at is explained."""
    check = examined(pbx)["states"]
    assert check.ok
    assert "device_state_busy_at = 1" in check.message
    pbx.runs(
        pjsip_show_endpoints="No objects found.\n",
        sip_show_peers="Name/username  Host\n201/201  (Unspecified)  D\ntrunk  10.0.0.1\n2 sip peers [Monitored: 0]\n",
        sip_show_peer_201="  * Name       : 201\n  Context      : phones\n  Call limit   : 0\n",
    )
    check = examined(pbx)["states"]
    assert "201" in check.message
    assert "callcounter = yes" in check.cure


def test_the_language_in_which_a_phone_hears_the_prompts(pbx: Pbx) -> None:
    """Its own, or Asterisk's where it has none; a language with a country is that of its first word."""
    spoken = " context : phones\n language                           : {}\n"
    pbx.runs(
        core_show_version="Asterisk 22\n",
        core_show_settings="  Default language:            en\n",
        **{"pjsip show endpoint 201": spoken.format("zh_TW"), "pjsip show endpoint 202": spoken.format("")},
    )
    pbx.install()
    check = examined(pbx)["language"]
    assert check.ok
    assert "are heard in zh: 201; en: 202; for one language on all phones: " in check.message
    (pbx.root / "answers" / "pjsip show endpoint 201").write_text(spoken.format("fr"))
    assert "are heard in en: 201, 202; for" in examined(pbx)["language"].message  # French has links to English


def test_without_any_prompts_a_caller_hears_none(pbx: Pbx) -> None:
    """Who would hear nothing is named."""
    pbx.install()
    for path in (Path(pbx.directories.astdatadir) / "sounds").rglob("busy-callback*"):
        path.unlink()
    check = examined(pbx)["language"]
    assert (check.ok, check.message) == (False, "there are no prompts for the phones 201, 202")


@pytest.mark.parametrize(
    ("language", "found", "says"),
    [
        ("zh", True, "all callers hear the prompts in zh (language = zh), whatever language their phones have"),
        ("zh_TW", True, "in zh (language = zh_TW)"),
        ("tw", True, "in zh (language = tw)"),
        ("de", False, "has language = de, and there are no prompts in it: each phone hears its own language"),
        ("fr", False, "has language = fr, and there are no prompts in it: all callers hear en"),
        ("pl", True, "in pl (language = pl)"),
    ],
)
def test_the_setting_language_says_what_all_hear(pbx: Pbx, language: str, found: bool, says: str) -> None:
    """Red where it names a language without prompts; an admin's own recordings are prompts too."""
    pbx.install()
    own = Path(pbx.directories.astdatadir) / "sounds" / "pl"
    own.mkdir()
    (own / "busy-callback.gsm").write_bytes(b"mine")
    conf = Path(pbx.directories.conf)
    conf.write_text(conf.read_text().replace("language = own", f"language = {language}"))
    check = examined(pbx)["language"]
    assert (check.ok, bool(check.cure)) == (found, not found)
    assert says in check.message


def test_each_prompt_of_the_settings_language_is_looked_for(pbx: Pbx) -> None:
    """Of recordings of one's own too, which are no folder of the package's."""
    pbx.install()
    pbx.runs(core_show_file_formats="gsm gsm gsm\nslin wav wav\n", core_show_version="Asterisk 22\n")
    assert examined(pbx)["prompts"].ok
    own = Path(pbx.directories.astdatadir) / "sounds" / "pl"
    own.mkdir()
    (own / "busy-callback.gsm").write_bytes(b"mine")
    conf = Path(pbx.directories.conf)
    conf.write_text(conf.read_text().replace("language = own", "language = pl"))
    assert f"prompt busy-callback-already is missing in {own}" in examined(pbx)["prompts"].message


def test_the_commands_exit_status_and_json(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 0 only when all is well, else 1; --json has name, ok, message and cure of each check."""
    for checks, status in (
        ([Check("a", True, "fine")], 0),
        ([Check("a", True, "x"), Check("b", False, "bad", "do")], 1),
    ):
        monkeypatch.setattr("busy_callback.setup.doctor.examine", lambda *a, found=checks: found)
        done, output = pbx.command(monkeypatch, "doctor", "--json")
        assert done == status
        assert json.loads(output)[-1].keys() == {"name", "ok", "message", "cure"}
        assert pbx.command(monkeypatch, "doctor")[0] == status


def test_install_and_uninstall_from_the_command_line(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands say what they did; who does not confirm changes nothing; requests are kept unless purged."""
    assert pbx.command(monkeypatch, "install", "--yes") == (0, "Nothing to change: all is in place.\n")
    before = pbx.tree()
    assert pbx.command(monkeypatch, "uninstall")[0] == 1
    assert pbx.tree() == before
    (Path(pbx.directories.spool) / "requests").mkdir()
    status, output = pbx.command(monkeypatch, "uninstall", "--yes")
    assert (status, "it has requests and history" in output) == (0, True)
    assert not Path(pbx.directories.conf).exists()
    status, output = pbx.command(monkeypatch, "uninstall", "--yes")
    assert (status, "Nothing to undo" in output, "requests and history" in output) == (0, True, True)
    status, output = pbx.command(monkeypatch, "install", "--yes", "--wire", "phones")
    assert (status, "Done." in output) == (0, True)
    pbx.command(monkeypatch, "uninstall", "--yes", "--purge")
    assert not Path(pbx.directories.spool).exists()
    assert "changed nothing here" in pbx.command(monkeypatch, "uninstall", "--yes")[1]


def test_only_root_may_install(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may look at the dry run; changing needs sudo, and the error says so."""
    pbx.command(monkeypatch, "uninstall", "--yes")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert pbx.command(monkeypatch, "install", "--dry-run")[0] == 0
    status, output = pbx.command(monkeypatch, "install", "--yes")
    assert (status, "run it with sudo" in output) == (1, True)


def test_a_check_that_cannot_be_made_is_red(pbx: Pbx) -> None:
    """An error inside a check is no crash of doctor's: the check is red, and says what happened."""

    def broken(installation: Installation) -> str:
        raise OSError(5, "Input/output error")

    check = _run("broken", broken, Installation(pbx.survey(), Settings()))
    assert (check.ok, bool(check.cure)) == (False, True)
    assert "Input/output error" in check.message


def console_of(program: Path) -> Console:
    """Return the console of that program."""
    console = Console(Directories())
    console.program = str(program)
    return console


def test_a_console_that_cannot_be_asked_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Asterisk that is not installed, or does not answer, is an error in a sentence."""
    with pytest.raises(AsteriskError, match="can't be run"):
        console_of(tmp_path / "none").ask("core show version")
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr("busy_callback.setup.console.ANSWER_TIME", 0.2)
    console = console_of(slow)
    for _ in range(2):
        with pytest.raises(AsteriskError, match="did not answer 'core show version'"):
            console.ask("core show version")
        slow.unlink(missing_ok=True)  # it is not asked again: doctor has many questions
