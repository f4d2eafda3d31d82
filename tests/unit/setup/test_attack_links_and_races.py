"""Attack: Asterisk's user puts links, FIFOs and paths in root's way, and waits for install, uninstall or doctor."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from busy_callback.setup.marked_blocks import BEGIN, END
from tests.lab.freepbx_dialplans import MAIN, additional
from tests.unit.house import ASTERISK, House, as_asterisk, racing
from tests.unit.setup.pbx import EXTENSIONS, MANAGER

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

TRIES = 5


def in_asterisks_hands(path: Path) -> bool:
    """Tell whether Asterisk's user owns it, or may write to it."""
    found = path.stat()
    return found.st_uid == ASTERISK.pw_uid or bool(found.st_mode & stat.S_IWOTH)


def put_back(house: House) -> None:
    """Make the PBX as it was before an install that was attacked."""
    for path in house.etc.iterdir():
        if path.is_symlink() or path.name.startswith((".", "busy_callback", "extensions_busy")):
            path.unlink()
    for name, text in (("extensions.conf", EXTENSIONS), ("manager.conf", MANAGER)):
        house.write(name, text)
        os.chown(house.etc / name, ASTERISK.pw_uid, ASTERISK.pw_gid)
    shutil.rmtree(house.system.state, ignore_errors=True)


def test_a_spool_that_is_a_link_to_cron(house: House) -> None:
    """Install neither takes the link for the spool nor gives its target away: it says so, and changes nothing."""
    as_asterisk(lambda: os.symlink(house.system.cron, house.spool))
    status, output = house.place()
    assert not in_asterisks_hands(house.system.cron)
    assert (status, "is to be a folder, and is something else" in output) == (1, True)
    assert not (house.etc / "busy_callback.conf").exists()


@pytest.mark.parametrize("word", ["install", "uninstall"])
def test_a_temporary_file_is_renamed_over_between_its_making_and_its_chown(
    house: House, word: str, counts: Callable[[str], None]
) -> None:
    """However often inotify tells of it in time: the target of the link never becomes Asterisk's user's."""
    victim = house.root / "root" / "victim"
    won = 0
    for _ in range(TRIES):
        if word == "uninstall":
            status, output = house.place("--wire", "phones")
            assert status == 0, output
        victim.write_text("root's")
        victim.chmod(0o600)
        os.chown(victim, 0, 0)
        with racing(house.etc, ".busy-callback-", victim):
            house.place("--wire", "phones") if word == "install" else house.run("uninstall", "--yes")
        won += in_asterisks_hands(victim) or victim.read_text() != "root's"
        put_back(house)
    counts(f"{won} of {TRIES} races by inotify won")
    assert won == 0


def test_settings_that_are_a_link_to_a_file_of_roots_are_not_copied(house: House) -> None:
    """What only root may read is neither put in the link's place, readable by Asterisk, nor printed by anything."""
    house.treasure.write_text("; TREASURE\n[general]\nTREASURE2 = 1\n")
    as_asterisk(lambda: os.symlink(house.treasure, house.etc / "busy_callback.conf"))
    printed = [house.run(*words)[1] for words in (["doctor"], ["install", "--dry-run"], ["install", "--yes"])]
    assert [text for text in printed if "TREASURE" in text.upper()] == []
    assert os.readlink(house.etc / "busy_callback.conf") == str(house.treasure)
    assert all("Permission denied" in text for text in printed)
    assert "TREASURE" not in "".join(
        path.read_text() for path in house.etc.iterdir() if path.is_file() and not path.is_symlink()
    )


def test_a_hard_link_to_a_file_of_roots_is_not_copied_either(house: House) -> None:
    """Whose name the file has makes nobody else read it: it is read with the folder's owner's rights."""
    house.treasure.write_text("[general]\nring_time = 22\n")
    os.link(house.treasure, house.etc / "busy_callback.conf")
    assert house.place()[0] == 2
    assert house.treasure.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["extensions.conf", "manager.conf"])
