"""Run the soak on one Asterisk after the other, print the ledgers; exit 1 when one does not balance."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from ..lab.releases import RELEASES, Release
from .evidence import gather
from .judge import judge
from .ledger import balances, lines, story
from .office import SoakOffice


def soak(release: Release, minutes: float, seed: int) -> bool:
    """Play on one Asterisk, print its ledger, and tell whether it balances; keep its folder if not."""
    print(f"Asterisk {release.version}, {minutes:g} minutes, --seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="busy-callback-soak-"))
    with SoakOffice(release, folder, seed) as office:
        office.play(minutes)
        case = judge(gather(office))
        kept = office.office.spool.directory
        shutil.copytree(kept, folder / "spool-at-the-end")
        told = list(lines(office, case))
    for finding in case.findings:
        told += [f"  ! {finding}", *story(case, finding)]
    print("\n".join(told))
    (folder / "ledger.txt").write_text("\n".join([*told, ""]))
    if balances(case):
        shutil.rmtree(folder)
        print("  The ledger balances.", flush=True)
        return True
    print(f"  THE LEDGER DOES NOT BALANCE ({len(case.findings)} findings); all of it is in {folder}", flush=True)
    return False


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="tests/soak", description=__doc__)
    parser.add_argument("minutes", type=float)
    versions = [release.version for release in RELEASES]
    parser.add_argument("--asterisk", choices=versions, action="append", help="only this one")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeats these dice")
    wanted = parser.parse_args()
    chosen = [release for release in RELEASES if release.version in (wanted.asterisk or versions)]
    done = [soak(release, wanted.minutes, wanted.seed) for release in chosen]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
