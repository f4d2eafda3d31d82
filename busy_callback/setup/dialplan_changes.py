"""What install changes in the dialplan's files: our own beside them, the offers, the feature codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from busy_callback.branches import Branch
from busy_callback.errors import SetupError
from busy_callback.setting_values import BEFORE_VOICEMAIL
from busy_callback.settings import Settings
from busy_callback.setup import advice, device_settings, feature_codes, reached, wired
from busy_callback.setup.config_files import read_text
from busy_callback.setup.dialplan import FILE_NAME as DIALPLAN
from busy_callback.setup.dialplan import render
from busy_callback.setup.extensions import Step
from busy_callback.setup.file_change import Change
from busy_callback.setup.freepbx import CUSTOM, OVERRIDES, START, takeover_lines
from busy_callback.setup.insertion import Edits, Inserter
from busy_callback.setup.marked_blocks import strip_text
from busy_callback.setup.own_files import beside, edit, own_file
from busy_callback.setup.reached import Reached
from busy_callback.setup.survey import COMMAND, Survey
from busy_callback.setup.trunk_calls import with_branches
from busy_callback.setup.wired import CODES
from busy_callback.setup.wiring import Finder, Offers, Places, gosub, is_place

DIALPLAN_RELOAD = "dialplan reload"
END = 1 << 30  # behind a file's last line


@dataclass
class Wiring:
    """What is wired: the contexts with the feature codes, the offers, and what to tell the admin."""

    contexts: list[str] = field(default_factory=list)
    offers: Offers = field(default_factory=Offers)
    notes: list[str] = field(default_factory=list)


def our_dialplan(survey: Survey, settings: Settings) -> str:
    """Return our dialplan as it is to stand beside Asterisk's own."""
    text = render((survey.data / "dialplan" / DIALPLAN).read_text(encoding="utf-8"), settings)
    return "\n".join([text, *_before_generated(survey, settings), ""]) if survey.freepbx else text


def changes(survey: Survey, allowed: Sequence[str], wiring: Wiring, settings: Settings) -> Iterator[Change]:
    """Yield the changes of the dialplan's files."""
    main = survey.etc / "extensions.conf"
    if not main.exists():
        raise SetupError(f"{main} is missing; a dialplan in AEL or Lua alone needs an extensions.conf for the include")
    yield beside(survey.etc / DIALPLAN, our_dialplan(survey, settings), main, DIALPLAN_RELOAD)
    edits: dict[Path, Edits] = {}
    if survey.freepbx:
        # A backup of FreePBX may be restored where this package is not: nothing is missing there then.
        home, own = survey.etc / CUSTOM, [f"#tryinclude {DIALPLAN}"]
        # An earlier version's offers were in the override file.
        earlier = (survey.etc / name for name in OVERRIDES)
        edits = {path: Edits() for path in earlier if strip_text(read_text(path)) != read_text(path)}
    else:
        home, own = main, [f"#include {DIALPLAN}"]
        edits = Inserter(survey.written, main).put_in(wiring.offers.insertions())
        _add_codes(survey, wiring, settings, edits)
    edits.setdefault(home, Edits()).after.setdefault(END, []).extend(own)
    for path, some in edits.items():
        real = own_file(survey, allowed, path)
        yield edit(real, some.apply(strip_text(read_text(real))), main, DIALPLAN_RELOAD)


def _before_generated(survey: Survey, settings: Settings) -> list[str]:
    """Return what goes before FreePBX's own steps; raise SetupError where its extensions_custom.conf is not read."""
    if not any(Path(line.include).name == CUSTOM for line in survey.extensions_conf):
        raise SetupError(
            f"{survey.product}'s extensions.conf does not include {CUSTOM}: put #include {CUSTOM} at its end, then "
            "try again"
        )
    before = settings.offer_no_reply == BEFORE_VOICEMAIL
    offers = takeover_lines(survey.written, before, survey.product)
    return [f"; Before {survey.product}'s own steps.", *offers, f"[{START}-custom]", f"include => {CODES}"]


