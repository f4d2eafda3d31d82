"""The two Asterisks that the project is tested on, fetched from Debian into a cache outside the checkout."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("BUSY_CALLBACK_CACHE", Path.home() / ".cache" / "busy-callback"))


@dataclass(frozen=True)
class Release:
    """An Asterisk: its major version, the Debian suite that has it, and the technology of its phones."""

    version: str
    suite: str
    technology: str
    packages: str

    @property
    def root(self) -> Path:
        """The folder with the suite's files."""
        return CACHE / self.suite

    @property
    def modules(self) -> Path:
        """Asterisk's modules."""
        return next(iter(self.root.glob("usr/lib/**/asterisk/modules")))

    def command(self) -> list[str]:
        """Return the words that start this Asterisk without a chroot, by its own loader and libraries."""
        loader = next(
            path
            for pattern in ("usr/lib/*/ld-linux-*.so.*", "lib/*/ld-2.*.so", "lib/ld-linux-*.so.*")
            for path in self.root.glob(pattern)
            if path.is_file() and not path.is_symlink()
        )
        libraries = [self.root / "usr/lib", *self.root.glob("usr/lib/*-linux-gnu"), *self.root.glob("lib/*-linux-gnu")]
        return [
            str(loader),
            "--library-path",
            ":".join(map(str, libraries)),
            str(self.root / "usr/sbin/asterisk"),
        ]

    def fetch(self) -> None:
        """Fetch the suite unless the cache has it; needs root and the machine's own package source."""
        with locked(CACHE / f"{self.suite}.lock"):
            stamp = self.root / "packages"
            if stamp.exists() and stamp.read_text() == self.packages:
                return
            what = f"Asterisk {self.version} with Debian {self.suite} around it"
            print(f"Fetching {what} into {self.root}: some 400 MB, minutes ...", file=sys.stderr, flush=True)
            shutil.rmtree(self.root, ignore_errors=True)
            half = CACHE / f"{self.suite}.half"
            shutil.rmtree(half, ignore_errors=True)
            command = [
                "debootstrap",
                "--variant=minbase",
                f"--include={self.packages}",
                self.suite,
                str(half),
                source(),
            ]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"debootstrap of {self.suite} failed:\n{done.stdout[-2000:]}")
            shutil.rmtree(half / "var/cache/apt", ignore_errors=True)
            (half / "packages").write_text(self.packages)
            half.rename(self.root)


ASTERISK_16 = Release("16", "bullseye", "SIP", "asterisk,asterisk-modules,asterisk-voicemail")
ASTERISK_22 = Release("22", "sid", "PJSIP", "asterisk,asterisk-modules")
RELEASES = (ASTERISK_22, ASTERISK_16)


def source() -> str:
    """Return the URI of the Debian archive that this machine's own apt uses."""
    folder = Path("/etc/apt")
    files = [*folder.glob("sources.list.d/*.sources"), folder / "sources.list", *folder.glob("sources.list.d/*.list")]
    for file in files:
        text = file.read_text() if file.exists() else ""
        for pattern in (r"^URIs:\s*(\S+/debian)/?\s*$", r"^deb\s+(?:\[[^]]*\]\s+)?(\S+/debian)/?\s"):
            found = re.search(pattern, text, re.MULTILINE)
            if found:
                return found[1]
    raise RuntimeError("no Debian archive in this machine's apt sources")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes of the lab out while the body runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for release in RELEASES:
        print(f"Asterisk {release.version}: {release.root}", flush=True)
        release.fetch()
