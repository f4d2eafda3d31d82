"""Hostile input everywhere: no crash, no hang, no escape; the corpus first, then what hypothesis makes of it."""

from __future__ import annotations

import io
import os
import queue
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from busy_callback import agi, offer, policy, settlement
from busy_callback import request as rq
from busy_callback.deadline import Deadline
from busy_callback.errors import AsteriskError, CorruptRequestError, SettingsError
from busy_callback.pbx.ami import Ami
from busy_callback.pbx.callfile import compose, read_report
from busy_callback.request import Request
from busy_callback.settings import Settings, find_directories, load
from busy_callback.store import day_lines, past_days
from busy_callback.store.spool import Spool

from ..lab.standin import StandIn

CORPUS = Path(__file__).parents[1] / "corpus"
NOW = 1_800_000_000.0
TIME = 20.0  # seconds that one input may take; it takes milliseconds


def seeds(folder: str) -> list[bytes]:
    """Return the corpus of one kind of input."""
    found = [path.read_bytes() for path in sorted((CORPUS / folder).iterdir())]
    assert found
    return found


@st.composite
def mutations(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Take one of the corpus and break it in a few places; or take something of no shape at all."""
    data = draw(st.sampled_from([*seeds, b""]))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 20)))
        piece = draw(st.one_of(st.binary(max_size=8), st.sampled_from(PIECES)))
        data = data[:start] + piece + data[end:]
    return data


PIECES = [
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b"\xff\xfe",
    b": ",
    b"=",
    b"&",
    b"|",
    b"${SHELL(id)}",
    b"$[1/0]",
    b'"',
    b"'",
    b"\\",
    b";",
    b"#",
    b"%",
    b"1e999",
    b"nan",
    b"-1",
    b"9" * 400,
    b"\xe2\x80\xa8",
    b"\xd9\xa1",
    b"../",
    b"x" * 10000,
    b"status will follow",
]


def fuzz(seeds: list[bytes], check: Callable[[bytes], None], examples: int) -> int:
    """Check the corpus and that many mutations of it, each within its time; return how many there were."""
    tried = [0]

    def one(data: bytes) -> None:
        tried[0] += 1
        with Deadline(TIME, f"it hangs on {data[:200]!r}"):
            check(data)

    for seed in seeds:
        one(seed)

    @tries(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(mutations(seeds))
    def run(data: bytes) -> None:
        one(data)

    run()
    return tried[0]


@pytest.fixture
def many(whole: bool) -> int:
    """How many inputs to make."""
    return 20000 if whole else 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a PBX's spool and configuration in it."""
    (tmp_path / "spool/outgoing").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    return tmp_path


COMMANDS = re.compile(
    r'SET VARIABLE "BUSY_CALLBACK_(STATUS|COUNT|FROM|TO|KIND|PAUSE|PROMPT)" "[A-Za-z0-9-]*"'
    r'|EXEC (UserEvent|Log) "[ -!#-~]*"'
    r'|VERBOSE "[ -!#-~]*" 3'
    r'|GET FULL VARIABLE "\$\{[A-Za-z0-9_()/,.@^\[\]-]+\}(\|\$\{[A-Za-z0-9_()/,.@^\[\]-]+\})*"'
    r'|DATABASE PUT "busy-callback-last" "[0-9]+" "[0-9]+,(busy|no-reply)(,restricted)?"'
    r'|SET VARIABLE "CALLERID\(pres\)" "prohib"'
    r'|ANSWER|STREAM FILE busy-callback-(failed|full) "" 0|HANGUP ?'
)


def test_agi(folder: Path, monkeypatch: pytest.MonkeyPatch, counts: Callable[[str], None], many: int) -> None:
    """The AGI's arguments, environment and answers: it ends, gives its own commands only, and spools numbers only.

    An input is the arguments, a line each, a blank line, and what Asterisk says.
    """
    environ = {f"AST_{name.upper()}_DIR": str(folder / name) for name in ("spool", "log")}
    environ["AST_CONFIG_DIR"] = str(folder / "etc")
    monkeypatch.setattr(offer, "SETTLING", 0.0)

    def check(data: bytes) -> None:
        words, _, talk = data.partition(b"\n\n")
        arguments = [os.fsdecode(word) for word in words.split(b"\n")]
        output = io.StringIO()
        with monkeypatch.context() as streams:
            streams.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(talk), encoding="utf-8"))
            streams.setattr(sys, "stdout", output)
            assert agi.main(arguments, environ) in {0, 1}
        for line in output.getvalue().splitlines():
            assert COMMANDS.fullmatch(line), line
            assert len(line) < 500
        spool = folder / "spool/busy_callback"
        if spool.exists():
            for name in os.listdir(spool / "requests"):
                rq.split_id(name)
            assert os.listdir(spool / "corrupt") == []
        if len(list(folder.glob("spool/busy_callback/*/*"))) > 200:
            shutil.rmtree(spool)

    counts(f"{fuzz(seeds('agi'), check, many)} inputs")
    assert sorted(os.listdir(folder)) == ["etc", "spool"], "something was written elsewhere"


