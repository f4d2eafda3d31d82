"""What a request is, how its life may go, and how it is written down; no input or output.

The AGI imports this module on the caller's time: it must stay free of dataclasses, typing and re.
"""

from __future__ import annotations

import sys

from busy_callback.errors import CorruptRequestError

BUSY = "busy"  # the standards' CCBS: completion of calls to a busy subscriber
NO_REPLY = "no-reply"  # CCNR: completion on no reply
NOT_LOGGED_IN = "not-logged-in"  # CCNL: completion on not logged-in (3GPP TS 24.642 clause 4; RFC 6910)
KINDS = (BUSY, NO_REPLY, NOT_LOGGED_IN)

WAITING = "waiting"
SUSPENDED = "suspended"  # waiting, but its caller is busy: lets the ones behind it pass
RECALLING = "recalling"
LIVE_STATES = (WAITING, SUSPENDED, RECALLING)

COMPLETED = "completed"
CANCELLED = "cancelled"
EXPIRED = "expired"
FAILED = "failed"
END_STATES = (COMPLETED, CANCELLED, EXPIRED, FAILED)

RESTRICTED = "restricted"  # calling line identification restriction, CLIR (3GPP TS 22.081 clause 2)

FORMAT = "busy-callback 1"
END_MARK = "end"
MAX_FILE = 65536  # bytes; a record is under 1 kB, a longer file is not ours
STAMP_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
STAMP_LENGTH = 9
MOST_DIGITS = 15  # of an extension
MAX_TIME = 1e11  # seconds, epoch
_MAX_EVENTS = 100


def make_stamp(milliseconds: int) -> str:
    """Return ``milliseconds`` since the epoch in base 36, nine digits, so that text order is time order."""
    digits = []
    for _ in range(STAMP_LENGTH):
        milliseconds, digit = divmod(milliseconds, 36)
        digits.append(STAMP_DIGITS[digit])
    return "".join(reversed(digits))


def is_number(text: str) -> bool:
    """Tell whether ``text`` has the form of an extension: 1 to 15 ASCII digits (15: ITU-T E.164 clause 6)."""
    return 1 <= len(text) <= MOST_DIGITS and text.isascii() and text.isdigit()


def is_language(text: str) -> bool:
    """Tell whether ``text`` may stand as a channel's language (``zh_TW``); it reaches call files."""
    return len(text) <= 20 and text.isascii() and text.replace("_", "").replace("-", "").isalnum()


def is_context(text: str) -> bool:
    """Tell whether ``text`` may stand as a dialplan context's name in a call file (79 bytes: pbx/pbx_spool.c)."""
    bare = text.replace("_", "").replace("-", "").replace(".", "")
    return len(text) <= 79 and text.isascii() and bare.isalnum()


def split_id(request_id: str) -> tuple[str, str, str]:
    """Return caller, callee and stamp of ``CALLER-CALLEE-STAMP``; raise CorruptRequestError."""
    parts = request_id.split("-")
    if (
        len(parts) != 3
        or not is_number(parts[0])
        or not is_number(parts[1])
        or parts[0] == parts[1]
        or len(parts[2]) != STAMP_LENGTH
        or parts[2].strip(STAMP_DIGITS)
    ):
        raise CorruptRequestError(f"its name {request_id[:60]!r} is not CALLER-CALLEE-STAMP")
    return parts[0], parts[1], parts[2]


def is_id(name: str) -> bool:
    """Tell whether ``name`` has the form of a request's id."""
    try:
        split_id(name)
    except CorruptRequestError:
        return False
    return True


