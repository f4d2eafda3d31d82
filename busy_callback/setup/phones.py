"""The endpoints and peers of a PBX: as its running Asterisk has them loaded, else as its files tell of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from busy_callback.setup.config_files import Section, lines_of, section_of, sections_of
from busy_callback.setup.console import Console

DETAILS = 100  # endpoints whose details are asked for one by one; what is known of the others is what the files say
KNOWN = ("PJSIP", "SIP", "IAX2")  # technologies whose endpoints can be listed
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Phone:
    """An endpoint or peer that is dialled by its name: a phone, or a trunk."""

    technology: str
    name: str
    context: str = ""  # in which its calls begin; '' if not known
    caller_id: str = ""  # the number that it shows, if that is one
    says_busy: bool = True  # its device state tells when it is in a call
    language: str = ""  # that it hears prompts in; '' for Asterisk's own, or where that is not known

    @property
    def device(self) -> str:
        """How it is dialled."""
        return f"{self.technology}/{self.name}"


def loaded(console: Console, on_disk: Iterable[Phone]) -> Iterator[Phone]:
    """Yield those that Asterisk has loaded; of very many, what the files tell of them is enough."""
    written = {phone.device: phone for phone in on_disk}
    found = list(_endpoints(console.ask("pjsip show endpoints")))
    found += [Phone("SIP", name) for name in _peers(console.ask("sip show peers"))]
    found += [Phone("IAX2", name) for name in _peers(console.ask("iax2 show peers"))]
    for number, phone in enumerate(found):
        known = _detailed(console, phone) if number < DETAILS else written.get(phone.device, phone)
        yield known


def _endpoints(shown: str) -> Iterator[Phone]:
    """Yield PJSIP's endpoints of a table: name, caller ID's number, and whether they are busy in a call."""
    for row in re.finditer(r"(?m)^ Endpoint:  ([^\s/<]+)(?:/(\S*))? .* of (\S+)\s*$", shown):
        yield Phone("PJSIP", row[1], "", row[2] if _NUMBER.fullmatch(row[2] or "") else "", row[3] != "inf")


def _peers(shown: str) -> list[str]:
    """Return the names in a table of peers: neither its head nor its foot, ``12 sip peers [...]``."""
    rows = shown.splitlines()
    if not rows or not rows[0].startswith("Name/"):
        return []
    return [re.split(r"[/\s]", row)[0] for row in rows[1:] if re.match(r"[^\s\[]+ ", row) and " peers [" not in row]


def _detailed(console: Console, phone: Phone) -> Phone:
    """Return it with what Asterisk tells of it alone."""
    command = {"PJSIP": "pjsip show endpoint", "SIP": "sip show peer", "IAX2": "iax2 show peer"}[phone.technology]
    table = {key.lower(): value for key, value in console.table(f"{command} {phone.name}").items()}
    says_busy = phone.says_busy and table.get("call limit") != "0"
    number = phone.caller_id or _caller_number(table.get("callerid", ""))
    language = table.get("language", "")
    return Phone(phone.technology, phone.name, table.get("context", ""), number, says_busy, language)


def _caller_number(caller_id: str) -> str:
    """Return the number of a caller ID, ``"Anna" <201>``, if it is one."""
    found = re.search(r"<([^<>]*)>\s*$", caller_id)
    number = found[1] if found else caller_id.strip()
    return number if _NUMBER.fullmatch(number) else ""


def on_disk(etc: Path) -> Iterator[Phone]:
    """Yield those that the configuration files tell of."""
    pjsip = list(lines_of(etc / "pjsip.conf", etc))
    for section in sections_of(pjsip):
        if not section.template and section.value("type") == "endpoint":
            yield _of_section("PJSIP", section, "default")
    for section in sections_of(list(lines_of(etc / "pjsip_wizard.conf", etc))):
        if not section.template and section.value("type") == "wizard":
            number = _caller_number(section.value("endpoint/callerid"))
            language = section.value("endpoint/language")
            yield Phone("PJSIP", section.name, section.value("endpoint/context", "default"), number, language=language)
    for technology, name, mark in (("SIP", "sip.conf", "hassip"), ("IAX2", "iax.conf", "hasiax")):
        lines = list(lines_of(etc / name, etc))
        default = section_of(lines, "general").value("context", "default")
        users = sections_of(list(lines_of(etc / "users.conf", etc))) if lines else []
        for section in sections_of(lines):
            if not section.template and section.value("type") in {"friend", "peer"}:
                yield _of_section(technology, section, default)
        for section in users:
            general = next((s.value(mark) for s in users if s.name == "general"), "")
            if section.name != "general" and not section.template and is_true(section.value(mark, general)):
                yield _of_section(technology, section, default)


def _of_section(technology: str, section: Section, default: str) -> Phone:
    """Return the endpoint that a section describes; ``default`` is the context of one that names none."""
    says_busy = True
    if technology == "PJSIP":
        says_busy = section.value("device_state_busy_at", "0") != "0"
    number = _caller_number(section.value("callerid"))
    context, language = section.value("context", default) or default, section.value("language")
    return Phone(technology, section.name, context, number, says_busy, language)


def is_true(value: str) -> bool:
    """Tell whether Asterisk takes the value for true (main/utils.c, ast_true)."""
    return value.lower() in {"yes", "true", "y", "t", "1", "on"}
