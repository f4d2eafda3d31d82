"""A stranger's machine: a whole Debian with its stock Asterisk, in a namespace of its own, for one test run.

The tree that debootstrap made is copied once and gets Python, cron and logrotate by apt; each run lays an
overlay over it. Its processes see only each other, and all end with it; ports are the host's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from . import DIES_WITH_US, WAIT
from .ports import free_port
from .releases import CACHE, Release, locked

PACKAGES = "python3 python3-venv cron logrotate"
COMMAND = "/opt/busy-callback/bin/busy-callback"
STOCK = (
    "etc",
    "opt",
    "root",
    "usr/local",
    "usr/share/asterisk",
    "usr/lib/asterisk",
    "var/lib",
    "var/spool",
    "var/log/asterisk",
)
ADMIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
PLAIN = {"PATH": "/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8"}
T = TypeVar("T", bound="Machine")
# What Asterisk, pip and logrotate themselves write while they work.
OTHERS = (
    "var/lib/asterisk/astdb",
    "var/lib/logrotate",
    "var/log/asterisk/cdr-csv/",
    "var/log/asterisk/messages",
    "var/log/asterisk/queue_log",
)


class Machine:
    """A freshly installed Debian with phones in its stock Asterisk's configuration; a context manager."""

    def __init__(self, release: Release, folder: Path) -> None:
        self.release = release
        self.root = folder / "root"
        self.sip_port = free_port()
        self.manager_port = free_port()
        self._base = self._tree()
        self._folder = folder

    def _tree(self) -> Path:
        """Return the tree under it."""
        return _base(self.release)

    def _mounts(self) -> list[str]:
        """Return more commands that mount something in it."""
        return []

    def __enter__(self: T) -> T:
        for name in ("root", "upper", "work"):
            (self._folder / name).mkdir(parents=True)
        layers = f"lowerdir={self._base},upperdir={self._folder}/upper,workdir={self._folder}/work"
        _host("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        mounts = " && ".join([f'mount -t proc proc "{self.root}/proc"', *self._mounts()])
        script = f'{mounts} && exec chroot "{self.root}" /bin/sh -c "echo up; sleep 7200"'
        self._keeper = subprocess.Popen(
            [*DIES_WITH_US, "unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._keeper.stdout
        self._keeper.stdout.readline()
        children = Path(f"/proc/{self._keeper.pid}/task/{self._keeper.pid}/children").read_text().split()
        self._enter = ["nsenter", "--target", children[0], "--mount", "--pid", "--root", "--wd"]
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._keeper.stdout
        self._keeper.stdout.close()
        self._keeper.kill()
        self._keeper.wait()
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", str(self.root)], capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                _host("umount", "--lazy", str(self.root))
                break
            time.sleep(0.1)  # its last processes are ending

    def run(
        self, script: str, check: bool = True, user: str = "root", answers: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script in it, in an admin's environment, or as another of its users in a plain one.

        ``answers`` is what is typed meanwhile.
        """
        done = subprocess.run(
            self._words(script, user),
            input=answers,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=ADMIN if user == "root" else PLAIN,
        )
        assert not check or not done.returncode, f"{script}\n{done.stdout}\n{done.stderr}"
        return done

    @contextlib.contextmanager
    def meanwhile(self, script: str, user: str) -> Iterator[None]:
        """Let one of its users run a shell script while the body runs, for a race with it; then end the script.

        The body begins when the script says that it runs, with a first line: ``echo ready``.
        """
        words = [*DIES_WITH_US, *self._words(script, user)]
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=PLAIN, start_new_session=True
        ) as racer:
            try:
                assert racer.stdout
                assert racer.stdout.readline() == "ready\n", script
                yield
            finally:
                os.killpg(racer.pid, signal.SIGKILL)

    def _words(self, script: str, user: str) -> list[str]:
        """Return the words that run the script as the user, with all its groups and no right of root's."""
        become = [] if user == "root" else ["/usr/sbin/runuser", "-u", user, "--"]
        return [*self._enter, *become, "/bin/sh", "-euc", script]

    def daemon(self, command: str) -> None:
        """Start a daemon in it."""
        self.run(f"setsid {command} </dev/null >/tmp/daemon.log 2>&1 &")

    def console(self, command: str) -> str:
        """Return what Asterisk's console prints."""
        return self.run(f"asterisk -rx '{command}'").stdout

    def start_asterisk(self) -> None:
        """Start Asterisk as its distribution's unit does, and wait until it has booted."""
        self.run("install -d -o asterisk -g asterisk /run/asterisk")
        self.daemon("/usr/sbin/asterisk -g -f -p -U asterisk -G asterisk")
        deadline = time.monotonic() + WAIT
        while self.run("asterisk -rx 'core waitfullybooted'", check=False).returncode:
            assert time.monotonic() < deadline, "Asterisk did not start"
            time.sleep(0.2)

    def stop_asterisk(self) -> None:
        """Stop Asterisk, and wait until it is gone."""
        self.run("asterisk -rx 'core stop now'; while pidof asterisk >/dev/null; do sleep 0.1; done")

    def add_phones(self, *numbers: str) -> None:
        """Put phones, and a dialplan that rings them, at the end of the stock configuration."""
        sip = self.release.technology == "SIP"
        text = (_SIP if sip else _PJSIP).replace("@PORT@", str(self.sip_port))
        text += "".join((_SIP_PHONE if sip else _PJSIP_PHONE).replace("@NUMBER@", number) for number in numbers)
        self.append("sip.conf" if sip else "pjsip.conf", text)
        self.append("extensions.conf", _PHONES.replace("@TECH@", self.release.technology))
        self.run(f"sed -i 's/^port = 5038/port = {self.manager_port}/' /etc/asterisk/manager.conf")

    def wait_until_registered(self, number: str) -> None:
        """Wait until a phone has registered itself."""
        command = "sip show peers" if self.release.technology == "SIP" else "pjsip show contacts"
        deadline = time.monotonic() + WAIT
        while not re.search(rf"\b{number}\b.*127\.0\.0\.1", self.console(command)):
            assert time.monotonic() < deadline, f"phone {number} did not register"
            time.sleep(0.1)

    def append(self, name: str, text: str) -> None:
        """Add text to one of Asterisk's files."""
        with (self.root / "etc/asterisk" / name).open("a") as file:
            file.write(text)

    def pip_install(self, wheel: Path) -> None:
        """Install the package into a virtual environment of the machine's own Python."""
        place = self.root / "var/tmp/wheels"
        place.mkdir()
        for path in (wheel, *_wheels(self.python).glob("*.whl")):
            shutil.copy(path, place)
        self.run(
            "python3 -m venv /opt/busy-callback && /opt/busy-callback/bin/pip --disable-pip-version-check "
            "install --quiet --no-index --find-links /var/tmp/wheels --upgrade busy-callback; rm -r /var/tmp/wheels"
        )

    @property
    def python(self) -> str:
        """The version of its Python, as 3.9."""
        return self.run("python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'").stdout.strip()

    def doctor(self) -> dict[str, dict[str, str | bool]]:
        """Return doctor's checks by their names."""
        done = self.run(f"{COMMAND} doctor --json", check=False)
        assert done.stdout, done.stderr
        return {check["name"]: check for check in json.loads(done.stdout)}

    def tree(self) -> str:
        """Return a line for each file and link of the stock system's places: content, owner, mode and time."""
        skip = " ".join(f"-not -path './{path}*'" for path in OTHERS)
        places = " ".join(f"./{place}" for place in STOCK)
        facts = "%p %y %m %u:%g %l"
        return self.run(
            f"cd /; for p in {places}; do [ -e $p ] || continue; find $p -not -name '*.pyc' {skip} "
            f"\\( -type f -printf '{facts} %T@ ' -exec md5sum {{}} \\; -o -printf '{facts}\\n' \\); done | sort"
        ).stdout


def _host(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _base(release: Release) -> Path:
    """Return the tree under all machines of a release; make it when the cache has none."""
    release.fetch()
    base = CACHE / f"machine-{release.suite}"
    with locked(CACHE / f"machine-{release.suite}.lock"):
        if not base.exists():
            half = CACHE / f"machine-{release.suite}.half"
            shutil.rmtree(half, ignore_errors=True)
            _host("cp", "-a", str(release.root), str(half))
            shutil.copy("/etc/resolv.conf", half / "etc/resolv.conf")
            apt = "apt-get -qq -o Acquire::Check-Valid-Until=false"
            script = (
                f"export DEBIAN_FRONTEND=noninteractive; {apt} update && "
                f"{apt} install -y --no-install-recommends {PACKAGES} && apt-get clean"
            )
            policy = half / "usr/sbin/policy-rc.d"  # no daemon starts while packages are installed
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
            _host("chroot", str(half), "/bin/sh", "-c", script)
            half.rename(base)
    return base


def build_wheel(repository: Path, folder: Path) -> Path:
    """Return the package's wheel."""
    build_packages(repository, folder, "wheel")
    return next(folder.glob("busy_callback-*.whl"))


def wheel_of(source: Path, folder: Path) -> Path:
    """Return the wheel of a source tree that may be changed."""
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    _host(*pip, "-w", str(folder), str(source))
    return next(folder.glob("busy_callback-*.whl"))


def build_packages(repository: Path, folder: Path, kind: str) -> None:
    """Make sdist and wheel (``wheel``), or the Debian package (``deb``), without the network."""
    options = ["--no-build-isolation", "--no-index"]
    options += ["--find-links", str(_wheels("3.9"))] if kind == "deb" else []
    _host(sys.executable, str(repository / "packaging/build.py"), kind, str(folder), *options)


def debs(machine: Machine, packages: str) -> list[Path]:
    """Return Debian's packages of these names, and those that they need and the machine has not."""
    folder = CACHE / f"debs-{machine.release.suite}"
    with locked(CACHE / f"debs-{machine.release.suite}.lock"):
        if not folder.exists():
            apt = "apt-get -qq -o Acquire::Check-Valid-Until=false"
            there = "/var/tmp/archives"
            machine.run(
                f"mkdir -p {there}/partial; {apt} update; {apt} install -y --no-install-recommends --download-only "
                f"-o Dir::Cache::archives={there} {packages}"
            )
            half = CACHE / f"debs-{machine.release.suite}.half"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(machine.root / there[1:], half, ignore=shutil.ignore_patterns("partial", "lock"))
            half.rename(folder)
    return sorted(folder.glob("*.deb"))


def _wheels(python: str) -> Path:
    """Return a folder with the wheels that the package needs on a Python."""
    folder = CACHE / f"wheels-{python}"
    with locked(CACHE / f"wheels-{python}.lock"):
        if not folder.exists():
            half = CACHE / f"wheels-{python}.half"
            shutil.rmtree(half, ignore_errors=True)
            pip = [sys.executable, "-m", "pip"]
            _host(*pip, "wheel", "-q", "--no-deps", "-w", str(half), "pyst2>=0.5.1,<0.6")
            binary = ["--only-binary", ":all:", "--no-deps", "--python-version", python]
            _host(*pip, "download", "-q", *binary, "-d", str(half), "click>=8.0", "six")
            half.rename(folder)
    return folder


_PHONES = """
[phones]
exten => _2XX,1,NoOp(A call to ${EXTEN})
 same => n,Dial(@TECH@/${EXTEN},20)
 same => n,Hangup()
"""
_SIP = """
[general](+)
udpbindaddr = 127.0.0.1:@PORT@

[phone](!)
type = friend
host = dynamic
secret = lab
context = phones
callcounter = yes
busylevel = 1
directmedia = no
disallow = all
allow = ulaw
"""
_SIP_PHONE = """
[@NUMBER@](phone)
callerid = Phone @NUMBER@ <@NUMBER@>
"""
_PJSIP = """
[transport-lab]
type = transport
protocol = udp
bind = 127.0.0.1:@PORT@

[phone](!)
type = endpoint
context = phones
device_state_busy_at = 1
direct_media = no
disallow = all
allow = ulaw
[place](!)
type = aor
max_contacts = 1
remove_existing = yes
[password](!)
type = auth
auth_type = userpass
password = lab
"""
_PJSIP_PHONE = """
[@NUMBER@](phone)
aors = @NUMBER@
auth = @NUMBER@
callerid = Phone @NUMBER@ <@NUMBER@>
[@NUMBER@](place)
[@NUMBER@](password)
username = @NUMBER@
"""
