"""The commands that put the package into a PBX, check it, and take it out: install, doctor, uninstall."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path

import click

from busy_callback.deadline import Deadline
from busy_callback.errors import SetupError
from busy_callback.language import spoken
from busy_callback.setting_values import OWN
from busy_callback.setup import as_owner
from busy_callback.setup.branch_changes import Wanted
from busy_callback.setup.changing import apply, preview
from busy_callback.setup.check import Check
from busy_callback.setup.checks_machine import apparmor_profiles
from busy_callback.setup.file_change import Change
from busy_callback.setup.install import Options, Plan, check_python, make_plan
from busy_callback.setup.journal import Journal
from busy_callback.setup.nightly_report import wanted_nightly
from busy_callback.setup.own_calls import left_dangling
from busy_callback.setup.places import check_places, strange_places
from busy_callback.setup.shown_check import show_check
from busy_callback.setup.shown_plan import show, show_diffs
from busy_callback.setup.survey import Survey, System, data_directory, look
from busy_callback.setup.taking_up import say, say_all, show_diff, take_up
from busy_callback.setup.uninstall import report, take_out
from busy_callback.setup.which_pbx import Pbx, which_pbx
from busy_callback.store.asterisk_user import become, user
from busy_callback.terminal import progress

PLANNING_TIME = 120.0  # seconds
DONE = "Done. Undo: busy-callback uninstall. Check: busy-callback doctor (the poller runs within a minute)."


def _survey(pbx: Pbx) -> Survey:
    """Return the survey of the PBX, by its own user."""
    return as_owner.call(pbx.owner, look, pbx.directories, pbx.conf, System(), data_directory())


def _prepare(pbx: Pbx, system: System, data: Path, options: Options, journal: Journal) -> tuple[Survey, Plan]:
    """Return the survey and what install would do; for the PBX's own user to run."""
    survey = look(pbx.directories, pbx.conf, system, data)
    with _in_time():
        return survey, make_plan(survey, options, journal)


def _planned(
    pbx: Pbx, system: System, data: Path, options: Options, journal: Journal, asks: bool
) -> tuple[Survey, Plan]:
    """Return the same, made by the PBX's own user; who ``asks`` lets the admin say no to what is proposed."""
    with progress("Looking at this PBX"):
        survey, plan = as_owner.call(pbx.owner, _prepare, pbx, system, data, options, journal)
    if plan.proposed and asks:
        question = f"The phones hear prompts in another language. Let all callers hear ours in {plan.proposed}?"
        if not click.confirm(spoken(question), default=True):
            return _planned(pbx, system, data, replace(options, language=OWN), journal, asks=False)
    return survey, plan


def _in_time() -> Deadline:
    """Return a limit for what the size and kind of Asterisk's files decide."""
    return Deadline(PLANNING_TIME, f"it takes over {PLANNING_TIME:.0f} s: look at the files in Asterisk's folders")


def _become(owner: int) -> None:
    """As root, go on as another user for good, with no more memory than a child of that user's has."""
    if os.geteuid() == 0 and owner:
        become(owner)
        as_owner.limit_memory()


def _as_root(what: str) -> None:
    if os.geteuid() != 0:
        raise SetupError(f"{what} changes files of root's: run it with sudo")


