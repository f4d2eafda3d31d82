"""The page of pictures that cron makes each night, where the admin asks for it (``install --report``)."""

from __future__ import annotations

import grp
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from busy_callback.errors import SetupError
from busy_callback.installed import how_to_add
from busy_callback.setup.file_change import Change
from busy_callback.setup.placed_files import cron_runs, started_by_cron
from busy_callback.setup.survey import COMMAND, Survey
from busy_callback.store.safe_paths import open_folder


@dataclass(frozen=True)
class Nightly:
    """Where the page goes ('': nowhere, or as before), who may read it beside its owner, and the admin's locale."""

    page: str = ""
    readers: str = ""  # a group, or "all"
    locale: str = ""


def wanted_nightly(page: str, readers: str, environ: Mapping[str, str]) -> Nightly:
    """Return what the admin asks for; for root to run.

    Raises SetupError and PathError where root could not make that page each night.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG", "")
    if not page:
        if readers:
            raise SetupError("--report-readers says who may read the page that --report names: name it too")
        return Nightly()
    # What stands in cron's file is given to a shell, which takes some characters for its own.
    for value in (page, readers, locale):
        if not re.fullmatch(r"[A-Za-z0-9_./@+-]*", value):
            raise SetupError(f"{value!r} can't stand in cron's file: use letters, digits and _ . / @ + -")
    try:
        with open_folder(os.path.dirname(page)):
            pass
        if readers not in ("", "all"):
            grp.getgrnam(readers)
    except OSError as error:
        raise SetupError(f"--report {page}: name a file in a folder that is there ({error.strerror})") from error
    except KeyError:
        raise SetupError(f"--report-readers: there is no group {readers!r}; name one, or all") from None
    return Nightly(page, readers, locale)


def changes(survey: Survey, nightly: Nightly) -> Iterator[Change]:
    """Yield cron's line that makes the page; one that is there stays until uninstall. Raises SetupError."""
    if not nightly.page:
        return
    missing = [name for name in ("jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(f"--report needs {' and '.join(missing)}; run: {how_to_add('report')}")
    if not cron_runs(survey.system):
        raise SetupError("--report needs a cron daemon: install cron")
    to = f" --readers {nightly.readers}" if nightly.readers else ""
    lines = [
        "# Busy CallBack for Asterisk: the page of pictures",
        f"LANG={nightly.locale or 'C.UTF-8'}",
        f"20 4 * * * root {started_by_cron(survey)} report{to} -o {nightly.page}",
        "",
    ]
    yield Change.file(survey.system.cron / f"{COMMAND}-report", "\n".join(lines).encode())
