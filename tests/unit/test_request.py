"""A request and its file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busy_callback import request as rq
from busy_callback.errors import CorruptRequestError
from busy_callback.request import Request, decode, encode, make_stamp

ID = "201-202-" + make_stamp(1_800_000_000_000)


def make(**fields: object) -> Request:
    """Return a request with defaults for what a test does not care about."""
    return Request(**{"id": ID, "requested": 1.8e9, "expires": 1.8e9 + 60, **fields})  # type: ignore[arg-type]


def test_a_request_reads_back_as_it_was_written() -> None:
    """What is written to disk is read back the same, history included."""
    request = make(language="zh_TW", context="from-internal", kind=rq.NO_REPLY, presentation=rq.RESTRICTED).but(
        1.8e9 + 1, "suspended: 202 is free", attempt=2
    )
    assert decode(encode(request), ID) == request


def test_a_file_of_an_older_version_is_read() -> None:
    """It lacks what came later: the answer's time, the callee's use of the phone, the context."""
    older = [line for line in WHOLE.split(b"\n") if not line.startswith((b"answered", b"callee_used", b"context"))]
    request = decode(b"\n".join(older), "201-202-0mywpiww0")
    assert (request.answered, request.callee_used, request.context) == (0.0, 0.0, "")


def test_numbers_of_1_to_15_digits_have_ids() -> None:
    """Which extensions there are is the plan's to say; a file's name may hold any of them."""
    for caller, callee in (("1", "2"), ("201", "886212345678901")):
        request = make(id=f"{caller}-{callee}-0mywpiww0")
        assert (request.caller, request.callee) == (caller, callee)
        assert decode(encode(request), request.id) == request
    assert not rq.is_id("1234567890123456-2-0mywpiww0")


@given(st.integers(0, 36**9 - 1), st.integers(0, 36**9 - 1))
def test_stamps_sort_as_their_times(one: int, other: int) -> None:
    """A stamp of an earlier millisecond sorts before that of a later one."""
    assert (make_stamp(one) < make_stamp(other)) == (one < other)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_request_or_are_called_corrupt(data: bytes) -> None:
    """No content of a spool file does more than raise CorruptRequestError."""
    with pytest.raises(CorruptRequestError):
        decode(data, ID)


@given(st.data())
def test_a_damaged_request_is_never_misread(data: st.DataObject) -> None:
    """A record with one byte changed is refused, or differs in nothing but harmless values."""
    record = bytearray(encode(make()))
    record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    try:
        request = decode(bytes(record), ID)
    except CorruptRequestError:
        return
    assert (request.caller, request.callee) == ("201", "202")
    assert request.state in rq.LIVE_STATES + rq.END_STATES


@pytest.mark.parametrize("cut", [0, 1, 20, 100, -1, -2, -4])
def test_a_torn_record_is_corrupt(cut: int) -> None:
    """A record that was cut anywhere is told from a whole one by its end mark."""
    with pytest.raises(CorruptRequestError):
        decode(encode(make())[:cut], ID)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "201",
        "201-202",
        "201-202-abc",
        "../../etc/passwd",
        "201-201-0mwuxfur1",
        "20a-202-0mwuxfur1",
        "٢٠١-202-0mwuxfur1",
    ],
)
def test_a_file_with_another_name_is_corrupt(name: str) -> None:
    """Only CALLER-CALLEE-STAMP names a request."""
    with pytest.raises(CorruptRequestError):
        decode(encode(make()), name)


def test_a_record_under_another_requests_name_is_corrupt() -> None:
    """A file that was copied to another request's name is not taken for that request."""
    with pytest.raises(CorruptRequestError):
        decode(encode(make()), "203-202-0mwuxfur1")


WHOLE = rq.encode(rq.Request("201-202-0mywpiww0", requested=1.8e9, expires=1.8e9 + 60))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * 70000, "70000 bytes"),
        (b"something else\n", "first line"),
        (WHOLE.replace(b"kind: busy\n", b""), "lacks kind"),
        (WHOLE.replace(b"id: 201", b"id: 209"), "is not its name"),
        (WHOLE.replace(b"kind: busy", b"kind: odd"), "kind or state is unknown: odd"),
        (WHOLE.replace(b"state: waiting", b"state: odd"), "kind or state is unknown"),
        (WHOLE.replace(b"language: ", b"language: a;b"), "language"),
        (WHOLE.replace(b"context: ", b"context: a b"), "context"),
        (WHOLE.replace(b"presentation: ", b"presentation: a;b"), "presentation"),
        (WHOLE.replace(b"attempt: 0", b"attempt: -1"), "is not understood"),
        (WHOLE.replace(b"attempt: 0", b"attempts: 0"), "is not understood"),
        (WHOLE.replace(b"end\n", b"event: 1\x07 x\nend\n"), "is not understood"),
    ],
)
def test_a_file_that_is_no_request_says_why(data: bytes, reason: str) -> None:
    """Each has a reason of its own, which stands beside the file when it is set aside."""
    assert rq.decode(WHOLE, "201-202-0mywpiww0").kind == rq.BUSY
    with pytest.raises(CorruptRequestError, match=reason):
        rq.decode(data, "201-202-0mywpiww0")


def test_an_older_file_hides_no_number() -> None:
    """It does not tell whether the number was hidden: then it was not."""
    old = WHOLE.replace(b"presentation: \n", b"")
    assert old != WHOLE
    assert rq.decode(old, "201-202-0mywpiww0").presentation == ""
