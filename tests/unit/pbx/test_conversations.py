"""Who is connected with whom, by what Asterisk tells of each bridge."""

from __future__ import annotations

import pytest

from busy_callback.pbx.ami import Ami
from busy_callback.pbx.conversations import are_connected
from busy_callback.settings import Settings
from tests.lab.standin import StandIn

A, B, C = "PJSIP/201-00000001", "PJSIP/202-00000002", "PJSIP/203-00000003"
LEG = "Local/202@from-queue-00000004;{}"
CROWD = [f"PJSIP/3{number:02}-000000ff" for number in range(30)]


def connected(bridge_peers: dict[str, str]) -> bool:
    """Tell whether 201 and 202 are connected where each of these channels has that BRIDGEPEER."""
    with StandIn() as standin:
        standin.bridge_peers = bridge_peers
        settings = Settings()
        settings.port = standin.port
        with Ami(settings) as ami:
            return are_connected(ami, ["PJSIP/201"], ["SIP/202", "PJSIP/202"])


@pytest.mark.parametrize(
    "bridge_peers",
    [
        {A: B, B: A},
        {A: LEG.format(1), LEG.format(1): A, LEG.format(2): B, B: LEG.format(2)},
        {A: f"{B},{C}", B: f"{A},{C}", C: f"{A},{B}"},
        {A: "Local/*97 odd!@x-1;1", "Local/*97": A, B: A} | {A: B},
    ],
    ids=["direct", "local", "conference", "odd-name"],
)
def test_whoever_shares_a_bridge_is_connected(bridge_peers: dict[str, str]) -> None:
    """In one bridge, or in two that a Local channel joins; a channel of an odd name is passed over."""
    assert connected(bridge_peers)


@pytest.mark.parametrize(
    "bridge_peers",
    [
        {},
        {A: C, C: A},
        {A: C, C: A, B: ""},
        {A: LEG.format(1), LEG.format(1): A, LEG.format(2): "", B: ""},
        {A: "PJSIP/202-000000aa", B: C, C: B},
        {A: C, C: B, B: C},
        {"PJSIP/2011-00000001": B, B: "PJSIP/2011-00000001"},
    ],
    ids=["nobody", "no-channel", "alone", "a-leg-that-rings", "gone", "left-behind", "another-extension"],
)
def test_whoever_does_not_is_not(bridge_peers: dict[str, str]) -> None:
    """A leg that only rings, one who is gone, one who was left behind in a bridge and still lists who went."""
    assert not connected(bridge_peers)


def test_a_conference_lists_its_first_ten() -> None:
    """In a conference of thirty the two are connected though no list names either: they name the same ten."""
    first = CROWD[:11]
    peers = {name: ",".join(other for other in first if other != name) for name in first}
    peers.update((name, ",".join(first[:10])) for name in [*CROWD[11:], A, B])
    assert connected(peers)
