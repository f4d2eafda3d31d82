"""``busy-callback``, writing down when a watch asks for its turn and when its first look is over (for ``watch``)."""

from __future__ import annotations

import os
import time

from busy_callback.cli import main
from busy_callback.pbx.device_states import DeviceStates
from busy_callback.poller import Poller
from busy_callback.store.handover import PollerLock

_take, _look = PollerLock.take, Poller.look


def _note(what: str) -> None:
    with open(os.environ["BUSY_CALLBACK_TRACE"], "a", encoding="ascii") as file:
        file.write(f"{what} {time.monotonic()}\n")


def _noted_take(self: PollerLock) -> None:
    _note("asks")
    _take(self)
    _note("has")


def _noted_look(self: Poller, device_states: DeviceStates) -> float | None:
    look_again = _look(self, device_states)
    _note("looked")
    return look_again


PollerLock.take = _noted_take  # type: ignore[method-assign]
Poller.look = _noted_look  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
