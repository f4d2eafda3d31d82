"""The AGI that a dialplan runs, on the caller's time: it offers, registers or cancels, and tells the dialplan.

    AGI(busy_callback.py,offer,TO,DIALSTATUS)  decides what the channel's caller is offered after a call to TO; with
                                               ,keep behind it only keeps TO as the caller's last number
    AGI(busy_callback.py,FROM,TO[,KIND])       registers that FROM asks to be called back by TO
    AGI(busy_callback.py,cancel,FROM[,TO])     cancels FROM's requests
    AGI(busy_callback.py,count,FROM)           counts FROM's requests
    AGI(busy_callback.py,caller[,TO])          tells whose phone the channel is, and whom it may ask for: TO, or the
                                               last number

``offer`` sets BUSY_CALLBACK_PROMPT (empty: go on as if we were not there), BUSY_CALLBACK_FROM, BUSY_CALLBACK_KIND
(empty: the prompt only tells) and BUSY_CALLBACK_PAUSE, the seconds for a digit after the prompt. It never plays,
hangs up or waits for anything. Where the setting language is used, each call sets BUSY_CALLBACK_SOUNDS too, which goes
before a prompt's name (busy_callback/prompts.py).

BUSY_CALLBACK_STATUS is REGISTERED, DUPLICATE, FULL, REFUSED or ERROR; for cancel CANCELLED, NONE, REFUSED
or ERROR, and for count COUNTED, REFUSED or ERROR, both with BUSY_CALLBACK_COUNT; for caller KNOWN, with
BUSY_CALLBACK_FROM, _TO and _KIND, REFUSED or ERROR. On FULL, REFUSED and ERROR of
a registration the caller hears the failure prompt and is hung up, so that a dialplan that does not look at the
status never confirms what is not on disk. Who asks must do so from FROM's own phone: a caller ID is no proof,
for a trunk passes on whatever its far end claims. Each start is the caller's waiting time: a test holds the
imports to a budget.
"""

from __future__ import annotations

import os
import sys
import time

from busy_callback import request as rq
from busy_callback.channel import RECALL_CONTEXT, Channel
from busy_callback.conversation import Agi, AGIException
from busy_callback.errors import BusyCallbackError, NumberError
from busy_callback.numbering import printable
from busy_callback.settings import find_directories
from busy_callback.store.last_good_settings import load_or_last_good
from busy_callback.store.spool import FULL, Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from asterisk.agi import AGI

    from busy_callback.settings import Settings

    Offered = tuple[str, str, str, str, float, bool]  # the spool, the caller, the callee, the kind, when, by number

REFUSED = "REFUSED"
ERROR = "ERROR"
CANCELLED = "CANCELLED"
NONE = "NONE"
COUNTED = "COUNTED"
KNOWN = "KNOWN"
FAILURE_PROMPT = "busy-callback-failed"
FULL_PROMPT = "busy-callback-full"
# What pyst2 raises when the channel or Asterisk is gone: its own errors, a broken pipe, a number that is none.
GONE = (AGIException, OSError, ValueError)


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Serve one AGI call with the script's arguments and environment; return the exit status, 0 or 1."""
    try:
        # A caller's name may be in any encoding; it must not keep the request from being served.
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        with open(os.devnull, "w") as nowhere:
            agi = Agi(sys.stdin, sys.stdout, nowhere)
            return _serve(agi, arguments, environ)
    except GONE:
        return 1


def _serve(agi: AGI, arguments: list[str], environ: Mapping[str, str]) -> int:
    verb = arguments[0] if arguments[:1] and arguments[0] in {"offer", "caller", "cancel", "count"} else ""
    variables: dict[str, str] = {}
    status = complaint = request_id = ""
    offered: Offered | None = None
    try:
        if verb == "offer":
            offered = _offer(agi, arguments[1:], environ, variables)
        elif verb == "caller":
            status = _caller(agi, arguments[1:], environ, variables)
        elif verb:
            found = _cancel_or_count(agi, arguments, environ, variables)
            status = COUNTED if verb == "count" else CANCELLED if found else NONE
            variables["BUSY_CALLBACK_COUNT"] = str(found)
        else:
            status, request_id = _register(agi, arguments, environ, variables)
        complaint = "no place left in the queue of caller or callee" if status == FULL else ""
    except NumberError as error:
        status, complaint = REFUSED, str(error)
    except AGIException:
        raise
    except BusyCallbackError as error:
        status, complaint = ERROR, str(error)
    except Exception as error:  # whatever it is, the caller must hear that there is no callback
        status, complaint = ERROR, f"{type(error).__name__}: {error}"
    try:
        _tell(agi, "" if verb == "offer" else status, variables)
        if offered:
            _count(offered)
        if complaint:
            _log(agi, f"{status}: {complaint}", "ERROR" if status == ERROR else "WARNING")
        elif verb not in {"offer", "caller"}:
            _wake(agi, status, request_id)
    finally:
        if complaint and not verb:
            prompt = FULL_PROMPT if status == FULL else FAILURE_PROMPT
            _turn_away(agi, variables.get("BUSY_CALLBACK_SOUNDS", "") + prompt)
    return 1 if status == ERROR else 0


