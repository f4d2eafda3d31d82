"""Doctor's checks of Asterisk: each returns what is well, or raises CheckFailed with what is wrong and its cure."""

from __future__ import annotations

import stat

from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.ami_session import address
from busy_callback.setup import own_calls
from busy_callback.setup.check import INSTALL, CheckFailed, Installation, order
from busy_callback.setup.config_files import lines_of, read_text
from busy_callback.setup.dialplan import FILE_NAME
from busy_callback.setup.dialplan_changes import our_dialplan, proposal
from busy_callback.setup.manager_conf import manager_user
from busy_callback.setup.prompt_language import OTHER_NAMES, folder_of, heard, own_phones, usual
from busy_callback.setup.survey import COMMAND
from busy_callback.setup.wired import OFFER
from busy_callback.store import offer_switch
from busy_callback.store.spool import Spool

MODULES = {
    "pbx_spool.so": "runs call files",
    "res_agi.so": "runs the AGI script",
    "app_chanisavail.so": "asks whether a phone is free",
    "func_devstate.so": "tells a phone's state",
    "app_read.so": "reads the digit that the caller presses",
    "app_playback.so": "plays the prompts",
    "app_stack.so": "has Gosub",
    "app_userevent.so": "wakes the poller",
    "app_playtones.so": "plays the busy tone",
    "func_env.so": "writes down how a recall went",
    "func_cdr.so": "keeps the poller's own channels out of the call records",
}


_ENABLE = "switch it on in the web interface (Settings > Advanced Settings > Asterisk Manager)"


def _in_web(pbx: Installation, advice: str) -> str:
    """Return the advice for FreePBX and its kin, which write Asterisk's files themselves; '' for others."""
    return advice if pbx.survey.freepbx else ""


def _modules(pbx: Installation) -> str:
    return _in_web(pbx, "Settings > Asterisk Modules of the web interface") or "modules.conf"


def _manager(pbx: Installation) -> str:
    return _in_web(pbx, "manager_custom.conf") or "manager.conf"


def check_asterisk(pbx: Installation) -> str:
    """Check that Asterisk runs, and has its directories where asterisk.conf says."""
    survey = pbx.survey
    version = survey.console.ask("core show version").split(" built")[0].strip()
    if survey.elsewhere:
        told = ", ".join(f"{name} => {path}" for name, path in survey.elsewhere.items())
        raise CheckFailed(
            f"the running Asterisk uses other directories than asterisk.conf: {told}",
            "write them into asterisk.conf's [directories]",
        )
    under = f", under {survey.product}" if survey.product else ""
    return f"{version}, as user {survey.owner.name}{under}"


def check_modules(pbx: Installation) -> str:
    """Check that the modules that the service needs are loaded."""
    loaded = pbx.survey.console.ask("module show")
    for module, purpose in MODULES.items():
        if not any(line.startswith(module) and "Not Running" not in line for line in loaded.splitlines()):
            raise CheckFailed(
                f"Asterisk has not loaded {module}, which {purpose}",
                f"run: asterisk -rx 'module load {module}', and see that {_modules(pbx)} has no noload for it",
            )
    return "all that is needed are loaded"


def check_manager(pbx: Installation) -> str:
    """Check that the manager interface is on, and our user may log in."""
    settings, survey = pbx.settings, pbx.survey
    enabled = survey.console.table("manager show settings").get("Manager (AMI)", "")
    if enabled != "Yes":
        raise CheckFailed(
            "Asterisk's manager interface is off",
            f"{INSTALL} ({_manager(pbx)} needs enabled = yes)" if not survey.product else _ENABLE,
        )
    try:
        with Ami(settings):
            pass
    except AsteriskError as error:
        raise CheckFailed(
            str(error), f"{INSTALL}; compare port, user and secret in {survey.directories.conf} with {_manager(pbx)}"
        ) from None
    how = ", by TLS" if settings.tls else ""
    return f"user {settings.user} may log in at {address(settings.host, settings.port)}{how}"


