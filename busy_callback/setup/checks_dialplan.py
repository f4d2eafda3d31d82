"""Doctor's checks of the admin's own dialplan, as Asterisk has it loaded: each returns what is well, or CheckFailed."""

from __future__ import annotations

from busy_callback.pbx.ami import DEVICE_STATES, Ami
from busy_callback.policy import INVALID
from busy_callback.setup import feature_codes, own_calls
from busy_callback.setup.check import INSTALL, CheckFailed, Installation

MOST = 5  # that are told one by one


def check_calls(pbx: Installation) -> str:
    """Check that each call into our contexts, whoever wrote it, reaches one with a number, and is reached itself."""
    dialplan = pbx.survey.loaded
    for call, wrong, right in own_calls.faults(dialplan):
        raise CheckFailed(f"{call}: {wrong}", f"write there: Gosub({right}), then: dialplan reload")
    found = list(own_calls.find(dialplan))
    own = list(own_calls.find(pbx.survey.written))
    told = f"{len(found)} calls of our contexts lead to what they should"
    return f"{told}; {own[0]} is a line of your own, to be taken out before an uninstall" if own else told


def check_reach(pbx: Installation) -> str:
    """Check that the setting context is there, and each extension can be dialled from it where it counts."""
    survey, settings = pbx.survey, pbx.settings
    conf, dialplan = survey.directories.conf, survey.loaded
    best = survey.context or "the context in which your phones' calls begin"
    if settings.context not in dialplan.contexts:
        raise CheckFailed(f"context = {settings.context} is not there", _write(conf, best))
    if survey.freepbx:
        return f"the callee is dialled from {settings.context}"
    numbers = list(survey.reached.devices)
    cut = [number for number in numbers if not any(dialplan.extensions(settings.context, number))]
    # The callers' own contexts count for PJSIP and chan_sip: see the AGI script.
    others = [p for p in survey.phones if p.technology not in {"PJSIP", "SIP"}]
    if cut and (others or len(survey.reached.contexts) < 2):
        raise CheckFailed(
            f"{', '.join(cut[:MOST])} can't be dialled from context = {settings.context}", _write(conf, best)
        )
    return f"the callee is dialled from the caller's own context, or from {settings.context}"


def _write(conf: str, context: str) -> str:
    return f"write into {conf}: context = {context}"


def check_devices(pbx: Installation) -> str:
    """Check that each extension that is known has a device that Asterisk has."""
    settings, survey = pbx.settings, pbx.survey
    own = [number for number in settings.devices if not settings.branch_of(number)]
    numbers = list(dict.fromkeys([*survey.reached.devices, *own]))
    with Ami(settings) as ami:
        found = ami.survey(numbers)
    missing = [number for number, states in found.items() if all(state == INVALID for state in states.values())]
    if missing:
        number = missing[0]
        named = " ".join(found[number]) or f"device = {settings.device} tells none"
        right = survey.reached.devices.get(number, "TECHNOLOGY/NAME")
        raise CheckFailed(
            f"{', '.join(missing[:MOST])} has no device that Asterisk knows ({named}: {DEVICE_STATES[INVALID]})",
            f"write into [devices] of {survey.directories.conf}: {number} = {right}",
        )
    return f"each of {len(numbers)} extensions has a device that Asterisk knows"


def check_codes(pbx: Installation) -> str:
    """Check that the feature codes mean nothing else in the phones' contexts."""
    dialplan, contexts = pbx.survey.loaded, pbx.survey.contexts
    codes = feature_codes.of(pbx.settings)
    taken = feature_codes.taken(dialplan, contexts, codes)
    for code, step in taken.items():
        free = feature_codes.free(dialplan, contexts)
        rows = ", ".join(f"{name} = {other}" for name, other in zip(feature_codes.NAMES, free)) or "codes that are free"
        raise CheckFailed(
            f"feature code {code} is {step.extension} of your own dialplan ({step})",
            f"write into [general] of {pbx.survey.directories.conf}: {rows}; then {INSTALL}",
        )
    return f"{', '.join(codes)} are free for it"
