"""What install plans for a PBX, on a PBX made of files."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from busy_callback.errors import SettingsError, SetupError
from busy_callback.settings import load
from busy_callback.setup import placed_files
from busy_callback.setup.changing import undo
from busy_callback.setup.check import CheckFailed, Installation
from busy_callback.setup.checks_asterisk import check_contexts
from busy_callback.setup.dialplan import FILE_NAME
from tests.lab.freepbx_dialplans import ELASTIX, FREEPBX, ISSABEL, MAIN, additional, files
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")


@pytest.fixture
def freepbx(pbx: Pbx) -> Pbx:
    """The same with FreePBX's files."""
    pbx.write("extensions.conf", MAIN)
    pbx.write("extensions_additional.conf", additional("Macro"))
    for name in ("extensions_custom.conf", "extensions_override_freepbx.conf", "manager_custom.conf"):
        pbx.write(name, "")
    return pbx


def test_a_second_install_changes_nothing(pbx: Pbx) -> None:
    """Installed once, there is nothing left to do; not even the secret is made anew."""
    assert pbx.install("phones")
    assert pbx.plan("phones").changes == ()
    assert pbx.plan().changes == ()


def test_uninstall_gives_back_an_identical_tree(pbx: Pbx) -> None:
    """Every byte, mode, owner and time of a file is as before, and nothing is left."""
    before = pbx.tree()
    pbx.install("phones")
    assert pbx.tree() != before
    assert undo(pbx.journal()) == []
    assert pbx.tree() == before


def test_planning_changes_nothing(pbx: Pbx) -> None:
    """Making the plan and its diffs writes nothing at all."""
    before = pbx.tree()
    assert all(change.diff() for change in pbx.plan("phones").changes)
    assert pbx.tree() == before


def test_the_settings_are_found_out(pbx: Pbx) -> None:
    """Numbering plan, technology, context and the manager's port are those of the PBX; the secret is new and long."""
    pbx.install("phones")
    settings = load(pbx.directories.conf)
    assert settings.extensions.patterns == ("2XX",)
    assert (settings.device, settings.context, settings.port) == ("PJSIP/{ext}", "phones", 5039)
    assert len(settings.secret) >= 24
    mode = os.stat(pbx.directories.conf)
    assert stat.S_IMODE(mode.st_mode) == 0o640
    assert mode.st_uid == 0


def test_an_asterisk_that_does_not_run_is_read_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones and their context come from pjsip.conf and its templates, and the plan says so."""
    pbx = Pbx(tmp_path)
    monkeypatch.setattr(placed_files, "has_cron", lambda: True)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("busy_callback.setup.console.shutil.which", lambda *a, **k: None)
    pbx.write("pjsip.conf", "[phone](!)\ntype=endpoint\ncontext=office\n[301](phone)\naors=301\n[301]\ntype=aor\n")
    assert any("is not running" in note for note in pbx.plan().notes)
    pbx.install()
    settings = load(pbx.directories.conf)
    assert (settings.extensions.patterns, settings.context) == (("3XX",), "office")


def test_the_admins_word_counts_more(pbx: Pbx) -> None:
    """Options say otherwise; later the settings file does, and options that would change it are refused."""
    pbx.install(extensions="20X 3XX", device="SIP/{ext}", context="inside")
    settings = load(pbx.directories.conf)
    assert (settings.extensions.patterns, settings.device, settings.context) == (("20X", "3XX"), "SIP/{ext}", "inside")
    with pytest.raises(SetupError, match=r"busy_callback\.conf exists already"):
        pbx.plan(context="outside")


@pytest.mark.parametrize(
    "options", [{"extensions": "2.."}, {"device": "SIP/2"}, {"context": "a b"}, {"extensions": "2XX\nsecret = x"}]
)
def test_bad_options_change_nothing(pbx: Pbx, options: dict[str, str]) -> None:
    """An option that could not be a setting is refused, with what is allowed."""
    before = pbx.tree()
    with pytest.raises(SettingsError, match="is not"):
        pbx.install(**options)
    assert pbx.tree() == before


def test_the_manager_is_opened_to_this_machine_only(pbx: Pbx) -> None:
    """Where the manager was off it is turned on at 127.0.0.1, within its own section; our user has little power."""
    pbx.install()
    text = (pbx.etc / "manager.conf").read_text()
    general, _, rest = text.partition("[boss]")
    assert "port = 5039\n; BEGIN busy-callback\nenabled = yes\nbindaddr = 127.0.0.1\n; END busy-callback\n" in general
    assert rest.endswith("; BEGIN busy-callback\n#tryinclude busy_callback_manager.conf\n; END busy-callback\n")
    user = (pbx.etc / "busy_callback_manager.conf").read_text().partition("[busy_callback]")[2]
    assert "deny = 0.0.0.0/0.0.0.0\ndeny = ::/0\npermit = 127.0.0.1/255.255.255.255\n" in user
    assert "read = call,user\nwrite = reporting,originate\neventfilter" in user


def test_a_manager_that_is_on_is_not_moved(pbx: Pbx) -> None:
    """Where the manager is on, its address stays the admin's."""
    pbx.write("manager.conf", "[general]\nenabled = yes\nbindaddr = 0.0.0.0\n")
    pbx.install()
    assert "127.0.0.1\n; END" not in (pbx.etc / "manager.conf").read_text()