def check_permissions(pbx: Installation) -> str:
    """Check that the manager user has the classes that the poller needs."""
    user = pbx.settings.user
    table = pbx.survey.console.table(f"manager show user {user}")
    for key in ("read", "write"):
        line = next(row for row in manager_user(user, "") if row.startswith(key))
        wanted, has = set(line.partition(" = ")[2].split(",")), set(table.get(f"{key} perm", "").split(","))
        if not wanted <= has and "all" not in has:
            raise CheckFailed(f"manager user {user} has {key} = {','.join(sorted(has))}", f"{INSTALL}; it needs {line}")
    return f"manager user {user} has the classes that it needs"


def check_contexts(pbx: Installation) -> str:
    """Check that the package's contexts are loaded, and no other recipe's beside them."""
    survey = pbx.survey
    placed = survey.etc / FILE_NAME
    if read_text(placed) != our_dialplan(survey, pbx.settings):
        fits = f", or {survey.product}'s dialplan, which an upgrade may have changed" if survey.product else ""
        raise CheckFailed(f"{placed} is out of date: it does not fit this version and its settings{fits}", INSTALL)
    contexts = dict.fromkeys(line.header for line in lines_of(placed, survey.etc) if line.header)
    for context in contexts:
        shown = survey.console.ask(f"dialplan show {context}")
        if "There is no existence" in shown:
            raise CheckFailed(
                f"Asterisk has not loaded the dialplan's context {context}", f"{INSTALL}, then: dialplan reload"
            )
        # Where an older one, by the page's recipe, is still there, its pattern wins over ours.
        if context == "custom-auto-redial" and "_rdXX" in shown:
            raise CheckFailed(
                "the context custom-auto-redial still has the extensions of an older recipe (_rdXX...)",
                "take that context out of extensions_custom.conf, then: dialplan reload",
            )
    return f"{len(contexts)} are loaded"


def check_offer(pbx: Installation) -> str:
    """Check that some dialplan offers the callback to its callers; say so where it is switched off."""
    survey = pbx.survey
    if not pbx.settings.offer or not offer_switch.is_on(Spool(survey.directories.spool)):
        return "it is switched off (busy-callback offer; offer = no in the settings): nobody is asked"
    if survey.freepbx:
        if "busy-callback" not in survey.console.ask("dialplan show s-BUSY@macro-exten-vm"):
            raise CheckFailed(f"{survey.product}'s dialplan does not offer the callback", INSTALL)
        return f"{survey.product}'s dialplan offers it"
    if not any(call.context == OFFER for call in own_calls.find(survey.reached.dialplan)):
        raise CheckFailed("no dialplan offers the callback to a caller", proposal(survey))
    return "the dialplan offers it"


def check_probe(pbx: Installation) -> str:
    """Check that ChanIsAvail, run through the manager as the poller does, gives an answer."""
    devices = next(iter(pbx.survey.reached.devices.values()), "Local/0@busy-callback-probe")
    device = devices.partition("&")[0]
    try:
        with Ami(pbx.settings) as ami:
            answer = ami.probe(device)
    except AsteriskError as error:
        raise CheckFailed(str(error), "first do what the check manager says") from None
    if not answer:
        raise CheckFailed(
            "ChanIsAvail, run through the manager, gives no answer",
            f"{INSTALL}; the user needs write = reporting,originate, and context busy-callback-probe be loaded",
        )
    return f"ChanIsAvail({device}) answers"


