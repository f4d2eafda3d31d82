"""Attack: asterisk, on a whole Debian with its own owners and modes, tries to become root when root installs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from ..lab.machine import COMMAND, Machine, build_wheel
from ..lab.office import REPOSITORY
from ..lab.releases import RELEASES

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("machines")]

TRIES = 5
ETC = "/etc/asterisk"
VICTIM = "/etc/victim"
# Puts a link over each file that comes into the folder, as soon as inotify tells of it.
RACE = f"""
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
watch = libc.inotify_init()
libc.inotify_add_watch(watch, b"{ETC}", 0x180)
os.chdir("{ETC}")
if not os.path.lexists("spare"):
    os.symlink("{VICTIM}", "spare")
print("ready", flush=True)
while True:
    data = os.read(watch, 65536)
    while data:
        length = struct.unpack_from("iIII", data)[3]
        name, data = data[16 : 16 + length].rstrip(bytes(1)), data[16 + length :]
        if name.startswith(b".busy-callback-"):
            os.rename(b"spare", name)
            os.symlink("{VICTIM}", "spare")
"""


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: f"asterisk{release.version}")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the package's command on it, and nothing installed; asterisk's configuration can be put back."""
    wheel = build_wheel(REPOSITORY, tmp_path_factory.mktemp("wheel"))
    with Machine(request.param, tmp_path_factory.mktemp(request.param.suite)) as made:
        made.add_phones("201", "202")
        made.start_asterisk()
        made.pip_install(wheel)
        made.run(f"cp -a {ETC} /var/tmp/etc; cp -a /var/spool/asterisk /var/tmp/spool")
        yield made


@pytest.fixture(autouse=True)
def as_before(machine: Machine) -> Iterator[None]:
    """After each attack Asterisk's folders are as they were, and root's too."""
    victim = f"rm -f {VICTIM}; echo root > {VICTIM}; chmod 0600 {VICTIM}"
    machine.run(victim)
    before = machine.run(ROOTS).stdout
    yield
    machine.run(
        f"find {ETC} -mindepth 1 -delete; cp -a /var/tmp/etc/. {ETC}; rm -rf /var/lib/busy-callback; "
        "rm -rf /var/spool/asterisk/busy_callback; rm -f /etc/cron.d/busy-callback /etc/logrotate.d/busy-callback; "
        "rm -f /usr/share/asterisk/agi-bin/busy_callback.py"
    )
    assert machine.run(ROOTS).stdout == before


# Whose are the folders and files that would make asterisk root?
ROOTS = f"find /etc/cron* {VICTIM} /etc/passwd /usr/share/asterisk/agi-bin -printf '%p %u:%g %m %l\\n' | sort"


def test_a_spool_that_is_a_link_to_cron(machine: Machine) -> None:
    """Install says what is in the way; cron's folder stays root's."""
    machine.run("ln -s /etc/cron.d /var/spool/asterisk/busy_callback", user="asterisk")
    done = machine.run(f"{COMMAND} install --yes --wire phones", check=False)
    assert done.returncode == 1
    assert "is to be a folder, and is something else" in done.stderr
    machine.run("rm /var/spool/asterisk/busy_callback", user="asterisk")


def test_a_race_for_a_temporary_file(machine: Machine, counts: Callable[[str], None]) -> None:
    """Asterisk's user puts a link over each new file in its folder at once: the target never becomes its own."""
    (machine.root / "var/tmp/race.py").write_text(RACE)
    won = 0
    for number in range(TRIES):
        with machine.meanwhile("exec python3 /var/tmp/race.py", "asterisk"):
            words = "uninstall" if number % 2 else "install --no-trial --wire phones"
            machine.run(f"{COMMAND} {words} --yes", check=False)
        won += machine.run(f"stat -c '%U %a' {VICTIM}; cat {VICTIM}").stdout != "root 600\nroot\n"
    counts(f"{won} of {TRIES} races by inotify won")
    assert won == 0


def test_a_path_in_asterisk_conf(machine: Machine) -> None:
    """Where asterisk's own asterisk.conf leads to /etc/cron.daily nothing is placed, be Asterisk stopped by it."""
    machine.run("/usr/sbin/asterisk -rx 'core stop now'", user="asterisk")
    machine.run(f"sed -i 's|^astagidir => .*|astagidir => /etc/cron.daily|' {ETC}/asterisk.conf", user="asterisk")
    done = machine.run(f"{COMMAND} install --yes", check=False)
    machine.run(f"cp -a /var/tmp/etc/asterisk.conf {ETC}")
    machine.start_asterisk()
    assert "--allow-path /etc/cron.daily" in done.stderr
    assert not (machine.root / "etc/cron.daily/busy_callback.py").exists()


def test_what_only_root_may_read(machine: Machine) -> None:
    """Neither a copy that asterisk could read is made of /etc/shadow, nor is a line of it printed."""
    machine.run(f"rm -f {ETC}/busy_callback.conf; ln -s /etc/shadow {ETC}/busy_callback.conf", user="asterisk")
    printed = [
        machine.run(f"{COMMAND} {words}", check=False)
        for words in ("doctor --json", "install --dry-run", "install --yes", "poll", "list")
    ]
    assert not any("daemon:" in done.stdout + done.stderr for done in printed)
    assert "Permission denied" in json.loads(printed[0].stdout)[0]["message"]
    assert machine.run(f"readlink {ETC}/busy_callback.conf").stdout == "/etc/shadow\n"


def test_the_command_is_asterisks_where_root_runs_it(machine: Machine) -> None:
    """A spool in a folder of root's, with links to others: list, cancel and poll move, make and change nothing."""
    fakes = "requests ended recalls tmp corrupt"
    machine.run(
        f"cd /var/tmp; mkdir {fakes}; rmdir requests; ln -s /etc/cron.daily requests; "
        "ln -s /var/tmp /var/spool/asterisk/busy_callback",
        user="asterisk",
    )
    for words in ("list", "history", "cancel 201", "poll", "doctor"):
        machine.run(f"{COMMAND} {words}", check=False)
    made = machine.run(f"cd /var/tmp; find {fakes} lock poller.lock -printf '%u\\n' 2>/dev/null | sort -u", check=False)
    machine.run(f"cd /var/tmp; rm -r {fakes} *lock /var/spool/asterisk/busy_callback", check=False)
    assert made.stdout == "asterisk\n"


def test_an_install_afterwards_is_as_ever(machine: Machine) -> None:
    """None of it is in the way of an install by an admin, and of doctor, who finds no fault with whose what is."""
    assert "Done." in machine.run(f"{COMMAND} install --yes --wire phones").stdout
    checks = machine.doctor()
    assert [name for name in ("settings", "manager", "agi", "spool", "outgoing", "log") if not checks[name]["ok"]] == []
