"""The files that install places whole: prompts, spool, log rotation, and what runs the poller each minute."""

from __future__ import annotations

import grp
import os
import re
import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.setup.by_name import command_path
from busy_callback.setup.file_change import Change
from busy_callback.setup.prompt_language import OTHER_NAMES, in_folder
from busy_callback.setup.snapshot import DIRECTORY, FILE, LINK, Snapshot, identity, keeper
from busy_callback.setup.survey import (
    COMMAND,
    Survey,
    System,
    installed_languages,
    rotated_already,
)

SYSTEMD_RELOAD = "systemd"  # not a console command: systemd has to take up a unit
TIMER = f"{COMMAND}.timer"


def _folder(path: Path, mode: int = 0o755, owner: tuple[int, int] | None = None) -> Change:
    return Change(path, Snapshot(DIRECTORY, b"", mode, *(owner or keeper(path.parent))))


def prompts(survey: Survey, fallback: str) -> Iterator[Change]:
    """Yield the prompts: those of each language, links to them for the others, and the page's own place.

    An admin's own recordings of these names stay. ``fallback`` is the language that channels of other languages
    hear, '' for the one set before. FreePBX has copies: its ``fwconsole chown`` removes links that are not absolute.
    """
    sounds = survey.sounds
    fallback = next(name for name in (fallback, in_folder(survey, ""), "en") if name in survey.languages)
    names = {}
    for language in survey.languages:
        if not (sounds / language).is_dir():
            yield _folder(sounds / language)
        found = sorted(p for p in (survey.data / "sounds" / language).iterdir() if p.name.startswith(COMMAND))
        names[language] = [path.name for path in found]
        owner = keeper(sounds / language)
        for path in found:
            yield Change(sounds / language / path.name, Snapshot(FILE, path.read_bytes(), 0o644, *owner), yours=True)
    others = {name: OTHER_NAMES.get(name, fallback) for name in [*installed_languages(sounds), *OTHER_NAMES]}
    for other, language in sorted(others.items()):
        if other.split("_")[0] in survey.languages:
            continue
        if not (sounds / other).is_dir():
            yield _folder(sounds / other)
        for name in names[language]:
            yield Change(sounds / other / name, _same(survey, language, name, "../"), yours=True)
    for name in names[fallback]:
        yield Change(sounds / name, _same(survey, fallback, name), yours=True)


def _same(survey: Survey, language: str, name: str, up: str = "") -> Snapshot:
    """Return what makes a prompt be that of a language: a link to it, or a copy."""
    if survey.freepbx:
        content = (survey.data / "sounds" / language / name).read_bytes()
        return Snapshot(FILE, content, 0o644, *keeper(survey.sounds))
    return Snapshot(LINK, f"{up}{language}/{name}".encode())


def spool(survey: Survey) -> Iterator[Change]:
    """Yield the spool's directory, the user's that Asterisk runs as."""
    yield _folder(Path(survey.directories.spool), 0o750, (survey.owner.uid, survey.owner.gid))


LOGROTATE_TEXT = string.Template("""\
$log {
    weekly
    rotate 4
    missingok
    notifempty
    compress
    delaycompress
    su $user $group
}
""")


def log_rotation(survey: Survey) -> Iterator[Change]:
    """Yield logrotate's file for the poller's log, unless that log is rotated already."""
    if survey.system.logrotate.is_dir() and not rotated_already(survey):
        group = grp.getgrgid(survey.owner.gid).gr_name
        log = one_word(survey.directories.log, "logrotate's file")
        text = LOGROTATE_TEXT.substitute(log=log, user=survey.owner.name, group=group)
        yield Change.file(survey.system.logrotate / COMMAND, text.encode())


SERVICE_TEXT = string.Template("""\
[Unit]
Description=Busy CallBack: recall callers whose callees are free
After=asterisk.service

[Service]
User=$user
ExecStart=$command
""")
TIMER_TEXT = """\
[Unit]
Description=Busy CallBack: look, and look again as soon as a watch has ended

[Timer]
OnActiveSec=1
OnUnitInactiveSec=1
AccuracySec=100ms

[Install]
WantedBy=timers.target
"""


