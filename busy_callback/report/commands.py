"""The commands that tell: why, stats, report, metrics. They read the spool; Asterisk need not run."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from typing import TypeVar

import click

from busy_callback import request as rq
from busy_callback.errors import NotFoundError
from busy_callback.policy import Line
from busy_callback.report import service
from busy_callback.report.figures import Figures, figures
from busy_callback.report.language import Language, clock, of_locale
from busy_callback.report.records import record_of
from busy_callback.report.tables import as_data, as_text
from busy_callback.report.why import Facts, tell
from busy_callback.settings import Directories, Settings
from busy_callback.store.history import History, existing_spool
from busy_callback.store.known_states import ask_states
from busy_callback.store.last_good_settings import load_or_last_good
from busy_callback.store.offers import read_offers
from busy_callback.store.spool import Spool

Command = TypeVar("Command", bound=Callable[..., object])

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
    language, now = of_locale(os.environ), time.time()
    settings, _ = load_or_last_good(directories.conf, spool)
    requests = sorted(History(spool, wanted=wanted), key=lambda r: r.stamp)
    found = [r for r in requests if r.state in rq.LIVE_STATES] or requests[-1:]
    if not found:
        raise NotFoundError(_not_asked(spool, wanted, settings, language, now))
    facts = _facts(spool, settings, now) if found[0].state in rq.LIVE_STATES else None
    for request in found:
        for sentence in tell(request, facts or Facts(now, settings), language):
            click.echo(sentence)


def _facts(spool: Spool, settings: Settings, now: float) -> Facts:
    """Return what is known now: from the spool, and from the watch."""
    states = ask_states(spool.directory)
    return Facts(
        now=now,
        settings=settings,
        live=spool.live(),
        lines=None if states is None else {number: Line(*known) for number, known in states.items()},
        last_poll=service.last_poll(spool.directory),
        faults=[fault for name in service.FAULTS for fault in service.faults(spool.directory, name)],
    )


def _not_asked(spool: Spool, wanted: str, settings: Settings, language: Language, now: float) -> str:
    """Say that nobody asked, and whether there was an offer."""
    offers = [o for o in read_offers(spool.directory) if f"{o.caller}-{o.callee}-".startswith(f"{wanted}-")]
    if offers:
        last = max(offers, key=lambda offer: offer.when)
        return language.say(
            "{caller} was offered a callback by {callee} at {when}, and did not ask for it",
            caller=last.caller,
            callee=last.callee,
            when=clock(last.when, now),
        )
    return language.say(
        "nobody asked for a callback {wanted} in the last {days} days, as far as is known; busy-callback list and "
        "history name those who did",
        wanted=repr(wanted),
        days=settings.history_days,
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
        raise click.BadParameter(f"{value!r} is neither 36h, 7d or 4w nor a day as 2026-11-01") from None


def since_option(default: str) -> Callable[[Command], Command]:
    """Return the option --since with its default."""
    text = "From when on: 36h, 7d or 4w ago, or a day as 2026-11-01."
    return click.option("--since", default=default, show_default=True, metavar="TIME", callback=_since, help=text)


def read_figures(directories: Directories, since: float) -> Figures:
    """Return the figures of the spool's history."""
    spool = existing_spool(directories)
    history = History(spool, since)
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
    for line in as_text(found, of_locale(os.environ)):
        click.echo(line)
