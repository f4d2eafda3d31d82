"""What Asterisk answers, as the AGI reads it."""

from __future__ import annotations

import io
import itertools
import random
import re

import pytest
from asterisk.agi import AGI, AGIException

from busy_callback.conversation import Agi
from busy_callback.numbering import Numbers

ANSWERS = [
    "200 result=0",
    "200 result=1 (PJSIP/202|INUSE|)",
    "200 result=1 ()",
    "200 result=1 (a) b) c",
    "200 result=1 (half",
    "200 result=-1",
    "200 result=-1 (hangup)",
    "200 result=0 (hangup)",
    "200 result=0 endpos=4711",
    "200 result=0 (timeout) endpos=4711",
    "200 result=",
    "200",
    "510 Invalid or unknown command",
    "511 Command Not Permitted on a dead channel or intercept routine",
    "520-Invalid command syntax.  Proper usage follows:\n Usage: ANSWER\n520 End of proper usage.",
    "100 Trying",
]


def read(agi: type, answer: str) -> tuple[object, str]:
    """Return result and data that a class reads in an answer, or its error, and what it left unread."""
    stream = io.StringIO(f"\n{answer}\nnext")
    one = agi(stream, io.StringIO(), io.StringIO())
    try:
        found: object = one.get_result()["result"]
    except (AGIException, ValueError) as error:
        found = type(error)
    return found, stream.read()


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_read_as_pyst2_reads_it(answer: str) -> None:
    """Without its regular expressions, the result is the same, and so are the errors."""
    assert read(Agi, answer) == read(AGI, answer)


def test_so_is_whatever_a_channel_may_hold() -> None:
    """Any value in the brackets, seeded."""
    chance = random.Random(20261126)
    for _ in range(2000):
        value = "".join(chance.choice("ab |()=\\\"'%1é") for _ in range(chance.randrange(12)))
        answer = f"200 result=1 ({value})"
        assert read(Agi, answer) == read(AGI, answer), answer


@pytest.mark.parametrize("pattern", ["2XX", "_ZN", "[1-35]0", "2[02468]X", "[90]", "N[1-1]", "[1-3-5]"])
def test_a_pattern_holds_what_its_regular_expression_matches(pattern: str) -> None:
    """The one that others are given, as eventfilters are; the AGI compiles none."""
    numbers = Numbers((pattern,))
    every = ["".join(digits) for length in (1, 2, 3, 4) for digits in itertools.product("0123456789", repeat=length)]
    assert [number for number in every if number in numbers] == [n for n in every if re.fullmatch(numbers.regex, n)]
    assert numbers.listed(1000) == sorted(number for number in every if number in numbers)


@pytest.mark.parametrize("pattern", ["[5-1]", "[1-", "[1-]", "[]", "2]", "[a-c]", "2.", "X!", "", "_", "[1-3-]"])
def test_and_one_that_is_none_is_refused(pattern: str) -> None:
    """In a sentence, whatever is in its brackets."""
    with pytest.raises(ValueError, match="is not a pattern"):
        Numbers((pattern,))