def _add_codes(survey: Survey, wiring: Wiring, settings: Settings, edits: dict[Path, Edits]) -> None:
    """Add the feature codes behind the last line of each wired context."""
    last = {line.section: line for line in survey.extensions_conf if line.text.strip()}
    for context in wiring.contexts:
        if context in last:
            line = last[context]
            rows = feature_codes.lines(survey.reached.dialplan, context, our_dialplan(survey, settings))
            edits.setdefault(line.path, Edits()).after.setdefault(line.end, []).extend(rows)


def wire(
    survey: Survey, wanted: tuple[str, ...], unwanted: tuple[str, ...] = (), branches: tuple[Branch, ...] = ()
) -> Wiring:
    """Return what is to be wired, what was wired before included but for the ``unwanted`` contexts.

    Where there are ``branches``, the Dials of calls to these too.

    Raises SetupError when it can't be done.
    """
    if survey.freepbx:
        return Wiring()
    before = wired.find(survey.extensions_conf)
    places = Places(survey.written)
    named = [
        step for step in survey.written.steps() if step.line and (step.line.path, step.line.number) in before.lines
    ]
    named = _unwire(survey, places, before, named, unwanted)
    for place in filter(is_place, wanted):
        named.append(_named(places, place, survey))
    contexts = list(dict.fromkeys([*before.contexts, *(word for word in wanted if not is_place(word))]))
    found = survey.reached
    if set(contexts) - {reach.context for reach in found.reaches}:
        found = reached.find(found.dialplan, survey.phones, contexts)
    found = with_branches(found, contexts, branches)
    known = set(survey.reached.dialplan.contexts) | set(survey.written.contexts)
    finder = Finder(found, places)
    for context in contexts:
        offers = finder.offers([context])
        if context not in known or not (named or offers.made or offers.done or context in before.contexts):
            raise SetupError(*_can_not(survey, found, context, offers, context in known))
    wiring = Wiring(contexts, finder.offers(contexts, named))
    new = (context for context in contexts if context not in before.contexts)
    told = (advice.only_includes(survey.written, context, wiring.offers) for context in new)
    wiring.notes = [*filter(None, told), *_notes(survey, places, wiring)]
    return wiring


def _unwire(
    survey: Survey, places: Places, before: wired.Wired, named: list[Step], unwanted: tuple[str, ...]
) -> list[Step]:
    """Take contexts out of what was wired ``before``; return the named steps that no other wired context needs."""
    for context in unwanted:
        if context not in before.contexts:
            told = ", ".join(before.contexts) or "none"
            raise SetupError(f"--unwire {context}: that context is not wired; wired are: {told}")
        before.contexts.remove(context)

    def steps_of(contexts: Sequence[str]) -> set[Step]:
        found = reached.find(survey.reached.dialplan, survey.phones, contexts)
        return {offer.step for offer in Finder(found, places).offers(contexts).made}

    gone = steps_of(unwanted) - steps_of(before.contexts) if unwanted else set()
    return [step for step in named if step not in gone]


def _named(places: Places, place: str, survey: Survey) -> Step:
    step = places.at(place, survey.etc)
    if not step:
        raise SetupError(
            f"{place} is no step of the dialplan in {survey.etc / 'extensions.conf'} and its includes: name the line "
            "of the Dial as your editor counts, as extensions.conf:57"
        )
    return step


def proposal(survey: Survey) -> str:
    """Return what to do so that callbacks are offered in all contexts of phones: a command, or by hand."""
    can = _proposal(survey)
    return f"run: {can}" if can else _by_hand()


def _proposal(survey: Survey) -> str:
    """Return the command that offers callbacks in all contexts of phones where it can be wired, or ''."""
    finder = Finder(survey.reached, Places(survey.written))
    each = {context: finder.offers([context]) for context in survey.reached.contexts}
    return advice.proposal(each, COMMAND)


