"""The AGI script, run as Asterisk runs it: a process with pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from busy_callback.agi import _offer
from busy_callback.policy import begin
from busy_callback.settings import Directories, Settings
from busy_callback.store.last_good_settings import keep
from busy_callback.store.offers import read_offers
from busy_callback.store.spool import Spool

from .agi_call import ANSWER, REPOSITORY, SCRIPT, Asterisk, environment, run, set_variables, status

OWN = "agi_channel: PJSIP/201-00000001\n\n"


def test_a_request_is_registered_with_the_callers_language(directories: Directories) -> None:
    """REGISTERED is told to the dialplan, and the watching poller is woken."""
    commands = run(directories, "201", "202")
    (request,) = Spool(directories.spool).live()
    assert commands == [
        'SET VARIABLE "BUSY_CALLBACK_STATUS" "REGISTERED"',
        f'EXEC UserEvent "BusyCallback,Status: REGISTERED,Request: {request.id}"',
    ]
    assert (request.caller, request.callee, request.kind, request.language) == ("201", "202", "busy", "zh")


def test_where_the_callers_calls_begin_is_written_down(directories: Directories) -> None:
    """As the endpoint of its channel, or of its phone in a recall, has it; on FreePBX it is the setting's."""
    values = {"PJSIP_ENDPOINT(201,context)": "sales", "DEVICE_STATE(PJSIP/201)": "NOT_INUSE"}
    recall = "agi_channel: Local/rd201202@custom-auto-redial-00000001;1\n\n"
    for head in ("", recall):
        run(directories, "201", "202", head=head, values=values)
        (request,) = Spool(directories.spool).live()
        assert request.context == "sales"
        Spool(directories.spool).cancel(request.id, "by a test", 1.8e9)
    Path(directories.conf).write_text("[general]\ndevice = freepbx\n")
    assert status(run(directories, "201", "202", values={**values, "DB(DEVICE/201/dial)": "PJSIP/201"})) == "REGISTERED"
    assert [request.context for request in Spool(directories.spool).live()] == [""]


def test_an_extension_that_was_taken_out_is_refused(directories: Directories) -> None:
    """not_callers and not_callees bind a registration too."""
    Path(directories.conf).write_text("[general]\nnot_callers = 203\nnot_callees = 204\n")
    assert [status(run(directories, *pair)) for pair in (("203", "202"), ("201", "204"), ("204", "203"))] == [
        "REFUSED",
        "REFUSED",
        "REGISTERED",
    ]


def test_a_phone_learns_whose_it_is_and_whom_it_called_last(directories: Directories) -> None:
    """The verb caller, for the feature codes; a last number that is none, or of before the upgrade, does no harm."""
    for row, found in (("202,no-reply", ("202", "no-reply")), ("202", ("202", "busy")), ("2;0,x", ("", "busy"))):
        commands = run(directories, "caller", values={"DB(busy-callback-last/201)": row}, head=OWN)
        assert set_variables(commands) == {
            "BUSY_CALLBACK_STATUS": "KNOWN",
            "BUSY_CALLBACK_FROM": "201",
            "BUSY_CALLBACK_TO": found[0],
            "BUSY_CALLBACK_KIND": found[1],
        }


def test_who_hid_in_the_call_hides_in_the_request_by_a_code(directories: Directories) -> None:
    """A row that says so hides the number of the channel that the code was dialled on; no other row does."""
    for row, hides in (("202,busy,restricted", True), ("202,busy,", False), ("202,busy,x", False), ("202", False)):
        commands = run(directories, "caller", values={"DB(busy-callback-last/201)": row}, head=OWN)
        assert ('SET VARIABLE "CALLERID(pres)" "prohib"' in commands) == hides
    head = OWN.replace("\n\n", "\nagi_callingpres: 35\n\n")
    values = {"DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-00000001"}
    commands = run(directories, "offer", "202", "BUSY", head=head, values=values)
    assert 'DATABASE PUT "busy-callback-last" "201" "202,busy,restricted"' in commands


def test_a_third_argument_names_the_kind(directories: Directories) -> None:
    """no-reply asks for completion on no reply."""
    run(directories, "201", "202", "no-reply")
    assert Spool(directories.spool).live()[0].kind == "no-reply"


