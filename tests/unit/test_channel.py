"""Whose phone a channel is, by each setting of ``device``, and what is asked for that."""

from __future__ import annotations

import pytest

from busy_callback.channel import Channel
from busy_callback.numbering import NumberingPlan
from busy_callback.settings import Settings

from .agi_call import Asterisk


def caller(channel: str, device: str = "auto", caller_id: str = "", plan: str = "", **values: str) -> str:
    """Return whose phone it is; in ``values`` a function's name may have ``:`` for the brackets: ``HINT:201@ctx``."""
    settings = Settings()
    settings.device = device
    settings.extensions = NumberingPlan(tuple(plan.split()))
    held = {f"{k.replace(':', '(', 1)})" if ":" in k else k: v for k, v in values.items()}
    return Channel(Asterisk(channel, held, caller_id)).caller(settings)


@pytest.mark.parametrize(
    ("device", "channel", "number"),
    [
        ("auto", "PJSIP/201", "201"),
        ("auto", "SIP/201", "201"),
        ("auto", "IAX2/201", ""),
        ("auto", "PJSIP/anna", ""),
        ("auto", "PJSIP/1234567", ""),
        ("PJSIP/{ext}", "PJSIP/201", "201"),
        ("PJSIP/{ext}", "SIP/201", ""),
        ("PJSIP/{ext}-desk", "PJSIP/201-desk", "201"),
        ("PJSIP/{ext}-desk", "PJSIP/201", ""),
        ("PJSIP/desk.{ext}", "PJSIP/desk.201", "201"),
        ("PJSIP/desk.{ext}", "PJSIP/deskX201", ""),
        ("IAX2/{ext}", "IAX2/201", "201"),
        ("PJSIP/2{ext}2", "PJSIP/2", ""),
    ],
)
def test_the_setting_is_read_backwards(device: str, channel: str, number: str) -> None:
    """PJSIP/201-0000001a is 201 by PJSIP/{ext}; whatever the caller ID says."""
    assert caller(channel, device, caller_id="202") == number


def test_an_endpoints_own_variable_comes_first() -> None:
    """set_var of PJSIP, setvar of chan_sip: an endpoint of any name, or of another extension's, is the one's named."""
    values = {"BUSY_CALLBACK_FROM": "201"}
    pjsip = {**values, "AST_SORCERY:res_pjsip,endpoint,anna,BUSY_CALLBACK_FROM": "201"}
    sip = {**values, "SIPPEER:anna,chanvar[BUSY_CALLBACK_FROM]": "201"}
    assert caller("PJSIP/anna", **pjsip) == "201"
    assert caller("SIP/anna", **sip) == "201"
    assert caller("PJSIP/anna", plan="3XX", **pjsip) == ""
    both = {**values, "AST_SORCERY:res_pjsip,endpoint,305,BUSY_CALLBACK_FROM": "201"}
    assert caller("PJSIP/305", **both) == "201"


def test_a_hints_devices() -> None:
    """By hint@CONTEXT the caller is whose hint has the device; the numbers of the plan are looked through."""
    values = {"HINT:202@phones": "PJSIP/bob", "HINT:201@phones": "PJSIP/x&PJSIP/anna&Custom:DND201,CustomPresence:201"}
    assert caller("PJSIP/anna", "hint@phones", "0912345678", "2XX 3XXX", **values) == ""  # 1,100 numbers are too many
    assert caller("PJSIP/anna", "hint@phones", "0912345678", "2XX 30XX", **values) == "201"
    assert caller("PJSIP/bob", "hint@phones", "201", "2XX", **values) == "202"
    assert caller("PJSIP/trunk", "hint@phones", "201", "2XX", **values) == ""
    assert caller("PJSIP/anna", "hint@phones", "201", **values) == "201"  # any number: the caller ID's hint has it
    assert caller("PJSIP/anna", "hint@phones", "202", **values) == ""


def test_of_a_device_in_two_hints_the_caller_id_decides() -> None:
    """A phone with two lines presents the one that it uses."""
    values = {"HINT:201@phones": "PJSIP/anna", "HINT:202@phones": "PJSIP/anna"}
    assert caller("PJSIP/anna", "hint@phones", "202", "2XX", **values) == "202"
    assert caller("PJSIP/anna", "hint@phones", "", "2XX", **values) == "201"


