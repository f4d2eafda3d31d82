"""The network's ways to Asterisk's manager, IPv6 and TLS: a recall goes all of its way by each."""

from __future__ import annotations

import re
import socket

import pytest

from busy_callback.errors import AsteriskError
from busy_callback.pbx.ami import Ami

from ..lab.certificate import self_signed
from ..lab.office import MANAGER, SECRET, Office
from ..lab.ports import free_port
from .conftest import OpenOffice, complaints, let_wait
from .test_trial import tried

TLS = """
tlsenable = yes
tlsbindaddr = {address}:{port}
tlscertfile = {etc}/own.pem
tlsprivatekey = {etc}/own.pem
"""


def listen(office: Office, general: str, host: str, port: int, tls: bool = False) -> None:
    """Let the manager listen elsewhere too, and our user come from there, as the settings say."""
    etc = office.asterisk.folder / "etc"
    manager = etc / "manager.conf"
    manager.write_text(manager.read_text().replace("bindaddr = 127.0.0.1\n", general))
    permit = f"permit = {host}/{128 if ':' in host else '255.255.255.255'}"
    office.asterisk.configure("manager_busy_callback.conf", re.sub(r"permit = .*", permit, MANAGER))
    text = f"[general]\nguard_time = 0\n[manager]\nhost = {host}\nport = {port}\nsecret = {SECRET}\n"
    office.asterisk.configure("busy_callback.conf", text + ("tls = yes\n" if tls else ""))
    office.asterisk.console("manager reload")


def recalled(office: Office) -> None:
    """See that 201 is called back by 202, and that Asterisk complains of nothing."""
    a, b, _ = let_wait(office)
    b.hang_up()
    assert a.ring().caller_id == "ReDial 202 <202>"
    a.accept()
    b.answer()
    a.wait_until_tone(b.tone)
    assert office.command("poll").returncode == 0
    assert complaints(office) == []


def no_ipv6() -> bool:
    """Tell whether this machine lacks IPv6's own address of itself."""
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return True
    return False


@pytest.mark.skipif(no_ipv6(), reason="this machine has no IPv6")
def test_a_manager_that_listens_on_ipv6_alone(open_office: OpenOffice) -> None:
    """With host = ::1 a recall works; our user, whom only ::1 is allowed, is refused where it comes from elsewhere."""
    office = open_office()
    port = office.asterisk.manager_port
    listen(office, "bindaddr = ::1\n", "::1", port)
    recalled(office)


def test_a_manager_by_tls(open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tls = yes trial and recall work, though nobody but Asterisk itself has signed its certificate."""
    office = open_office()
    etc, port = office.asterisk.folder / "etc", free_port()
    self_signed(etc / "own.pem", "pbx")
    tls = TLS.format(etc=etc, address="127.0.0.1", port=port)
    listen(office, f"bindaddr = 127.0.0.1\n{tls}", "127.0.0.1", port, tls=True)
    recalled(office)
    assert [check for check in tried(office, monkeypatch) if not check.ok] == []


def test_tls_where_there_is_none_and_none_where_there_is(
    open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that does not speak as tls says is told in a sentence that names the setting."""
    monkeypatch.setattr("busy_callback.pbx.ami_session.ANSWER_TIME", 2.0)
    office = open_office("201")
    etc, port = office.asterisk.folder / "etc", free_port()
    self_signed(etc / "own.pem", "pbx")
    tls = TLS.format(etc=etc, address="127.0.0.1", port=port)
    listen(office, f"bindaddr = 127.0.0.1\n{tls}", "127.0.0.1", office.asterisk.manager_port, tls=True)
    with pytest.raises(AsteriskError, match="tls"), Ami(office.settings):
        pass
    settings = office.settings
    settings.port, settings.tls = port, False
    with pytest.raises(AsteriskError, match="tls"), Ami(settings):
        pass