@pytest.mark.parametrize(
    ("presentation", "hidden"),
    [
        ("0", False),
        ("3", False),
        ("32", True),
        ("35", True),
        ("67", False),
        ("", False),
        ("3x", False),
        ("9" * 5000, False),
    ],
)
def test_a_hidden_number_is_remembered(directories: Directories, presentation: str, hidden: bool) -> None:
    """By agi_callingpres (prohibited, not unavailable); who asks again is hidden or not as it then is."""
    head = "agi_channel: PJSIP/201-00000001\n"
    run(directories, "201", "202", head=f"{head}\n")
    run(directories, "201", "202", head=f"{head}agi_callingpres: {presentation}\n\n")
    assert Spool(directories.spool).live()[0].presentation == ("restricted" if hidden else "")


def test_the_same_again_is_a_duplicate_and_no_failure(directories: Directories) -> None:
    """DUPLICATE is a success to the caller: no failure prompt, no hang-up."""
    run(directories, "201", "202")
    commands = run(directories, "201", "202")
    assert status(commands) == "DUPLICATE"
    assert len(commands) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["201"],
        ["", "202"],
        ["201", ""],
        ["2o1", "202"],
        ["201&203", "202"],
        ["201", "2" * 40],
        ["201\n", "202"],
        ["201", "202\nApplication: System"],
        ["201", "201"],
        ["../201", "202"],
        ["201", "202", "sometimes"],
        ["201", "202", "busy", "more"],
        ["${SHELL(id)}", "202"],
    ],
)
def test_bad_arguments_are_refused(directories: Directories, arguments: list[str]) -> None:
    """REFUSED: one log line, the failure prompt, hung up, and nothing in the spool."""
    commands = run(directories, *arguments)
    assert status(commands) == "REFUSED"
    assert commands[1].startswith('EXEC Log "WARNING,busy_callback.py: REFUSED: ')
    assert commands[2:] == ["ANSWER", 'STREAM FILE busy-callback-failed "" 0', "HANGUP"]
    assert not Path(directories.spool).exists() or Spool(directories.spool).live() == []


def test_a_number_outside_the_plan_is_refused(directories: Directories) -> None:
    """The numbering plan of busy_callback.conf decides."""
    Path(directories.conf).write_text("[general]\nextensions = 2XX\n")
    assert status(run(directories, "201", "302")) == "REFUSED"
    assert status(run(directories, "201", "202")) == "REGISTERED"


@pytest.fixture
def data(directories: Directories, tmp_path: Path) -> Path:
    """Asterisk's sounds, with Chinese prompts of ours, and German ones of others."""
    directories.astdatadir = str(tmp_path / "data")
    sounds = tmp_path / "data" / "sounds"
    for file in ("zh/busy-callback.ulaw", "de/hello.gsm"):
        (sounds / file).parent.mkdir(parents=True)
        (sounds / file).touch()
    return sounds


@pytest.mark.parametrize(
    ("language", "sounds"),
    [("zh", "zh/"), ("zh_TW", "zh/"), ("zh_Hant_TW", "zh/"), ("zh-TW", ""), ("de", ""), ("fr", "")],
)
def test_the_settings_language_goes_before_each_prompt(
    directories: Directories, data: Path, language: str, sounds: str
) -> None:
    """In what the dialplan plays, in what it is told to play, and in what the script plays itself.

    A language without prompts is each phone's own.
    """
    Path(directories.conf).write_text(f"[general]\nlanguage = {language}\n")
    assert set_variables(run(directories, "201", "202"))["BUSY_CALLBACK_SOUNDS"] == sounds
    assert f'STREAM FILE {sounds}busy-callback-failed "" 0' in run(directories, "201", "201")
    talks = {"DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-00000003"}
    told = set_variables(
        run(directories, "offer", "202", "BUSY", head="agi_channel: PJSIP/201-00000001\n\n", values=talks)
    )
    assert (told["BUSY_CALLBACK_SOUNDS"], told["BUSY_CALLBACK_PROMPT"]) == (sounds, f"{sounds}busy-callback")
    told = set_variables(run(directories, "offer", "202", "BUSY", head="agi_channel: PJSIP/trunk-00000001\n\n"))
    assert told["BUSY_CALLBACK_PROMPT"] == ""