def test_many_hints_are_asked_for_at_once() -> None:
    """A plan of a hundred numbers costs a question or two, not a hundred."""
    settings = Settings()
    settings.device = "hint@a-context-with-a-name-of-some-length"
    settings.extensions = NumberingPlan(("2XX",))
    asterisk = Asterisk("PJSIP/anna", {"HINT(299@a-context-with-a-name-of-some-length)": "PJSIP/anna"})
    assert Channel(asterisk).caller(settings) == "299"
    assert asterisk.questions < 5


def test_freepbx() -> None:
    """DEVICE/<name>/user, where DEVICE/<name>/dial is this device; else AMPUSER's or the caller ID's, if it is."""
    known = {"DB:DEVICE/5001/user": "201", "DB:DEVICE/5001/dial": "PJSIP/5001"}
    assert caller("PJSIP/5001", "freepbx", "+886212345678", **known) == "201"
    assert caller("SIP/5001", "freepbx", "201", **known) == ""
    analog = {"DB:AMPUSER/201/device": "201", "DB:DEVICE/201/dial": "DAHDI/7"}
    assert caller("DAHDI/7", "freepbx", "201", **analog) == "201"
    assert caller("DAHDI/7", "freepbx", "0912345678", AMPUSER="201", **analog) == "201"
    assert caller("DAHDI/8", "freepbx", "201", AMPUSER="201", **analog) == ""
    assert caller("PJSIP/trunk", "freepbx", "201", **known) == ""


def test_any_caller_on_trust() -> None:
    """With callers = any a number of the plan that a channel presents counts, but for a Local channel's."""
    settings = Settings()
    settings.callers = "any"
    for channel, caller_id, number in (
        ("PJSIP/trunk", "201", "201"),
        ("PJSIP/trunk", "+886212345678", ""),
        ("PJSIP/202", "201", "202"),
        ("Local/201@group", "201", ""),
    ):
        asterisk = Asterisk(channel, {}, caller_id)
        assert Channel(asterisk).caller(settings) == number


def test_our_own_recall_tells_its_caller() -> None:
    """Also between extensions of different lengths, for the callee is known."""
    channel = Channel(Asterisk("Local/rd2013002@custom-auto-redial"))
    assert [channel.recalled(callee) for callee in ("3002", "002", "201", "2013002")] == ["201", "2013", "", ""]
    assert Channel(Asterisk("Local/rd201202@other")).recalled("202") == ""


def test_an_extensions_devices() -> None:
    """As the poller has them: by the setting, PJSIP before SIP, FreePBX's database."""
    settings = Settings()
    values = {"DEVICE_STATE(PJSIP/202)": "INUSE", "DEVICE_STATE(SIP/202)": "INVALID", "DEVICE_STATE(SIP/203)": "BUSY"}
    values |= {"DEVICE_STATE(PJSIP/203)": "INVALID", "DEVICE_STATE(PJSIP/anna)": "ONHOLD"}
    values |= {"HINT(204@phones)": "PJSIP/anna", "DB(AMPUSER/205/device)": "9", "DB(DEVICE/9/dial)": "PJSIP/anna"}
    channel = Channel(Asterisk("PJSIP/201", values))
    assert channel.devices("202", settings) == {"PJSIP/202": "INUSE"}
    assert channel.devices("203", settings) == {"SIP/203": "BUSY"}
    settings.device = "hint@phones"
    assert channel.devices("204", settings) == {"PJSIP/anna": "ONHOLD"}
    assert channel.devices("202", settings) == {}
    settings.device = "freepbx"
    assert channel.devices("205", settings) == {"PJSIP/anna": "ONHOLD"}
    assert channel.devices("203", settings) == {"SIP/203": "BUSY"}


@pytest.mark.parametrize(
    ("device", "question"),
    [("PJSIP/anna", "PJSIP_ENDPOINT(anna,context)"), ("SIP/anna", "SIPPEER(anna,context)"), ("IAX2/anna", "")],
)
def test_where_a_devices_calls_begin(device: str, question: str) -> None:
    """The endpoint's or the peer's own context; of another technology nobody tells."""
    channel = Channel(Asterisk(device, {question: "sales"}))
    assert channel.context(device) == ("sales" if question else "")
