"""What was installed with the package: its shared files, its manual; and how more of it is installed."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

COMMAND = "busy-callback"
# What an extra brings, as Debian's packages; setup.py has them as pip's.
_DEBIAN = {"report": "python3-jinja2 python3-matplotlib", "metrics": "python3-prometheus-client"}


def shared(folder: str) -> Iterator[Path]:
    """Yield where a folder of ``share`` may be: as installed, or, as nothing is below share there, the checkout."""
    for scheme in (sysconfig.get_path("data"), sysconfig.get_path("data", f"{os.name}_user")):
        yield Path(scheme) / "share" / folder
    yield Path(__file__).resolve().parents[1]


def manual() -> Path:
    """Return the folder of the English manual, beside which the Chinese one is; a relative one where there is none."""
    for place in shared(f"doc/{COMMAND}"):
        if os.path.isdir(place / "docs/en"):  # False, too, where it is closed to us
            return (place / "docs/en").resolve()
    return Path("docs/en")


def how_to_add(extra: str) -> str:
    """Return the command that installs what an extra needs: by the hand that installed the package."""
    try:
        installer = importlib.metadata.distribution(COMMAND).read_text("INSTALLER") or ""
    except importlib.metadata.PackageNotFoundError:
        installer = ""
    if installer.strip() == "dpkg":
        return f"apt-get install {_DEBIAN[extra]}"
    return f"{sys.executable} -m pip install '{COMMAND}[{extra}]'"
