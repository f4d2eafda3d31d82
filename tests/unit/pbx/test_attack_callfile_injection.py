"""Attack: a value that adds fields to a call file (an Application: System would run a shell command)."""

from __future__ import annotations

import pytest

from busy_callback.pbx.callfile import clean, compose
from busy_callback.request import Request
from busy_callback.settings import Settings
from tests.unit.test_policy import ask

from .test_callfile import CONTROL, DEVICES

HOSTILE = [
    "x\nApplication: System\nData: touch /tmp/owned",
    "x\r\nApplication: System",
    "x\x00y",
    "x\x0by",
    "x\x7f",
    "x\u2028y",
    "x\x85y",
    "201 # comment",
    "# comment",
    "201;comment",
    "é",
    " x",
    "x ",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_can_leave_its_line(value: str) -> None:
    """Control characters, comments' starts and what is not ASCII are refused."""
    with pytest.raises(ValueError, match="call file"):
        clean(value)


@pytest.mark.parametrize("value", [v for v in HOSTILE if v.strip() == v and v != "# comment"])
def test_no_field_of_a_call_file_takes_a_hostile_value(value: str) -> None:
    """Whatever part of the call file the value got into, no call file comes of it."""
    settings = Settings()
    settings.context = value
    with pytest.raises(ValueError, match="call file"):
        compose(ask("201", "202"), settings, DEVICES, "/r", CONTROL)
    with pytest.raises(ValueError, match="call file"):
        compose(ask("201", "202"), Settings(), (value, "PJSIP/202"), "/r", CONTROL)
    with pytest.raises(ValueError, match="call file"):
        compose(ask("201", "202", language=value), Settings(), DEVICES, "/r", CONTROL)


ODD = ["x\\", 'a" <911>', "${SHELL(id)}", "$[1/0]", "`id`", "x#y #z", "名" * 200, "a" * 200, "\u202eevil", ""]


@pytest.mark.parametrize("name", [*HOSTILE, *ODD])
def test_a_callees_name_is_made_harmless(name: str) -> None:
    """Whoever chose it: one line of the call file, of 60 characters, without what anybody takes for its own."""
    settings = Settings()
    settings.caller_id = "Back: {name} {name}"
    data = compose(ask("201", "202"), settings, DEVICES, "/r", CONTROL, name).decode()
    (line,) = (line for line in data.split("\n") if line.startswith("Setvar: BUSY_CALLBACK_NAME="))
    shown = line.partition("=")[2]
    assert data.count("\n") == compose(ask("201", "202"), settings, DEVICES, "/r", CONTROL).decode().count("\n")
    assert shown.isprintable()
    assert not set(shown.replace("\\;", "")) & set('"\\<>#$[]{}|^`;')
    assert len(shown) <= 62
    assert line == f"Setvar: BUSY_CALLBACK_NAME={shown.strip()}"


def test_a_line_that_asterisk_would_skip_is_refused() -> None:
    """A line over 1022 bytes would be skipped by Asterisk and the rest used: no such call file is written."""
    with pytest.raises(ValueError, match="1022"):
        compose(
            Request("201-202-0mwuxfur1", requested=1, expires=2), Settings(), ("A/" + "b" * 1100, "A/b"), "/r", CONTROL
        )
