"""The command ``busy-callback``: click, tables for people, --json for machines, errors into exit statuses."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from busy_callback import __version__
from busy_callback.errors import BusyCallbackError, DeadlineError, NotFoundError
from busy_callback.request import Request
from busy_callback.settings import Directories, find_directories
from busy_callback.store.history import existing_spool
from busy_callback.store.last_good_settings import keep, load_or_last_good
from busy_callback.store.spool import Spool
from busy_callback.store.spool_owner import become_spool_owner

EXIT_HELP = """
Exit status: 0 done; 1 nothing matched or a check failed; 2 wrong usage or settings; 3 Asterisk can't be
reached; 4 the spool can't be used.
"""


# They are loaded when called for: the poller, which cron starts each minute and which stays, needs nothing of them.
SETUP = ("doctor", "install", "uninstall")  # these go on as root, the others as the spool's owner
REPORT = ("metrics", "report", "stats", "why")
WRITING = ("metrics", "report")  # root may be needed to write their file: they go on as the owner when that is open


class _Group(click.Group):
    """The one place where errors become a message and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *SETUP, *REPORT])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name in SETUP:
            from busy_callback.setup import commands as wing
        elif cmd_name in REPORT:
            from busy_callback.report import commands as wing  # type: ignore[no-redef]
        else:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(wing, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BusyCallbackError as error:
            click.echo(f"busy-callback: {error}", err=True)
            ctx.exit(error.exit_status)


@click.group(cls=_Group, epilog=EXIT_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="busy-callback")
@click.option("--asterisk-conf", metavar="PATH", default="", help="Asterisk's asterisk.conf, if not the usual one.")
@click.pass_context
def main(ctx: click.Context, asterisk_conf: str) -> None:
    r"""Call back whoever found an extension busy, as soon as it is free.

    \b
    busy-callback list                    what is waiting
    busy-callback cancel 201-202          cancel 201's request for 202
    busy-callback history                 what became of the others
    busy-callback poll --watch 60         what cron runs each minute
    """
    ctx.obj = find_directories(os.environ, asterisk_conf)
    if ctx.invoked_subcommand not in (*SETUP, *WRITING):
        become_spool_owner(ctx.obj)


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def _as_data(request: Request) -> dict[str, Any]:
    """Return what --json prints of a request; times are seconds since the epoch."""
    return {
        "id": request.id,
        "caller": request.caller,
        "callee": request.callee,
        "kind": request.kind,
        "state": request.state,
        "requested": request.requested,
        "expires": request.expires,
        "attempts": request.attempt,
        "unanswered": request.unanswered,
        "ended": request.ended or None,
        "reason": request.reason,
        "history": [{"time": when, "event": event} for when, event in request.events],
    }


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _print_json(data: object) -> None:
    import json  # not for the poller, which stays

    click.echo(json.dumps(data, indent=2))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@main.command("list")
@json_option
@click.option("-f", "--follow", is_flag=True, help="Go on, and keep the table up to date, until Ctrl-C.")
@click.pass_obj
def list_requests(directories: Directories, as_json: bool, follow: bool) -> None:
    """List the callbacks that are waiting, in the order they were asked for."""
    spool = existing_spool(directories)
    if follow:
        from busy_callback.report import follow as following

        following.follow(spool, _as_data if as_json else None)
        return
    requests = spool.live()
    if as_json:
        _print_json([_as_data(r) for r in requests])
    elif not requests:
        click.echo("No callback is waiting.")
    else:
        head = ("ID", "CALLER", "CALLEE", "KIND", "STATE", "ATTEMPTS", "REQUESTED", "EXPIRES")
        rows = [
            (r.id, r.caller, r.callee, r.kind, r.state, str(r.attempt), _when(r.requested), _when(r.expires))
            for r in requests
        ]
        _print_table([head, *rows])


@main.command()
@json_option
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="How many, at most.")
@click.pass_obj
def history(directories: Directories, as_json: bool, number: int) -> None:
    """List the callbacks that have ended, the latest last, with the reason."""
    requests = existing_spool(directories).ended()[-number:]
    if as_json:
        _print_json([_as_data(r) for r in requests])
    elif not requests:
        click.echo("No callback has ended yet.")
    else:
        rows = [(r.id, r.state, _when(r.ended), r.reason) for r in requests]
        _print_table([("ID", "STATE", "ENDED", "REASON"), *rows])