def _offer(agi: AGI, arguments: list[str], environ: Mapping[str, str], variables: dict[str, str]) -> Offered | None:
    """Decide what the caller is offered, put that into ``variables``, and log why; return what ``note_offer`` takes.

    With ``keep`` as last argument the caller is not there to hear it: only the number is kept, for the feature code.
    """
    from busy_callback.offer import Offer, decide  # a registration does not wait for it

    spool, settings = _open(agi, environ, variables)
    offer = Offer("", f"it takes TO,DIALSTATUS, not {len(arguments)} arguments")
    keeps = arguments[2:] == ["keep"]
    if len(arguments) == 2 or keeps:
        offer = decide(Channel(agi), arguments[0], arguments[1], settings, spool)
    if offer.caller:
        variables["BUSY_CALLBACK_FROM"] = offer.caller
    variables["BUSY_CALLBACK_KIND"] = offer.kind
    variables["BUSY_CALLBACK_PAUSE"] = str(settings.offer_pause)
    sounds = variables.get("BUSY_CALLBACK_SOUNDS", "") if offer.prompt else ""
    variables["BUSY_CALLBACK_PROMPT"] = sounds + offer.prompt  # the last one: without it, nothing is offered
    what = "kept for the feature code: " if keeps else "" if offer.prompt else "nothing is offered: "
    agi.verbose(printable(f"busy_callback.py: {what}{offer.reason}", 300), 3)
    if keeps or not offer.kind:
        return None
    return spool.directory, offer.caller, arguments[0], offer.kind, time.time(), settings.history_days > 0


def _caller(agi: AGI, arguments: list[str], environ: Mapping[str, str], variables: dict[str, str]) -> str:
    """Put whose phone the channel is, and whom it asks for, into ``variables``; return KNOWN.

    That is the number in ``arguments``, or its last one where there is none, or its own. Raises NumberError where
    that can't be asked for.
    """
    _, settings = _open(agi, environ, variables)
    channel = Channel(agi)
    caller = channel.caller(settings)
    if not caller:
        raise NumberError(f"{printable(channel.name, 80)} is no phone of ours")
    callee, kind, presentation = "".join(arguments), "", ""
    if callee in {"", caller}:
        callee, kind, presentation = channel.last(caller)
    else:
        from busy_callback.offer import kind_of_wish

        kind = kind_of_wish(channel, caller, callee, settings)
    variables["BUSY_CALLBACK_FROM"] = caller
    variables["BUSY_CALLBACK_TO"] = callee if settings.is_callee(callee) else ""
    variables["BUSY_CALLBACK_KIND"] = kind if kind in rq.KINDS else rq.BUSY
    if presentation == rq.RESTRICTED:
        variables["CALLERID(pres)"] = "prohib"  # who hid in the call itself does so in the request by a code
    return KNOWN


def _open(agi: AGI, environ: Mapping[str, str], variables: dict[str, str]) -> tuple[Spool, Settings]:
    """Return this PBX's spool and settings; log a mistake in these where the last good ones serve.

    Where the settings name a language, put the folder of its prompts into ``variables``.
    """
    directories = find_directories(environ)
    if str(agi.env.get("agi_channel", "")).startswith("Local/000000000000"):
        from busy_callback.store.trial_place import TrialDirectories, is_trial  # doctor's; not for a real call

        if is_trial(str(agi.env["agi_channel"])):
            directories = TrialDirectories(directories)
    spool = Spool(directories.spool, directories.log)
    settings, mistake = load_or_last_good(directories.conf, spool)
    if mistake:
        _log(agi, f"{mistake}; going on with the last good settings", ERROR)
    if settings.language:
        from busy_callback.prompts import folder  # who does not use the setting does not wait for it

        variables["BUSY_CALLBACK_SOUNDS"] = folder(settings.language, directories.astdatadir)
    return spool, settings