def test_spool_files(folder: Path, counts: Callable[[str], None], many: int) -> None:
    """A file in requests/: it is a request that can be written and recalled again, or it is set aside whole."""
    spool = Spool(str(folder / "spool/busy_callback"))
    spool.prepare()
    name = "201-202-0mywpiww0"
    path = Path(spool.path("requests", name))

    def check(data: bytes) -> None:
        path.write_bytes(data)
        found = spool.live()
        if found:
            (request,) = found
            assert rq.decode(rq.encode(request), name) == request
            ended = rq.end(request, rq.FAILED, "x", NOW)
            assert day_lines.decode(day_lines.encode(ended)) == ended
            for outcome in (settlement.Outcome(), settlement.Outcome(claimed=True)):
                settlement.settle(request, outcome, False, True, NOW, Settings())
            assert compose(policy.begin(request, 1, NOW), Settings(), ("PJSIP/201", "PJSIP/202"), "/r", "/c")
        else:
            (kept,) = [p for p in Path(spool.path("corrupt", "")).iterdir() if p.suffix != ".reason"]
            assert kept.read_bytes() == data
            assert [reason for _, reason in spool.corrupt() if reason]
            shutil.rmtree(spool.path("corrupt", ""))
            spool.prepare()

    counts(f"{fuzz(seeds('request'), check, many)} inputs")


def test_lines_of_a_past_day(folder: Path, counts: Callable[[str], None], many: int) -> None:
    """A line in history/: a request that has ended and can be written again, or it is passed over."""
    (folder / "spool/busy_callback/history").mkdir(parents=True)
    path = folder / "spool/busy_callback/history/2027-01-14"
    name = "201-202-0mywpiww0"
    line = day_lines.encode(rq.end(Request(name, requested=NOW, expires=NOW), rq.FAILED, '"x"', NOW))

    def check(data: bytes) -> None:
        path.write_bytes(data + b"\n" + line)
        found = list(past_days.past_requests(str(folder / "spool/busy_callback")))
        assert found[-1]
        assert found[-1].id == name
        for request in found:
            if request:
                assert request.state in rq.END_STATES
                assert day_lines.decode(day_lines.encode(request)) == request
                assert all(event.isprintable() for _, event in request.events)

    counts(f"{fuzz([line, line[:-1], *seeds('request')], check, many)} inputs")


def test_settings(folder: Path, counts: Callable[[str], None], many: int) -> None:
    """busy_callback.conf: settings, or one error of one line that names the file."""
    path = folder / "etc/busy_callback.conf"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        complaint = ""
        try:
            found = load(str(path))
            assert "202" in found.extensions or found.extensions.patterns
        except SettingsError as error:
            complaint = str(error)
        assert not complaint or (str(path) in complaint and "\n" not in complaint)

    counts(f"{fuzz(seeds('settings'), check, many)} inputs")


def test_asterisk_conf(folder: Path, counts: Callable[[str], None], many: int) -> None:
    """asterisk.conf: whatever is in it, directories come of it, or a sentence about one that does not begin with /."""
    path = folder / "etc/asterisk.conf"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            spool = find_directories({}, str(path)).spool
        except SettingsError:
            return  # a directory that does not begin with /
        assert spool.startswith("/")
        assert spool.endswith("/busy_callback")

    counts(f"{fuzz(seeds('asterisk_conf'), check, many)} inputs")