def _matching(requests: list[Request], wanted: str) -> list[Request]:
    """Return the requests that ``wanted`` names: an id, its beginning at a dash, or a pair as 201-202."""
    return [r for r in requests if r.id == wanted or r.id.startswith(f"{wanted}-")]


@main.command()
@json_option
@click.argument("wanted", metavar="ID")
@click.pass_obj
def show(directories: Directories, wanted: str, as_json: bool) -> None:
    """Show one callback with its history: by its ID, or by the pair (201-202: the latest of theirs)."""
    spool = existing_spool(directories)
    found = _matching(spool.live(), wanted) or _matching(spool.ended(), wanted)
    if not found:
        raise NotFoundError(f"no callback is called {wanted!r}; busy-callback list and history name them")
    request = found[-1]
    if as_json:
        _print_json(_as_data(request))
        return
    fields = [
        ("ID", request.id),
        ("Caller", request.caller),
        ("Callee", request.callee),
        ("Kind", request.kind),
        ("State", request.state),
        ("Requested", _when(request.requested)),
        ("Expires", _when(request.expires)),
        ("Ended", _when(request.ended)),
    ]
    _print_table(fields)
    for when, event in request.events:
        click.echo(f"  {_when(when)}  {event}")


@main.command()
@click.argument("wanted", metavar="ID...", nargs=-1, required=True)
@click.pass_obj
def cancel(directories: Directories, wanted: tuple[str, ...]) -> None:
    r"""Cancel waiting callbacks.

    \b
    busy-callback cancel 201-202          201's request for 202
    busy-callback cancel 201              all that 201 asked for
    """
    spool = existing_spool(directories)
    missing = []
    for name in wanted:
        ended = [r for r in _matching(spool.live(), name) if spool.cancel(r.id, "by the admin", time.time())]
        missing += [] if ended else [name]
        for request in ended:
            click.echo(f"cancelled {request.id}")
    if missing:
        raise NotFoundError(f"no callback is waiting for {', '.join(map(repr, missing))}")


@main.command()
@click.option("--watch", type=click.FloatRange(1, 86400), metavar="SECONDS", help="Follow events for that long.")
@click.option("-v", "--verbose", is_flag=True, help="Log to standard error too.")
@click.pass_obj
def poll(directories: Directories, watch: float | None, verbose: bool) -> None:
    """Recall the callers whose callees are free now.

    With --watch go on, reacting to Asterisk's events within milliseconds, until the next run takes over.
    Cron runs this each minute: busy-callback poll --watch 60
    """
    _log_to(directories.log, verbose)
    from busy_callback.poller import Poller
    from busy_callback.store.logged_faults import LoggedFaults

    log = logging.getLogger(__name__)
    spool = Spool(directories.spool)
    try:
        spool.prepare()
        settings, mistake = load_or_last_good(directories.conf, spool)
        told = LoggedFaults(
            spool.path("", "mistake"), "; going on with the last good settings", "the settings are good again"
        )
        told.tell([str(mistake)] if mistake else [])
        if not mistake:
            keep(directories.conf, spool)
        if not settings.history_days:
            logging.getLogger().setLevel(logging.WARNING)  # what happens to a request is told with its numbers
        poller = Poller(directories, settings)
        if watch:
            poller.watch(watch)
        else:
            poller.poll()
    except DeadlineError as error:
        log.error("%s", error)  # the others are logged once a trouble, not once a run
        raise
    if mistake:
        raise mistake


def _log_to(path: str, verbose: bool) -> None:
    """Log to the file at ``path``, which logrotate may move away, or else to standard error."""
    handlers: list[logging.Handler] = []
    try:
        handlers.append(logging.handlers.WatchedFileHandler(path, encoding="utf-8"))
    except OSError:
        verbose = True
    if verbose:
        handlers.append(logging.StreamHandler(sys.stderr))
    logging.basicConfig(
        level=logging.INFO, handlers=handlers, format="%(asctime)s %(levelname)s[%(process)d] %(message)s"
    )