def test_a_configuration_file_that_is_a_link_out_of_the_configuration(house: House, name: str) -> None:
    """Root does not edit its target; the sentence says what to do instead."""
    target = house.root / "root" / name
    shutil.copy(house.etc / name, target)
    before = target.read_bytes()

    def deed() -> None:
        os.unlink(house.etc / name)
        os.symlink(target, house.etc / name)

    as_asterisk(deed)
    status, output = house.place("--wire", "phones")
    assert target.read_bytes() == before
    assert status == 1
    assert f"is {target}, which is not in Asterisk's own configuration folder" in output
    assert "put a copy there in its place" in output


def test_an_include_leads_to_a_file_of_roots(house: House) -> None:
    """A dialplan that asterisk's file includes from elsewhere is not edited by root, though --wire would fit it."""
    target = house.root / "root" / "dialplan"
    target.write_text("[hidden]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n")
    before = target.read_bytes()
    text = f"{EXTENSIONS}#include {target}\n"
    as_asterisk(lambda: (house.etc / "extensions.conf").write_text(text) and None)
    house.load()
    status, output = house.place("--wire", "hidden")
    assert target.read_bytes() == before
    assert (status, "not in Asterisk's own configuration folder" in output) == (1, True)


@pytest.mark.parametrize("name", ["agi", "data", "spool", "etc"])
def test_a_directory_that_leads_to_where_root_runs_things(house: House, name: str) -> None:
    """Where asterisk's own asterisk.conf has /etc/cron.daily, nothing is placed there, unless the admin says so."""
    daily = house.root / "cron.daily"
    daily.mkdir()
    (daily / "sounds").mkdir()
    for conf in ("extensions.conf", "manager.conf"):
        shutil.copy(house.etc / conf, daily)
    before = sorted(path.name for path in daily.iterdir())
    as_asterisk(lambda: house.tell_directories(**{name: str(daily)}))
    status, output = house.place()
    assert sorted(path.name for path in daily.iterdir()) == before
    assert (status, f"--allow-path {daily}" in output) == (1, True)
    status, output = house.run("install", answer="n\n")
    assert (status, "Place files there?" in output) == (1, True)
    assert sorted(path.name for path in daily.iterdir()) == before


def test_a_directory_that_an_admin_allows(house: House) -> None:
    """--allow-path, or a yes, is root's word, whatever asterisk.conf's is worth."""
    elsewhere = house.root / "elsewhere"
    elsewhere.mkdir()
    as_asterisk(lambda: house.tell_directories(agi=str(elsewhere)))
    assert house.place("--allow-path", str(elsewhere))[0] == 0
    assert (elsewhere / "busy_callback.py").exists()


def test_a_folder_of_asterisks_that_becomes_a_link(house: House) -> None:
    """A folder on the way, replaced by a link after an install, leads neither a second install nor uninstall astray."""
    (house.etc / "manager.d").mkdir()
    house.write("manager.conf", '[general]\nenabled = yes\n#include "manager.d/*.conf"\n')
    assert house.place()[0] == 0
    daily = house.root / "cron.daily"
    daily.mkdir()
    (daily / "busy_callback.conf").write_text("root's")

    def deed() -> None:
        os.rename(house.etc / "manager.d", house.etc / "away")
        os.symlink(daily, house.etc / "manager.d")

    as_asterisk(deed)
    house.place()
    house.run("uninstall", "--yes", "--purge")
    assert (daily / "busy_callback.conf").read_text() == "root's"
    assert [path.name for path in daily.iterdir()] == ["busy_callback.conf"]


def test_a_file_that_becomes_a_link_before_uninstall(house: House) -> None:
    """What it leads to is looked at with asterisk's rights alone, be it that our blocks might be in it."""
    files = {"extensions.conf": MAIN, "extensions_additional.conf": additional("Macro"), "manager_custom.conf": ""}
    for name, text in {**files, "extensions_custom.conf": "", "extensions_override_freepbx.conf": ""}.items():
        os.chown(house.write(name, text), ASTERISK.pw_uid, ASTERISK.pw_gid)
    assert house.place()[0] == 0
    house.treasure.write_text(f"{BEGIN}\nTREASURE\n{END}\n")

    def deed() -> None:
        (house.etc / "manager_custom.conf").unlink()
        os.symlink(house.treasure, house.etc / "manager_custom.conf")

    as_asterisk(deed)
    output = house.run("uninstall", "--yes")[1]
    assert "NOT given back" in output
    assert "manager_custom.conf" in output
    assert "our block is in what it leads to" not in output
    assert "TREASURE" in house.treasure.read_text()