def test_reports(folder: Path, counts: Callable[[str], None], many: int) -> None:
    """What a dialplan reports of a recall: an outcome that policy can settle."""
    path = folder / "report"
    made = Request("201-202-0mywpiww0", requested=NOW, expires=NOW + 60)
    recalling = policy.begin(made, 1, NOW)

    def check(data: bytes) -> None:
        path.write_bytes(data)
        outcome = read_report(str(path))
        assert not (outcome.claimed and outcome.withdrawn)
        for restarted in (False, True):
            settled = settlement.settle(recalling, outcome, False, restarted, NOW + 1, Settings())
            if settled:
                assert rq.decode(rq.encode(settled), settled.id).state == settled.state

    counts(f"{fuzz(seeds('report'), check, many)} inputs")


def test_names_in_the_spool(folder: Path, counts: Callable[[str], None], many: int) -> None:
    """Any name in any folder of the spool: the rest goes on, and who asks is served."""
    spool = Spool(str(folder / "spool/busy_callback"))
    names = seeds("request")  # bytes of some shape
    places = ("requests", "ended", "recalls", "tmp", "corrupt")

    def check(data: bytes) -> None:
        name = data.replace(b"/", b"").replace(b"\0", b"")[:255]
        if name in {b"", b".", b".."}:
            return
        for some in (places, places[1:], places[:1]):
            bear(name, data, some)

    def bear(name: bytes, data: bytes, some: tuple[str, ...]) -> None:
        shutil.rmtree(spool.directory, ignore_errors=True)
        spool.prepare()
        for place in some:
            Path(os.fsdecode(spool.path(place, "").encode() + name)).write_bytes(data)
        # Before anything was set aside: the script that a caller waits for must bear it.
        assert spool.register("201", "202", rq.BUSY, "", Settings(), NOW)[0] == "REGISTERED"
        spool.sweep(NOW)
        spool.live()
        spool.ended()
        list(spool.corrupt())
        assert [request.caller for request in spool.live() if request.requested == NOW] == ["201"]

    ours = [
        b"201-202-0mywpiww0",
        b"203-202-zzzzzzzzz",
        b"-202-",
        b"203-202-\xc3\xa9",
        b"x" * 255,
        b"201-202-0mywpiww0.1",
    ]
    counts(f"{fuzz([*ours, *names], check, many // 5)} names")


def test_ami_frames(counts: Callable[[str], None], many: int) -> None:
    """Whatever the manager interface sends beside its answers: the next answer comes, or an error that is ours."""
    settings = Settings()
    with StandIn() as standin:
        standin.states = {"PJSIP/201": "NOT_INUSE"}
        settings.port = standin.port

        def check(data: bytes) -> None:
            events: queue.SimpleQueue[str] = queue.SimpleQueue()
            complaint = ""
            try:
                with Ami(settings, lambda name, headers: events.put(name)) as ami:
                    standin.say(data)
                    assert ami.device_state("PJSIP/201") in {0, 1}
            except AsteriskError as error:
                complaint = str(error)
            assert "\n" not in complaint

        # Each has its own deadlines inside: they are not nested in another.
        counts(f"{fuzz_without_deadline(seeds('ami'), check, many // 10)} inputs")


def fuzz_without_deadline(seeds: list[bytes], check: Callable[[bytes], None], examples: int) -> int:
    """Do as ``fuzz``, for a check that has deadlines of its own."""
    tried = [0]

    @tries(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(mutations(seeds))
    def run(data: bytes) -> None:
        tried[0] += 1
        check(data)

    for seed in seeds:
        check(seed)
    run()
    return tried[0] + len(seeds)


def test_a_request_that_is_not_ours_is_refused(counts: Callable[[str], None], many: int) -> None:
    """Decode takes only what encode can have written: whatever it takes it writes the same way again."""

    def check(data: bytes) -> None:
        try:
            request = rq.decode(data, "201-202-0mywpiww0")
        except CorruptRequestError:
            return
        assert rq.decode(rq.encode(request), request.id) == request

    counts(f"{fuzz(seeds('request'), check, many)} inputs")


def test_no_part_of_a_request_is_taken_for_the_whole() -> None:
    """Cut anywhere, a request's file is refused: what a file system may leave of it is never served."""
    for data in seeds("request")[1:4]:
        whole = data[: data.find(b"\nend\n") + 5]
        for length in range(len(whole)):
            with pytest.raises(CorruptRequestError):
                rq.decode(whole[:length], "201-202-0mywpiww0")