def _register(agi: AGI, arguments: list[str], environ: Mapping[str, str], variables: dict[str, str]) -> tuple[str, str]:
    """Put the request on disk; return REGISTERED, DUPLICATE or FULL, and the request's id."""
    if len(arguments) not in (2, 3):
        raise NumberError(f"busy_callback.py takes FROM,TO or FROM,TO,KIND, not {len(arguments)} arguments")
    caller, callee = arguments[:2]
    kind = arguments[2] if len(arguments) == 3 else rq.BUSY
    if kind not in rq.KINDS:
        raise NumberError(f"the kind of a request is {' or '.join(rq.KINDS)}, not {printable(kind)!r}")
    spool, settings = _open(agi, environ, variables)
    settings.check_pair(caller, callee)
    channel = Channel(agi)
    own = _check_phone(channel, caller, callee, settings)
    context = _context(channel, caller, own, settings)
    spool.prepare()
    language = str(agi.env.get("agi_language", ""))
    language = language if rq.is_language(language) else ""
    return spool.register(caller, callee, kind, language, settings, time.time(), context, channel.presentation)


def _context(channel: Channel, caller: str, own: bool, settings: Settings) -> str:
    """Return where the caller's calls begin, '' for the setting: the recall must reach whom the first call reached."""
    if settings.device == "freepbx":
        return ""  # it has one for all
    try:
        devices = [channel.device] if own else list(channel.devices(caller, settings))
        return channel.context(devices[0]) if devices else ""
    except GONE:
        return ""  # Asterisk has gone meanwhile: no reason to lose the request


def _check_phone(channel: Channel, caller: str, callee: str, settings: Settings) -> bool:
    """Tell whether the channel is of the caller's own phone; raise NumberError unless that, or our own recall's."""
    if channel.is_phone_of(caller, settings):
        return True
    if settings.callers == "any" or channel.device == f"Local/rd{caller}{callee}@{RECALL_CONTEXT}":
        return False
    raise NumberError(
        f"{printable(channel.name, 80)} is not the phone of {caller} "
        "(callers = any in busy_callback.conf would leave that to the dialplan)"
    )


def _cancel_or_count(agi: AGI, arguments: list[str], environ: Mapping[str, str], variables: dict[str, str]) -> int:
    """Cancel or count the caller's requests, or the one for a callee; return how many there were."""
    verb, numbers = arguments[0], arguments[1:]
    if len(numbers) not in (1, 2):
        raise NumberError(f"busy_callback.py {verb} takes FROM or FROM,TO, not {len(numbers)} arguments")
    spool, settings = _open(agi, environ, variables)
    for number in numbers:
        if not settings.is_callee(number):
            raise NumberError(f"{printable(number)!r} is not in the numbering plan")
    _check_phone(Channel(agi), numbers[0], numbers[-1], settings)
    spool.prepare()
    found = [r for r in spool.live(numbers[0]) if [r.caller, r.callee][: len(numbers)] == numbers and not r.cancelled]
    if verb == "count":
        return len(found)
    return sum(spool.cancel(r.id, "by the caller", time.time()) for r in found)


def _count(offered: Offered) -> None:
    """Note the offer for the statistics, in a child: Asterisk waits for the script alone (res/res_agi.c, run_agi)."""
    try:
        if os.fork():
            return
    except OSError:
        return  # no process left: the call matters more
    try:
        os.closerange(0, 3)  # Asterisk reads until all of them are closed
        from busy_callback.store.offers import note_offer

        note_offer(*offered)
    finally:
        os._exit(0)


def _tell(agi: AGI, status: str, variables: dict[str, str]) -> None:
    """Set the channel's variables."""
    if status:
        variables = {"BUSY_CALLBACK_STATUS": status, **variables}
    for name, value in variables.items():
        agi.set_variable(name, value)


def _wake(agi: AGI, status: str, request_id: str) -> None:
    """Wake a poller that watches; a request's id spares it a look at all of them."""
    named = f",Request: {request_id}" if request_id else ""
    agi.execute("EXEC", "UserEvent", f'"BusyCallback,Status: {status}{named}"')


def _log(agi: AGI, text: str, level: str) -> None:
    """Write a line to Asterisk's log."""
    agi.execute("EXEC", "Log", f'"{level},{printable(f"busy_callback.py: {text}", 300)}"')


def _turn_away(agi: AGI, prompt: str) -> None:
    """Let the caller hear that there is no callback, and hang up."""
    try:
        agi.answer()  # on a channel that is not up yet, most phones would hear nothing
        agi.stream_file(prompt)
    except AGIException:
        pass  # a missing prompt: hanging up tells as well
    agi.hangup()
