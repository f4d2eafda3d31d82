"""What install has to change in a PBX, worked out from the survey: a list of changes; nothing is written here."""

from __future__ import annotations

import os
import re
import secrets
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from busy_callback.errors import SettingsError, SetupError
from busy_callback.installed import manual
from busy_callback.language import of_locale
from busy_callback.setting_values import OWN, prompt_language
from busy_callback.settings import Settings, check_setting, load
from busy_callback.setup import (
    branch_changes,
    by_name,
    device_settings,
    dialplan_changes,
    feature_codes,
    manager_conf,
    nightly_report,
    placed_files,
)
from busy_callback.setup.config_files import read_text, value_of
from busy_callback.setup.dialplan_changes import choose_codes, unknown_devices, wire
from busy_callback.setup.file_change import Change
from busy_callback.setup.freepbx import CUSTOM
from busy_callback.setup.journal import Journal
from busy_callback.setup.marked_blocks import append, insert
from busy_callback.setup.nightly_report import Nightly
from busy_callback.setup.own_files import own_file, secret_file
from busy_callback.setup.prompt_language import proposal, with_line
from busy_callback.setup.snapshot import keeper
from busy_callback.setup.survey import COMMAND, Owner, Survey, agi_source, unreachable
from busy_callback.setup.wiring import is_place
from busy_callback.store.asterisk_user import User
from busy_callback.store.safe_paths import decider

OLDEST = 16  # of the versions of Asterisk that all this is tried on


@dataclass(frozen=True)
class Options:
    """What the admin says, where it is not to be found out."""

    language: str = ""  # in which callers hear the prompts; OWN: each phone its own; '': as before
    wire: tuple[str, ...] = ()
    unwire: tuple[str, ...] = ()
    extensions: str = ""
    device: str = ""
    context: str = ""
    allowed: tuple[str, ...] = ()  # folders that may be written in, though they are no PBX's
    nightly: Nightly = field(default_factory=Nightly)
    publish: branch_changes.Wanted = field(default_factory=branch_changes.Wanted)


@dataclass(frozen=True)
class Plan:
    """The changes in the order they are made, what an admin should know or do, and a language that is proposed."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    proposed: str = ""


def make_plan(survey: Survey, options: Options, journal: Journal) -> Plan:
    """Return what is to be changed, nothing when all is as it should be. Raises SetupError, SettingsError."""
    if survey.elsewhere:
        told = ", ".join(f"{name} => {path}" for name, path in survey.elsewhere.items())
        raise SetupError(
            f"the running Asterisk uses other directories than asterisk.conf: {told}. Write them into its "
            "[directories], or name the asterisk.conf that Asterisk was started with: --asterisk-conf PATH"
        )
    check_python(survey.owner)
    if survey.freepbx and (options.wire or options.unwire):
        raise SetupError(f"--wire is not for {survey.product}, where the offer has its own place: leave it out")
    notes: list[str] = list(_about(survey))
    proposed = _proposed(survey, options)
    if proposed:
        options = replace(options, language=proposed)
        notes.append(
            f"all phones hear the prompts in {proposed}, by this machine's locale; for each phone's own language: "
            f"{COMMAND} install --language own"
        )
    settings = load(survey.directories.conf)
    for key in ("extensions", "device", "context"):
        if getattr(options, key):
            check_setting("general", key, getattr(options, key))
    secret = settings.secret or secrets.token_urlsafe(24)
    wiring = wire(survey, options.wire, options.unwire, settings.branches)
    notes += [*wiring.notes, *choose_codes(survey, wiring, settings), *unknown_devices(survey, settings)]
    wanted = [
        *_settings_file(survey, options, settings, secret),
        *manager_conf.changes(survey, options.allowed, settings, secret),
        *dialplan_changes.changes(survey, options.allowed, wiring, settings),
        Change.file(survey.agi, agi_source(survey.data).encode(), 0o755, keeper(survey.agi.parent)),
        *placed_files.prompts(survey, options.language),
        *placed_files.spool(survey),
        *placed_files.log_rotation(survey),
        *placed_files.schedule(survey),
        *nightly_report.changes(survey, options.nightly),
        *branch_changes.changes(survey, options.allowed, settings, options.publish),
        *by_name.changes(survey),
    ]
    notes += branch_changes.notes(survey, settings, options.publish)
    notes += by_name.left(survey, journal)
    notes += filter(None, [placed_files.by_hand(survey)])
    if not survey.runs:
        notes.append("Asterisk is not running, so its files were read instead. It loads the changes when it starts.")
    notes += filter(None, (journal.note_aside(change) for change in wanted if change.needed and not change.yours))
    changes = [change for change in wanted if change.needed and not (change.yours and journal.edited(change.path))]
    return Plan(tuple(changes), tuple(notes), proposed)


def _proposed(survey: Survey, options: Options) -> str:
    """Return the language to propose for a new settings file, where the admin has said none.

    Raises SettingsError for one, said by the admin, that there are no prompts in.
    """
    if options.language and options.language not in (OWN, *survey.languages):
        raise SettingsError(
            f"--language {options.language}: there are prompts in {', '.join(survey.languages)} only; own is each "
            "phone's own language"
        )
    return "" if options.language or os.path.lexists(survey.directories.conf) else proposal(survey, os.environ)


def _about(survey: Survey) -> Iterator[str]:
    """Yield what kind of PBX was found, where that is no plain Asterisk of the versions that this is tried on."""
    if survey.product:
        yield (
            f"This is {survey.product}: the callback is offered to its extensions, by one line in {CUSTOM}; Apply "
            "Config and upgrades keep it"
        )
    major = re.match(r"\d+", survey.version)
    if major and int(major[0]) < OLDEST:
        yield (
            f"this is Asterisk {survey.version}, older than {OLDEST}, the oldest that this package is tried on: phones "
            "of PJSIP are not recalled where Asterisk has no chan_pjsip, and each recall leaves a second call record"
        )


def check_python(owner: Owner | User) -> None:
    """Raise SetupError where Asterisk's user can't reach the Python that has the package, or can change it."""
    closed = unreachable(Path(sys.executable), owner)
    if closed:
        raise SetupError(
            f"user {owner.name} can't run {sys.executable}, as it may not enter {closed}. Install the package "
            f"where it can, as in /opt/{COMMAND} (python3 -m venv /opt/{COMMAND})"
        )
    for path in (sys.executable, str(Path(__file__).parents[1])):
        if owner.uid and decider(path) == owner.uid:
            raise SetupError(f"user {owner.name} can change {path}, which root runs: let all of it be root's (chown)")


# -- settings --------------------------------------------------------------------------

SETTINGS_TEXT = string.Template("""\
; Busy CallBack for Asterisk. Every setting and its default: $manual