class Request:
    """Caller's wish to be called back when callee is free; a value, changed only by ``but``.

    Times are seconds since the epoch. ``context`` is the dialplan context from which the caller's own calls begin,
    '' where that is not known. ``attempt`` numbers the recalls handed to Asterisk,
    ``unanswered`` counts those that rang the caller in vain. ``started`` and ``asterisk_start`` belong to the
    recall under way: when it was handed over, and the start of the Asterisk it was handed to.
    ``presentation`` is RESTRICTED where the caller's number was hidden in the call that asked, else ''.
    ``answered`` is when the caller answered it. ``renewed`` is when the caller last asked for the same again.
    ``callee_used`` is when the callee was first seen to use the phone, for NO_REPLY. ``events`` is the
    request's history, (time, sentence) each. ``ended`` is 0 while it lives; ``reason`` is why it ended, or will
    end when the recall has: see ``cancelled``.
    """

    __slots__ = (
        "answered",
        "asterisk_start",
        "attempt",
        "callee_used",
        "context",
        "ended",
        "events",
        "expires",
        "id",
        "kind",
        "language",
        "not_before",
        "presentation",
        "reason",
        "renewed",
        "requested",
        "started",
        "state",
        "unanswered",
    )

    def __init__(
        self,
        id: str,
        *,
        requested: float,
        expires: float,
        kind: str = BUSY,
        language: str = "",
        context: str = "",
        presentation: str = "",
        state: str = WAITING,
        attempt: int = 0,
        unanswered: int = 0,
        not_before: float = 0.0,
        started: float = 0.0,
        answered: float = 0.0,
        callee_used: float = 0.0,
        asterisk_start: int = 0,
        renewed: float = 0.0,
        events: tuple[tuple[float, str], ...] = (),
        ended: float = 0.0,
        reason: str = "",
    ) -> None:
        self.id = id
        self.requested = requested
        self.expires = expires
        self.kind = kind
        self.language = language
        self.context = context
        self.presentation = presentation
        self.state = state
        self.attempt = attempt
        self.unanswered = unanswered
        self.not_before = not_before
        self.started = started
        self.answered = answered
        self.callee_used = callee_used
        self.asterisk_start = asterisk_start
        self.renewed = renewed
        self.events = events
        self.ended = ended
        self.reason = reason

    @property
    def caller(self) -> str:
        """The extension that asked and is recalled."""
        return self.id.split("-", 1)[0]

    @property
    def callee(self) -> str:
        """The extension that was busy."""
        return self.id.split("-", 2)[1]

    @property
    def stamp(self) -> str:
        """The request's place in its callee's queue: smaller asked earlier."""
        return self.id.rsplit("-", 1)[1]

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled while its caller's phone rang; both ends count as taken until that is over."""
        return self.state == RECALLING and bool(self.reason)

    def but(self, now: float, event: str, **changes: object) -> Request:
        """Return a copy with ``changes`` and with ``event`` added to its history at ``now``."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields.update(changes)
        fields["events"] = (*self.events[-_MAX_EVENTS:], (now, event))
        return Request(**fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and encode(self) == encode(other)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Request {self.id} {self.state}>"


def end(request: Request, state: str, reason: str, now: float) -> Request:
    """Return ``request`` ended at ``now`` in one of END_STATES, with the reason in its history."""
    return request.but(now, f"{state}: {reason}", state=state, ended=now, reason=reason)


_SINCE_0_1 = ("answered", "callee_used", "context", "presentation")  # a file of an older version may lack them
TIMES = ("requested", "expires", "not_before", "started", "answered", "callee_used", "renewed", "ended")
COUNTS = ("attempt", "unanswered", "asterisk_start")
WORDS = ("kind", "state", "language", "context", "presentation", "reason")


def encode(request: Request) -> bytes:
    """Return the request's file: a line a field, as ``cat`` shows it, closed by an end mark."""
    lines = [FORMAT, f"id: {request.id}"]
    for name in WORDS:
        lines.append(f"{name}: {getattr(request, name)}")
    for name in TIMES:
        lines.append(f"{name}: {getattr(request, name):.3f}")
    for name in COUNTS:
        lines.append(f"{name}: {getattr(request, name)}")
    for when, event in request.events:
        lines.append(f"event: {when:.3f} {event}")
    return "\n".join([*lines, END_MARK, ""]).encode("ascii", "replace")


def _number_of(text: str) -> float:
    value = float(text)
    if not 0 <= value < MAX_TIME:
        raise ValueError
    return value or 0.0  # one zero for all: a watch may remember a hundred thousand requests


def decode(data: bytes, request_id: str) -> Request:
    """Return the request that ``data``, the file named ``request_id``, holds.

    Raises CorruptRequestError with the reason for anything that ``encode`` can't have written.
    """
    split_id(request_id)
    if len(data) > MAX_FILE:
        raise CorruptRequestError(f"it has {len(data)} bytes, more than any request")
    lines = data.decode("ascii", "replace").split("\n")
    if lines[0] != FORMAT:
        raise CorruptRequestError(f"its first line is not {FORMAT!r}")
    if lines[-2:] != [END_MARK, ""]:
        raise CorruptRequestError("its end is missing")
    fields: dict[str, object] = {}
    numbers: dict[str, float] = {"0.000": 0.0}  # the same time stands in several lines: one object for all
    events = []
    for line in lines[1:-2]:
        key, separator, value = line.partition(": ")
        try:
            if not value.isprintable() or not separator or key in fields:
                raise ValueError
            if key in TIMES or key == "event":
                when, _, text = value.partition(" ") if key == "event" else (value, "", "")
                number = numbers.get(when)
                if number is None:
                    number = numbers[when] = _number_of(when)
                if key == "event":
                    events.append((number, sys.intern(text)))
                else:
                    fields[key] = number
            elif key in COUNTS:
                fields[key] = int(_number_of(value))
            elif key in WORDS:
                fields[key] = sys.intern(value)
            elif key == "id":
                fields[key] = value
            else:
                raise ValueError
        except ValueError:
            raise CorruptRequestError(f"its line {line[:60]!r} is not understood") from None
    _check(fields, request_id)
    return Request(request_id, events=tuple(events), **fields)  # type: ignore[arg-type]


def _check(fields: dict[str, object], request_id: str) -> None:
    """Take the id out of the fields of a file; raise CorruptRequestError where one is missing or can't be."""
    missing = [name for name in ("id", *WORDS, *TIMES, *COUNTS) if name not in fields and name not in _SINCE_0_1]
    if missing:
        raise CorruptRequestError(f"it lacks {', '.join(missing)}")
    if fields.pop("id") != request_id:
        raise CorruptRequestError("the id in it is not its name")
    check_words(fields)


def check_words(fields: dict[str, object]) -> None:
    """Raise CorruptRequestError where a word of a request's fields can't be; one without a default must be there."""
    if fields["kind"] not in KINDS or fields["state"] not in LIVE_STATES + END_STATES:
        raise CorruptRequestError(f"its kind or state is unknown: {fields['kind']}, {fields['state']}")
    if fields.get("language") and not is_language(str(fields["language"])):
        raise CorruptRequestError("its language is not a language's name")
    if fields.get("context") and not is_context(str(fields["context"])):
        raise CorruptRequestError("its context is not a context's name")
    if fields.get("presentation", "") not in ("", RESTRICTED):
        raise CorruptRequestError(f"its presentation is unknown: {fields['presentation']}")
