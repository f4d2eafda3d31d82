"""Endpoints and peers: as a running Asterisk lists them, and as its files tell of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.setup.phones import Phone, loaded, on_disk
from tests.unit.setup.pbx import Pbx

ENDPOINTS = """\
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
==========================================================================================

 Endpoint:  anna/201                                             Not in use    0 of 1
        Aor:  anna                                               1
 Endpoint:  bert-desk                                            Unavailable   0 of inf
 Endpoint:  trunk/Anonymous                                      Unavailable   0 of inf

Objects found: 3
"""
PEERS = """\
Name/username             Host                                    Dyn Forcerport Comedia    ACL Port     Status
12                        (Unspecified)                            D  Auto (No)  No             0        Unmonitored
301/desk                  10.0.0.1                                 D  Auto (No)  No             5060     OK (3 ms)
2 sip peers [Monitored: 1 online, 0 offline Unmonitored: 0 online, 1 offline]
"""
IAX = """\
Name/Username    Host                                           Mask                     Port     Status
401              (null)                                   (D)  (null)                   (null)   Unmonitored
1 iax2 peers [0 online, 0 offline, 1 unmonitored]
"""


def test_asterisks_tables_are_read(pbx: Pbx) -> None:
    """Names, caller IDs' numbers, contexts, and who says busy; neither the head nor the foot of a table is a phone."""
    pbx.runs(
        pjsip_show_endpoints=ENDPOINTS,
        sip_show_peers=PEERS,
        iax2_show_peers=IAX,
        **{
            "pjsip show endpoint anna": ' context    : phones\n callerid  : "Anna" <201>\n',
            "pjsip show endpoint bert-desk": ' context  : phones\n callerid    : "Bert" <202>\n',
            "pjsip show endpoint trunk": " context   : outside\n callerid   : <unknown>\n",
            "sip show peer 12": '  Context      : office\n  Call limit   : 0\n  Callerid     : "" <>\n',
            "sip show peer 301": '  Context      : office\n  Call limit   : 2147483647\n  Callerid     : "C" <301>\n',
            "iax2 show peer 401": '  Context      : office\n  Callerid     : "D" <401>\n',
        },
    )
    assert list(loaded(pbx.survey().console, on_disk(pbx.etc))) == [
        Phone("PJSIP", "anna", "phones", "201", True),
        Phone("PJSIP", "bert-desk", "phones", "202", False),
        Phone("PJSIP", "trunk", "outside", "", False),
        Phone("SIP", "12", "office", "", False),
        Phone("SIP", "301", "office", "301", True),
        Phone("IAX2", "401", "office", "401", True),
    ]


def test_of_very_many_the_files_tell_the_rest(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not each of thousands is asked for one by one."""
    monkeypatch.setattr("busy_callback.setup.phones.DETAILS", 1)
    pbx.write("pjsip.conf", "[202]\ntype=endpoint\ncontext=office\n")
    found = list(loaded(pbx.survey().console, on_disk(pbx.etc)))
    assert [(phone.name, phone.context) for phone in found] == [("201", "phones"), ("202", "office"), ("trunk", "")]


def files(folder: Path, **texts: str) -> list[Phone]:
    """Return the phones of the files with these texts."""
    for name, text in texts.items():
        (folder / f"{name}.conf").write_text(text)
    return list(on_disk(folder))


def test_pjsips_endpoints_and_wizards_are_read(tmp_path: Path) -> None:
    """Endpoints with their templates, and wizards'; nothing that is none; the context is default unless named."""
    found = files(
        tmp_path,
        pjsip="[phone](!)\ntype=endpoint\ncontext=office\nlanguage=zh\n[201](phone)\ncallerid=Anna <201>\n"
        "device_state_busy_at=1\n[201]\ntype=aor\n[lonely]\ntype=endpoint\n",
        pjsip_wizard="[w](!)\ntype=wizard\nendpoint/context=shop\nendpoint/language=en\n"
        "[anna](w)\nendpoint/callerid=Anna <301>\n[x]\ntype=y\n",
    )
    assert found == [
        Phone("PJSIP", "201", "office", "201", True, "zh"),
        Phone("PJSIP", "lonely", "default", "", False),
        Phone("PJSIP", "anna", "shop", "301", True, "en"),
    ]


def test_peers_have_the_general_context_unless_they_name_their_own(tmp_path: Path) -> None:
    """[general] of sip.conf and iax.conf; users.conf counts where it says so, for itself or for all."""
    found = files(
        tmp_path,
        sip="[general]\ncontext=house\n[201]\ntype=friend\n[202]\ntype=peer\ncontext=office\n[in]\ntype=user\n",
        iax="[general]\n[401]\ntype=friend\n",
        users="[general]\nhassip=yes\n[301]\ncontext=shop\n[302]\nhassip=no\nhasiax=yes\n[t](!)\nhassip=yes\n",
    )
    assert [(phone.device, phone.context) for phone in found] == [
        ("SIP/201", "house"),
        ("SIP/202", "office"),
        ("SIP/301", "shop"),
        ("IAX2/401", "default"),
        ("IAX2/302", "default"),
    ]
    assert files(tmp_path / "none") == []
