"""What install has to change in a PBX, worked out from the survey: a list of changes; nothing is written here."""

from __future__ import annotations

import secrets
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from busy_callback.errors import SettingsError, SetupError
from busy_callback.settings import Settings, check_setting, load
from busy_callback.setup import manager_conf, placed_files
from busy_callback.setup.config_files import read_text, value_of
from busy_callback.setup.dialplan import FILE_NAME as DIALPLAN
from busy_callback.setup.dialplan import render
from busy_callback.setup.file_change import Change
from busy_callback.setup.journal import Journal
from busy_callback.setup.marked_blocks import append, insert, strip_text
from busy_callback.setup.own_files import beside, edit, own_file, secret_file
from busy_callback.setup.snapshot import keeper
from busy_callback.setup.survey import COMMAND, Owner, Survey, agi_source, unreachable
from busy_callback.setup.wiring import CODES, GOSUB, OVERRIDE, after_dials, freepbx_override, wired_contexts
from busy_callback.store.asterisk_user import User

DIALPLAN_RELOAD = "dialplan reload"


@dataclass(frozen=True)
class Options:
    """What the admin says, where it is not to be found out."""

    language: str = ""  # heard by channels of a language that there are no prompts in; '': as before
    wire: tuple[str, ...] = ()
    extensions: str = ""
    device: str = ""
    context: str = ""
    allowed: tuple[str, ...] = ()  # folders that may be written in, though they are no PBX's


@dataclass(frozen=True)
class Plan:
    """The changes in the order they are made, and what an admin should know or do."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def make_plan(survey: Survey, options: Options, journal: Journal) -> Plan:
    """Return what is to be changed, nothing when all is as it should be. Raises SetupError, SettingsError."""
    if survey.elsewhere:
        told = ", ".join(f"{name} => {path}" for name, path in survey.elsewhere.items())
        raise SetupError(
            f"the running Asterisk uses other directories than asterisk.conf: {told}. Write them into its "
            "[directories], or name the asterisk.conf that Asterisk was started with: --asterisk-conf PATH"
        )
    check_python(survey.owner)
    if survey.freepbx and options.wire:
        raise SetupError("--wire is not for FreePBX, where the offer has its own place: leave it out")
    if options.language and options.language not in survey.languages:
        raise SettingsError(f"--language {options.language}: there are prompts in {', '.join(survey.languages)} only")
    notes: list[str] = []
    settings = load(survey.directories.conf)
    for key in ("extensions", "device", "context"):
        if getattr(options, key):
            check_setting("general", key, getattr(options, key))
    secret = settings.secret or secrets.token_urlsafe(24)
    wanted = [
        *_settings_file(survey, options, settings, secret),
        *manager_conf.changes(survey, options.allowed, settings.user, secret),
        *_dialplan(survey, options, settings, notes),
        Change.file(survey.agi, agi_source(survey.data).encode(), 0o755, keeper(survey.agi.parent)),
        *placed_files.prompts(survey, options.language),
        *placed_files.spool(survey),
        *placed_files.log_rotation(survey),
        *placed_files.schedule(survey),
    ]
    if not survey.runs:
        notes.append("Asterisk is not running, so its files were read instead. It loads the changes when it starts.")
    notes += filter(None, (journal.note_aside(change) for change in wanted if change.needed and not change.yours))
    changes = [change for change in wanted if change.needed and not (change.yours and journal.edited(change.path))]
    return Plan(tuple(changes), tuple(notes))


def check_python(owner: Owner | User) -> None:
    """Raise SetupError where Asterisk's user can't reach the Python that has the package."""
    closed = unreachable(Path(sys.executable), owner)
    if closed:
        raise SetupError(
            f"user {owner.name} can't run {sys.executable}, as it may not enter {closed}. Install the package "
            f"where it can, as in /opt/{COMMAND} (python3 -m venv /opt/{COMMAND})"
        )


# -- settings --------------------------------------------------------------------------

SETTINGS_TEXT = string.Template("""\
; Busy CallBack for Asterisk. Every setting and its default: man busy-callback.

[general]
; Who may ask for a callback and be called back, as Asterisk's patterns.
extensions = $extensions
; Dial string of an extension; auto is PJSIP or SIP, whichever there is, freepbx is what FreePBX has for it.
device = $device
; Where the phones' calls begin: the callee is dialled from here.
context = $context

