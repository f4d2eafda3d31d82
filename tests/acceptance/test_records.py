"""Call records tell the truth: who called whom, whether they talked, for how long; and nothing of our own work."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from ..lab.oddphone import OddPhone
from ..lab.office import Office
from .conftest import OpenOffice, complaints, one_waits, waits_for

CDR = """\
[mappings]
Master.csv => ${CSV_QUOTE(${CDR(src)})},${CSV_QUOTE(${CDR(dst)})},${CSV_QUOTE(${CDR(dcontext)})},\
${CSV_QUOTE(${CDR(disposition)})},${CSV_QUOTE(${CDR(billsec)})},${CSV_QUOTE(${CDR(userfield)})}
"""
CEL = """\
[mappings]
Master.csv => ${CSV_QUOTE(${eventtype})},${CSV_QUOTE(${CHANNEL})},${CSV_QUOTE(${CHANNEL(userfield)})}
"""


class Record(NamedTuple):
    """A call detail record."""

    caller: str
    callee: str
    context: str
    disposition: str
    seconds: str
    mark: str


def files(unanswered: str) -> dict[str, str]:
    """Return the configuration of call records and call events."""
    return {
        "cdr.conf": f"[general]\nenable = yes\nunanswered = {unanswered}\n",
        "cdr_custom.conf": CDR,
        "cel.conf": "[general]\nenable = yes\napps = all\nevents = ALL\n",
        "cel_custom.conf": CEL,
    }


def rows(path: Path) -> list[list[str]]:
    """Return the lines of a csv file."""
    return list(csv.reader(path.read_text().splitlines())) if path.exists() else []


def records(office: Office) -> list[Record]:
    """Return the call records, the latest last, but for those of *66 and of the calls that keep 202 busy."""
    found = [Record(*row) for row in rows(office.asterisk.log_file("cdr-custom/Master.csv"))]
    return [record for record in found if {record.caller, record.callee} != {"202", "203"}]


def until_recorded(office: Office, count: int) -> list[Record]:
    """Wait until there are as many records, and return them."""
    deadline = time.monotonic() + 15
    while len(records(office)) < count:
        assert time.monotonic() < deadline, records(office)
        time.sleep(0.02)  # a file grows; nothing tells when
    return records(office)


@pytest.mark.parametrize("unanswered", ["no", "yes"])
def test_a_recall_makes_one_record(open_office: OpenOffice, unanswered: str) -> None:
    """From 201 to 202 in the phones' context, answered, with the seconds that they talked: not those of the ringing.

    None with the two swapped, and none of the poller's own channels, unanswered = yes or not.
    """
    office, a, b, _c = one_waits(open_office, files=files(unanswered))
    before = len(until_recorded(office, 2))
    b.hang_up()
    a.answer()
    b.ring()
    time.sleep(2)  # it rings: longer than a record is imprecise
    begun = time.monotonic()
    b.accept()
    b.established()
    a.wait_until_tone(b.tone)
    a.hang_up()
    b.closed()
    talked = time.monotonic() - begun
    office.until_logged("completed: 201 and 202 talked")
    (record,) = until_recorded(office, before + 1)[before:]
    assert record[:4] == ("201", "202", "from-internal", "ANSWERED")
    assert int(record.seconds) <= talked
    assert complaints(office) == []


@pytest.mark.parametrize("unanswered", ["no", "yes"])
def test_a_recall_that_nobody_answers_makes_none(open_office: OpenOffice, unanswered: str) -> None:
    """201 lets the recall ring: nobody called 202, so there is no record."""
    office, a, b, _c = one_waits(open_office, files=files(unanswered), settings={"attempts": "1"})
    before = until_recorded(office, 2)
    b.hang_up()
    a.ring()
    office.until_logged("failed: 201 did not answer")
    office.wait_idle("201")
    assert records(office) == before


def test_a_recall_that_the_callee_refuses_is_recorded_as_such(open_office: OpenOffice) -> None:
    """202 declines: one record from 201 to 202, not answered, of no seconds, as of any call that is declined."""
    office = open_office("201", more=("202",), files=files("no"))
    (a,) = office.phones.values()
    b = OddPhone("202", office.asterisk.sip_port, "486 Busy Here")
    office.wait_idle("202")
    office.watch()
    waits_for(office, "201", "202")
    a.answer()
    office.until_logged("failed: 202 refused the call")
    a.hang_up()
    a.closed()
    (record,) = until_recorded(office, 1)
    assert record == ("201", "202", "from-internal", "BUSY", "0", "")
    b.close()


def test_the_offer_is_marked(open_office: OpenOffice) -> None:
    """The prompt answers the busy call, which makes a record of its own: its userfield says so, in CEL too."""
    office, _a, _b, _c = one_waits(open_office, files=files("no"))
    busy, prompt = until_recorded(office, 2)
    assert busy == ("201", "202", "from-internal", "BUSY", "0", "")
    assert (prompt.disposition, prompt.mark) == ("ANSWERED", "busy-callback")
    events = [row for row in rows(office.asterisk.log_file("cel-custom/Master.csv")) if "/201-" in row[1]]
    assert [mark for kind, _channel, mark in events if kind == "HANGUP"] == ["busy-callback"]


def test_where_there_are_no_records_nothing_is_amiss(open_office: OpenOffice) -> None:
    """cdr.conf says enable = no: the flow works, and Asterisk does not complain."""
    office, a, b, _c = one_waits(open_office, files={"cdr.conf": "[general]\nenable = no\n"})
    b.hang_up()
    a.answer()
    b.answer()
    a.hang_up()
    office.until_logged("completed: 201 and 202 talked")
    assert complaints(office) == []