def test_what_root_does_in_its_own_folder_within_asterisks(house: House) -> None:
    """Debian's manager.d is root's in a folder of asterisk's: a file there is root's, for Asterisk's group to read."""
    (house.etc / "manager.d").mkdir()
    house.write("manager.conf", '[general]\nenabled = yes\n#include "manager.d/*.conf"\n')
    assert house.place()[0] == 0
    found = (house.etc / "manager.d" / "busy_callback.conf").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, ASTERISK.pw_gid, 0o640)


def test_a_file_of_roots_in_asterisks_folder_keeps_its_owner(house: House) -> None:
    """Through install and uninstall; the file that root makes there was never another user's to open."""
    os.chown(house.etc / "extensions.conf", 0, ASTERISK.pw_gid)
    (house.etc / "extensions.conf").chmod(0o640)
    before = house.tree()
    assert house.place("--wire", "phones")[0] == 0
    found = (house.etc / "extensions.conf").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o640)
    assert house.run("uninstall", "--yes")[0] == 0
    assert house.tree() == before


@pytest.mark.parametrize("words", [["doctor"], ["install", "--dry-run"], ["install", "--yes"], ["uninstall", "--yes"]])
@pytest.mark.parametrize("name", ["asterisk.conf", "busy_callback.conf", "extensions.conf", "manager.conf", "included"])
def test_a_fifo_in_place_of_a_configuration_file_hangs_nobody(house: House, name: str, words: list[str]) -> None:
    """It is an error that names it; nobody waits for what may never be written into it."""
    with (house.etc / "extensions.conf").open("a") as file:
        file.write("#include included\n")

    def deed() -> None:
        (house.etc / name).unlink(missing_ok=True)
        os.mkfifo(house.etc / name)

    as_asterisk(deed)
    output = house.run(*words)[1]
    assert words == ["uninstall", "--yes"] or "is not a regular file" in output or "neither a file" in output, output


def test_includes_without_end_hang_nobody(house: House) -> None:
    """Files that include all of each other, ten deep: an error, not an hour."""

    def deed() -> None:
        for number in range(30):
            (house.etc / f"loop{number}.conf").write_text("#include loop*.conf\n")
        (house.etc / "extensions.conf").write_text("#include loop0.conf\n")

    as_asterisk(deed)
    assert "look at the #include lines" in house.run("install", "--dry-run")[1]


def test_what_is_in_a_file_does_nothing_to_the_admins_terminal(house: House) -> None:
    """Control characters of asterisk's files are printed as what they are, by the dry run, doctor and errors."""
    evil = "\x1b]0;title\x07\x1b[31m\x9b31m\u202e"

    def dialplan() -> None:
        with (house.etc / "extensions.conf").open("a") as file:
            file.write(f"; {evil}\n[{evil}]\n")

    as_asterisk(dialplan)
    printed = [house.run("install", "--dry-run", "--wire", "nowhere")[1], house.run("install", "--dry-run")[1]]
    as_asterisk(lambda: (house.etc / "busy_callback.conf").write_text(f"[{evil}]\n{evil}\n") and None)
    printed += [house.run("doctor")[1], house.run("install", "--yes")[1]]
    as_asterisk(lambda: house.tell_directories(spool=f"{house.base}/{evil}"))
    printed += [house.run(*words)[1] for words in (["list"], ["doctor"], ["install", "--yes"])]
    assert [text for text in printed if any(c in text for c in evil if not c.isprintable())] == []
    assert "\\x1b[31m" in printed[1]


def test_a_script_that_doctor_runs_can_not_type_into_the_admins_terminal(house: House) -> None:
    """The AGI script in a folder of asterisk's runs in a session of its own: no /dev/tty to push keys into."""
    told = house.base / "run" / "told"
    as_asterisk(lambda: house.tell_directories(agi=str(house.base / "run")))
    script = house.base / "run" / "busy_callback.py"
    test = "(: </dev/tty) 2>/dev/null && echo terminal || echo none"
    script.write_text(f"#!/bin/sh\n{test} > {told}\necho '\"REFUSED\"'\n")
    script.chmod(0o755)
    house.run("doctor", terminal=True)
    assert told.read_text() == "none\n"
