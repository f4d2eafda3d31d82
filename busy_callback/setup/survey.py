"""What PBX this is: read from asterisk.conf's directories and from Asterisk's console; changes nothing."""

from __future__ import annotations

import fnmatch
import os
import pwd
import re
import shutil
import stat
import sys
import sysconfig
from dataclasses import dataclass, field, replace
from pathlib import Path

from busy_callback.deadline import Deadline
from busy_callback.errors import SetupError
from busy_callback.settings import Directories
from busy_callback.setup import dialplan_shown, extensions_conf, phones, reached
from busy_callback.setup.config_files import Line, lines_of, read_text
from busy_callback.setup.console import Console
from busy_callback.setup.dialplan import FILE_NAME as DIALPLAN
from busy_callback.setup.extensions import Dialplan
from busy_callback.setup.freepbx import OVERRIDE
from busy_callback.setup.phones import Phone
from busy_callback.setup.reached import Reached
from busy_callback.setup.wiring import Places
from busy_callback.store.asterisk_user import User, runs_as, speaker

COMMAND = "busy-callback"
READING_TIME = 30.0  # seconds
AGI_NAME = "busy_callback.py"


@dataclass(frozen=True)
class System:
    """The places of the machine that are not Asterisk's; tests have their own."""

    cron: Path = Path("/etc/cron.d")
    logrotate: Path = Path("/etc/logrotate.d")
    systemd: Path = Path("/etc/systemd/system")
    booted: Path = Path("/run/systemd/system")  # there while systemd runs (sd_booted(3))
    state: Path = Path("/var/lib/busy-callback")
    freepbx: Path = Path("/etc/freepbx.conf")


@dataclass(frozen=True)
class Owner:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Survey:
    """What was found out; ``phones``, ``reached`` and ``elsewhere`` are Asterisk's own word when it ``runs``.

    ``elsewhere`` has the directories, by asterisk.conf's names, that the running Asterisk has in other places
    than asterisk.conf says.
    """

    directories: Directories
    asterisk_conf: str
    system: System
    console: Console
    data: Path
    owner: Owner
    runs: bool
    freepbx: bool
    elsewhere: dict[str, str]
    phones: tuple[Phone, ...]
    written: Dialplan = field(repr=False)  # extensions.conf, without us
    reached: Reached = field(repr=False)
    extensions_conf: tuple[Line, ...] = field(repr=False)
    manager_conf: tuple[Line, ...] = field(repr=False)

    @property
    def etc(self) -> Path:
        """Asterisk's configuration directory."""
        return Path(self.directories.astetcdir)

    @property
    def sounds(self) -> Path:
        """Where Asterisk looks for prompts."""
        return Path(self.directories.astdatadir) / "sounds"

    @property
    def languages(self) -> list[str]:
        """The languages that the package has prompts in: the folders of its own sounds."""
        return sorted({path.parent.name for path in (self.data / "sounds").glob(f"*/{COMMAND}.*")})

    @property
    def agi(self) -> Path:
        """The AGI script in Asterisk's place."""
        return Path(self.directories.astagidir) / AGI_NAME

    @property
    def context(self) -> str:
        """The context of most phones, or ''."""
        return "from-internal" if self.freepbx else next(iter(self.reached.contexts), "")

    @property
    def technology(self) -> str:
        """PJSIP or SIP when all phones are of one technology, else ''."""
        found = {device.partition("/")[0] for devices in self.reached.devices.values() for device in devices.split("&")}
        return found.pop() if len(found) == 1 else ""

    @property
    def plan(self) -> tuple[str, ...]:
        """The numbering plan as patterns: each first digit and length that an extension has."""
        return tuple(sorted({number[0] + "X" * (len(number) - 1) for number in self.reached.devices}))


def look(
    directories: Directories, asterisk_conf: str = "", system: System | None = None, data: Path | None = None
) -> Survey:
    """Return the survey of the PBX at ``directories``; raise SetupError when there is none.

    It reads what Asterisk's user says, and so must not be run by root where that is another user. ``data`` is
    where the package's own files are, if that is known.
    """
    system = system or System()
    etc = Path(directories.astetcdir)
    if not etc.is_dir():
        raise SetupError(f"there is no {etc}: is Asterisk installed? Name its asterisk.conf with --asterisk-conf")
    console = Console(directories, asterisk_conf)
    runs = console.runs()
    with Deadline(READING_TIME, f"reading {etc} takes over {READING_TIME:.0f} s: look at the #include lines there"):
        extensions = tuple(lines_of(etc / "extensions.conf", etc))
        manager = tuple(lines_of(etc / "manager.conf", etc))
        on_disk = tuple(phones.on_disk(etc))
    freepbx = system.freepbx.exists() or any(line.include == OVERRIDE for line in extensions)
    found = tuple(phones.loaded(console, on_disk)) if runs else on_disk
    written = extensions_conf.read(extensions)
    # FreePBX's own dialplan is known; which number is whose is in its database.
    dialplan = Dialplan() if freepbx else _loaded_dialplan(console, written) if runs else written
    return Survey(
        directories=directories,
        asterisk_conf=asterisk_conf,
        system=system,
        console=console,
        data=data or data_directory(),
        owner=_owner(directories, speaker(os.environ, asterisk_conf)),
        runs=runs,
        freepbx=freepbx,
        elsewhere=_elsewhere(directories, console) if runs else {},
        phones=found,
        written=written,
        reached=reached.find(dialplan, found),
        extensions_conf=extensions,
        manager_conf=manager,
    )


