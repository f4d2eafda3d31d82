"""Installed on a stranger's machine: a whole Debian with its stock Asterisk, cron's daemon, and phones.

The tests of one machine follow each other, as an admin's days do; the last one takes it all out again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..lab.machine import COMMAND, Machine, build_wheel
from ..lab.office import REPOSITORY
from ..lab.phone import Phone
from ..lab.releases import RELEASES
from .conftest import prompt
from .page_flow import SPOOL, is_called_back, plugged_in, wait_for_cron

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("machines")]

CONF = "/etc/asterisk/busy_callback.conf"
SOUNDS = "/usr/share/asterisk/sounds"


# Python of the package's, for a request that waits
PENDING = f"""
import time
from busy_callback.settings import Settings
from busy_callback.store.spool import Spool
spool = Spool("{SPOOL}")
spool.prepare()
spool.register("201", "203", "busy", "en", Settings(), time.time())
"""


class Installed:
    """A machine on which the package was just installed, with its tree as it was before."""

    def __init__(self, machine: Machine, wheel: Path) -> None:
        self.machine = machine
        machine.add_phones("201", "202", "203")
        machine.start_asterisk()
        machine.pip_install(wheel)
        self.before = machine.tree()
        self.plan = machine.run(f"{COMMAND} install --dry-run --wire phones").stdout
        assert machine.tree() == self.before
        self.output = machine.run(f"{COMMAND} install --yes --wire phones").stdout
        machine.daemon("cron -f")
        self.since = time.monotonic()

    def wait_for_cron(self) -> None:
        """Wait until cron has run the poller."""
        wait_for_cron(self.machine, self.since)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Installed]]:
    """Both machines, so that one waits for cron's minute while the other does."""
    wheel = build_wheel(REPOSITORY, tmp_path_factory.mktemp("wheel"))
    with ExitStack() as stack:
        machines = {}
        for release in RELEASES:
            machine = stack.enter_context(Machine(release, tmp_path_factory.mktemp(release.suite)))
            machines[release.version] = Installed(machine, wheel)
        yield machines


@pytest.fixture(scope="module", params=[release.version for release in RELEASES], ids=lambda v: f"asterisk{v}")
def installed(both: dict[str, Installed], request: pytest.FixtureRequest) -> Installed:
    """Each of them."""
    return both[request.param]


@pytest.fixture
def phones(installed: Installed, tmp_path: Path) -> Iterator[list[Phone]]:
    """Phones 201, 202 and 203, registered."""
    with plugged_in(installed.machine, tmp_path) as found:
        yield found


def test_install_finds_out_shows_and_repeats_nothing(installed: Installed) -> None:
    """The dry run shows diffs, without a secret, and changes nothing; a second install has nothing to change."""
    technology = installed.machine.release.technology
    assert f"+device = {technology}/{{ext}}" in installed.plan
    assert "+extensions = 2XX" in installed.plan
    assert "+secret = ********" in installed.plan
    assert "+ same => n,Gosub(busy-callback,s,1(${EXTEN}))" in installed.plan
    assert "as user asterisk; 3 " in installed.output
    assert "Nothing to change" in installed.machine.run(f"{COMMAND} install --yes").stdout


def test_the_command_and_its_page_are_found(installed: Installed) -> None:
    """After the README's own steps both have their place; by its name the command has nothing to change either."""
    machine = installed.machine
    assert "Nothing to change" in machine.run("PATH=/usr/local/bin:$PATH busy-callback install --yes").stdout
    assert ".TH BUSY-CALLBACK" in machine.run("cat /usr/local/share/man/man8/busy-callback.8").stdout


def test_the_secret_stays_between_root_and_asterisk(installed: Installed) -> None:
    """Settings, secret and spool are for root and Asterisk alone; in its own folders they are Asterisk's user's."""
    facts = installed.machine.run(
        f"stat -c '%a %U:%G' {CONF} /etc/asterisk/manager.d/busy_callback.conf {SPOOL} "
        "/usr/share/asterisk/agi-bin/busy_callback.py /etc/cron.d/busy-callback /var/lib/busy-callback"
    ).stdout.split("\n")
    assert facts[:-1] == [
        "640 asterisk:asterisk",
        "640 root:asterisk",
        "750 asterisk:asterisk",
        "755 root:root",
        "644 root:root",
        "700 root:root",
    ]


