"""What install has to change in a PBX, worked out from the survey: a list of changes; nothing is written here."""

from __future__ import annotations

import re
import secrets
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.settings import Settings, check_setting, load
from busy_callback.setup import placed_files
from busy_callback.setup.config_files import read_text, value_of
from busy_callback.setup.dialplan import FILE_NAME as DIALPLAN
from busy_callback.setup.dialplan import render
from busy_callback.setup.journal import Change, Journal
from busy_callback.setup.marked_blocks import append, insert, strip_text
from busy_callback.setup.survey import (
    COMMAND,
    Survey,
    agi_source,
    unreachable,
)
from busy_callback.setup.wiring import CODES, GOSUB, OVERRIDE, after_dials, freepbx_override, wired_contexts

DIALPLAN_RELOAD = "dialplan reload"
MANAGER_RELOAD = "manager reload"


@dataclass(frozen=True)
class Options:
    """What the admin says, where it is not to be found out."""

    language: str = ""  # heard by channels of a language that there are no prompts in; '': as before
    wire: tuple[str, ...] = ()
    extensions: str = ""
    device: str = ""
    context: str = ""
    report: str = ""  # the page that cron makes each night; '': as before
    report_readers: str = ""
    locale: str = ""  # of the admin


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
    closed = unreachable(Path(sys.executable), survey.owner)
    if closed:
        raise SetupError(
            f"user {survey.owner.name} can't run {sys.executable}, as it may not enter {closed}. Install the package "
            f"where it can, as in /opt/{COMMAND} (python3 -m venv /opt/{COMMAND})"
        )
    if survey.freepbx and options.wire:
        raise SetupError("--wire is not for FreePBX, where the offer has its own place: leave it out")
    notes: list[str] = []
    settings = load(survey.directories.conf)
    for key in ("extensions", "device", "context"):
        if getattr(options, key):
            check_setting("general", key, getattr(options, key))
    secret = settings.secret or secrets.token_urlsafe(24)
    wanted = [
        *_settings_file(survey, options, settings, secret),
        *_manager(survey, settings, secret),
        *_dialplan(survey, options, settings, notes),
        Change.file(survey.agi, agi_source(survey.data).encode(), 0o755),
        *placed_files.prompts(survey, options.language),
        *placed_files.spool(survey),
        *placed_files.log_rotation(survey),
        *placed_files.schedule(survey),
        *placed_files.nightly_report(survey, options.report, options.report_readers, options.locale),
    ]
    if not survey.runs:
        notes.append("Asterisk is not running, so its files were read instead. It loads the changes when it starts.")
    notes += [
        f"You edited {change.path}. Your version will be kept as {journal.kept_copy(change.path)}"
        for change in wanted
        if change.needed and not change.yours and journal.placed(change.path)
    ]
    changes = [change for change in wanted if change.needed and not (change.yours and journal.edited(change.path))]
    return Plan(tuple(changes), tuple(notes))


# -- settings and manager --------------------------------------------------------------------------

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
    """Yield the settings file: made when there is none; in the admin's own only a missing secret is put in."""
    path = Path(survey.directories.conf)
    text = read_text(path)
    if not text:
        text = SETTINGS_TEXT.substitute(
            extensions=options.extensions or " ".join(survey.plan),
            device=options.device or _device(survey),
            context=options.context or (options.wire[0] if options.wire else survey.context) or settings.context,
            port=value_of(list(survey.manager_conf), "general", "port", str(settings.port)),
            host=_manager_host(survey),
            user=settings.user,
            secret=secret,
        )
    elif options.extensions or options.device or options.context:
        raise SetupError(f"{path} exists already: set extensions, device and context there")
    elif not settings.secret:
        header = next((n for n, line in enumerate(text.splitlines()) if line.strip() == "[manager]"), None)
        block = [f"secret = {secret}"]
        text = append(text, ["[manager]", *block]) if header is None else insert(text, header, block)
    content = text.encode("utf-8", "surrogateescape")
    yield Change.file(path, content, 0o640, (0, survey.owner.gid))