@click.command()
@click.option("--dry-run", is_flag=True, help="Show each change as a diff, and change nothing.")
@click.option("-v", "--verbose", is_flag=True, help="With --dry-run, show every prompt too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--wire",
    metavar="CONTEXT|FILE:LINE",
    multiple=True,
    help="Offer the callback behind the Dials that calls from this context come to, or behind the Dial of this line.",
)
@click.option("--unwire", metavar="CONTEXT", multiple=True, help="Offer it in a context that is wired no more.")
@click.option(
    "--language", metavar="LANGUAGE|own", default="", help="In which callers hear the prompts. [default: of the locale]"
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
@click.option("--no-trial", is_flag=True, help="Do not try a callback at the end.")
@click.option(
    "--allow-path",
    "allowed",
    metavar="PATH",
    multiple=True,
    help="A folder to write in, though it is none of those that a PBX uses.",
)
@click.option("--report", "page", metavar="PATH", default="", help="Let cron write the page of pictures there nightly.")
@click.option("--branch", metavar="NAME=ADDRESS", multiple=True, help="Let device states come and go: pjsip.conf.")
@click.option("--here", metavar="NAME", default="", help="What the branches call this PBX. [default: the host's name]")
@click.option("--report-readers", "readers", metavar="GROUP", default="", help="Who may read it: a group, or all.")
@click.pass_context
def install(
    ctx: click.Context,
    dry_run: bool,
    verbose: bool,
    yes: bool,
    wire: tuple[str, ...],
    unwire: tuple[str, ...],
    language: str,
    extensions: str,
    device: str,
    context: str,
    no_trial: bool,
    allowed: tuple[str, ...],
    page: str,
    readers: str,
    branch: tuple[str, ...],
    here: str,
) -> None:
    """Put the callback into this machine's Asterisk or FreePBX; a second run changes nothing.

    \b
    busy-callback install --dry-run          what would be changed
    busy-callback install --wire phones      offer it in the context phones
    """  # noqa: D301
    pbx = which_pbx(ctx.obj)
    system, data = System(), data_directory()
    check_python(user(pbx.owner))
    journal = Journal(system.state)
    nightly = wanted_nightly(page, readers, os.environ)
    folders = tuple(map(os.path.abspath, allowed))
    options = Options(language, wire, unwire, extensions, device, context, folders, nightly, Wanted(branch, here))
    if dry_run:
        _become(pbx.owner)
    survey, plan = _planned(pbx, system, data, options, journal, asks=not (yes or dry_run or os.geteuid()))
    unfinished = bool(journal.then)
    if plan.changes or unfinished:
        show(survey, plan)
    if dry_run:
        with _in_time():
            show_diffs(survey, plan, verbose)
    elif plan.changes or unfinished:
        _carry_out(pbx, survey, plan, journal, options.allowed, yes)
        if survey.runs and not no_trial:
            _try_out_or_fail(pbx, plan.notes)
    if not plan.changes and not unfinished:
        say("Nothing to change: all is in place.")
    elif not dry_run:
        say(DONE)
    for note in plan.notes:
        say_all(note)


def _carry_out(pbx: Pbx, survey: Survey, plan: Plan, journal: Journal, allowed: tuple[str, ...], yes: bool) -> None:
    """Make the changes, as root, when the admin agrees."""
    if journal.then:
        say("  what an earlier install or uninstall had begun when it was interrupted")
    _as_root("install")
    _ask_about_places(pbx, survey, plan, allowed, yes)
    if not yes:
        click.confirm(spoken("Go on?"), abort=True)
    with progress(f"Placing {len(plan.changes)} files"), as_owner.kept_helpers():
        apply(plan.changes, journal)
    with progress("Letting Asterisk load them"):
        take_up(survey, journal.then)
    journal.told()


def _try_out_or_fail(pbx: Pbx, notes: tuple[str, ...]) -> None:
    """Try a callback, as Asterisk's user; raise SetupError where it does not work, with ``notes`` told before."""
    say("All is in place. A callback between two phones of its own, which rings nobody:")
    checks = as_owner.call(pbx.owner, _try_out, pbx)
    if not all(check.ok for check in checks):
        for note in notes:
            say_all(note)
        raise SetupError("all is in place, but no callback works yet: see above; then run busy-callback doctor --trial")


def _try_out(pbx: Pbx) -> list[Check]:
    """Print each step of a trial as it is done, and return them all."""
    from busy_callback.setup.doctor import try_out

    checks = []
    for check in try_out(pbx.directories, pbx.conf):
        show_check(check)
        checks.append(check)
    return checks


def _ask_about_places(pbx: Pbx, survey: Survey, plan: Plan, allowed: tuple[str, ...], yes: bool) -> None:
    """Let nothing but root's own word, and the admin's, decide where files are placed."""
    for path, told in strange_places(survey, pbx.said_by, allowed):
        if yes:
            raise SetupError(f"asterisk.conf has {told}; if that is right, say so: --allow-path {shlex.quote(path)}")
        say(f"asterisk.conf has {told}.")
        click.confirm(spoken("Place files there?"), abort=True)
        allowed = (*allowed, path)
    check_places(survey, [change.path for change in plan.changes], allowed)


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be given back, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--purge", is_flag=True, help="Remove pending requests, history, log, and files of ours that you edited too."
)
@click.option("--force", is_flag=True, help="Go on though a line of your own dialplan still calls our contexts.")
@click.pass_context
def uninstall(ctx: click.Context, dry_run: bool, yes: bool, purge: bool, force: bool) -> None:
    """Take the callback out again: every file is as it was before. Pending requests stay, unless --purge.

    A path that is not as before is named, with the reason; what it was is kept until it is.
    """
    pbx = which_pbx(ctx.obj)
    with progress("Looking at this PBX"):
        survey = _survey(pbx)
    journal = Journal(survey.system.state)
    spool = Path(survey.directories.spool)
    with as_owner.kept_helpers():
        backs = preview(journal, purge)
    changes = [Change(back.path, back.wanted) for back in backs if back.wanted != back.now]
    purged = purge and (os.path.lexists(spool) or bool(journal.set_aside()))
    if not changes and not journal.then and not purged:
        what = "nothing more of it is" if backs else "busy-callback install changed nothing"
        say(f"Nothing to undo: {what} here.")
        report(survey, journal, backs)
        return
    dangling = left_dangling(survey.written, survey.loaded) if changes else []
    told = [f"{call}: without us there, such a call would be dropped" for call in dangling]
    if dry_run:
        say_all(*told)
        with _in_time():
            for change in changes:
                show_diff(change)
        if purged:
            say(f"remove {spool} with its requests, the log, and what was set aside in {journal.folder}")
        report(survey, journal, backs)
        return
    _as_root("uninstall")
    if any(back.stuck and journal.entries[back.path].edit for back in backs):
        report(survey, journal, backs, "nothing was changed")
    if dangling and not force:
        raise SetupError(
            "nothing was changed.", *told, "Take these lines out, then try again; --force goes on all the same"
        )
    if not yes:
        kept = "and remove its requests and log" if purge else "and keep its requests"
        click.confirm(spoken(f"Give back {len(changes)} files and folders {kept}?"), abort=True)
    with progress(f"Giving back {len(changes)} files and folders"), as_owner.kept_helpers():
        left = take_out(survey, journal, purge)
    report(survey, journal, left)
    say("Done.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--trial", is_flag=True, help="Then try a callback between two phones of its own, which rings nobody.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, trial: bool) -> None:
    """Check that all works, and say what to do where it does not. Exit status 0 only when all is well."""
    from busy_callback.setup.doctor import examine, try_out

    pbx = which_pbx(ctx.obj)
    data, profiles = data_directory(), apparmor_profiles()
    # All that is looked at may be another user's, who is not to hold root up.
    with progress("Looking at this PBX"):
        checks = as_owner.call(pbx.owner, examine, pbx.directories, pbx.conf, System(), data, profiles)
    _become(pbx.owner)
    if as_json:
        checks += try_out(pbx.directories, pbx.conf) if trial else ()
        found = [{"name": c.name, "ok": c.ok, "message": c.message, "cure": c.cure} for c in checks]
        click.echo(json.dumps(found, indent=2))
    else:
        for check in checks:
            show_check(check)
        checks += _try_out(pbx) if trial else []
    ctx.exit(0 if all(check.ok for check in checks) else 1)
