"""Play each folder, a line a step; exit 1 when one failed."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from .machine import Machine
from .play import play


def one(source: Path) -> bool:
    """Play a folder's machine; tell whether all was right. The folder itself is only read."""
    folder = Path(tempfile.mkdtemp(prefix="busy-callback-wild-"))
    print(f"{source}:", flush=True)
    right = False
    try:
        machine = Machine(source, folder)
        for line in machine.told:
            print(f"  note     {line}", flush=True)
        if not machine.form:
            print(
                "  skipped  no macro-exten-vm that calls dial-one: no FreePBX, or one that dials by dialparties.agi",
                flush=True,
            )
            return True
        print(
            f"  note     played on Asterisk {machine.asterisk.release.version}, its form is {machine.form}", flush=True
        )
        with machine:
            right = True
            for verdict, what, why in play(machine):
                print(f"  {verdict:<8} {what}{f': {why}' if why else ''}", flush=True)
                right = right and verdict != "FAILED"
    except Exception as error:
        print(f"  FAILED   it can't be played: {error}", flush=True)
        right = False
    if right:
        shutil.rmtree(folder)
    else:
        print(f"  all of it is in {folder}", flush=True)
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests/wild", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+", help="a copy of a machine's /etc/asterisk")
    sys.exit(0 if all(one(folder) for folder in parser.parse_args().folder) else 1)
