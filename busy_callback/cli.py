"""The command ``busy-callback``: click, tables for people, --json for machines, errors into exit statuses."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import signal
import stat
import sys
import time
from io import TextIOWrapper
from typing import Any

import click

from busy_callback import __version__
from busy_callback.errors import BusyCallbackError, NotFoundError
from busy_callback.language import said, spoken
from busy_callback.numbering import one_line, visible
from busy_callback.printing import as_data, columns, in_language, print_json, print_lines, print_table, speak, words
from busy_callback.request import Request
from busy_callback.settings import ASTERISK_CONF_VARIABLE, Directories, find_directories
from busy_callback.store import offer_switch
from busy_callback.store.durable import FILE_MODE
from busy_callback.store.history import existing_spool
from busy_callback.store.last_good_settings import keep, load_or_last_good
from busy_callback.store.spool import Spool
from busy_callback.store.trial_place import TrialDirectories

INTERRUPTED = 128 + signal.SIGINT  # as a shell has it
EXIT_HELP = (
    "Exit status: 0 done; 1 nothing matched or a check failed; 2 wrong usage or settings; 3 Asterisk can't be reached; "
    "4 the spool can't be used; 130 interrupted."
)


# Loaded when they are called for: the poller, which cron starts each minute and which stays, needs nothing of them.
SETUP = ("doctor", "install", "uninstall")
REPORT = ("metrics", "report", "stats", "why")
# These see by themselves as whom they do what; the others go on as Asterisk's user where root starts them.
OWN_WAY = (*SETUP, "metrics", "report")


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
            found = super().get_command(ctx, cmd_name)
            return found and in_language(found)
        command: click.Command = getattr(wing, cmd_name)
        return in_language(command)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help in the admin's language."""
        click.Group.format_help(in_language(self), ctx, formatter)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Have click's own words in the admin's language too."""
        speak()
        return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        ordinary = os.geteuid() != 0
        try:
            return super().invoke(ctx)
        except BusyCallbackError as error:
            denied = ordinary and isinstance(error.__cause__, PermissionError)
            told = "\n".join(one_line(spoken(str(line))) for line in error.args)
            told = said("permission denied: run it with sudo ({error})", error=told) if denied else told
            click.echo(f"busy-callback: {told}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo(said("busy-callback: interrupted; nothing is lost, what waits is on disk"), err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=_Group, epilog=EXIT_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="busy-callback")
@click.option("--asterisk-conf", metavar="PATH", default="", help="Asterisk's asterisk.conf, if not the usual one.")
@click.pass_context
def main(ctx: click.Context, asterisk_conf: str) -> None:
    """Call back whoever found an extension busy, as soon as it is free.

    \b
    busy-callback list                    what is waiting
    busy-callback cancel 201-202          cancel 201's request for 202
    busy-callback history                 what became of the others
    busy-callback poll --watch 60         what cron runs each minute
    busy-callback doctor --trial          whether it works, and why not
    """  # noqa: D301 - click's own mark, a backspace, keeps the lines as they are
    asterisk_conf = asterisk_conf or os.environ.get(ASTERISK_CONF_VARIABLE, "")
    asterisk_conf = os.path.abspath(asterisk_conf) if asterisk_conf else ""
    if ctx.invoked_subcommand in OWN_WAY:
        ctx.obj = asterisk_conf
    elif os.geteuid():
        ctx.obj = find_directories(os.environ, asterisk_conf)
    else:
        # What root made in the spool Asterisk's AGI could not change; and root must not be led anywhere from there.
        from busy_callback.store.asterisk_user import go_on_as_asterisk  # not for the poller, which is that user

        ctx.obj = go_on_as_asterisk(os.environ, asterisk_conf)


wide_option = click.option("-w", "--wide", is_flag=True, help="Whole IDs and times, however wide.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@main.command("list")
@json_option
@wide_option
@click.option("-f", "--follow", is_flag=True, help="Go on, and keep the table up to date, until Ctrl-C.")
@click.pass_obj
def list_requests(directories: Directories, as_json: bool, wide: bool, follow: bool) -> None:
    """List the callbacks that are waiting, in the order they were asked for."""
    from busy_callback.report import listing, service

    spool = existing_spool(directories)
    if follow:
        from busy_callback.report import follow as following

        following.follow(spool, as_data if as_json else None)
        return
    requests = spool.live()
    if as_json:
        print_json([as_data(r) for r in requests])
    elif not requests:
        click.echo(said("No callback is waiting."))
    else:
        print_lines(listing.waiting(requests, time.time(), columns(wide)))
    quiet = "" if as_json else service.not_polled(spool.directory, time.time())
    if quiet:
        click.echo(spoken(quiet), err=True)


@main.command()
@json_option
@wide_option
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="How many, at most.")
@click.pass_obj
def history(directories: Directories, as_json: bool, wide: bool, number: int) -> None:
    """List the callbacks that have ended, the latest last, with the reason."""
    from busy_callback.report import listing

    requests = existing_spool(directories).ended()[-number:]
    if as_json:
        print_json([as_data(r) for r in requests])
    elif not requests:
        click.echo(said("No callback has ended yet."))
    else:
        print_lines(listing.ended(requests, time.time(), columns(wide)))


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
        print_json(as_data(request))
        return
    from busy_callback.report.listing import state_of, when
    from busy_callback.report.sentences import as_told

    names = words("ID", "Caller", "Callee", "Kind", "State", "Requested", "Expires", "Ended")
    times = (when(request.requested), when(request.expires), when(request.ended))
    values = (request.id, request.caller, request.callee, said(request.kind), state_of(request), *times)
    print_table(list(zip(names, values)))
    for moment, event in request.events:
        click.echo(visible(f"  {when(moment)}  {as_told(request, event)}"))


@main.command()
@click.argument("wanted", metavar="ID...", nargs=-1, required=True)
@click.pass_obj
def cancel(directories: Directories, wanted: tuple[str, ...]) -> None:
    """Cancel waiting callbacks.

    \b
    busy-callback cancel 201-202          201's request for 202
    busy-callback cancel 201              all that 201 asked for
    """  # noqa: D301
    spool = existing_spool(directories)
    missing = []
    for name in wanted:
        ended = [r for r in _matching(spool.live(), name) if spool.cancel(r.id, "by the admin", time.time())]
        missing += [] if ended else [name]
        for request in ended:
            click.echo(said("cancelled {id}", id=request.id))
    if missing:
        raise NotFoundError(f"no callback is waiting for {', '.join(map(repr, missing))}")


@main.command()
@json_option
@click.argument("wanted", type=click.Choice(["on", "off", "status"]), default="status")
@click.pass_obj
def offer(directories: Directories, wanted: str, as_json: bool) -> None:
    """Offer callbacks to callers, or no more, at once; or tell. What waits is served all the same."""
    spool = Spool(directories.spool)
    if wanted != "status":
        spool.prepare()
        offer_switch.turn(spool, wanted == "on")
    setting, switch = load_or_last_good(directories.conf, spool)[0].offer, offer_switch.is_on(spool)
    if as_json:
        print_json({"offer": setting and switch, "setting": setting, "switch": switch})
    elif setting:
        click.echo(said("The offer is on." if switch else "The offer is off: busy-callback offer on."))
    else:
        click.echo(said("The offer is off: {conf} has offer = no.", conf=directories.conf))
    if wanted == "on" and not setting:
        raise NotFoundError(f"write offer = yes into {directories.conf}")


@main.command()
@click.option("--watch", type=click.FloatRange(1, 86400), metavar="SECONDS", help="Follow events for that long.")
@click.option("-v", "--verbose", is_flag=True, help="Log to standard error too.")
@click.option("--trial", is_flag=True, hidden=True)  # doctor's: see store/trial_place.py
@click.pass_obj
def poll(directories: Directories, watch: float | None, verbose: bool, trial: bool) -> None:
    """Recall the callers whose callees are free now.

    With --watch go on, reacting to Asterisk's events within milliseconds, until the next run takes over.
    Cron runs this each minute: busy-callback poll --watch 60
    """
    if trial:
        directories = TrialDirectories(directories)
    _log_to(directories.log, verbose)
    from busy_callback.poller import Poller
    from busy_callback.store.logged_faults import LoggedFaults

    spool = Spool(directories.spool)
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
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # of a container's supervisor, or systemd
        poller.watch(watch)
    else:
        poller.poll()
    if mistake:
        raise mistake


class _LogFile(logging.handlers.WatchedFileHandler):
    """The log, for Asterisk's user and its group alone: who asked for whom is nobody else's business."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(self.baseFilename, flags, FILE_MODE)
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode) and mode & stat.S_IRWXO:
            with contextlib.suppress(PermissionError):
                os.fchmod(descriptor, stat.S_IMODE(mode) & ~stat.S_IRWXO)
        return TextIOWrapper(open(descriptor, "ab"), encoding=self.encoding)


def _log_to(path: str, verbose: bool) -> None:
    """Log to the file at ``path``, which logrotate may move away, or else to standard error."""
    handlers: list[logging.Handler] = []
    try:
        handlers.append(_LogFile(path, encoding="utf-8"))
    except OSError:
        verbose = True
    if verbose:
        handlers.append(logging.StreamHandler(sys.stderr))
    logging.basicConfig(
        level=logging.INFO, handlers=handlers, format="%(asctime)s %(levelname)s[%(process)d] %(message)s"
    )
