"""The manager interface's questions, against a stand-in."""

from __future__ import annotations

import pytest

from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami import MANY, Ami
from busy_callback.policy import INUSE, INVALID, NOT_INUSE
from busy_callback.settings import Settings
from tests.lab.standin import StandIn


def test_many_states_are_asked_for_at_once() -> None:
    """More devices than go into one message: each has its own state, and each was asked for once."""
    devices = [f"PJSIP/{number}" for number in range(1000, 1000 + 2 * MANY + 7)]
    with StandIn() as standin:
        standin.states = {device: "INUSE" if device.endswith("7") else "NOT_INUSE" for device in devices}
        settings = Settings()
        settings.port = standin.port
        with Ami(settings) as ami:
            states = ami.device_states(devices)
    assert states == {device: INUSE if device.endswith("7") else NOT_INUSE for device in devices}
    assert sum(action["Action"] == "Getvar" for action in standin.actions) == len(devices)


def test_an_extensions_devices_come_with_their_states() -> None:
    """By the setting auto: PJSIP's where there is such an endpoint, else SIP's."""
    with StandIn() as standin:
        standin.states = {"PJSIP/201": "INUSE", "SIP/202": "NOT_INUSE"}
        settings = Settings()
        settings.port = standin.port
        with Ami(settings) as ami:
            found = ami.survey(["201", "202", "203"])
    assert found == {"201": {"PJSIP/201": INUSE}, "202": {"SIP/202": NOT_INUSE}, "203": {"SIP/203": INVALID}}


def test_a_set_dial_string_is_the_extensions_device() -> None:
    """Device = decides, whatever else there is."""
    with StandIn() as standin:
        standin.states = {"PJSIP/201": "INUSE", "IAX2/201": "NOT_INUSE"}
        settings = Settings()
        settings.port, settings.device = standin.port, "IAX2/{ext}"
        with Ami(settings) as ami:
            assert ami.survey(["201"]) == {"201": {"IAX2/201": NOT_INUSE}}


def test_named_devices_count_before_the_rest() -> None:
    """[devices] names one or several for an extension; the others are found as ever, each state asked for once."""
    with StandIn() as standin:
        standin.states = {"PJSIP/anna": "INUSE", "SIP/anna-mobile": "NOT_INUSE", "PJSIP/202": "NOT_INUSE"}
        settings = Settings()
        settings.port = standin.port
        settings.devices = {"201": "PJSIP/anna&SIP/anna-mobile", "299": "PJSIP/anna"}
        with Ami(settings) as ami:
            found = ami.survey(["202", "201", "299"])
    assert found == {
        "202": {"PJSIP/202": NOT_INUSE},
        "201": {"PJSIP/anna": INUSE, "SIP/anna-mobile": NOT_INUSE},
        "299": {"PJSIP/anna": INUSE},
    }
    assert sum(action["Action"] == "Getvar" for action in standin.actions) == 3


def test_a_state_that_is_none_is_an_error() -> None:
    """As where func_devstate is not loaded: never taken for a state."""
    with StandIn() as standin:
        standin.states = {"PJSIP/201": ""}
        settings = Settings()
        settings.port = standin.port
        with pytest.raises(AsteriskError, match=r"func_devstate\.so"), Ami(settings) as ami:
            ami.device_state("PJSIP/201")
