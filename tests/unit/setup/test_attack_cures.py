"""Attack: Asterisk's user puts links where doctor tells root to change an owner or a mode, and the admin does it."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from busy_callback.settings import load
from busy_callback.store.spool import Spool
from tests.unit.house import ASTERISK, House, as_asterisk
from tests.unit.setup.pbx import ENDPOINT, EXTENSIONS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")


def follow(house: House, output: str) -> None:
    """Do, as root, what doctor tells with ``run:``, but for commands of ours and Asterisk's."""
    for cure in re.findall(r"^ +-> run: (.*)", output, re.MULTILINE):
        for command in re.split(r"; (?=chmod|chown)", cure):
            if command.startswith(("chmod", "chown", "install")):
                subprocess.run(["/bin/sh", "-c", command], cwd=house.root, check=False)


def kept(house: House) -> tuple[int, int, int]:
    """Return owner, group and mode of what root alone may read."""
    found = house.treasure.stat()
    return found.st_uid, found.st_gid, found.st_mode & 0o7777


@pytest.mark.parametrize("place", ["log", "prompt", "outgoing"])
def test_a_link_where_doctor_looks(house: House, place: str) -> None:
    """Nothing that doctor says, once done, gives asterisk what a link of its own leads to."""
    folder = house.treasure.parent
    for path in (house.base / "data", *(house.base / "data").rglob("*")):
        os.chown(path, ASTERISK.pw_uid, ASTERISK.pw_gid)
    assert house.place()[0] == 0
    (house.root / "answers" / "core show file formats").write_text("alaw g722 gsm ulaw wav")

    def deed() -> None:
        if place == "log":
            os.symlink(house.treasure, house.base / "log" / "busy_callback.log")
        elif place == "outgoing":
            (house.base / "spool" / "outgoing").rmdir()
            os.symlink(folder, house.base / "spool" / "outgoing")
        else:
            prompt = next((house.base / "data" / "sounds" / "en").glob("busy-callback*"))
            prompt.unlink()
            os.symlink(house.treasure, prompt)

    as_asterisk(deed)
    before = kept(house), folder.stat().st_uid
    output = house.run("doctor")[1]
    follow(house, output)
    assert (kept(house), folder.stat().st_uid) == before
    assert "FAIL" in output


def test_a_path_that_is_an_order_to_a_shell(house: House) -> None:
    """A path that asterisk.conf has is one word in what doctor tells root to run."""
    assert house.place()[0] == 0
    spool = house.base / "run" / "x | touch told | echo"

    def deed() -> None:
        for name in ("busy_callback", "outgoing"):
            (spool / name).mkdir(parents=True)
        house.tell_directories(spool=str(spool))

    as_asterisk(deed)
    (spool / "busy_callback" / "roots").write_text("")
    output = house.run("doctor")[1]
    (command,) = re.findall(r"(?:run:|if it is none,) (chown .*)", output)
    subprocess.run(["/bin/sh", "-c", command], cwd=house.root, check=False)
    assert not (house.root / "told").exists()
    assert (spool / "busy_callback" / "roots").stat().st_uid == ASTERISK.pw_uid


def test_a_file_name_that_is_an_order_to_a_shell(house: House) -> None:
    """The same for a name of a file with our secret, which is open to everybody."""
    assert house.place()[0] == 0
    secret = load(str(house.etc / "busy_callback.conf")).secret

    def deed() -> None:
        (house.etc / "manager.d").mkdir(exist_ok=True)
        path = house.etc / "manager.d" / "x | touch told | y.conf"
        path.write_text(f"[busy_callback]\nsecret = {secret}\n")
        path.chmod(0o644)

    as_asterisk(deed)
    output = house.run("doctor")[1]
    assert "open to everybody" in output
    follow(house, output)
    assert not (house.root / "told").exists()


def test_a_context_that_is_an_order_to_a_shell(house: House) -> None:
    """The same for the contexts that doctor, or an install that can't wire, proposes to wire."""
    context = "x | touch told"
    house.write("extensions.conf", EXTENSIONS.replace("phones", context))
    house.runs(**{f"pjsip show endpoint {n}": ENDPOINT.replace("phones", context) for n in ("201", "202")})
    house.load()
    status, output = house.place("--wire", "nowhere")
    assert (status, "what can be wired" in output) == (1, True), output
    (command,) = re.findall(r"what can be wired: (.*?)   \(behind", output)
    subprocess.run(["/bin/sh", "-c", command.replace("busy-callback", "echo")], cwd=house.root, check=False)
    assert not (house.root / "told").exists()


@pytest.mark.parametrize("place", ["name", "reason", "secret", "wide"])
def test_a_text_of_two_lines(house: House, place: str) -> None:
    """A file's name or content with a line feed in it makes no line of its own, as a cure that is none of doctor's."""
    assert house.place()[0] == 0
    secret = load(str(house.etc / "busy_callback.conf")).secret
    cure = "-> run: chmod -R 0777 root"
    line = "\n     " if place != "wide" else " " * 500

    def deed() -> None:
        corrupt = house.spool / "corrupt"
        Spool(str(house.spool)).prepare()
        if place == "secret":
            path = house.etc / f"x{line}{cure}\nmanager.conf"
            path.write_text(f"[busy_callback]\nsecret = {secret}\n")
            path.chmod(0o644)
        else:
            name = f"x{line}{cure} #" if place == "name" else "x"
            (corrupt / name).write_text("")
            (corrupt / f"{name}.reason").write_text("it is old" if place == "name" else f"it is old{line}{cure}\n")

    as_asterisk(deed)
    before = kept(house)
    output = house.run("doctor")[1]
    assert "chmod -R 0777 root" in output
    assert f"  {cure}" not in output
    follow(house, output)
    assert kept(house) == before


def test_an_included_file_of_two_lines(house: House) -> None:
    """The same for what install notes of a Dial in a file that asterisk has named, and that is included."""
    name = "x\n     -> run: chmod -R 0777 root #.conf"

    def deed() -> None:
        (house.etc / "more").mkdir()
        (house.etc / "more" / name).write_text("[phones]\nexten => _3XX,1,Goto(s,1)\nexten => s,1,Dial(PJSIP/201)\n")
        with (house.etc / "extensions.conf").open("a") as file:
            file.write("#include more/*.conf\n")

    as_asterisk(deed)
    (house.root / "bin" / "asterisk").write_text("#!/bin/sh\necho Unable to connect to remote asterisk\n")
    before = kept(house)
    output = house.place("--wire", "phones")[1] + house.run("install", "--dry-run", "--wire", "phones")[1]
    assert "chmod -R 0777 root" in output
    follow(house, output)
    assert kept(house) == before