def test_a_manager_at_another_address_of_this_machine(pbx: Pbx) -> None:
    """Where the manager listens at one address only, the settings name it and our user may come from it."""
    pbx.write("manager.conf", "[general]\nenabled = yes\nbindaddr = 10.0.0.5\n")
    pbx.install()
    assert load(pbx.directories.conf).host == "10.0.0.5"
    assert "permit = 10.0.0.5/255.255.255.255" in (pbx.etc / "busy_callback_manager.conf").read_text()


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_a_manager_at_an_ipv6_address(pbx: Pbx, address: str) -> None:
    """IPv6's address of this machine is one as well: the settings name it, and our user may come from it alone."""
    pbx.write("manager.conf", f"[general]\nenabled = yes\nbindaddr = {address}\n")
    pbx.install()
    assert load(pbx.directories.conf).host == "::1"
    assert "deny = ::/0\npermit = ::1/128\n" in (pbx.etc / "busy_callback_manager.conf").read_text()


def test_our_manager_user_comes_from_where_the_settings_go(pbx: Pbx) -> None:
    """An admin who writes host = ::1 and runs install again is let in from there, and from nowhere else."""
    pbx.install()
    conf = Path(pbx.directories.conf)
    conf.write_text(conf.read_text().replace("host = 127.0.0.1", "host = ::1"))
    pbx.install()
    user = (pbx.etc / "busy_callback_manager.conf").read_text()
    assert "permit = ::1/128\n" in user
    assert user.count("permit") == 1


def test_a_folder_of_managers_is_used(pbx: Pbx) -> None:
    """Debian's manager.conf ends in an include of manager.d/*.conf: a file there leaves manager.conf alone."""
    (pbx.etc / "manager.d").mkdir()
    path = pbx.write("manager.conf", '[general]\nenabled = yes\n#include "manager.d/*.conf"\n')
    path.chmod(0o640)
    before = path.read_bytes()
    pbx.install()
    ours = pbx.etc / "manager.d" / "busy_callback.conf"
    assert path.read_bytes() == before
    assert "[busy_callback]" in ours.read_text()
    assert stat.S_IMODE(ours.stat().st_mode) == 0o640


