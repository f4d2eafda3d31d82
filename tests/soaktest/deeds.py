"""What people do and what breaks, on each occasion, with weights: the only place to change the soak's repertoire."""

from __future__ import annotations

import random

WEIGHTS: dict[str, dict[str, int]] = {
    # A phone is idle.
    "idle": {
        "call somebody": 60,
        "ask for the last one again": 8,
        "ask for somebody": 6,
        "cancel all": 6,
        "cancel one": 4,
        "ask how many wait": 3,
        # Begun before the ring, it may come to its end after it.
        "cancel one by command": 6,
    },
    # An ordinary call rings.
    "rung": {"answer": 70, "ignore": 15, "reject": 15},
    # The dialled number is busy or did not answer, and a prompt is heard.
    "offered": {
        "press 5": 75,
        "press 5 and hang up": 8,
        "press something else": 5,
        "hang up": 7,
        "listen": 5,
    },
    # A recall rings at its caller.
    "recalled": {
        "answer": 62,
        "answer and hang up": 8,
        "ignore": 15,
        "reject": 15,
        # And answer, if it rings on.
        "cancel by command": 12,
    },
    # A recall, whose caller has answered, rings at its callee.
    "rung by a recall": {
        "answer": 80,
        "ignore": 20,
        "reject": 20,
    },
    # Somebody is being recalled for a callee whose phone is idle.
    "free for a recall": {
        "wait": 80,
        "be taken": 20,
    },
    # Every few seconds, to a process.
    "process": {
        "kill the watch": 10,
        "stop the watch for a while": 8,
        "poll beside the watch": 6,
        "kill Asterisk": 5,
        "stop Asterisk for a while": 8,
        "shut Asterisk down": 2,
        "reload the dialplan": 3,
        "reload all of Asterisk": 3,
        "kill a script": 8,
        "stop a script for a while": 5,
    },
    # Every few seconds, to the disk.
    "disk": {
        "fill it": 10,
        "read-only between recalls": 8,
        # Until it is over: nothing of it can be written down.
        "read-only in a recall": 16,
    },
}


def choose(occasion: str, chance: random.Random) -> str:
    """Return what happens on such an occasion, by the weights."""
    deeds = WEIGHTS[occasion]
    return chance.choices(list(deeds), list(deeds.values()))[0]
