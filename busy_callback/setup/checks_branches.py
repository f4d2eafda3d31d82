"""Doctor's check of the branches: that their states come, and from nobody else."""

from __future__ import annotations

import time

from busy_callback.branches import Branch
from busy_callback.numbering import Numbers
from busy_callback.pbx.ami import Ami
from busy_callback.policy import INVALID
from busy_callback.setup.branch_changes import filter_of, hosts_of, published
from busy_callback.setup.check import CheckFailed, Installation
from busy_callback.setup.publication import MODULES, of_branch
from busy_callback.setup.survey import COMMAND
from busy_callback.store.heard import read_heard
from busy_callback.store.known_states import ask_states

_MANY = 2000  # devices whose states are asked for; of a larger branch the first


def check_branches(pbx: Installation) -> str:
    """Check of each branch that its publication is there, is for it alone, and has told of its devices."""
    branches = pbx.settings.branches
    if not branches:
        return "no [branch NAME] in the settings: all callees are this PBX's own"
    known = {branch.name: _known(pbx, branch) for branch in branches}
    for branch in branches:
        _check_publication(pbx, branch, known[branch.name])
    ask_states(pbx.survey.directories.spool)  # the watch writes down both
    heard = read_heard(pbx.survey.directories.spool)
    return "; ".join(
        f"{name}: the states of {count} phones are known, {_when(heard.get(name, 0.0))}"
        for name, count in known.items()
    )


def _when(heard: float) -> str:
    """Return in words when a state came last."""
    if not heard:
        return "none came while the poller watched"
    return f"the last came at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(heard))}"


def _known(pbx: Installation, branch: Branch) -> int:
    """Return of how many of a branch's extensions a state is known."""
    numbers = branch.extensions.listed(_MANY)
    for pattern in branch.extensions.patterns if not numbers else ():
        numbers += Numbers((pattern,)).listed(_MANY)
    devices = [device for number in numbers for device in pbx.settings.devices_of(number).split("&")]
    with Ami(pbx.settings) as ami:
        return sum(state != INVALID for state in ami.device_states(devices).values())


def _check_publication(pbx: Installation, branch: Branch, known: int) -> None:
    name, conf = branch.name, pbx.survey.etc / "pjsip.conf"
    again = f"run: {COMMAND} install --branch {name}=ADDRESS"
    publication = published(pbx.survey).get(name)
    if publication is None:
        if known:
            return  # the states come another way: res_corosync, res_xmpp
        raise CheckFailed(f"no states come from branch {name}: {conf} has no publication of that name", again)
    loaded = pbx.survey.console.ask("module show")
    for module in MODULES:
        if not any(line.startswith(module) and "Not Running" not in line for line in loaded.splitlines()):
            raise CheckFailed(
                f"Asterisk has not loaded {module}, by which the states of branch {name} come and go",
                f"run: asterisk -rx 'module load {module}', and see that modules.conf has no noload for it",
            )
    endpoint = publication.value("endpoint")
    if not endpoint:
        told = f"whoever has a password here may publish as branch {name}: its publication names no endpoint"
        raise CheckFailed(told, f"write endpoint = ENDPOINT-OF-THE-TRUNK into [{name}] of {conf}")
    if not hosts_of(pbx.survey, endpoint):
        raise CheckFailed(
            f"nothing says from which address branch {name} publishes: no section identifies endpoint {endpoint}",
            f"write into {conf} a section with type = identify, endpoint = {endpoint} and match = its address",
        )
    if not filter_of(pbx.survey, publication):
        raise CheckFailed(
            f"branch {name} may tell the state of any device, also of the phones here: nothing filters them",
            f"write device_state_filter = {of_branch(branch, pbx.settings)} into its asterisk-publication in {conf}",
        )
    if not known:
        raise CheckFailed(
            f"nothing is known of the devices of branch {name} ({branch.state}): its PBX has published nothing here",
            f"let its PBX publish to sip:{name}@ADDRESS-OF-THIS-PBX, and see there that {COMMAND} doctor is content",
        )