def _can_not(survey: Survey, found: Reached, context: str, offers: Offers, known: bool) -> list[str]:
    """Return why a context can't be wired, and what can: a line each."""
    why = [f"no call from context {context!r} comes to a Dial that rings a phone by the number dialled"]
    if not known:
        like = difflib.get_close_matches(context, [*found.contexts, *found.dialplan.contexts], 1)
        why = [f"there is no context {context!r} in the dialplan" + (f"; did you mean {like[0]}?" if like else "")]
    why += advice.not_wired(found, [context], offers, survey.etc)
    why += advice.other_dialplans(survey.reached.dialplan, [context], survey.etc, survey.runs)
    can = _proposal(survey)
    why.append(f"what can be wired: {can}" if can else _by_hand())
    return why


def _by_hand() -> str:
    return (
        f"if you know the Dial that rings the phones, name its line: {COMMAND} install --wire FILE:LINE, or put this "
        f"line behind it, ${{EXTEN}} being what has the number dialled there: same => n,{gosub('${EXTEN}')}"
    )


def _notes(survey: Survey, places: Places, wiring: Wiring) -> Iterator[str]:
    """Yield what the admin should know of the dialplan."""
    offers, contexts, finder = wiring.offers, wiring.contexts, Finder(survey.reached, places)
    if not offers.made and not offers.done:
        can = proposal(survey)
        yield f"Nobody is offered a callback yet. {can[0].upper()}{can[1:]}"
        contexts = survey.reached.contexts
        offers = finder.offers(contexts)
    else:
        left = [context for context in survey.reached.contexts if context not in contexts]
        each = {context: finder.offers([context]) for context in left}
        more = [c for c, some in each.items() if {o.step for o in some.made} - {o.step for o in offers.made}]
        if more:
            yield f"phones whose calls begin in {', '.join(more)} are offered nothing: --wire names those contexts too"
    yield from advice.not_wired(survey.reached, contexts, offers, survey.etc)
    yield from advice.other_dialplans(survey.reached.dialplan, contexts, survey.etc, survey.runs)
    yield from filter(None, [advice.not_served(survey.reached)])


def choose_codes(survey: Survey, wiring: Wiring, settings: Settings) -> Iterator[str]:
    """Yield what to know of feature codes that mean something else already.

    Where there are no settings yet, others are chosen and set in ``settings``; else it is the admin's to do.
    """
    dialplan, contexts = survey.loaded, survey.contexts if survey.freepbx else wiring.contexts
    taken = feature_codes.taken(dialplan, contexts, feature_codes.of(settings))
    if not taken:
        return
    told = "; ".join(f"{code} is {step.extension} already ({step})" for code, step in taken.items())
    others = dict(zip(feature_codes.NAMES, feature_codes.free(dialplan, contexts)))
    rows = ", ".join(f"{name} = {code}" for name, code in others.items())
    conf = Path(survey.directories.conf)
    if not others:
        yield f"{told}: no other feature codes are free; choose some yourself in {conf}"
    elif conf.exists():
        yield f"{told}: write others into [general] of {conf}, then run {COMMAND} install again: {rows}"
    else:
        for name, code in others.items():
            setattr(settings, name, code)
        yield f"{told}: the feature codes are {', '.join(others.values())} instead ({rows})"


def unknown_devices(survey: Survey, settings: Settings) -> Iterator[str]:
    """Yield what to write into settings that are there already and do not tell the devices that were found."""
    if survey.freepbx or not Path(survey.directories.conf).exists() or settings.device.startswith("hint@"):
        return
    found = survey.reached.devices
    wanted = device_settings.named(found, settings.device)
    missing = {n: devices for n, devices in wanted.items() if settings.devices_of(n) != devices}
    if missing:
        rows = ", ".join(f"{number} = {devices}" for number, devices in list(missing.items())[: advice.MOST])
        more = f" and {len(missing) - advice.MOST} more" if len(missing) > advice.MOST else ""
        yield f"write into [devices] of {survey.directories.conf}: {rows}{more}"
    unnamed = device_settings.unnameable(found)
    if unnamed:
        yield f"the devices of {', '.join(unnamed[: advice.MOST])} have names that can't be set; they are not served"
