"""Which PBX setup has to do with, told by its asterisk.conf: read with no more rights than whoever can write it has."""

from __future__ import annotations

import os
from dataclasses import dataclass

from busy_callback.settings import Directories, find_directories
from busy_callback.setup import as_owner
from busy_callback.store.asterisk_user import runs_as, speaker


@dataclass(frozen=True)
class Pbx:
    """Which PBX it is, and the user it runs as, 0 for root."""

    conf: str
    directories: Directories
    said_by: int  # the user besides root whose word asterisk.conf is, 0 for nobody
    owner: int


def which_pbx(conf: str) -> Pbx:
    """Return the PBX that asterisk.conf tells of: read by whoever can write it, if that is not root."""
    said_by = speaker(os.environ, conf)
    environ = {name: value for name, value in os.environ.items() if name.startswith("AST_")}
    directories = as_owner.call(said_by, find_directories, environ, conf)
    return Pbx(conf, directories, said_by, as_owner.call(said_by, runs_as, directories, said_by))