def schedule(survey: Survey) -> Iterator[Change]:
    """Yield what runs the poller each minute: cron's file, else systemd's; nothing where neither runs: ``by_hand``."""
    command = f"{started_by_cron(survey)} poll --watch 60"
    if cron_runs(survey.system):
        line = f"# Busy CallBack for Asterisk\n* * * * * {survey.owner.name} {command}\n"
        yield Change.file(survey.system.cron / COMMAND, line.encode())
    elif has_timers(survey.system):
        unit = SERVICE_TEXT.substitute(user=survey.owner.name, command=command)
        yield Change.file(survey.system.systemd / f"{COMMAND}.service", unit.encode(), then=SYSTEMD_RELOAD)
        yield Change.file(survey.system.systemd / TIMER, TIMER_TEXT.encode(), then=SYSTEMD_RELOAD)


def started_by_cron(survey: Survey) -> str:
    """Return the command, for this PBX, as it may stand in a crontab. Raises SetupError."""
    conf = f" --asterisk-conf {one_word(survey.asterisk_conf, 'a crontab')}" if survey.asterisk_conf else ""
    return f"{command_path()}{conf}"


def has_cron() -> bool:
    """Tell whether a cron daemon is installed that reads /etc/cron.d."""
    return any(shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin") for name in ("cron", "crond"))


def cron_runs(system: System) -> bool:
    """Tell whether there is a cron that takes our file."""
    return has_cron() and system.cron.is_dir()


def has_timers(system: System) -> bool:
    """Tell whether systemd is there and runs: in a container its folders may be there without it."""
    return system.systemd.is_dir() and system.booted.is_dir()


def by_hand(survey: Survey) -> str:
    """Return how to run the poller where neither cron nor systemd does, as in a container; '' where one does."""
    if cron_runs(survey.system) or has_timers(survey.system):
        return ""
    conf = f" --asterisk-conf {survey.asterisk_conf}" if survey.asterisk_conf else ""
    return (
        "neither cron nor systemd runs here, so nothing starts the poller. Let what starts Asterisk here start this "
        f"too, as user {survey.owner.name}, and again when it ends: {command_path()}{conf} poll --watch 86400"
    )


def one_word(path: str, where: str) -> str:
    """Return the path, if it is one word of nothing but itself in a file that root's programs read.

    Without the slash in front it may be a word of theirs: logrotate takes ``include=/a/path`` for an order.
    """
    if not re.fullmatch(r"/[A-Za-z0-9_./+:@=-]+", path):
        raise SetupError(
            f"{path!r} can't stand in {where}: let Asterisk's directories begin with / and be of letters, digits and "
            "_./+:@=-"
        )
    return path


def start_timer() -> None:
    """Let systemd run the timer, now and after each start of the machine."""
    for words in (["daemon-reload"], ["enable", "--now", TIMER]):
        problem = _systemctl(*words)
        if problem:
            raise SetupError(f"systemctl {' '.join(words)} failed: {problem}; the files are in place")


def stop_timer() -> None:
    """Let systemd forget the timer, before its file goes."""
    _systemctl("disable", "--now", TIMER)


def pollers(lock: Path) -> list[int]:
    """Return the processes that are polls of this spool, at work or waiting: they have its lock open."""
    found = []
    wanted, writer = identity(lock)
    for process in Path("/proc").glob("[0-9]*") if wanted else ():
        try:
            # Another user's lock may be a file that everybody has open: only that user's processes are polls.
            others = writer and f"\nUid:\t{writer}\t" not in (process / "status").read_text()
            opened = [] if others else [path.stat() for path in (process / "fd").iterdir() if path.exists()]
        except OSError:
            continue  # it has just ended
        if any((file.st_dev, file.st_ino) == wanted for file in opened):
            found.append(int(process.name))
    return [process for process in found if process != os.getpid()]


def _systemctl(*words: str) -> str:
    """Run systemctl; return what went wrong, or ''."""
    try:
        done = subprocess.run(
            [shutil.which("systemctl") or "/bin/systemctl", *words], capture_output=True, text=True, check=False
        )
    except OSError as error:
        return str(error)
    return done.stderr.strip() or "for no known reason" if done.returncode else ""
