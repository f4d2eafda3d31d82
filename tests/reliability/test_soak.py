"""The soak: people call at random while all that can break is broken, and nobody is forgotten or rung for nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from ..lab import DIES_WITH_US
from ..lab.releases import RELEASES, Release
from .conftest import REPOSITORY


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("release", RELEASES, ids=lambda release: f"asterisk{release.version}")
def test_the_ledger_balances(release: Release, counts: Callable[[str], None], whole: bool) -> None:
    """All who were told that their callback is set are accounted for, by the phones' events and Asterisk's log.

    A minute of it, or ten. The seed is in the output: tests/soak MINUTES --seed N throws the same dice.
    """
    seed = random.SystemRandom().randrange(10**6)
    words = ["tests.soaktest", "10" if whole else "1", "--asterisk", release.version, "--seed", str(seed)]
    done = subprocess.run(
        [*DIES_WITH_US, "unshare", "--mount", sys.executable, "-m", *words],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ledger = [line.strip() for line in done.stdout.splitlines() if line.startswith("  told that a callback is set")]
    counts(f"seed {seed}: {'; '.join(ledger)}")
    assert done.returncode == 0, done.stdout