def test_without_the_setting_nothing_is_said_of_it(directories: Directories, data: Path) -> None:
    """Each phone hears its own language, and the script says no more than it needs to."""
    for words in (("201", "202"), ("offer", "202", "BUSY"), ("cancel", "201")):
        assert "BUSY_CALLBACK_SOUNDS" not in set_variables(run(directories, *words))


def test_a_full_queue_is_told_and_hung_up(directories: Directories) -> None:
    """FULL: the caller hears that it did not work."""
    Path(directories.conf).write_text("[general]\nqueue_per_callee = 1\n")
    run(directories, "201", "202")
    commands = run(directories, "203", "202")
    assert status(commands) == "FULL"
    assert commands[-1] == "HANGUP"


def test_a_spool_that_cannot_be_used_is_an_error_that_the_caller_hears(directories: Directories) -> None:
    """ERROR: logged, failure prompt, hung up, so that nothing is confirmed that is not on disk."""
    Path(directories.spool).write_text("not a directory")
    commands = run(directories, "201", "202")
    assert status(commands) == "ERROR"
    assert commands[1].startswith('EXEC Log "ERROR,busy_callback.py: ERROR: ')
    assert commands[-1] == "HANGUP"


def test_a_bad_settings_file_is_an_error_that_names_the_line(directories: Directories) -> None:
    """A settings file with a mistake is told in Asterisk's log."""
    Path(directories.conf).write_text("[general]\nring_time = x\n")
    commands = run(directories, "201", "202")
    assert status(commands) == "ERROR"
    assert "busy_callback.conf:2: ring_time" in commands[1]


def test_a_mistake_in_the_settings_does_not_stop_the_service(directories: Directories, spool: Spool) -> None:
    """While busy_callback.conf has a mistake the last good settings serve, and the log says so."""
    Path(directories.conf).write_text("[general]\nextensions = 2XX\n")
    keep(directories.conf, spool)
    Path(directories.conf).write_text("[general]\nextensions = 2?X\n")
    commands = run(directories, "201", "202")
    assert commands[0].startswith('EXEC Log "ERROR,')
    assert "busy_callback.conf:2: extensions" in commands[0]
    assert status(commands[1:]) == "REGISTERED"
    assert status(run(directories, "201", "302")[1:]) == "REFUSED"


def test_the_caller_can_count(directories: Directories) -> None:
    """The verb count,FROM tells how many of the caller's requests are waiting."""
    run(directories, "201", "202")
    run(directories, "201", "203")
    commands = run(directories, "count", "201")
    assert status(commands) == "COUNTED"
    assert commands[1] == 'SET VARIABLE "BUSY_CALLBACK_COUNT" "2"'
    assert len(Spool(directories.spool).live()) == 2


def test_what_was_cancelled_and_still_rings_is_not_counted(directories: Directories) -> None:
    """Nor cancelled again; nobody waits for it any more."""
    run(directories, "201", "202")
    spool = Spool(directories.spool)
    (request,) = spool.live()
    assert spool.replace(request, begin(request, 1, 1.8e9))
    Path(spool.path("recalls", f"{request.id}.1")).write_text("claimed 17.1 Local/x;2\n")
    assert status(run(directories, "cancel", "201")) == "CANCELLED"
    assert len(spool.live()) == 1
    assert run(directories, "count", "201")[1] == 'SET VARIABLE "BUSY_CALLBACK_COUNT" "0"'
    assert status(run(directories, "cancel", "201")) == "NONE"


def minds_hangup(pid: int) -> bool:
    """Tell whether the process ignores or catches SIGHUP, whose bit is the first."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigIgn", "SigCgt"))]
    return any(mask & 1 for mask in masks)


def test_a_caller_who_hangs_up_is_registered_all_the_same(directories: Directories) -> None:
    """Asterisk's SIGHUP, and its silence afterwards, do not undo the request."""
    environ = {**os.environ, **environment(directories)}
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "201", "202"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as script:
        assert script.stdin is not None
        # The script reads its input only after its first statement has run: no signal can come too early.
        script.stdin.write(b"agi_channel: PJSIP/201-00000001\n")
        script.stdin.flush()
        while not minds_hangup(script.pid):
            pass
        script.send_signal(signal.SIGHUP)
        script.stdin.write(b"\n")
        script.stdin.close()
        script.wait()
    assert len(Spool(directories.spool).live()) == 1