def check_prompts(pbx: Installation) -> str:
    """Check that every prompt is there, in a format that Asterisk plays."""
    survey = pbx.survey
    if not survey.languages:
        raise CheckFailed(
            f"user {survey.owner.name} can't read the package's own prompts in {survey.data}/sounds",
            f"let everybody enter and read {survey.data}, or install the package anew in /opt/{COMMAND}",
        )
    names = sorted({path.name.rsplit(".", 1)[0] for path in (survey.data / "sounds" / survey.languages[0]).iterdir()})
    names = [name for name in names if name.startswith(COMMAND)]
    formats = survey.console.ask("core show file formats").split()
    playable = {extension for word in formats for extension in word.split("|")}
    chosen = folder_of(survey, pbx.settings.language)
    for folder in dict.fromkeys(("", *survey.languages, *OTHER_NAMES, chosen)):
        place = survey.sounds / folder
        for name in names:
            found = [
                p for p in place.glob(f"{name}.*") if p.suffix[1:] in playable and p.is_file() and p.stat().st_size
            ]
            if not found:
                raise CheckFailed(f"prompt {name} is missing in {place} in any format that Asterisk plays", INSTALL)
            unreadable = [p for p in found if not p.stat().st_mode & stat.S_IROTH and not pbx.may("-r", str(p))]
            if unreadable:
                raise CheckFailed(
                    f"{unreadable[0]} can't be read by Asterisk's user", order("chmod 0644", unreadable[0])
                )
    return f"{len(names)} prompts, in {', '.join(survey.languages)} and for phones without a language"


def check_language(pbx: Installation) -> str:
    """Say in which language callers hear the prompts, and how they would hear another."""
    survey, chosen = pbx.survey, pbx.settings.language
    if chosen:
        found = folder_of(survey, chosen)
        if found not in {OTHER_NAMES.get(chosen, chosen), chosen.split("_")[0]}:
            what = f"all callers hear {found}" if found else "each phone hears its own language"
            raise CheckFailed(
                f"{survey.directories.conf} has language = {chosen}, and there are no prompts in it: {what}",
                f"write another there: {', '.join(survey.languages)}, or own for each phone's own language",
            )
        return f"all callers hear the prompts in {found} (language = {chosen}), whatever language their phones have"
    others = usual(survey)
    hear: dict[str, list[str]] = {}
    for phone in own_phones(survey):
        hear.setdefault(heard(survey, phone.language or others), []).append(phone.name)
    if "" in hear:
        raise CheckFailed(f"there are no prompts for the phones {', '.join(hear[''][:5])}", INSTALL)
    told = "; ".join(
        f"{language}: {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"
        for language, names in hear.items()
    )
    if not told:
        return "no phones were found"
    return f"the prompts are heard in {told}; for one language on all phones: {COMMAND} install --language zh"


def check_extensions(pbx: Installation) -> str:
    """Check that every phone that is named by its number is in the numbering plan."""
    settings, survey = pbx.settings, pbx.survey
    numbers = survey.numbers
    missing = [number for number in numbers if number not in settings.extensions]
    told = " ".join(settings.extensions.patterns) or "any 2 to 6 digits"
    if missing:
        raise CheckFailed(
            f"{len(missing)} phones are not in the numbering plan ({told}): {', '.join(missing[:5])}",
            f"write in {survey.directories.conf}: extensions = {' '.join(survey.plan)}",
        )
    return f"{told}: all of {len(numbers)} phones" if numbers else f"{told}; no phone is named by its number"


def check_states(pbx: Installation) -> str:
    """Check that the phones' states tell when they are in a call."""
    owned = {device for devices in pbx.survey.reached.devices.values() for device in devices.split("&")}
    silent = [phone for phone in pbx.survey.phones if phone.device in owned and not phone.says_busy]
    deaf = [phone.name for phone in silent if phone.technology == "SIP"]
    if deaf:
        raise CheckFailed(
            f"chan_sip does not count the calls of {', '.join(deaf[:5])}: they look free while they talk",
            _in_web(pbx, "in sip_general_custom.conf: callcounter=yes")
            or "write callcounter = yes (and busylevel = 1) for the phones in sip.conf, then: sip reload",
        )
    if silent:
        return (
            f"while {silent[0].name} and others talk, a second call is passed on to them: a phone without call waiting "
            "says that it is busy; one with it rings, and a callback is offered when nobody answers. "
            + (
                _in_web(pbx, "Applications > Extensions, Call Waiting = Disable makes it busy in its first call")
                or "device_state_busy_at = 1 in pjsip.conf alone does not change that; with it, two lines "
                "before the Dial offer a callback first: they stand in the manual (keys.md, Phones with call waiting)"
            )
        )
    return "the phones tell when they are in a call"
