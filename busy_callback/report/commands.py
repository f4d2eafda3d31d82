"""The commands that tell: why, stats, report, metrics. They read the spool; Asterisk need not run."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from busy_callback import request as rq
from busy_callback.errors import BusyCallbackError, NotFoundError
from busy_callback.installed import how_to_add
from busy_callback.language import LANGUAGES, clock, of_locale, of_terminal, spoken
from busy_callback.policy import Line
from busy_callback.report import service
from busy_callback.report.figures import Figures, figures
from busy_callback.report.output import OutputFile, apart
from busy_callback.report.records import record_of
from busy_callback.report.tables import as_data, as_text
from busy_callback.report.why import Facts, tell
from busy_callback.settings import Directories, Settings
from busy_callback.store.asterisk_user import go_on_as_asterisk
from busy_callback.store.history import History, existing_spool
from busy_callback.store.known_states import ask_states
from busy_callback.store.last_good_settings import load_or_last_good
from busy_callback.store.offers import read_offers
from busy_callback.store.spool import Spool

# -- why -------------------------------------------------------------------------------------------


@click.command()
@click.argument("wanted", metavar="ID")
@click.pass_obj
def why(directories: Directories, wanted: str) -> None:
    r"""Say why a caller was not called back, or not yet.

    \b
    busy-callback why 201-202             201's request for 202, the latest
    busy-callback why 201                 all that 201 waits for, else its latest
    """
    spool = existing_spool(directories)
    language, now = of_terminal(os.environ), time.time()
    settings, _ = load_or_last_good(directories.conf, spool)
    requests = sorted(History(spool, wanted=wanted), key=lambda r: r.stamp)
    found = [r for r in requests if r.state in rq.LIVE_STATES] or requests[-1:]
    if not found:
        raise NotFoundError(_not_asked(spool, wanted, settings, now))
    facts = _facts(directories, spool, settings, now) if found[0].state in rq.LIVE_STATES else None
    for request in found:
        for sentence in tell(request, facts or Facts(now, settings), language):
            click.echo(sentence)


def _facts(directories: Directories, spool: Spool, settings: Settings, now: float) -> Facts:
    """Return what is known now: from the spool, and from the watch."""
    states = ask_states(spool.directory)
    faults = [fault for name in service.FAULTS for fault in service.faults(spool.directory, name)]
    faults += service.faults(directories.astrundir, service.ELSEWHERE)
    return Facts(
        now=now,
        settings=settings,
        live=spool.live(),
        lines=None if states is None else {number: Line(*known) for number, known in states.items()},
        last_poll=service.last_poll(spool.directory),
        faults=list(dict.fromkeys(faults)),
    )


def _not_asked(spool: Spool, wanted: str, settings: Settings, now: float) -> str:
    """Say that nobody asked, and whether there was an offer."""
    offers = [o for o in read_offers(spool.directory) if f"{o.caller}-{o.callee}-".startswith(f"{wanted}-")]
    if offers:
        last = max(offers, key=lambda offer: offer.when)
        when = clock(last.when, now)
        return f"{last.caller} was offered a callback by {last.callee} at {when}, and did not ask for it"
    return (
        f"nobody asked for a callback {wanted!r} in the last {settings.history_days} days, as far as is known; "
        "busy-callback list and history name those who did"
    )


# -- stats -----------------------------------------------------------------------------------------


def _since(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Return the time (epoch) that was named: 36h, 7d and 4w ago, days from their midnight on, or a day."""
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", value)
    now = time.time()
    if match and match[2] == "h":
        return now - int(match[1]) * 3600
    try:
        if match:
            local = time.localtime(now)
            days = int(match[1]) * (7 if match[2] == "w" else 1)
            return time.mktime((local.tm_year, local.tm_mon, local.tm_mday - days, 0, 0, 0, 0, 0, -1))
        return time.mktime(time.strptime(value, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        raise click.BadParameter(spoken(f"{value!r} is neither 36h, 7d or 4w nor a day as 2026-11-01")) from None


def since_option(default: str) -> Callable[[Any], Any]:
    """Return the option --since with its default."""
    text = "From when on: 36h, 7d or 4w ago, or a day as 2026-11-01."
    return click.option("--since", default=default, show_default=True, metavar="TIME", callback=_since, help=text)


def read_figures(directories: Directories, since: float) -> Figures:
    """Return the figures of the spool's history."""
    spool = existing_spool(directories)
    history = History(spool, since)
    gc.disable()  # nothing of it refers to itself, and to look for that costs a fifth of a long history's time
    found = figures(map(record_of, history), read_offers(spool.directory, since), since, time.time())
    found.unreadable = history.unreadable
    return found


@click.command()
@since_option("7d")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_obj
def stats(directories: Directories, since: float, as_json: bool) -> None:
    """Count what became of the callbacks, how long it took, when and for whom they were asked."""
    found = read_figures(directories, since)
    if as_json:
        click.echo(json.dumps(as_data(found), indent=2))
        return
    for line in as_text(found, of_terminal(os.environ)):
        click.echo(line)


# -- report and metrics ----------------------------------------------------------------------------


_EXTRAS = {"report": ("jinja2", "markupsafe", "matplotlib"), "metrics": ("prometheus_client",)}


class LibraryError(BusyCallbackError):
    """A library is missing that an extra of this package brings, or can't be read by the user that needs it."""


def _missing(command: str, error: ImportError) -> LibraryError:
    """Return the sentence that says what to do."""
    if str(error.name).split(".")[0] in _EXTRAS[command]:
        return LibraryError(f"busy-callback {command} needs {error.name}; run: {how_to_add(command)}")
    return LibraryError(
        f"user {os.geteuid()} can't load all of this Python's libraries from {sys.prefix} ({error}): install the "
        "package where the spool's owner can read it, as in /opt/busy-callback"
    )


def _write(asterisk_conf: str, output: str, readers: str, new_mode: int, make: Callable[[Directories], bytes]) -> None:
    """Write what Asterisk's user makes to the file that was asked for, or to standard output for ``-``."""

    def made() -> bytes:
        return make(go_on_as_asterisk(os.environ, asterisk_conf))

    if output == "-":
        click.echo(made(), nl=False)
        return
    with OutputFile(output, readers, new_mode) as file:
        apart(lambda: file.write(made()))


@contextlib.contextmanager
def _place_of_matplotlib(spool: str) -> Iterator[None]:
    """Give Matplotlib a place for its list of fonts where it has none, as from root's cron: in the spool.

    In /tmp it would leave a folder each night, and make the list, which takes a while, each time. Its settings it
    does not look for there: they are not Asterisk's user's to make.
    """
    if "MPLCONFIGDIR" in os.environ or os.access(os.path.expanduser("~"), os.W_OK):
        yield
        return
    with contextlib.ExitStack() as left:
        folder = f"{spool}/matplotlib"
        if not os.access(spool, os.W_OK):
            folder = left.enter_context(tempfile.TemporaryDirectory(prefix="busy-callback-"))
        os.environ.update(MPLCONFIGDIR=folder, MATPLOTLIBRC=os.devnull)
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"], os.environ["MATPLOTLIBRC"]


@click.command()
@since_option("30d")
@click.option("-o", "--output", metavar="FILE", required=True, help="Where the page goes; - is standard output.")
@click.option(
    "--language", type=click.Choice(sorted(LANGUAGES)), help="Of the page. [default: as the locale, English or Chinese]"
)
@click.option("--anonymous", is_flag=True, help="Show no extension's number.")
@click.option(
    "--readers",
    default="",
    metavar="GROUP",
    help="Who may read the file: a group, or all. [default: as the file that is there, else its owner]",
)
@click.pass_obj
def report(asterisk_conf: str, since: float, output: str, language: str | None, anonymous: bool, readers: str) -> None:
    """Make a page of pictures: when they asked, what became of it, how long it took, who needs a second line.

    One file that opens anywhere and fetches nothing. It needs the extra busy-callback[report].
    """

    def make(directories: Directories) -> bytes:
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would tell of a font cache that it can't keep
        with _place_of_matplotlib(directories.spool):
            try:
                from busy_callback.report.page import render
            except ImportError as error:
                raise _missing("report", error) from error
            chosen = LANGUAGES[language] if language else of_locale(os.environ)
            return render(read_figures(directories, since), chosen, anonymous).encode()

    _write(asterisk_conf, output, readers, 0o600, make)


@click.command()
@click.option("-o", "--output", metavar="FILE", default="-", help="Where they go. [default: standard output]")
@click.pass_obj
def metrics(asterisk_conf: str, output: str) -> None:
    """Print metrics in Prometheus's text format, or write them where node_exporter collects text files.

    Without any extension's number. It needs the extra busy-callback[metrics].
    """

    def make(directories: Directories) -> bytes:
        try:
            from busy_callback.report.metrics import text
        except ImportError as error:
            raise _missing("metrics", error) from error
        return text(existing_spool(directories))

    _write(asterisk_conf, output, "", 0o644, make)
