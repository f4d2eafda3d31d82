"""Take each guard out of a copy, run its tests there, and print whether they were seen to fail."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import GUARDS
from .guard import Guard, copy_to


def prove(guard: Guard) -> bool:
    """Print what became of one guard's tests; tell whether all of them failed without it."""
    with tempfile.TemporaryDirectory(prefix="busy-callback-") as name:
        Path(name).chmod(0o755)  # for tests that go on as another user
        copy_to(Path(name))
        guard.take_out(Path(name))
        unseen = guard.unseen(Path(name))
    seen = len(guard.tests) - len(unseen)
    print(
        f"{'ok ' if not unseen else 'BAD'} {guard.what}: {seen} of {len(guard.tests)} tests fail without it", flush=True
    )
    for test in unseen:
        print(f"      passes all the same: {test}", flush=True)
    return not unseen


def main() -> int:
    """Run the command; return its exit status."""
    wanted = sys.argv[1:]
    chosen = [g for g in GUARDS if not wanted or any(part in test for part in wanted for test in g.tests)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(prove, chosen))
    tests = {test for guard in chosen for test in guard.tests}
    print(
        f"{len(chosen)} guards taken out, {len(tests)} tests; {results.count(False)} guards not missed by all of theirs"
    )
    return 0 if chosen and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
