"""What an admin is shown of a plan before it is done: a summary, and each change as a diff."""

from __future__ import annotations

import os
from pathlib import Path

from busy_callback.setup.file_change import Change
from busy_callback.setup.install import Plan
from busy_callback.setup.placed_files import by_hand
from busy_callback.setup.survey import Survey
from busy_callback.setup.taking_up import say, show_diff

_SHOWN = 12  # paths of one folder that a plan names one by one


def show(survey: Survey, plan: Plan) -> None:
    """Print what was found and what will be changed, long lists by their folders."""
    kind = survey.product or "Asterisk"
    runs = "running" if survey.runs else "not running"
    found = survey.reached.devices
    phones = f"{len(found)} {survey.technology or 'PJSIP and SIP'} phones" if found else "no phones"
    say(f"{kind} in {survey.etc}, {runs}, as user {survey.owner.name}; {phones} ({', '.join(survey.plan)})")
    alone = by_hand(survey)
    if alone:
        say(f"Note: {alone}")
    folders: dict[Path, list[Change]] = {}
    for change in plan.changes:
        folders.setdefault(change.path.parent, []).append(change)
    for folder, changes in folders.items():
        if len(changes) > _SHOWN:
            say(f"  {len(changes)} files in {folder}")
        else:
            for change in changes:
                say(f"  {'change' if os.path.lexists(change.path) else 'new   '} {change.path}")


def show_diffs(survey: Survey, plan: Plan, verbose: bool) -> None:
    """Print what would change in each file, the admin's own ones last: they stay on the screen."""
    own = [change for change in plan.changes if os.path.lexists(change.path)]
    sounds = [c for c in plan.changes if c.path.is_relative_to(survey.sounds) and c not in own]
    for change in (c for c in plan.changes if c not in own and (verbose or c not in sounds)):
        show_diff(change)
    if sounds and not verbose:
        say(f"new: {len(sounds)} prompts, links and folders in {survey.sounds} (--verbose shows each)")
    for change in own:
        show_diff(change)