def test_an_asterisk_that_is_gone_ends_the_script(directories: Directories) -> None:
    """End of input in place of an answer: the request is kept and the script ends."""
    assert run(directories, "201", "202", answers="") == ['SET VARIABLE "BUSY_CALLBACK_STATUS" "REGISTERED"']
    assert len(Spool(directories.spool).live()) == 1


def test_the_caller_can_cancel(directories: Directories) -> None:
    """cancel,FROM ends all of the caller's requests, cancel,FROM,TO the one; the count is told."""
    run(directories, "201", "202")
    run(directories, "201", "203")
    run(directories, "204", "203")
    commands = run(directories, "cancel", "201", "202")
    assert commands[:2] == [
        'SET VARIABLE "BUSY_CALLBACK_STATUS" "CANCELLED"',
        'SET VARIABLE "BUSY_CALLBACK_COUNT" "1"',
    ]
    assert status(run(directories, "cancel", "201")) == "CANCELLED"
    assert status(run(directories, "cancel", "201")) == "NONE"
    assert [r.caller for r in Spool(directories.spool).live()] == ["204"]
    assert status(run(directories, "cancel", "x")) == "REFUSED"


OURS = {
    f"busy_callback{name}"
    for name in (
        "",
        ".agi",
        ".channel",
        ".conversation",
        ".errors",
        ".numbering",
        ".request",
        ".setting_values",
        ".settings",
        ".store",
        ".store.durable",
        ".store.last_good_settings",
        ".store.spool",
    )
}
BUDGET = OURS | {"asterisk", "asterisk.agi", "fcntl", "time"}


def imported(directories: Directories, *words: str, path: Path | None = REPOSITORY) -> set[str]:
    """Return all modules that a start of Python without ``site`` imports to its end."""
    environ = environment(directories)
    done = subprocess.run(
        [sys.executable, "-S", "-X", "importtime", *words],
        input=f"agi_channel: PJSIP/201-00000001\n\n{ANSWER * 30}".encode(),
        capture_output=True,
        env={**environ, "PYTHONPATH": str(path)} if path else environ,
        timeout=30,
        check=True,
    )
    lines = [line.split("|") for line in done.stderr.decode().splitlines() if line.startswith("import time:")]
    return {columns[2].strip() for columns in lines}


def test_a_registration_imports_no_more_than_its_budget(directories: Directories) -> None:
    """What the AGI imports is the caller's waiting time: pyst2's AGI, not what that imports, and else our own."""
    Path(directories.conf).write_text("[general]\nring_time = 15\n")
    python = imported(directories, "-c", "import os, __future__")
    ours = imported(directories, str(SCRIPT), "201", "202")
    assert ours - python <= BUDGET
    assert not ours & {"site", "pprint", "six", "configparser", "re", "enum", "signal", "functools", "collections"}
    assert len(Spool(directories.spool).live()) == 1


def test_an_offer_imports_no_more_than_its_budget(directories: Directories) -> None:
    """As a registration, and what decides it."""
    ours = imported(directories, str(SCRIPT), "offer", "202", "BUSY") - imported(directories, str(SCRIPT), "201", "202")
    assert ours == {"busy_callback.offer", "busy_callback.store.offer_switch"}


def test_the_setting_language_costs_one_small_module(directories: Directories) -> None:
    """Who uses it waits for the look whether its prompts are there, and nothing else."""
    without = imported(directories, str(SCRIPT), "201", "202")
    Path(directories.conf).write_text("[general]\nlanguage = zh\n")
    assert imported(directories, str(SCRIPT), "201", "203") - without == {"busy_callback.prompts"}