def test_the_offer_is_written_once_and_remembered(pbx: Pbx) -> None:
    """--wire puts one marked line after the Dial and includes the codes; a later install keeps it without asking."""
    pbx.install("phones")
    text = (pbx.etc / "extensions.conf").read_text()
    offer = "; BEGIN busy-callback\n same => n,Gosub(busy-callback,s,1(${EXTEN}))\n; END busy-callback\n"
    assert f" same => n,Dial(PJSIP/${{EXTEN}},20)\n{offer} same => n,Hangup()\n" in text
    assert text.count("Gosub(busy-callback") == 1
    assert text.count("include => busy-callback-codes") == 1
    assert text.index("include => busy-callback-codes") < text.index("[other]")
    assert text.endswith("#include extensions_busy_callback.conf\n; END busy-callback\n")


def test_an_older_form_of_the_offer_is_brought_up_to_date(pbx: Pbx) -> None:
    """A context that an older version wired gets this one's line, in the same place."""
    pbx.install("phones")
    path = pbx.etc / "extensions.conf"
    new = path.read_text()
    path.write_text(new.replace("Gosub(busy-callback,s,1(${EXTEN}))", "Gosub(busy-callback,${EXTEN},1)"))
    pbx.install()
    assert path.read_text() == new


def test_without_wire_the_command_is_told(pbx: Pbx) -> None:
    """On plain Asterisk nobody's context is changed unasked; the plan's note has the command and the Dial's line."""
    note = pbx.plan().notes[-1]
    assert "busy-callback install --wire phones" in note
    assert "behind extensions.conf:6 Dial(PJSIP/${EXTEN},20)" in note
    pbx.install()
    assert "Gosub" not in (pbx.etc / "extensions.conf").read_text()


def test_feature_codes_of_the_settings_reach_the_dialplan(pbx: Pbx) -> None:
    """After a change of the codes in the settings, install puts them into the dialplan, and nothing else."""
    pbx.install("phones")
    conf = Path(pbx.directories.conf)
    conf.write_text(conf.read_text().replace("[manager]", "code_request = *55\n[manager]"))
    assert [change.path.name for change in pbx.install()] == ["extensions_busy_callback.conf"]
    assert "exten => *55,1," in (pbx.etc / "extensions_busy_callback.conf").read_text()


def test_freepbx_keeps_its_generated_files(freepbx: Pbx) -> None:
    """Only the _custom files and files of our own are touched, so that an upgrade keeps it all."""
    changes = freepbx.install()
    touched = {change.path.name for change in changes if change.path.parent == freepbx.etc}
    assert touched == {
        "busy_callback.conf",
        "busy_callback_manager.conf",
        "extensions_busy_callback.conf",
        "extensions_custom.conf",
        "manager_custom.conf",
    }
    settings = load(freepbx.directories.conf)
    assert (settings.context, settings.device) == ("from-internal", "freepbx")
    assert freepbx.plan().changes == ()


def test_an_upgrade_that_changes_a_step_is_told(freepbx: Pbx) -> None:
    """The step that is repeated is no longer FreePBX's own: doctor says so, and install mends it."""
    freepbx.install()
    freepbx.runs()
    installation = Installation(freepbx.survey(), load(freepbx.directories.conf))
    assert "are loaded" in check_contexts(installation)
    generated = additional("Macro").replace(
        "exten => s-BUSY,1,GotoIf(", "exten => s-BUSY,1,NewStep()\nexten => s-BUSY,n,GotoIf("
    )
    freepbx.write("extensions_additional.conf", generated)
    with pytest.raises(CheckFailed, match="FreePBX's dialplan, which an upgrade may have changed"):
        check_contexts(Installation(freepbx.survey(), installation.settings))
    assert [change.path.name for change in freepbx.install()] == ["extensions_busy_callback.conf"]
    check_contexts(Installation(freepbx.survey(), installation.settings))


def test_codes_that_freepbx_has_given_away_become_others(freepbx: Pbx) -> None:
    """*86 is the Park Prefix: others are set, and the admin is told which are taken and by what."""
    notes = freepbx.plan().notes
    assert any("*86 is *86 already (extensions_additional.conf:" in note for note in notes)
    freepbx.install()
    settings = load(freepbx.directories.conf)
    assert settings.code_cancel != "*86"
    assert settings.extensions.patterns == ("2XX", "2XXXXXXX", "5XXX")