def _loaded_dialplan(console: Console, written: Dialplan) -> Dialplan:
    """Return the dialplan that Asterisk has loaded; it does not show the label of an extension's first step."""
    shown = dialplan_shown.read(console.ask("dialplan show"), console.ask("dialplan show globals"))
    places = Places(written)
    for step in list(shown.steps()):
        place = None if step.label else places.written_as(step)
        if place and place.label:
            shown.contexts[step.context].steps[step.extension][step.priority] = replace(step, label=place.label)
    return shown


_OWN_NAMES = {
    "Configuration directory": "astetcdir",
    "Spool directory": "astspooldir",
    "AGI Scripts directory": "astagidir",
    "Data directory": "astdatadir",
    "Log directory": "astlogdir",
}


def _elsewhere(directories: Directories, console: Console) -> dict[str, str]:
    table = console.table("core show settings")
    return {
        name: table[label]
        for label, name in _OWN_NAMES.items()
        if table.get(label) and os.path.realpath(table[label]) != os.path.realpath(getattr(directories, name))
    }


def data_directory() -> Path:
    """Return where this package's dialplan and prompts are: as installed, or in the checkout."""
    here = Path(__file__).resolve().parents[2]
    installed = Path("share") / COMMAND
    schemes = (sysconfig.get_path("data"), sysconfig.get_path("data", f"{os.name}_user"))
    for place in (*(Path(scheme) / installed for scheme in schemes), here):
        if os.path.isfile(place / "dialplan" / DIALPLAN):  # False, too, where it is closed to us
            return place
    raise SetupError(f"the package's own files (share/{COMMAND}) are missing: install {COMMAND} with pip again")


def command_path() -> str:
    """Return how cron runs this command."""
    for place in (Path(sys.argv[0]), Path(sysconfig.get_path("scripts")) / COMMAND):
        if place.name == COMMAND and place.is_file():
            return str(place.absolute())
    return f"{sys.executable} -m busy_callback"


def unreachable(path: Path, owner: Owner | User) -> Path | None:
    """Return the first folder on the way to ``path`` that the user may not pass, or None."""
    for folder in (*reversed(path.parents), *reversed(path.resolve().parents)):
        found = folder.stat()
        bit = stat.S_IXUSR if found.st_uid == owner.uid else stat.S_IXGRP if found.st_gid == owner.gid else stat.S_IXOTH
        if owner.uid and not found.st_mode & bit:
            return folder
    return None


def agi_source(data: Path) -> str:
    """Return the AGI script as it is to stand in Asterisk's place: run by the Python that has this package."""
    text = (data / "agi-bin" / AGI_NAME).read_text(encoding="utf-8")
    return re.sub(r"\A#!\S+", f"#!{sys.executable}", text)


def _owner(directories: Directories, said_by: int) -> Owner:
    """Return the user that Asterisk runs as."""
    try:
        entry = pwd.getpwuid(runs_as(directories, said_by))
    except KeyError:
        raise SetupError(f"{directories.astspooldir} belongs to nobody of this machine: start Asterisk once") from None
    if not entry.pw_uid and not os.path.isdir(directories.astspooldir):
        raise SetupError(f"{directories.astspooldir} is missing: start Asterisk once, then try again")
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid)


def has_cron() -> bool:
    """Tell whether a cron daemon is installed that reads /etc/cron.d."""
    return any(shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin") for name in ("cron", "crond"))


def rotated_already(survey: Survey) -> bool:
    """Tell whether somebody's logrotate file takes care of our log: a second one would stop logrotate."""
    for path in survey.system.logrotate.glob("*") if survey.system.logrotate.is_dir() else ():
        if path.name != COMMAND and path.is_file():
            try:
                words = re.findall(r"^\s*(/[^{]*)", read_text(path), re.MULTILINE)
            except SetupError:
                continue  # for root's eyes only: it is of something else
            if any(fnmatch.fnmatch(survey.directories.log, pattern) for line in words for pattern in line.split()):
                return True
    return False


def installed_languages(sounds: Path) -> list[str]:
    """Return the languages of the prompts that are installed, by their folders' names."""
    folders = sorted(path.name for path in sounds.iterdir() if path.is_dir()) if sounds.is_dir() else []
    return [name for name in folders if re.fullmatch(r"[a-z]{2,3}(_[A-Za-z]+)*", name)]
