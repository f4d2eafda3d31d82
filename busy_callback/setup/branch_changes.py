"""What install changes and tells where busy_callback.conf has branches: the publications in pjsip.conf.

Each branch's sections begin with a comment in our block, so that one that is added leaves the others as they are.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from busy_callback.errors import SetupError
from busy_callback.settings import Settings
from busy_callback.setup.config_files import Line, Reading, Section, lines_of, read_text, sections_of
from busy_callback.setup.file_change import Change
from busy_callback.setup.marked_blocks import append, block_lines, split, strip_text
from busy_callback.setup.own_files import edit, own_file
from busy_callback.setup.publication import Publication, of_branch, of_own
from busy_callback.setup.survey import COMMAND, Survey

RELOAD = "module reload res_pjsip.so res_pjsip_pubsub.so res_pjsip_outbound_publish.so res_pjsip_publish_asterisk.so"
FREEPBX = "pjsip_custom.conf"  # which FreePBX's own pjsip.conf includes
_NAMED = re.compile(r"([A-Za-z0-9_-]{1,40})=([A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?")
_MARK = "; branch "  # the first line of one's sections


@dataclass(frozen=True)
class Wanted:
    """The publications that an admin asks for: NAME=ADDRESS each, and what the other PBXs call this one."""

    branches: tuple[str, ...] = ()
    here: str = ""


def changes(survey: Survey, allowed: Sequence[str], settings: Settings, wanted: Wanted) -> Iterator[Change]:
    """Yield the change of pjsip.conf for the publications that are asked for. Raises SetupError."""
    if not wanted.branches:
        return
    parts = [_publication(survey, settings, text, wanted.here) for text in wanted.branches]
    main = _file(survey)
    real = own_file(survey, allowed, main)
    text = read_text(real)
    sections = {**_written(text), **{part.branch: part.lines() for part in parts}}
    rows = [row for name, lines in sections.items() for row in (f"{_MARK}{name}", *lines)]
    yield edit(real, append(strip_text(text), rows), main, RELOAD)


def notes(survey: Survey, settings: Settings, wanted: Wanted) -> Iterator[str]:
    """Yield what the admin has to do for each branch: there, where it was asked for; and here, where it was not."""
    asked = [_publication(survey, settings, text, wanted.here) for text in wanted.branches]
    for part in asked:
        rows = "\n".join(part.other_side())
        yield (
            f"the PBX of branch {part.branch} needs [branch {part.here}] in its busy_callback.conf, and in its "
            f"pjsip.conf what {COMMAND} install --branch {part.here}=ADDRESS --here {part.branch} writes there:\n{rows}"
        )
    known = {part.branch for part in asked} | set(published(survey))
    for branch in settings.branches:
        if branch.name not in known:
            part = Publication(
                branch.name, _here(wanted.here), "ADDRESS", "ENDPOINT", of_branch(branch, settings), of_own(settings)
            )
            yield (
                f"no states come from branch {branch.name} yet; {COMMAND} install --branch {branch.name}=ADDRESS "
                "writes into pjsip.conf:\n" + "\n".join(part.lines())
            )


def published(survey: Survey) -> dict[str, Section]:
    """Return the inbound publications that pjsip.conf has, by their names, ours included."""
    return {s.name: s for s in _all(survey) if s.value("type") == "inbound-publication"}


def filter_of(survey: Survey, publication: Section) -> str:
    """Return the expression of the devices whose states a publication may tell, '' where it may tell all."""
    name = publication.value("event_asterisk-devicestate")
    found = (s for s in _all(survey) if s.name == name and s.value("type") == "asterisk-publication")
    return next((s.value("device_state_filter") for s in found), "")


def identified(survey: Survey, host: str) -> str:
    """Return the endpoint that a host is identified as, by pjsip.conf and pjsip_wizard.conf; '' for none."""
    for section in sections_of(_pjsip(survey)):
        if section.value("type") == "identify" and host in _values(section, "match"):
            return section.value("endpoint")
    for section in sections_of(list(lines_of(survey.etc / "pjsip_wizard.conf", survey.etc))):
        hosts = [value.partition(":")[0] for value in _values(section, "remote_hosts")]
        if section.value("type") == "wizard" and host in hosts:
            return section.name
    return ""


def hosts_of(survey: Survey, endpoint: str) -> list[str]:
    """Return the hosts that are identified as an endpoint."""
    sections = [s for s in sections_of(_pjsip(survey)) if s.value("type") == "identify"]
    found = [host for s in sections if s.value("endpoint") == endpoint for host in _values(s, "match")]
    for section in sections_of(list(lines_of(survey.etc / "pjsip_wizard.conf", survey.etc))):
        if section.name == endpoint and section.value("type") == "wizard":
            found += [value.partition(":")[0] for value in _values(section, "remote_hosts")]
    return found


def _publication(survey: Survey, settings: Settings, text: str, here: str) -> Publication:
    """Return what NAME=ADDRESS asks for; raise SetupError saying what is missing."""
    match = _NAMED.fullmatch(text)
    if not match:
        raise SetupError(f"--branch {text!r} is not NAME=ADDRESS, as taichung=10.0.2.1 or taichung=10.0.2.1:5061")
    name, host, port = match[1], match[2], match[3] or ""
    branch = next((branch for branch in settings.branches if branch.name == name), None)
    if not branch:
        raise SetupError(
            f"--branch {name}: {survey.directories.conf} has no [branch {name}]; write it there first, with the "
            "branch's numbers, as: extensions = 3XX"
        )
    endpoint = identified(survey, host)
    if not endpoint:
        raise SetupError(
            f"--branch {name}: no endpoint of {survey.etc / 'pjsip.conf'} is identified by {host}, so that anybody "
            f"might publish in its name; give the trunk to it a section with type=identify and match={host} first"
        )
    trunk = next((s for s in sections_of(_pjsip(survey)) if s.name == endpoint and s.value("type") == "endpoint"), None)
    return Publication(
        name,
        _here(here),
        f"{host}{port}",
        endpoint,
        of_branch(branch, settings),
        of_own(settings),
        trunk.value("transport") if trunk else "",
        trunk.value("outbound_auth") if trunk else "",
    )


def _here(here: str) -> str:
    """Return what the others call this PBX: what the admin says, else this machine's name."""
    name = here or re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0])[:40] or "pbx"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise SetupError(f"--here {here!r} is no name of letters, digits, - and _, as taipei")
    return name


def _file(survey: Survey) -> Path:
    return survey.etc / (FREEPBX if survey.freepbx else "pjsip.conf")


def _all(survey: Survey) -> list[Section]:
    """Return the sections of pjsip.conf, ours included."""
    lines = Reading(survey.etc, blocks=True).lines(survey.etc / "pjsip.conf")
    return [section for section in sections_of(list(lines)) if not section.template]


def _pjsip(survey: Survey) -> list[Line]:
    return list(lines_of(survey.etc / "pjsip.conf", survey.etc))


def _values(section: Section, key: str) -> list[str]:
    """Return all values of a key that may stand several times, or have several between commas."""
    found = [line.setting[1] for line in section.lines if line.setting[0] == key]
    return [value.strip().removesuffix("/32") for text in found for value in text.split(",")]


def _written(text: str) -> dict[str, list[str]]:
    """Return the sections that our block has, by the branch."""
    ours = block_lines(text)
    found: dict[str, list[str]] = {}
    name = ""
    for number, line in enumerate(split(text)):
        row = line.rstrip("\r\n")
        if number in ours and row.startswith(_MARK):
            name = row[len(_MARK) :]
            found[name] = []
        elif number in ours and name and not row.startswith("; "):
            found[name].append(row)
    return found