def test_the_pages_flow_with_crons_own_daemon(installed: Installed, phones: list[Phone]) -> None:
    """201 finds 202 busy, presses 5, and is called back when 202 is free; nobody started the poller but cron."""
    installed.wait_for_cron()
    is_called_back(installed.machine, phones, COMMAND)


def test_a_stock_phone_hears_what_install_was_told(installed: Installed, phones: list[Phone]) -> None:
    """--language zh at a later install: the next caller hears Chinese, doctor says so, and own gives it back."""
    machine, (a, b, c) = installed.machine, phones
    machine.run(f"{COMMAND} install --yes --no-trial --language zh")
    c.dial("202")
    b.answer()
    for language in ("zh", "en"):
        a.dial("202")
        a.established()
        a.wait_until_heard(prompt("busy-callback", language))
        a.hang_up()
        a.closed()
        told = (
            "callers hear the prompts in zh (language = zh)" if language == "zh" else "are heard in en: 201, 202, 203"
        )
        assert told in str(machine.doctor()["language"]["message"])
        machine.run(f"{COMMAND} install --yes --no-trial --language own")
    b.hang_up()


def test_doctor_is_content(installed: Installed) -> None:
    """With all in place every check is well and the exit status is 0."""
    installed.wait_for_cron()
    done = installed.machine.run(f"{COMMAND} doctor", check=False)
    assert done.returncode == 0, done.stdout
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())


RELOAD = "asterisk -rx 'dialplan reload'"
MANAGER = "/etc/asterisk/manager.d/busy_callback.conf"
# check: how to break what it checks, and how to mend it
CAUSES = {
    "settings": (f"chmod 0644 {CONF}", f"chmod 0640 {CONF}"),
    "modules": (
        "asterisk -rx 'module unload app_chanisavail.so'",
        "asterisk -rx 'module load app_chanisavail.so'",
    ),
    "manager": (
        f"sed -i.kept 's/^secret = ./&x/' {CONF}",
        f"mv {CONF}.kept {CONF}; chown root:asterisk {CONF}",
    ),
    "permissions": (
        f"sed -i.kept s/reporting,// {MANAGER}; asterisk -rx 'manager reload'",
        f"mv {MANAGER}.kept {MANAGER}; asterisk -rx 'manager reload'",
    ),
    "contexts": ("asterisk -rx 'dialplan remove context busy-callback-report'", RELOAD),
    "contexts of the page": (
        "asterisk -rx 'dialplan add extension _rdXXXXXX,1,NoOp, into custom-auto-redial'",
        RELOAD,
    ),
    "offer": ("asterisk -rx 'dialplan remove context phones'", RELOAD),
    "calls with no number": (
        "asterisk -rx 'dialplan add extension s,1,Gosub(busy-callback,s,1(${EXTEN})) into mine'",
        "asterisk -rx 'dialplan remove context mine'",
    ),
    "calls of what is not there": (
        "asterisk -rx 'dialplan add extension 777,1,Gosub(busy-callback,s,9(${EXTEN})) into mine'",
        "asterisk -rx 'dialplan remove context mine'",
    ),
    "calls that are never reached": (
        (
            "asterisk -rx 'dialplan add extension 777,1,Hangup() into mine'; "
            "asterisk -rx 'dialplan add extension 777,2,Gosub(busy-callback,s,1(${EXTEN})) into mine'"
        ),
        "asterisk -rx 'dialplan remove context mine'",
    ),
    "codes": ("asterisk -rx 'dialplan add extension *87,1,NoOp() into phones'", RELOAD),
    "exposure": (
        "sed -i.kept 's/^bindaddr.*/bindaddr = 0.0.0.0/' /etc/asterisk/manager.conf; asterisk -rx 'manager reload'",
        (
            "mv /etc/asterisk/manager.conf.kept /etc/asterisk/manager.conf; chown asterisk: /etc/asterisk/manager.conf"
            "; asterisk -rx 'manager reload'"
        ),
    ),
    "reach": (
        f"sed -i.kept 's/^context = .*/context = nowhere/' {CONF}",
        f"mv {CONF}.kept {CONF}; chown asterisk:asterisk {CONF}",
    ),
    "reach from a context that cuts all off": (
        (
            f"sed -i.kept 's/^context = .*/context = cut-off/' {CONF}; "
            "asterisk -rx 'dialplan add extension 777,1,NoOp() into cut-off'"
        ),
        f"mv {CONF}.kept {CONF}; chown asterisk:asterisk {CONF}; asterisk -rx 'dialplan remove context cut-off'",
    ),
    "devices": (
        f"cp -p {CONF} {CONF}.kept; printf '[devices]\\n209 = PJSIP/nobody\\n' >> {CONF}",
        f"mv {CONF}.kept {CONF}; chown asterisk:asterisk {CONF}",
    ),
    "probe": ("asterisk -rx 'dialplan remove context busy-callback-probe'", RELOAD),
    "prompts": (f"mv {SOUNDS}/zh /var/tmp/kept", f"mv /var/tmp/kept {SOUNDS}/zh"),
    "language without prompts": (
        f"sed -i.kept 's/^language = .*/language = de/' {CONF}",
        f"mv {CONF}.kept {CONF}; chown asterisk:asterisk {CONF}",
    ),
    "agi": ("chmod 0700 /opt/busy-callback", "chmod 0755 /opt/busy-callback"),
    "spool": (f"chown root {SPOOL}/requests", f"chown asterisk {SPOOL}/requests"),
    "outgoing": (
        "chown root:root /var/spool/asterisk/outgoing",
        "chown asterisk:asterisk /var/spool/asterisk/outgoing",
    ),
    "outgoing elsewhere": (
        "mount -t tmpfs -o mode=0777 tmpfs /var/spool/asterisk/outgoing",
        "umount /var/spool/asterisk/outgoing",
    ),
    "poller": (f"touch -d '10 minutes ago' {SPOOL}/poller.lock", f"touch {SPOOL}/poller.lock"),
    "poller without cron's file": (
        "mv /etc/cron.d/busy-callback /var/tmp/kept",
        "mv /var/tmp/kept /etc/cron.d/busy-callback",
    ),
    "clock": (f"touch -d '1 hour' {SPOOL}/poller.lock", f"touch {SPOOL}/poller.lock"),
    "extensions": (
        f"sed -i.kept 's/^extensions = .*/extensions = 3XX/' {CONF}",
        f"mv {CONF}.kept {CONF}; chown root:asterisk {CONF}",
    ),
    "log": (
        "chown root:root /var/log/asterisk/busy_callback.log",
        "chown asterisk /var/log/asterisk/busy_callback.log",
    ),
}


