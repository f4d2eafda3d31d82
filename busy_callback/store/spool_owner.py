"""As root, going on as the spool's owner: what root made there, Asterisk's AGI could not change."""

from __future__ import annotations

import os

from busy_callback.settings import Directories


def become_spool_owner(directories: Directories) -> None:
    """Give up root's rights for good, if they are ours, and go on as the spool's owner."""
    if os.geteuid() != 0:
        return
    for directory in (directories.spool, directories.astspooldir):
        try:
            owner = os.stat(directory)
        except OSError:
            continue
        if owner.st_uid:
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
        return