def _device(survey: Survey) -> str:
    """Return the setting by which an extension's devices are found here."""
    if survey.freepbx:
        return "freepbx"
    return f"{survey.technology}/{{ext}}" if survey.technology else "auto"


def _manager_host(survey: Survey) -> str:
    """Return the address of this machine at which its manager listens."""
    address = value_of(survey.manager_conf, "general", "bindaddr")
    enabled = is_true(value_of(survey.manager_conf, "general", "enabled"))
    return address if enabled and re.fullmatch(r"[0-9.]+", address) and address != "0.0.0.0" else "127.0.0.1"  # noqa: S104


def manager_user(user: str, secret: str, host: str = "127.0.0.1") -> list[str]:
    """Return the section of our user in manager.conf: from this machine only, and the least that works."""
    return [
        f"[{user}]",
        f"secret = {secret}",
        "deny = 0.0.0.0/0.0.0.0",
        f"permit = {host}/255.255.255.255",
        "read = call,user",
        "write = reporting,originate",
        # Nothing else is sent to us: no text of a caller's, and no load on a busy PBX.
        "eventfilter = Event: DeviceStateChange",
        "eventfilter = UserEvent: BusyCallback",
    ]


def _manager(survey: Survey, settings: Settings, secret: str) -> Iterator[Change]:
    lines = survey.manager_conf
    main = survey.etc / "manager.conf"
    if not main.exists():
        raise SetupError(f"{main} is missing. Copy Asterisk's sample of it there, then try again")
    user = manager_user(settings.user, secret, _manager_host(survey))
    if survey.freepbx:
        path = survey.etc / "manager_custom.conf"
        yield Change.edit(path, append(strip_text(read_text(path)), user), main, MANAGER_RELOAD)
        return
    text = strip_text(read_text(main))
    folder = _included_folder(survey, main)
    if folder:
        whole = "\n".join(["; Busy CallBack for Asterisk", *user, ""])
        yield Change.beside(folder / "busy_callback.conf", whole, main, MANAGER_RELOAD)
    else:
        text = append(text, user)
    if not is_true(value_of(lines, "general", "enabled")):
        general = [row.number for row in lines if row.path == main and row.section == "general" and row.text.strip()]
        if not general:
            raise SetupError(f"{main} has no [general]: add one, then try again")
        text = insert(text, general[-1], ["enabled = yes", "bindaddr = 127.0.0.1"])
    yield Change.edit(main, text, main, MANAGER_RELOAD)


def is_true(value: str) -> bool:
    """Tell whether Asterisk takes the value for true (main/utils.c, ast_true)."""
    return value.lower() in {"yes", "true", "y", "t", "1", "on"}


def _included_folder(survey: Survey, main: Path) -> Path | None:
    """Return the folder whose ``*.conf`` manager.conf includes last (Debian's): a file there edits nothing."""
    own = [line for line in survey.manager_conf if line.path == main and line.text.strip()]
    if own and own[-1].include.endswith("/*.conf"):
        folder = survey.etc / own[-1].include[: -len("/*.conf")]
        return folder if folder.is_dir() else None
    return None


# -- dialplan --------------------------------------------------------------------------------------


def our_dialplan(survey: Survey, settings: Settings) -> str:
    """Return our dialplan as it is to stand beside Asterisk's own."""
    return render((survey.data / "dialplan" / DIALPLAN).read_text(encoding="utf-8"), settings)


def _dialplan(survey: Survey, options: Options, settings: Settings, notes: list[str]) -> Iterator[Change]:
    main = survey.etc / "extensions.conf"
    if not main.exists():
        raise SetupError(f"{main} is missing; a dialplan in AEL or Lua alone needs an extensions.conf for the include")
    yield Change.beside(survey.etc / DIALPLAN, our_dialplan(survey, settings), main, DIALPLAN_RELOAD)
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
        text = strip_text(read_text(path))
        for after, lines in sorted(blocks, reverse=True):
            text = insert(text, after, lines)
        yield Change.edit(path, text, main, DIALPLAN_RELOAD)


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
