"""The Debian package, installed as the manual says, typed as it stands there, on machines that have only Debian.

Debian 12 has no Python before; a plain Asterisk, and FreePBX's form of dialplan, on Asterisk 22.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..lab.bookworm import Bookworm
from ..lab.freepbx_dialplans import FREEPBX, additional, files
from ..lab.machine import Machine, build_packages, debs
from ..lab.markdown import section
from ..lab.office import REPOSITORY
from ..lab.releases import RELEASES
from .page_flow import SPOOL, is_called_back, plugged_in, wait_for_cron
from .test_install import PENDING

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("debian package")]

MANUAL = REPOSITORY / "docs/en"
CHAPTERS = {"plain": ("install.md", "From the Debian package"), "freepbx": ("freepbx.md", "FreePBX 17")}
NUMBERS = ("201", "202", "203")
PARTS = ("etc/asterisk", "etc/cron.d", "etc/logrotate.d", "usr/share/asterisk", "var/spool", "var/log")


class ByTheManual:
    """A machine whose admin types what a chapter says, up to ``doctor``, which comes a minute later."""

    def __init__(self, machine: Machine, package: Path, chapter: str) -> None:
        self.machine = machine
        machine.start_asterisk()
        if chapter == "freepbx":
            fill_database(machine)
        shutil.copy(package, machine.root / "root")
        self.before = self.tree()
        name, title = CHAPTERS[chapter]
        *commands, self.check = section(MANUAL / name, title).typed
        self.said = [self.type(line) for line in commands]
        machine.daemon("cron -f")
        self.since = time.monotonic()

    def type(self, line: str, check: bool = True) -> str:
        """Type a line in root's folder, agree to what is asked, and return what is printed."""
        done = self.machine.run(f"cd /root; {line}", check, answers="y\n")
        return done.stdout + done.stderr

    def tree(self) -> list[str]:
        """Return a line for each file of Asterisk's, cron's and logrotate's folders."""
        lines = self.machine.tree().splitlines()
        return [line for line in lines if any(f" ./{part}/" in f" {line}" for part in PARTS)]


def as_freepbx(machine: Machine) -> None:
    """Give the machine the files of a FreePBX 17, in the folder that its Asterisk reads."""
    etc = machine.root / "etc/asterisk"
    for name, text in files(FREEPBX, additional("Gosub")).items():
        (etc / name).write_text(text)
    machine.append("manager.conf", "#include manager_custom.conf\n")
    (etc / "manager_custom.conf").touch()
    (machine.root / "etc/freepbx.conf").touch()
    machine.run("sed -i 's/^context = phones/context = from-internal/' /etc/asterisk/pjsip.conf")
    machine.run("chown -R asterisk: /etc/asterisk")


def fill_database(machine: Machine) -> None:
    """Write FreePBX's rows of AstDB."""
    for number in NUMBERS:
        machine.console(f"database put AMPUSER/{number} device {number}")
        machine.console(f"database put DEVICE/{number} dial PJSIP/{number}")
        machine.console(f"database put DEVICE/{number} user {number}")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this checkout."""
    folder = tmp_path_factory.mktemp("deb")
    build_packages(REPOSITORY, folder, "deb")
    return next(folder.glob("*.deb"))


@pytest.fixture(scope="module")
def machines(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ByTheManual]]:
    """Both, so that one waits for cron's minute while the other does."""
    with ExitStack() as stack:
        found = {}
        for chapter in CHAPTERS:
            machine = stack.enter_context(Bookworm(tmp_path_factory.mktemp(chapter)))
            machine.add_phones(*NUMBERS)
            if chapter == "freepbx":
                as_freepbx(machine)
            found[chapter] = ByTheManual(machine, package, chapter)
        yield found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_bare_debian_12_gets_a_working_callback_by_the_manual(
    machines: dict[str, ByTheManual], chapter: str, tmp_path: Path
) -> None:
    """What the manual has typed installs it, asks once, and 201 is called back; a minute later doctor is content."""
    one = machines[chapter]
    assert "ok   trial: a callback works from end to end" in one.said[-1]
    wait_for_cron(one.machine, one.since)
    with plugged_in(one.machine, tmp_path) as phones:
        is_called_back(one.machine, phones, "busy-callback")
    done = one.type(one.check)
    assert all(line.startswith("ok ") for line in done.splitlines()), done


