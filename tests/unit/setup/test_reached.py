"""Which Dial rings whose phone, and which devices an extension has."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.setup.device_settings import dial_string, named, unnameable
from busy_callback.setup.phones import Phone
from busy_callback.setup.reached import Reached, find, number_expression
from tests.unit.setup.test_extensions import dialplan


def reached(folder: Path, text: str, *phones: str, context: str = "phones") -> Reached:
    """Return what is reached; a phone is a device, with the number that it shows behind a space."""
    found = []
    for phone in phones:
        device, _, number = phone.partition(" ")
        technology, _, name = device.partition("/")
        found.append(Phone(technology, name, context, number))
    return find(dialplan(folder, f"[phones]\n{text}"), found)


@pytest.mark.parametrize(
    ("text", "phones", "devices"),
    [
        ("exten => _2XX,1,Dial(PJSIP/${EXTEN})", ("PJSIP/201", "PJSIP/202"), {"201": "PJSIP/201", "202": "PJSIP/202"}),
        ("exten => 201,1,Dial(PJSIP/anna)", ("PJSIP/anna", "PJSIP/bert"), {"201": "PJSIP/anna"}),
        ("exten => _2XX,1,Dial(pjsip/${EXTEN}-desk)", ("PJSIP/201-desk",), {"201": "PJSIP/201-desk"}),
        ("exten => _2XX,1,Dial(PJSIP/${DB(p/${EXTEN})})", ("PJSIP/anna 201",), {"201": "PJSIP/anna"}),
        ("exten => 201,1,Hangup()", ("PJSIP/anna 201", "SIP/m 201"), {"201": "PJSIP/anna&SIP/m"}),
        ("exten => 201,1,Dial(PJSIP/201&PJSIP/m)", ("PJSIP/201", "PJSIP/m"), {"201": "PJSIP/201&PJSIP/m"}),
        ("exten => 201,1,Dial(PJSIP/${EXTEN}${OPTIONS})", ("PJSIP/201",), {"201": "PJSIP/201"}),
        ("exten => 201,1,Dial(DAHDI/3)", ("PJSIP/202",), {"201": "DAHDI/3", "202": "PJSIP/202"}),
        ("exten => 201,1,Dial(DAHDI/g0)", ("PJSIP/202",), {"202": "PJSIP/202"}),
        ("exten => 900,1,Dial(PJSIP/201)", ("PJSIP/201",), {"201": "PJSIP/201", "900": "PJSIP/201"}),
    ],
)
def test_an_extensions_devices_are_found(
    tmp_path: Path, text: str, phones: tuple[str, ...], devices: dict[str, str]
) -> None:
    """By the number, by a name, by caller ID; several; whose name nobody lists; the one that is named so first."""
    found = reached(tmp_path, f"{text}\n", *phones)
    assert list(found.devices.items()) == list(devices.items())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("exten => 300,1,Dial(PJSIP/201&PJSIP/202)", "a group"),
        ("exten => 201,1,Dial(PJSIP/202)", "rings PJSIP/202 for 201, whose own phone is PJSIP/201"),
        ("exten => _3XX,1,Dial(PJSIP/201)\nexten => 301,hint,Custom:x", "for every number of _3XX"),
    ],
)
def test_a_dial_that_rings_others_is_passed_by_and_told(tmp_path: Path, text: str, why: str) -> None:
    """A group, another's phone, one phone for all numbers: no offer belongs there, and the reason is known."""
    found = reached(tmp_path, f"{text}\n", "PJSIP/201", "PJSIP/202")
    assert found.reaches == []
    assert [why in passed.why for passed in found.passed] == [True]
    assert found.devices == {"201": "PJSIP/201", "202": "PJSIP/202"}


def test_a_group_of_phones_with_names_is_one(tmp_path: Path) -> None:
    """Whom other numbers ring alone, several at once are a group."""
    text = "exten => 201,1,Dial(SIP/a)\nexten => 202,1,Dial(SIP/b)\nexten => 200,1,Dial(SIP/a&SIP/b)\n"
    found = reached(tmp_path, text, "SIP/a", "SIP/b")
    assert found.devices == {"201": "SIP/a", "202": "SIP/b"}
    assert [passed.step.extension for passed in found.passed] == ["200"]


@pytest.mark.parametrize(
    "text",
    [
        "exten => _NXXNXXXXXX,1,Dial(IAX2/${EXTEN})",
        "exten => _9.,1,Dial(PJSIP/${EXTEN:1}@trunk)",
        "exten => _9.,1,Dial(SIP/trunk/${EXTEN:1})",
        "exten => _0X.,1,Dial(${TRUNK}/${EXTEN})",
        "exten => 500,1,Dial(IAX2/guest@pbx.example.com/s@default)",
        "exten => 1236,1,Dial(Console/dsp)",
    ],
)
def test_a_trunk_is_nobodys_phone(tmp_path: Path, text: str) -> None:
    """Neither that of a tutorial nor that of the stock files."""
    found = reached(tmp_path, f"{text}\n", "PJSIP/201", "PJSIP/trunk")
    assert (found.reaches, found.devices) == ([], {"201": "PJSIP/201"})


