"""Who has mounted a file system: what a user's own program makes up (FUSE) is that user's word, whatever it says."""

from __future__ import annotations

import os

MOUNTS = "/proc/self/mountinfo"


def mounter(device: int) -> int:
    """Return the user besides root who has mounted the file system with that st_dev (fuse(4), user_id); 0 for nobody.

    Its program may say of any file there that it is root's, where ``user_allow_other`` lets root look.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
        for mount in mounts:  # proc(5): the device is the third word; behind " - " come type, source and options
            facts, _, more = mount.rstrip("\n").partition(" - ")
            if facts.split(" ")[2] == number and more.startswith("fuse"):
                options = more.rpartition(" ")[2].split(",")
                return next((int(o[8:]) for o in options if o.startswith("user_id=") and o[8:].isdigit()), 0)
    return 0