[manager]
host = $host
port = $port
user = $user
secret = $secret
""")


def _settings_file(survey: Survey, options: Options, settings: Settings, secret: str) -> Iterator[Change]:
    """Yield the settings file: made when there is none; in the admin's own only a missing secret is put in.

    It is for root, Asterisk's user and its group alone.
    """
    path = Path(survey.directories.conf)
    named = options.extensions or options.device or options.context
    if path.is_symlink() and settings.secret and not named:
        return  # it is whole, and lies where the admin wants it
    path = own_file(survey, options.allowed, path)
    text = read_text(path)
    if not text:
        text = SETTINGS_TEXT.substitute(
            extensions=options.extensions or " ".join(survey.plan),
            device=options.device or _device(survey),
            context=options.context or (options.wire[0] if options.wire else survey.context) or settings.context,
            port=value_of(list(survey.manager_conf), "general", "port", str(settings.port)),
            host=manager_conf.host(survey),
            user=settings.user,
            secret=secret,
        )
    elif named:
        raise SetupError(f"{path} exists already: set extensions, device and context there")
    elif not settings.secret:
        header = next((n for n, line in enumerate(text.splitlines()) if line.strip() == "[manager]"), None)
        block = [f"secret = {secret}"]
        text = append(text, ["[manager]", *block]) if header is None else insert(text, header, block)
    yield secret_file(survey, path, text)


def _device(survey: Survey) -> str:
    """Return the setting by which an extension's devices are found here."""
    if survey.freepbx:
        return "freepbx"
    return f"{survey.technology}/{{ext}}" if survey.technology else "auto"


# -- dialplan --------------------------------------------------------------------------------------


def our_dialplan(survey: Survey, settings: Settings) -> str:
    """Return our dialplan as it is to stand beside Asterisk's own."""
    return render((survey.data / "dialplan" / DIALPLAN).read_text(encoding="utf-8"), settings)


def _dialplan(survey: Survey, options: Options, settings: Settings, notes: list[str]) -> Iterator[Change]:
    main = survey.etc / "extensions.conf"
    if not main.exists():
        raise SetupError(f"{main} is missing; a dialplan in AEL or Lua alone needs an extensions.conf for the include")
    yield beside(survey.etc / DIALPLAN, our_dialplan(survey, settings), main, DIALPLAN_RELOAD)
    edits: dict[Path, list[tuple[int, list[str]]]] = {}
    end = 1 << 30
    home = survey.etc / "extensions_custom.conf" if survey.freepbx else main
    own = [f"#include {DIALPLAN}"]
    if survey.freepbx:
        own += ["[from-internal-custom]", f"include => {CODES}"]
        edits[survey.etc / OVERRIDE] = [(end, freepbx_override(survey.extensions_conf))]
    edits[home] = [(end, own)]
    if not survey.freepbx:
        _wire(survey, options, edits, notes)
    for path, blocks in edits.items():
        real = own_file(survey, options.allowed, path)
        text = strip_text(read_text(real))
        for after, lines in sorted(blocks, reverse=True):
            text = insert(text, after, lines)
        yield edit(real, text, main, DIALPLAN_RELOAD)


def _wire(survey: Survey, options: Options, edits: dict[Path, list[tuple[int, list[str]]]], notes: list[str]) -> None:
    """Add the offer after the Dials of the contexts to wire and of those that were wired before."""
    contexts = dict.fromkeys([*wired_contexts(survey.extensions_conf), *options.wire])
    for context in contexts:
        places = after_dials(survey.extensions_conf, context)
        for line in places:
            edits.setdefault(line.path, []).append((line.number, [f" same => n,{GOSUB}"]))
    last = {line.section: line for line in survey.extensions_conf if line.section in contexts and line.text.strip()}
    for line in last.values():
        edits.setdefault(line.path, []).append((line.number, [f"include => {CODES}"]))
    if not contexts:
        where = survey.context or "CONTEXT"
        notes.append(
            f"Nobody is offered a callback yet. Run: {COMMAND} install --wire {where}   or put this line after the "
            f"Dial that rings the phones: same => n,{GOSUB}"
        )
