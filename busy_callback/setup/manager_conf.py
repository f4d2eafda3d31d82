"""Our user of Asterisk's manager interface: a file of ours with the secret, and how manager.conf comes to have it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.settings import Settings
from busy_callback.setup.config_files import read_text, value_of
from busy_callback.setup.file_change import Change
from busy_callback.setup.marked_blocks import append, insert, strip_text
from busy_callback.setup.own_files import edit, own_file, secret_file
from busy_callback.setup.survey import Survey

RELOAD = "manager reload"
FILE_NAME = "busy_callback_manager.conf"


_IPV4, _IPV6 = r"[0-9.]{7,15}", r"(?=.*:)[0-9A-Fa-f:.]{2,45}"
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(f"{_IPV4}|{_IPV6}", text)) and text not in _EVERYWHERE


def host(survey: Survey) -> str:
    """Return the address of this machine at which its manager listens."""
    address = value_of(survey.manager_conf, "general", "bindaddr").strip("[]")
    enabled = is_true(value_of(survey.manager_conf, "general", "enabled"))
    return address if enabled and _is_address(address) else "127.0.0.1"


def _comes_from(survey: Survey, settings: Settings) -> str:
    """Return the address that our user comes from: the one that it goes to, as that is this machine's."""
    named = os.path.lexists(survey.directories.conf) and _is_address(settings.host)
    return settings.host if named else host(survey)


def is_true(value: str) -> bool:
    """Tell whether Asterisk takes the value for true (main/utils.c, ast_true)."""
    return value.lower() in {"yes", "true", "y", "t", "1", "on"}


def manager_user(user: str, secret: str, host: str = "127.0.0.1") -> list[str]:
    """Return the section of our user in manager.conf: from this machine only, and the least that works."""
    return [
        f"[{user}]",
        f"secret = {secret}",
        "deny = 0.0.0.0/0.0.0.0",
        "deny = ::/0",
        f"permit = {host}/{128 if ':' in host else '255.255.255.255'}",
        "read = call,user",
        "write = reporting,originate",
        # Nothing else is sent to us: no text of a caller's, and no load on a busy PBX.
        "eventfilter = Event: DeviceStateChange",
        "eventfilter = UserEvent: BusyCallback",
    ]


def changes(survey: Survey, allowed: Sequence[str], settings: Settings, secret: str) -> Iterator[Change]:
    """Yield what lets our user in: first the file with the secret, then what includes it."""
    main = survey.etc / "manager.conf"
    if not main.exists():
        raise SetupError(f"{main} is missing. Copy Asterisk's sample of it there, then try again")
    folder = None if survey.freepbx else _included_folder(survey, main)
    path = folder / "busy_callback.conf" if folder else survey.etc / FILE_NAME
    text = "\n".join(
        ["; Busy CallBack for Asterisk", *manager_user(settings.user, secret, _comes_from(survey, settings)), ""]
    )
    yield secret_file(survey, path, text, RELOAD)
    edited = own_file(survey, allowed, survey.etc / "manager_custom.conf" if survey.freepbx else main)
    text = strip_text(read_text(edited))
    if not folder:
        # Without the file manager.conf is still whole: #include would have Asterisk refuse all of it.
        text = append(text, [f"#tryinclude {FILE_NAME}"])
    if not survey.freepbx and not is_true(value_of(survey.manager_conf, "general", "enabled")):
        general = [
            n.number for n in survey.manager_conf if n.path == main and n.section == "general" and n.text.strip()
        ]
        if not general:
            raise SetupError(f"{main} has no [general]: add one, then try again")
        text = insert(text, general[-1], ["enabled = yes", "bindaddr = 127.0.0.1"])
    yield edit(edited, text, main, RELOAD)


def _included_folder(survey: Survey, main: Path) -> Path | None:
    """Return the folder of Asterisk's whose ``*.conf`` manager.conf includes last (Debian's): it edits nothing."""
    own = [line for line in survey.manager_conf if line.path == main and line.text.strip()]
    if own and own[-1].include.endswith("/*.conf"):
        folder = survey.etc / own[-1].include[: -len("/*.conf")]
        if folder.is_dir() and Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(survey.etc)):
            return folder
    return None
