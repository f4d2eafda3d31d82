"""Who is connected with whom: through queues, ring groups, transfers and conferences too.

Asterisk tells it of each bridge apart (BRIDGEPEER, main/bridge.c), and a Local channel joins two of them. The linked
id is no measure: members of a conference keep their own, and two who only rang for the same call share one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from busy_callback.pbx.ami import Ami

_LISTED = 10  # names that BRIDGEPEER has at most
_MOST = 200  # channels that are asked: a conference of all the house is no reason to be late


def are_connected(ami: Ami, some: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether a channel of some devices is connected with one of the others."""
    mine, theirs = ami.channels(some), ami.channels(others)
    peers: dict[str, set[str]] = {}
    new = mine | theirs if mine and theirs else set()
    while new and len(peers) < _MOST:
        listed = ami.of_channels("BRIDGEPEER", sorted(new)[:_MOST])
        peers.update((c, {*filter(None, listed.get(c, "").split(",")), *_other_half(c)}) for c in new)
        new = set().union(*peers.values()) - peers.keys()
    # From both sides: in a large conference neither may list the other, but both list the same.
    return not _reached(mine, peers).isdisjoint(_reached(theirs, peers))


def has_called(ami: Ami, some: Iterable[str], number: str) -> bool:
    """Tell whether a channel of some devices called a number of another PBX and was answered: all seen of it here.

    DIALEDPEERNUMBER is what the dialplan dialled (apps/app_dial.c): NUMBER@TRUNK or TRUNK/sip:NUMBER@HOST. The caller
    ID that a trunk brings would be whatever its far end claims.
    """
    dialled = ami.of_channels("DIALEDPEERNUMBER", ami.channels(some)).values()
    return any(re.search(rf"(?:^|[/:]){number}(?:@|$)", text) for text in dialled)


def _reached(channels: set[str], peers: dict[str, set[str]]) -> set[str]:
    """Return the channels that some are connected with, themselves included."""
    reached, ahead = set(channels), list(channels)
    while ahead:
        channel = ahead.pop()
        for peer in peers.get(channel, set()) - reached:
            # Whoever was left alone in a bridge still lists the one that has gone; that one does not list it.
            known = peers.get(peer, set())
            if channel in known or len(known) >= _LISTED:
                reached.add(peer)
                ahead.append(peer)
    return reached


def _other_half(channel: str) -> set[str]:
    """Return the other half of a Local channel; of any other channel nothing."""
    name, _, half = channel.rpartition(";")
    return {f"{name};{3 - int(half)}"} if name and half in {"1", "2"} else set()