[general]
; Who may ask for a callback and be called back, as Asterisk's patterns.
extensions = $extensions
; Dial string of an extension; auto is PJSIP or SIP, whichever there is, freepbx is what FreePBX has for it.
device = $device
; Where the phones' calls begin: the callee is dialled from here.
context = $context
; The language in which callers hear the prompts, as zh or en; own: each phone hears its own.
language = $language
$codes
[manager]
host = $host
port = $port
user = $user
secret = $secret
$devices""")
DEVICES_TEXT = """
[devices]
; The devices of extensions that the dial string above is not right for.
"""


def _settings_file(survey: Survey, options: Options, settings: Settings, secret: str) -> Iterator[Change]:
    """Yield the settings file: made when there is none; in the admin's own a missing secret and a language are put in.

    It is for root, Asterisk's user and its group alone.
    """
    path = Path(survey.directories.conf)
    named = options.extensions or options.device or options.context
    language = prompt_language(options.language) if options.language else settings.language
    if path.is_symlink() and settings.secret and not named and language == settings.language:
        return  # it is whole, and lies where the admin wants it
    path = own_file(survey, options.allowed, path)
    text = read_text(path)
    if not text:
        device = options.device or _device(survey)
        others = {} if survey.freepbx else device_settings.named(survey.reached.devices, device)
        rows = "".join(f"{number} = {devices}\n" for number, devices in others.items())
        codes = {name: getattr(settings, name) for name in feature_codes.NAMES}
        changed = {name: code for name, code in codes.items() if code != getattr(Settings, name)}
        begin = next((word for word in options.wire if not is_place(word)), "")
        text = string.Template(told(SETTINGS_TEXT.template)).substitute(
            extensions=options.extensions or " ".join(survey.plan),
            device=device,
            context=options.context or survey.context or begin or settings.context,
            language=language or OWN,
            codes="".join(f"{name} = {code}\n" for name, code in changed.items()),
            devices=told(DEVICES_TEXT) + rows if rows else "",
            port=value_of(list(survey.manager_conf), "general", "port", str(settings.port)),
            host=manager_conf.host(survey),
            user=settings.user,
            secret=secret,
            manual=manual() / "settings.md",
        )
    elif named:
        raise SetupError(f"{path} exists already: set extensions, device and context there")
    elif language != settings.language:
        text = with_line(text, language or OWN)
    if not settings.secret and secret not in text:
        header = next((n for n, line in enumerate(text.splitlines()) if line.strip() == "[manager]"), None)
        block = [f"secret = {secret}"]
        text = append(text, ["[manager]", *block]) if header is None else insert(text, header, block)
    yield secret_file(survey, path, text)


def told(text: str) -> str:
    """Return what is written into a new settings file, with its comments in the admin's language."""
    say = of_locale(os.environ).say
    return re.sub(r"(?m)^; (.*)", lambda comment: f"; {say(comment[1])}", text)


def _device(survey: Survey) -> str:
    """Return the setting by which an extension's devices are found here."""
    if survey.freepbx:
        return "freepbx"
    return device_settings.dial_string(survey.reached.devices)
