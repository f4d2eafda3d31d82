"""A stranger's Debian 12, as FreePBX 17 stands on, without Python: with the Asterisk 22 that this lab has.

Debian 12 has no Asterisk of its own. That of Debian unstable is mounted in it, run by its own loader and libraries;
its configuration and folders are in their usual places. What the Debian package depends on lies in apt's cache, as it
would come from the archive.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .machine import Machine
from .releases import ASTERISK_22, CACHE, locked, source

SUITE = "bookworm"
PLACE = Path("opt/asterisk-22")
ASKED_FOR = "python3 python3-click"  # the package's own dependencies, to be fetched and not installed
NUMBER = "990"  # of user and group asterisk: that of Debian unstable is somebody else's here
PARTS = ("etc/asterisk", "usr/share/asterisk", "var/lib/asterisk", "var/spool/asterisk", "var/log/asterisk")
LINKS = ("asterisk-prompt-en", "asterisk-prompt-en-us")  # alternatives: the prompts' folder is one


class Bookworm(Machine):
    """A Debian 12 with the stock configuration of Asterisk 22; a context manager."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ASTERISK_22, folder)

    def _tree(self) -> Path:
        return base()

    def _mounts(self) -> list[str]:
        return [f'mount --bind "{self.release.root}" "{self.root / PLACE}"']


def base() -> Path:
    """Return the tree under all of them; make it when the cache has none."""
    ASTERISK_22.fetch()
    made = CACHE / f"machine-{SUITE}"
    with locked(CACHE / f"machine-{SUITE}.lock"):
        if not made.exists():
            half = CACHE / f"machine-{SUITE}.half"
            shutil.rmtree(half, ignore_errors=True)
            debootstrap = ["debootstrap", "--variant=minbase", "--include=cron,logrotate", SUITE, str(half), source()]
            subprocess.run(debootstrap, check=True, stdout=subprocess.DEVNULL)
            shutil.copy("/etc/resolv.conf", half / "etc/resolv.conf")
            apt = "apt-get -qq -o Acquire::Check-Valid-Until=false"
            script = f"{apt} update && {apt} install -y --download-only {ASKED_FOR}"
            subprocess.run(["chroot", str(half), "/bin/sh", "-c", script], check=True)
            _give_asterisk(half)
            half.rename(made)
    return made


def _give_asterisk(tree: Path) -> None:
    """Put Asterisk's files and user into the tree, and a command that starts the one that is mounted there."""
    there = ASTERISK_22.root
    for part in PARTS:
        shutil.rmtree(tree / part, ignore_errors=True)
        (tree / part).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(there / part), str(tree / part)], check=True)
        own = next(row for row in (there / "etc/passwd").read_text().splitlines() if row.startswith("asterisk:"))
        uid, gid = own.split(":")[2:4]
        for old, new in ((uid, NUMBER), (f":{gid}", f":{NUMBER}")):
            subprocess.run(["chown", "-R", "-h", f"--from={old}", new, str(tree / part)], check=True)
    rows = {
        "passwd": f"x:{NUMBER}:{NUMBER}::/var/lib/asterisk:/usr/sbin/nologin",
        "group": f"x:{NUMBER}:",
        "shadow": "!:1::::::",
    }
    for name, row in rows.items():
        with (tree / "etc" / name).open("a") as file:
            file.write(f"asterisk:{row}\n")
    for name in LINKS:
        (tree / "etc/alternatives" / name).symlink_to((there / "etc/alternatives" / name).readlink())
    (tree / PLACE).mkdir(parents=True)
    command = " ".join(word.replace(str(there), f"/{PLACE}") for word in ASTERISK_22.command())
    program = tree / "usr/sbin/asterisk"
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    conf = tree / "etc/asterisk/asterisk.conf"
    modules = f"/{PLACE / ASTERISK_22.modules.relative_to(there)}"
    lines = conf.read_text().replace("[directories](!)", "[directories]").splitlines()
    assert any(line.startswith("astmoddir") for line in lines)
    changed = [f"astmoddir => {modules}" if line.startswith("astmoddir") else line for line in lines]
    conf.write_text("\n".join(changed) + "\n")


if __name__ == "__main__":
    print(base())