@pytest.mark.parametrize("product", [FREEPBX, ISSABEL, ELASTIX])
def test_install_names_the_product(freepbx: Pbx, product: str) -> None:
    """FreePBX's kin are told by what extensions.conf includes, and served by the same files."""
    for name, text in files(product, additional("Macro", product=product)).items():
        freepbx.write(name, text)
    plan = freepbx.plan()
    assert any(f"This is {product}:" in note for note in plan.notes)
    assert "extensions_custom.conf" in {change.path.name for change in plan.changes}


def test_an_asterisk_that_is_older_than_all_tests_is_told(pbx: Pbx) -> None:
    """Issabel 4 has Asterisk 11 or 13: what is not known to work there is said."""
    pbx.runs(core_show_version="Asterisk 11.25.3 built by mockbuild")
    assert any("this is Asterisk 11.25.3, older than 16" in note for note in pbx.plan().notes)
    pbx.runs(core_show_version="Asterisk 18.19.0 built by mockbuild")
    assert not any("older than" in note for note in pbx.plan().notes)


def test_a_web_interfaces_own_file_is_not_edited_through_a_link(freepbx: Pbx) -> None:
    """extensions.conf is often a link out of Asterisk's configuration: what it leads to stays as it is."""
    theirs = freepbx.root / "web.conf"
    shutil.move(freepbx.etc / "extensions.conf", theirs)
    (freepbx.etc / "extensions.conf").symlink_to(theirs)
    before = theirs.read_bytes()
    freepbx.install()
    assert theirs.read_bytes() == before
    (freepbx.etc / "extensions_custom.conf").unlink()
    (freepbx.etc / "extensions_custom.conf").symlink_to(theirs)
    with pytest.raises(SetupError, match="is not in Asterisk's own configuration folder"):
        freepbx.plan()


def test_freepbx_has_copies_of_prompts(freepbx: Pbx) -> None:
    """Fwconsole chown removes links that are not absolute: there are none, and another install keeps the language."""
    freepbx.install(language="zh")
    sounds = Path(freepbx.directories.astdatadir) / "sounds"
    assert not [path for path in sounds.rglob("*") if path.is_symlink()]
    assert (sounds / "busy-callback.wav").read_bytes() == (sounds / "zh" / "busy-callback.wav").read_bytes()
    assert freepbx.plan().changes == ()


def fwconsole_chown(pbx: Pbx) -> None:
    """Do what FreePBX's command does to modes and links (its framework's Chown.class.php)."""
    directories = pbx.directories
    for top, mode in (
        (directories.astetcdir, 0o750),
        (directories.astspooldir, 0o755),
        (f"{directories.astdatadir}/sounds", 0o755),
        (directories.astagidir, 0o777),
    ):
        for folder, _, names in os.walk(top):
            Path(folder).chmod(mode & 0o755)
            for path in (Path(folder, name) for name in names):
                if path.is_symlink() and not Path(os.readlink(path)).exists():  # as seen from the current folder
                    path.unlink()
                elif not path.is_symlink():
                    path.chmod(0o755 if mode == 0o777 else mode & ~0o111)


