"""What doctor says at the edges: one cause is one fault, and what can't be seen is no fault at all."""

from __future__ import annotations

import os

import pytest

from busy_callback.errors import SettingsError
from busy_callback.setup import checks_machine
from busy_callback.setup.check import Check
from busy_callback.setup.doctor import examine
from busy_callback.setup.survey import Owner
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of root's are placed")


@pytest.fixture(autouse=True)
def _cron(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine has a cron is of no account."""
    monkeypatch.setattr(checks_machine, "_daemons", lambda names: ["cron"])


def examined(pbx: Pbx) -> dict[str, Check]:
    """Return the checks by their names."""
    return {check.name: check for check in examine(pbx.directories, str(pbx.conf), pbx.system)}


def test_before_the_install_there_is_one_thing_to_say(pbx: Pbx) -> None:
    """Whether Asterisk runs or not: that it is not installed, and how to see what install would do."""
    (check,) = examined(pbx).values()
    assert (check.ok, check.message) == (False, "it is not installed in this PBX")
    assert "install --dry-run" in check.cure


def test_an_asterisk_that_is_stopped_is_the_one_fault(pbx: Pbx) -> None:
    """Right after the install, too: nothing else is red, and what only a running Asterisk tells is not checked."""
    pbx.install("phones")
    (pbx.root / "bin" / "asterisk").write_text("#!/bin/sh\necho 'Unable to connect to remote asterisk' >&2; exit 1\n")
    checks = examined(pbx)
    assert [name for name, check in checks.items() if check.ok is False] == ["asterisk"]
    unknown = {name: check.message for name, check in checks.items() if check.ok is None}
    assert set(unknown.values()) == {"not checked: first asterisk must be well"}
    assert {"manager", "modules", "contexts", "offer", "probe", "prompts", "devices", "codes", "reach"} <= set(unknown)
    assert "installed just now" in checks["poller"].message


def test_who_may_not_look_is_told_that_and_nothing_of_asterisk(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user, one of Asterisk's group among them, gets one line: who can see, and with what."""
    pbx.install("phones")
    os.chown(pbx.directories.astspooldir, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("busy_callback.setup.survey._owner", lambda *_: Owner("asterisk", 12345, 12345))
    (check,) = examined(pbx).values()
    assert (check.ok, check.cure) == (False, "run: sudo busy-callback doctor")
    assert "can't see enough to tell: only root and asterisk can" in check.message


def test_settings_that_are_closed_to_who_asks(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be opened is not said to be wrong."""
    pbx.install("phones")

    def closed(path: str) -> None:
        raise SettingsError(f"{path}: can't be read") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("busy_callback.setup.doctor.load", closed)
    (check,) = examined(pbx).values()
    assert check.message.startswith("permission denied: ")
    assert check.cure == "run: sudo busy-callback doctor"