def test_a_python_in_a_closed_home_is_refused(installed: Installed) -> None:
    """Where Asterisk's user can't reach the package's Python, install says so and changes nothing."""
    machine = installed.machine
    machine.run("chmod 0700 /opt/busy-callback")
    done = machine.run(f"{COMMAND} install --yes --language zh", check=False)
    machine.run("chmod 0755 /opt/busy-callback")
    assert done.returncode == 1
    assert "user asterisk can't run /opt/busy-callback/bin/python" in done.stderr
    assert "Nothing to change" in machine.run(f"{COMMAND} install --yes").stdout


@pytest.mark.parametrize("cause", CAUSES)
def test_each_check_turns_red(installed: Installed, cause: str) -> None:
    """When its cause is broken the check fails, says what to do, and the exit status is 1; mended, it is well."""
    installed.wait_for_cron()
    name = cause.partition(" ")[0]
    damage, mend = CAUSES[cause]
    installed.machine.run(damage)
    try:
        check = installed.machine.doctor()[name]
    finally:
        installed.machine.run(mend)
    assert not check["ok"]
    assert check["message"]
    assert check["cure"]


def test_chan_sip_without_callcounter_is_explained(installed: Installed) -> None:
    """A phone of chan_sip whose calls are not counted looks free while it talks: doctor says what to write."""
    machine = installed.machine
    if machine.release.technology == "SIP":
        machine.run("sed -i.kept 's/^callcounter = yes/callcounter = no/' /etc/asterisk/sip.conf")
        machine.console("sip reload")
        check = machine.doctor()["states"]
        machine.run(
            "mv /etc/asterisk/sip.conf.kept /etc/asterisk/sip.conf; chown asterisk:asterisk /etc/asterisk/sip.conf"
        )
        machine.console("sip reload")
        assert not check["ok"]
        assert "callcounter = yes" in str(check["cure"])
    else:
        machine.run("sed -i.kept s/^device_state_busy_at/\\;/ /etc/asterisk/pjsip.conf; asterisk -rx 'pjsip reload'")
        check = machine.doctor()["states"]
        machine.run("mv /etc/asterisk/pjsip.conf.kept /etc/asterisk/pjsip.conf; asterisk -rx 'pjsip reload'")
        machine.run("chown asterisk:asterisk /etc/asterisk/pjsip.conf")
        assert "device_state_busy_at = 1" in str(check["message"])


