"""The feature codes in the phones' contexts: others where the admin's own extensions have taken ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from busy_callback.settings import Settings
from busy_callback.setup.extensions import OURS, Dialplan, Step, matches
from busy_callback.setup.wired import CODES

NAMES = ("code_request", "code_cancel", "code_count")
OTHERS = tuple(
    (f"{sign}{a}6", f"{sign}{b}6", f"{sign}{b}7") for sign in "*#" for a, b in ("68", "57", "79", "34", "12")
)
# An extension that means two of these is there to catch what is dialled wrongly.
_NOBODYS = (("*31415", "*94060"), ("#27182", "#80451"))


def of(settings: Settings) -> tuple[str, ...]:
    """Return the codes as the settings have them."""
    return tuple(str(getattr(settings, name)) for name in NAMES)


def taken(dialplan: Dialplan, contexts: Iterable[str], codes: Sequence[str]) -> dict[str, Step]:
    """Return which codes mean something else already in one of the contexts: the step that they come to."""
    found: dict[str, Step] = {}
    for context in contexts:
        # The first two are dialled with a number behind them, too.
        for code, number in zip((*codes, *codes[:2]), (*codes, *(f"{code}201" for code in codes[:2]))):
            for known, extension in dialplan.extensions(context, number):
                step = known.steps[extension].get(1)
                if step and not _catches_all(extension) and not step.arguments.startswith(OURS):
                    found.setdefault(code, step)
    return found


def free(dialplan: Dialplan, contexts: Sequence[str]) -> tuple[str, ...]:
    """Return codes that mean nothing yet in any of the contexts; none when there are none."""
    return next((codes for codes in OTHERS if not taken(dialplan, contexts, codes)), ())


def _catches_all(extension: str) -> bool:
    return extension.startswith("_") and any(
        all(matches(extension, number) for number in numbers) for numbers in _NOBODYS
    )


def lines(dialplan: Dialplan, context: str, ours: str) -> list[str]:
    """Return what to put into a context so that the codes work there; ``ours`` is our dialplan's text.

    Where an extension catches all that is dialled, an include would come too late: only extensions of the
    context's own go before it.
    """
    caught = any(_catches_all(extension) for known in dialplan.tree(context) for extension in known.steps)
    if not caught:
        return [f"include => {CODES}"]
    section = ours.partition(f"[{CODES}]")[2].partition("\n[")[0]
    return [f"; {CODES}", *(row for row in section.splitlines() if row.lstrip().startswith(("exten", "same")))]