@pytest.mark.parametrize("history_days", [30, 0])
def test_an_offer_is_counted(directories: Directories, spool: Spool, history_days: int) -> None:
    """A line for the statistics, which no caller waits for; without a history it has no numbers."""
    Path(directories.conf).write_text(f"[general]\nhistory_days = {history_days}\n")
    talks = {"DEVICE_STATE(PJSIP/202)": "INUSE", "CHANNELS(^PJSIP/202-)": "PJSIP/202-00000003"}
    said = run(directories, "offer", "202", "BUSY", head="agi_channel: PJSIP/201-00000001\n\n", values=talks)
    assert set_variables(said)["BUSY_CALLBACK_KIND"] == "busy"
    until = time.monotonic() + 30
    while not (offers := list(read_offers(spool.directory))):
        assert time.monotonic() < until
        time.sleep(0.01)  # a child of the script's writes it; nothing tells when
    numbers = ("201", "202") if history_days else ("", "")
    assert [(o.kind, o.caller, o.callee) for o in offers] == [("busy", *numbers)]


class _Quiet(Asterisk):
    """Has no verbose log."""

    def verbose(self, text: str, level: int) -> None:
        """Say nothing."""


def test_a_number_that_is_only_kept_is_no_offer(directories: Directories, spool: Spool) -> None:
    """Who gave up, or went on to voicemail, was asked nothing: the last number is kept, and nothing is counted."""
    for only in ([], ["keep"]):
        asterisk = _Quiet("PJSIP/201", {"DEVICE_STATE(PJSIP/202)": "NOT_INUSE"})
        counted = _offer(asterisk, ["202", "NOANSWER", *only], environment(directories), {})
        assert asterisk.commands == ['DATABASE PUT "busy-callback-last" "201" "202,no-reply"']
        assert (counted is None) == bool(only)


def test_what_is_not_offered_is_not_counted(directories: Directories, spool: Spool) -> None:
    """A callee that is free, a queue that is full, a call that was answered."""
    assert set_variables(run(directories, "offer", "202", "BUSY"))["BUSY_CALLBACK_PROMPT"] == ""
    run(directories, "offer", "202", "ANSWER")
    Path(directories.conf).write_text("[general]\nqueue_per_callee = 1\n")
    spool.register("203", "202", "busy", "", Settings(), 1.8e9)
    assert set_variables(run(directories, "offer", "202", "NOANSWER"))["BUSY_CALLBACK_KIND"] == ""
    assert list(read_offers(spool.directory)) == []


def test_a_script_that_cannot_start_costs_no_call(tmp_path: Path) -> None:
    """Its package is broken: who pressed 5 hears that there is no callback, who was to be asked goes on unasked."""
    broken = tmp_path / "busy_callback"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('half an upgrade')\n")
    said = {}
    for arguments in (("201", "202"), ("offer", "202", "BUSY")):
        done = subprocess.run(
            [sys.executable, "-S", str(SCRIPT), *arguments],
            input=OWN + ANSWER * 9,
            capture_output=True,
            text=True,
            timeout=30,
            env={"PYTHONPATH": str(tmp_path)},
            check=False,
        )
        said[arguments[0]] = [line.split()[0] for line in done.stdout.splitlines()]
    assert said == {"201": ["SET", "EXEC", "STREAM", "HANGUP"], "offer": ["EXEC"]}


def test_a_package_in_an_unusual_place_is_found(directories: Directories) -> None:
    """Where the script does not know the place, Python's own search has the last word."""
    assert "site" in imported(directories, str(SCRIPT), "201", "202", path=None)
    assert len(Spool(directories.spool).live()) == 1


def test_a_channel_that_is_gone_ends_the_script(directories: Directories) -> None:
    """Where Asterisk answers that it has hung up, nothing more is asked of it, and nothing is registered."""
    head = "agi_channel: PJSIP/trunk-00000001\n\n"
    commands = run(directories, "201", "202", head=head, answers="511 Command Not Permitted on a dead channel\n")
    assert commands == []
    assert not Path(directories.spool, "requests").exists()


def test_a_prompt_that_cannot_be_played_is_no_reason_to_stay(directories: Directories) -> None:
    """Who is refused is hung up all the same."""
    answers = ANSWER * 3 + "200 result=-1 endpos=0\n" + ANSWER
    commands = run(directories, "201", "201", answers=answers)
    assert [command.split()[0] for command in commands] == ["SET", "EXEC", "ANSWER", "STREAM", "HANGUP"]


def test_cancel_with_too_many_numbers_is_refused(directories: Directories) -> None:
    """And says what it takes."""
    commands = run(directories, "cancel", "201", "202", "203")
    assert status(commands) == "REFUSED"
    assert "cancel takes FROM or FROM" in commands[1]
