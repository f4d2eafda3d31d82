"""The commands that put the package into a PBX, check it, and take it out: install, doctor, uninstall."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path

import click

from busy_callback.errors import AsteriskError, SetupError
from busy_callback.settings import Directories
from busy_callback.setup import placed_files
from busy_callback.setup.install import DIALPLAN_RELOAD, MANAGER_RELOAD, Options, Plan, make_plan
from busy_callback.setup.journal import Change, Journal, apply, undo
from busy_callback.setup.survey import COMMAND, Survey, System, look
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
@click.option(
    "--language", metavar="LANGUAGE", default="", help="Prompts for phones whose language has none. [default: en]"
)
@click.option(
    "--extensions", metavar="PATTERNS", default="", help="Numbering plan. [default: that of the phones found]"
)
@click.option(
    "--device", metavar="TECH/{ext}", default="", help="How an extension is dialled. [default: as the phones found]"
)
@click.option(
    "--context", metavar="CONTEXT", default="", help="Where the phones' calls begin. [default: as the phones found]"
)
@click.option("--report", metavar="PATH", default="", help="Let cron write the page of pictures there each night.")
@click.option("--report-readers", metavar="GROUP", default="", help="Who may read that page: a group, or all.")
@click.pass_context
def install(
    ctx: click.Context,
    dry_run: bool,
    yes: bool,
    wire: tuple[str, ...],
    language: str,
    extensions: str,
    device: str,
    context: str,
    report: str,
    report_readers: str,
) -> None:
    r"""Put the callback into this machine's Asterisk or FreePBX; a second run changes nothing.

    \b
    busy-callback install --dry-run          what would be changed
    busy-callback install --wire phones      plain Asterisk: offer it in the context phones
    """
    survey = _survey(ctx)
    if language and language not in survey.languages:
        raise click.BadParameter(f"there are prompts in {', '.join(survey.languages)} only", param_hint="--language")
    journal = Journal(survey.system.state)
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    options = Options(language, wire, extensions, device, context, report, report_readers, locale)
    plan = make_plan(survey, options, journal)
    if dry_run:
        for change in plan.changes:
            click.echo(change.diff())
    elif plan.changes:
        _show(survey, plan)
        _as_root("install")
        if not yes:
            click.confirm("Go on?", abort=True)
        apply(plan.changes, journal)
        _take_up(survey, {change.then for change in plan.changes})
    if not plan.changes:
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
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--purge", is_flag=True, help="Remove pending requests, history, log, and files of ours that you edited too."
)
@click.pass_context
def uninstall(ctx: click.Context, yes: bool, purge: bool) -> None:
    """Take the callback out again: every file is as it was before. Pending requests stay, unless --purge."""
    survey = _survey(ctx)
    journal = Journal(survey.system.state)
    spool = Path(survey.directories.spool)
    if not journal.entries and not (purge and spool.exists()):
        click.echo("Nothing to undo: busy-callback install changed nothing here.")
        return
    _as_root("uninstall")
    if not yes:
        what = "and remove its requests and log" if purge else "and keep its requests"
        click.confirm(f"Give back {len(journal.entries)} files and folders {what}?", abort=True)
    if survey.system.systemd / placed_files.TIMER in journal.entries:
        placed_files.stop_timer()
    _end_pollers(survey, journal)
    if purge:
        shutil.rmtree(spool, ignore_errors=True)
        for log in Path(survey.directories.astlogdir).glob(f"{Path(survey.directories.log).name}*"):
            log.unlink()
    kept = undo(journal, purge)
    _take_up(survey, {DIALPLAN_RELOAD, MANAGER_RELOAD})
    if purge and survey.runs:
        survey.console.forget()
    for path in kept:
        click.echo(f"kept {path}: " + ("it has requests and history" if path == spool else "you changed it"))
    click.echo("Done.")


def _end_pollers(survey: Survey, journal: Journal) -> None:
    """Take what starts the poller away, then ask those at work to let go, and wait for that."""
    cron = survey.system.cron / COMMAND
    if cron in journal.entries and not journal.edited(cron):
        cron.unlink(missing_ok=True)
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