def test_the_manual_is_where_the_package_says(machines: dict[str, ByTheManual]) -> None:
    """The settings file and the man page name the manual, which is there in both languages."""
    machine = machines["plain"].machine
    place = "/usr/share/doc/busy-callback/docs"
    assert f"{place}/en/settings.md" in machine.run("head -1 /etc/asterisk/busy_callback.conf").stdout
    for language in ("en", "zh-TW"):
        names = sorted(path.name for path in (REPOSITORY / "docs" / language).iterdir())
        assert machine.run(f"ls {place}/{language}").stdout.split() == names
    assert "docs/" in machine.run("zcat /usr/share/man/man8/busy-callback.8.gz").stdout
    assert "apt-get install python3-jinja2" in machine.run("busy-callback report -o /tmp/page.html", check=False).stderr


def test_removing_the_package_takes_it_out_of_asterisk_first_or_says_why_not(machines: dict[str, ByTheManual]) -> None:
    """While a line of one's own calls our contexts the package stays; then all is as before; purge leaves nothing."""
    one = machines["plain"]
    machine = one.machine
    machine.run("pkill -x cron || kill $(pidof cron)", check=False)
    remove, purge = section(MANUAL / "upgrade.md", "Taking it out").typed[-2:]
    machine.append("extensions.conf", "[mine]\nexten => 777,1,Gosub(busy-callback,s,1(202))\n")
    machine.console("dialplan reload")
    said = one.type(remove, check=False)
    assert "Gosub(busy-callback,s,1(202)): without us there" in said
    assert "the package stays" in said
    assert "install ok" in machine.run("dpkg -s busy-callback").stdout
    assert "ok   calls" in one.type("busy-callback doctor", check=False)
    machine.run("sed -i '/^\\[mine\\]/,$d' /etc/asterisk/extensions.conf")
    machine.run(f"runuser -u asterisk -- /usr/lib/busy-callback/bin/python3 -c '{PENDING}'")
    machine.run("touch /var/log/asterisk/busy_callback.log.1.gz")
    said = one.type(remove)
    assert "There is no existence" in machine.console("dialplan show busy-callback")
    assert "config-files" in machine.run("dpkg -s busy-callback").stdout
    assert len(list((machine.root / SPOOL[1:] / "requests").iterdir())) == 1
    one.type(purge)
    for place in ("usr/lib/busy-callback", "var/lib/busy-callback"):
        assert not (machine.root / place).exists()
    changed = set(one.before) ^ set(one.tree())
    assert not [line for line in changed if "extensions.conf" not in line]  # edited above: as it was, but for its time


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: str(release.suite))
def test_it_works_on_the_oldest_debian_and_the_newest(release, package: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """On Debian 11 (Python 3.9, click 7) and unstable: dpkg -i, install with its callback, the Tab key, remove."""
    with Machine(release, tmp_path) as machine:
        machine.add_phones(*NUMBERS)
        machine.start_asterisk()
        needed = debs(machine, "python3-click")
        before = machine.run("find /etc/asterisk /usr/share/asterisk /var/spool/asterisk -type f | sort").stdout
        place = machine.root / "var/tmp/debs"
        place.mkdir(exist_ok=True)
        for path in (package, *needed):
            shutil.copy(path, place)
        machine.run("dpkg -i /var/tmp/debs/*.deb")
        said = machine.run("busy-callback install --wire phones", answers="y\n").stdout
        assert "ok   trial: a callback works from end to end" in said
        name = "source_bash" if release.suite == "bullseye" else "bash_source"
        assert "complete" in machine.run(f"_BUSY_CALLBACK_COMPLETE={name} busy-callback", check=False).stdout
        machine.run("dpkg -r busy-callback")
        assert machine.run("find /etc/asterisk /usr/share/asterisk /var/spool/asterisk -type f | sort").stdout == before
        assert "No such" in machine.run("ls /usr/lib/busy-callback 2>&1", check=False).stdout
