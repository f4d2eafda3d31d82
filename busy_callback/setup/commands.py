"""The commands that put the package into a PBX, check it, and take it out: install, doctor, uninstall."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import click

from busy_callback.errors import AsteriskError, SetupError
from busy_callback.settings import Directories
from busy_callback.setup import placed_files
from busy_callback.setup.changing import apply, preview, undo
from busy_callback.setup.entry import Back
from busy_callback.setup.file_change import Change
from busy_callback.setup.install import DIALPLAN_RELOAD, MANAGER_RELOAD, Options, Plan, make_plan
from busy_callback.setup.journal import Journal
from busy_callback.setup.survey import COMMAND, LANGUAGES, Survey, System, look
from busy_callback.store.handover import RELIEF

_SHOWN = 12  # paths of one folder that a plan names one by one


def _asterisk_conf(ctx: click.Context) -> str:
    """Return the asterisk.conf that was named on the command line or in the environment, or ''."""
    from busy_callback.settings import ASTERISK_CONF_VARIABLE

    named = str(ctx.find_root().params.get("asterisk_conf") or os.environ.get(ASTERISK_CONF_VARIABLE, ""))
    return os.path.abspath(named) if named else ""


def _survey(ctx: click.Context) -> Survey:
    directories: Directories = ctx.obj
    return look(directories, _asterisk_conf(ctx))


def _as_root(what: str) -> None:
    if os.geteuid() != 0:
        raise SetupError(f"{what} changes files of root's: run it with sudo")


@click.command()
@click.option("--dry-run", is_flag=True, help="Show each change as a diff, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--wire", metavar="CONTEXT", multiple=True, help="Offer the callback after this context's Dial.")
@click.option("--language", type=click.Choice(LANGUAGES), help="For phones of any other language. [default: en]")
@click.option("--extensions", metavar="PATTERNS", default="", help="Numbering plan, if not that of the phones loaded.")
@click.option("--device", metavar="TECH/{ext}", default="", help="An extension's dial string, if not found out.")
@click.option("--context", metavar="CONTEXT", default="", help="The phones' context, if not found out.")
@click.pass_context
def install(
    ctx: click.Context,
    dry_run: bool,
    yes: bool,
    wire: tuple[str, ...],
    language: str | None,
    extensions: str,
    device: str,
    context: str,
) -> None:
    r"""Put the callback into this machine's Asterisk or FreePBX; a second run changes nothing.

    \b
    busy-callback install --dry-run          what would be changed
    busy-callback install --wire phones      plain Asterisk: offer it in the context phones
    """
    survey = _survey(ctx)
    journal = Journal(survey.system.state)
    unfinished = bool(journal.then)
    plan = make_plan(survey, Options(language or "", wire, extensions, device, context), journal)
    if dry_run:
        for change in plan.changes:
            click.echo(change.diff())
    elif plan.changes or unfinished:
        _show(survey, plan)
        if unfinished:
            click.echo("  what an earlier install or uninstall had begun when it was interrupted")
        _as_root("install")
        if not yes:
            click.confirm("Go on?", abort=True)
        apply(plan.changes, journal)
        _take_up(survey, journal.then)
        journal.told()
    if not plan.changes and not unfinished:
        click.echo("Nothing to change: all is in place.")
    elif not dry_run:
        click.echo(
            "Done. Undo: busy-callback uninstall. Check: busy-callback doctor (the poller runs within a minute)."
        )
    for note in plan.notes:
        click.echo(note)


def _show(survey: Survey, plan: Plan) -> None:
    """Print what was found and what will be changed, long lists by their folders."""
    kind = "FreePBX" if survey.freepbx else "Asterisk"
    runs = "running" if survey.runs else "not running"
    phones = f"{len(survey.phones)} {survey.technology or 'PJSIP and SIP'} phones" if survey.phones else "no phones"
    click.echo(f"{kind} in {survey.etc}, {runs}, as user {survey.owner.name}; {phones} ({', '.join(survey.plan)})")
    folders: dict[Path, list[Change]] = {}
    for change in plan.changes:
        folders.setdefault(change.path.parent, []).append(change)
    for folder, changes in folders.items():
        if len(changes) > _SHOWN:
            click.echo(f"  {len(changes)} files in {folder}")
        else:
            for change in changes:
                click.echo(f"  {'change' if os.path.lexists(change.path) else 'new   '} {change.path}")


def _take_up(survey: Survey, commands: set[str]) -> None:
    """Let Asterisk and systemd load what changed, and nothing else."""
    if placed_files.SYSTEMD_RELOAD in commands:
        placed_files.start_timer()
    for command in sorted(commands - {"", placed_files.SYSTEMD_RELOAD}):
        if survey.runs:
            try:
                survey.console.ask(command)
            except AsteriskError as error:
                click.echo(f"{error}; then run in its console: {command}", err=True)


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be given back, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--purge", is_flag=True, help="Remove pending requests, history, log, and files of ours that you edited too."
)
@click.pass_context
def uninstall(ctx: click.Context, dry_run: bool, yes: bool, purge: bool) -> None:
    """Take the callback out again: every file is as it was before. Pending requests stay, unless --purge.

    What is not as before is named, with the reason; what it was is kept until it is.
    """
    survey = _survey(ctx)
    journal = Journal(survey.system.state)
    spool = Path(survey.directories.spool)
    backs = preview(journal, purge)
    changes = [Change(back.path, back.wanted) for back in backs if back.wanted != back.now]
    purged = purge and (spool.exists() or bool(journal.set_aside()))
    if not changes and not journal.then and not purged:
        what = "nothing more of it is" if backs else "busy-callback install changed nothing"
        click.echo(f"Nothing to undo: {what} here.")
        _tell(survey, journal, backs)
        return
    if dry_run:
        for change in changes:
            click.echo(change.diff())
        if purged:
            click.echo(f"remove {spool} with its requests, the log, and what was set aside in {journal.folder}")
        _tell(survey, journal, backs)
        return
    _as_root("uninstall")
    if any(back.stuck and journal.entries[back.path].edit for back in backs):
        _tell(survey, journal, backs, "nothing was changed")
    if not yes:
        what = "and remove its requests and log" if purge else "and keep its requests"
        click.confirm(f"Give back {len(changes)} files and folders {what}?", abort=True)
    _tell(survey, journal, _take_out(survey, journal, purge))
    click.echo("Done.")


def _take_out(survey: Survey, journal: Journal, purge: bool) -> list[Back]:
    """Give everything back, first what promises a caller something, last what keeps such a promise."""
    timer = survey.system.systemd / placed_files.TIMER in journal.entries
    then = {DIALPLAN_RELOAD, MANAGER_RELOAD} | ({placed_files.SYSTEMD_RELOAD} if timer else set())
    left = undo(journal, purge, [path for path, entry in journal.entries.items() if entry.edit], then)
    if any(back.stuck for back in left):
        return left
    _take_up(survey, {DIALPLAN_RELOAD})
    if timer:
        placed_files.stop_timer()
    undo(journal, purge, [survey.system.cron / COMMAND], then)
    _end_pollers(survey)
    if purge:
        shutil.rmtree(survey.directories.spool, ignore_errors=True)
        for log in Path(survey.directories.astlogdir).glob(f"{Path(survey.directories.log).name}*"):
            log.unlink()
    left = undo(journal, purge, then=then)
    _take_up(survey, {MANAGER_RELOAD})
    if purge and survey.runs:
        survey.console.forget()
    journal.told()
    return left


def _tell(survey: Survey, journal: Journal, backs: Sequence[Back], done: str = "the rest is done") -> None:
    """Print what is not as before, and why; raise SetupError where it should have been."""
    for back in backs:
        requests = back.path == Path(survey.directories.spool) and not back.stuck
        why = "it has requests and history" if requests else back.why
        if back.why:
            click.echo(f"{'NOT given back' if back.stuck else 'kept'} {back.path}: {why}")
    for path in journal.set_aside():
        click.echo(f"kept {path}: a file of yours that an install set aside")
    if any(back.stuck for back in backs):
        raise SetupError(
            f"not all is as it was before ({done}): mend what stands above, then run {COMMAND} uninstall again; what "
            f"was there before is kept in {journal.folder}"
        )


def _end_pollers(survey: Survey) -> None:
    """Ask the polls that are at work to let go, and wait for that; what starts them is gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        at_work = placed_files.pollers(Path(survey.directories.spool) / "poller.lock")
        if not at_work:
            return
        for process in at_work:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, RELIEF)
        time.sleep(0.2)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check that all works, and say what to do where it does not. Exit status 0 only when all is well."""
    from busy_callback.setup.doctor import examine

    checks = examine(ctx.obj, _asterisk_conf(ctx), System())
    if as_json:
        data = [{"name": c.name, "ok": c.ok, "message": c.message, "cure": c.cure} for c in checks]
        click.echo(json.dumps(data, indent=2))
    else:
        for check in checks:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.message}")
            if check.cure:
                click.echo(f"     -> {check.cure}")
    ctx.exit(0 if all(check.ok for check in checks) else 1)