def test_all_is_well_again_after_the_damages(installed: Installed) -> None:
    """After every mend doctor is content again: no check leaves a trace."""
    assert [name for name, check in installed.machine.doctor().items() if not check["ok"]] == []


def test_the_log_is_rotated(installed: Installed) -> None:
    """The machine's logrotate takes the log away without a complaint, and the poller goes on in a new one."""
    machine = installed.machine
    machine.run("echo one >> /var/log/asterisk/busy_callback.log")
    done = machine.run("logrotate --force /etc/logrotate.conf 2>&1", check=False)
    assert "busy_callback" not in done.stdout
    assert "one" in machine.run("cat /var/log/asterisk/busy_callback.log.1").stdout


def test_a_trial_by_roots_hand_goes_on_as_asterisks_user(installed: Installed) -> None:
    """Install ended with a trial, as doctor --trial does; it runs as Asterisk's user, and leaves nothing."""
    machine = installed.machine
    assert "ok   trial: a callback works from end to end" in installed.output
    # A watch that cron ends meanwhile writes its states.
    kept = f"find {SPOOL} /var/spool/asterisk/outgoing -not -name states | sort"
    before = machine.run(kept).stdout
    done = machine.run(f"{COMMAND} doctor --trial")
    assert "ok   trial: a callback works from end to end" in done.stdout
    assert machine.run(kept).stdout == before


def test_an_ordinary_user_and_a_pbx_without_it(installed: Installed) -> None:
    """Who may not look is told that, and not that Asterisk is down; where nothing is installed, that and no more."""
    machine = installed.machine
    for user in ("games", "asterisk"):
        said = machine.run(f"{COMMAND} doctor", check=False, user=user).stdout
        assert "Asterisk does not run" not in said
        assert ("run: sudo busy-callback doctor" in said) == (user == "games"), said
    group = "setpriv --reuid=games --regid=games --groups=$(getent group asterisk | cut -d: -f3)"
    said = machine.run(f"{group} {COMMAND} doctor", check=False).stdout
    assert "can't see enough to tell" in said
    assert "FAIL user" in said
    for words in (f"{group} {COMMAND} list", f"runuser -u games -- {COMMAND} list"):
        done = machine.run(f"{words} 2>&1", check=False)
        assert "no callback was ever asked for" not in done.stdout
        assert done.returncode == 0 or "permission denied: run it with sudo" in done.stdout, done.stdout


def test_an_asterisk_that_is_down(installed: Installed) -> None:
    """Without a running Asterisk doctor says so, and to start it; install works, says so too, and changes nothing."""
    machine = installed.machine
    machine.stop_asterisk()
    checks = machine.doctor()
    check = checks["asterisk"]
    assert [name for name, found in checks.items() if found["ok"] is False] == ["asterisk"]
    output = machine.run(f"{COMMAND} install --yes").stdout
    machine.start_asterisk()
    assert not check["ok"]
    assert "does not run" in str(check["message"])
    assert "start Asterisk" in str(check["cure"])
    assert "Nothing to change" in output
    assert "Asterisk is not running" in output


def test_uninstall_keeps_requests_and_purge_leaves_nothing(installed: Installed) -> None:
    """Uninstall keeps a pending request, install finds it again; after --purge the tree is as before, byte for byte."""
    machine = installed.machine
    machine.run("pkill -x cron || kill $(pidof cron)", check=False)
    machine.run(f"runuser -u asterisk -- /opt/busy-callback/bin/python -c '{PENDING}'")
    machine.run(f"{COMMAND} uninstall --yes")
    assert "201-203" in machine.run(f"{COMMAND} list").stdout
    assert "There is no existence" in machine.console("dialplan show busy-callback")
    assert machine.doctor().keys() == {"installed"}
    machine.run(f"{COMMAND} install --yes --wire phones")
    assert "201-203" in machine.run(f"{COMMAND} list").stdout
    machine.run(f"{COMMAND} uninstall --yes --purge")
    machine.run("rm -rf /var/log/asterisk/messages* ~root/.cache", check=False)
    assert machine.tree().splitlines() == installed.before.splitlines()