def test_fwconsole_chown_takes_nothing_away(freepbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompts are all there afterwards; install only closes the spool again, and uninstall finds all of ours."""
    freepbx.install()
    sounds = Path(freepbx.directories.astdatadir) / "sounds"
    before = sorted(sounds.rglob("*"))
    fwconsole_chown(freepbx)
    assert sorted(sounds.rglob("*")) == before
    assert [change.path for change in freepbx.plan().changes] == [Path(freepbx.directories.spool)]
    assert freepbx.command(monkeypatch, "uninstall", "--yes") == (0, "Done.\n")
    assert not [path for path in sounds.rglob("*") if path.is_file()]


def test_freepbx_is_given_back_with_its_empty_files(freepbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its override and custom files are empty on most machines: every path of the install is given back all the same.

    The next journal is read whole too, and the dry run names what uninstall then does.
    """
    before = freepbx.tree()
    changes = freepbx.install()
    assert len(freepbx.journal().entries) == len(changes) > 100
    assert freepbx.install(language="zh")
    installed = freepbx.tree()
    status, output = freepbx.command(monkeypatch, "uninstall", "--dry-run")
    assert (status, freepbx.tree()) == (0, installed)
    assert f"remove file {freepbx.etc}/busy_callback.conf" in output
    assert f"-#tryinclude {FILE_NAME}" in output
    status, output = freepbx.command(monkeypatch, "uninstall", "--yes")
    assert (status, output) == (0, "Done.\n")
    assert freepbx.tree() == before


def test_freepbx_needs_no_wire(freepbx: Pbx) -> None:
    """On FreePBX the place of the offer is known: an option that would name another is refused."""
    with pytest.raises(SetupError, match="--wire is not for FreePBX"):
        freepbx.plan("from-internal")


def test_freepbx_after_an_upgrade_needs_nothing(freepbx: Pbx) -> None:
    """When FreePBX writes its dialplan anew, in its other form too, the override still fits."""
    freepbx.install()
    freepbx.write("extensions_additional.conf", additional("Gosub"))
    assert freepbx.plan().changes == ()


def test_asterisk_with_other_directories_is_refused(pbx: Pbx) -> None:
    """When the running Asterisk has its spool elsewhere than asterisk.conf says, nothing is done."""
    pbx.runs(core_show_settings="  Spool directory:             /somewhere/else\n")
    with pytest.raises(SetupError, match=r"other directories than asterisk\.conf: astspooldir => /somewhere/else"):
        pbx.plan()


def test_an_upgrade_replaces_what_the_earlier_version_placed(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer package changes its own files only, keeps an edited one aside; uninstall leads back to the start."""
    before = pbx.tree()
    pbx.install("phones")
    newer = pbx.root / "newer"
    shutil.copytree(pbx.survey().data / "dialplan", newer / "dialplan")
    shutil.copytree(pbx.survey().data / "agi-bin", newer / "agi-bin")
    shutil.copytree(pbx.survey().data / "sounds", newer / "sounds")
    source = newer / "dialplan" / "extensions_busy_callback.conf"
    source.write_text(source.read_text() + "; newer\n")
    monkeypatch.setattr("busy_callback.setup.survey.data_directory", lambda: newer)
    placed = pbx.etc / "extensions_busy_callback.conf"
    placed.write_text("; mine\n")
    plan = pbx.plan()
    assert [change.path for change in plan.changes] == [placed]
    assert "Your version will be kept as" in plan.notes[0]
    pbx.install()
    assert placed.read_text() == source.read_text()
    (aside,) = pbx.journal().set_aside()
    assert (str(aside) in plan.notes[0], aside.read_text()) == (True, "; mine\n")
    shutil.rmtree(newer)
    assert undo(pbx.journal()) == []
    aside.unlink()
    aside.parent.rmdir()
    assert pbx.tree() == before


def test_a_missing_file_of_asterisks_is_told(pbx: Pbx) -> None:
    """Without extensions.conf or manager.conf the error names the file."""
    (pbx.etc / "manager.conf").unlink()
    with pytest.raises(SetupError, match=r"manager\.conf is missing"):
        pbx.plan()


def test_a_secret_that_got_lost_is_put_in(pbx: Pbx) -> None:
    """An admin's own settings file without a secret gets one, in a marked block, and keeps the rest."""
    Path(pbx.directories.conf).write_text("[general]\nring_time = 30\n[manager]\nport = 5040\n")
    pbx.install()
    settings = load(pbx.directories.conf)
    assert settings.secret
    assert (settings.ring_time, settings.port) == (30, 5040)
    assert pbx.plan().changes == ()
    undo(pbx.journal())
    assert Path(pbx.directories.conf).read_text() == "[general]\nring_time = 30\n[manager]\nport = 5040\n"