def test_demonstration_hints_are_no_phones(tmp_path: Path) -> None:
    """A hint names a device that may not be there: only what is loaded is a phone."""
    text = "exten => 1000,hint,SIP/1000\nexten => 1000,1,Dial(${HINT(${EXTEN}@phones)})\n"
    assert reached(tmp_path, text, "PJSIP/201").devices == {"201": "PJSIP/201"}


def test_without_a_list_of_phones_the_form_counts(tmp_path: Path) -> None:
    """Of phones in a database: extension and device are one number; a context is told, not what it includes."""
    text = "include => in\n[in]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\nexten => _NXXNXXXXXX,1,Dial(IAX2/${EXTEN})\n"
    found = reached(tmp_path, text)
    assert {reach.step.extension for reach in found.reaches} == {"_2XX"}
    assert found.contexts == ["phones"]
    assert [number[0] + "X" * len(number[1:]) for number in found.devices] == ["2XX"]


def test_where_phones_calls_begin(tmp_path: Path) -> None:
    """The contexts of phones that have an extension, that of most first; nothing that a trunk alone reaches."""
    found = find(
        dialplan(
            tmp_path,
            "[office]\nexten => _2XX,1,Dial(SIP/${EXTEN})\n[shop]\ninclude => office\n"
            "[in]\nexten => 3000,1,Dial(SIP/201)\n",
        ),
        [
            Phone("SIP", "201", "shop"),
            Phone("SIP", "202", "office"),
            Phone("SIP", "203", "office"),
            Phone("SIP", "trunk", "in"),
        ],
    )
    assert found.contexts == ["office", "shop"]
    assert list(found.devices) == ["201", "202", "203"]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("exten => _2XX,1,Dial(SIP/${EXTEN})", "${EXTEN}"),
        ("exten => _2XX,1,Gosub(s,1(x,${EXTEN}))\nexten => s,1,Dial(SIP/${ARG2})", "${ARG2}"),
        ("exten => 201,1,Macro(m,SIP/201)\n[macro-m]\nexten => s,1,Dial(${ARG1})", "${MACRO_EXTEN}"),
        ("exten => _2XX,1,Set(WHO=${EXTEN})\n same => n,Goto(s,1)\nexten => s,1,Dial(SIP/${WHO})", "${WHO}"),
        ("exten => 201,1,Goto(s,1)\nexten => s,1,Dial(SIP/201)", ""),
        ("exten => 201,1,Gosub(s,1(SIP/201,201))\nexten => 202,1,Gosub(s,1(SIP/202))\nexten => s,1,Dial(${ARG1})", ""),
    ],
)
def test_the_number_dialled_is_found_where_a_dial_stands(tmp_path: Path, text: str, expression: str) -> None:
    """EXTEN, an argument, the macro's, a variable: what has it whoever comes there; or nothing has."""
    found = reached(tmp_path, f"{text}\n", "SIP/201", "SIP/202")
    assert found.reaches
    assert number_expression(found.reaches) == expression


@pytest.mark.parametrize(
    ("devices", "setting", "others"),
    [
        ({"201": "PJSIP/201", "202": "PJSIP/202"}, "PJSIP/{ext}", {}),
        ({"201": "PJSIP/201", "202": "SIP/202"}, "auto", {}),
        ({"201": "SIP/201-desk", "202": "SIP/202-desk", "203": "SIP/c"}, "SIP/{ext}-desk", {"203": "SIP/c"}),
        ({"201": "PJSIP/anna", "202": "PJSIP/b"}, "auto", {"201": "PJSIP/anna", "202": "PJSIP/b"}),
        ({"201": "PJSIP/201&SIP/m"}, "auto", {"201": "PJSIP/201&SIP/m"}),
        ({"201": "SIP/201", "202": "SIP/202", "900": "SIP/201"}, "SIP/{ext}", {"201": "SIP/201", "900": "SIP/201"}),
        ({"12": "SIP/1212", "13": "SIP/x"}, "auto", {"12": "SIP/1212", "13": "SIP/x"}),
        ({}, "auto", {}),
    ],
)
def test_the_settings_tell_the_devices(devices: dict[str, str], setting: str, others: dict[str, str]) -> None:
    """One dial string for most, a line of [devices] for each other; of a shared device its own extension first."""
    assert dial_string(devices) == setting
    assert list(named(devices, setting).items()) == list(others.items())


def test_a_device_that_cannot_be_written_down_is_told() -> None:
    """A name with a blank, a comma or a semicolon never reaches the settings."""
    devices = {"201": "SIP/a b", "202": "SIP/x,y", "203": "SIP/ok"}
    assert named(devices, "auto") == {"203": "SIP/ok"}
    assert unnameable(devices) == ["201", "202"]
