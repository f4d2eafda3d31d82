"""Makes the packages of this checkout: ``build.py wheel|deb FOLDER [PIP'S OPTION...]``.

``wheel``: the sdist, and the wheel that comes out of it. ``deb``: the Debian package, out of that wheel and of pyst2
and six, which it brings. Nothing is left in the checkout but in ``FOLDER``.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "__pycache__", "*.pyc")
BROUGHT = ("pyst2>=0.5.1,<0.6", "six>=1.9")  # the AGI script starts without Debian's own folder: six is one file of it
NAME = "busy-callback"
HOME = Path("usr/lib") / NAME  # a Python environment of its own, so that nobody else imports pyst2
PYTHONS = range(9, 20)  # minor versions, those to come too: a distribution's upgrade must leave no phone without


def main(words: Sequence[str]) -> None:
    """Make what is asked for and print its path."""
    kind, folder, *options = words
    to = Path(folder).resolve()
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        made = {"wheel": sdist_and_wheel, "deb": deb}[kind](to, Path(temporary), options)
    for path in made:
        print(path)


def sdist_and_wheel(to: Path, temporary: Path, options: Sequence[str]) -> list[Path]:
    """Make the sdist of a copy (setuptools leaves its own files in the source), and the wheel of that sdist."""
    source = temporary / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*LEFT_OUT))
    pip = _pip(temporary)
    _run([pip[0], "setup.py", "-q", "sdist", "-d", str(to)], source)
    made = max(to.glob("busy*callback-*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)
    _run([*pip, "wheel", "-q", "--no-deps", "-w", str(to), *options, str(made)], temporary)
    return [made, max(to.glob("busy_callback-*.whl"), key=lambda path: path.stat().st_mtime_ns)]


def deb(to: Path, temporary: Path, options: Sequence[str]) -> list[Path]:
    """Make the Debian package."""
    wheels = temporary / "wheels"
    wheels.mkdir()
    sdist_and_wheel(wheels, temporary, options)
    _run([*_pip(temporary), "wheel", "-q", "--no-deps", "-w", str(wheels), *options, *BROUGHT], temporary)
    tree = temporary / "tree"
    packages = tree / HOME / "lib/python3/site-packages"
    packages.mkdir(parents=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as file:
            file.extractall(packages)
    version = next(packages.glob("busy_callback-*.dist-info")).name.split("-")[1].removesuffix(".dist")
    _share(packages, tree)
    _environment(packages, tree)
    _control(tree, version)
    package = to / f"{NAME}_{version}_all.deb"
    _run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(package)], temporary)
    return [package]


def _share(packages: Path, tree: Path) -> None:
    """Move what the wheel has for share/ to Debian's places, and leave the way that the package itself looks for it."""
    data = next(packages.glob("busy_callback-*.data"))
    shutil.move(data / "data/share", tree / "usr/share")
    shutil.rmtree(data)
    (tree / HOME / "share").symlink_to("../../share")
    page = tree / f"usr/share/man/man8/{NAME}.8"
    changes = tree / f"usr/share/doc/{NAME}/CHANGELOG.md"
    for path, zipped in ((page, f"{page}.gz"), (changes, f"{changes.parent}/changelog.gz")):
        Path(zipped).write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    page.unlink()
    shutil.copy(ROOT / "packaging/debian/copyright", changes.parent)


def _environment(packages: Path, tree: Path) -> None:
    """Make it an environment of Debian's own Python, whichever version that is, which has Debian's packages too."""
    home = tree / HOME
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    for minor in PYTHONS:
        (home / f"lib/python3.{minor}").symlink_to("python3")
    (packages / "debian.pth").write_text("/usr/lib/python3/dist-packages\n")
    (next(packages.glob("busy_callback-*.dist-info")) / "INSTALLER").write_text("dpkg\n")
    command = tree / "usr/bin" / NAME
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/{HOME}/bin/python3\nimport sys\n\nfrom busy_callback.cli import main\n\nsys.exit(main())\n")
    hook = tree / f"usr/share/python3/runtime.d/{NAME}.rtupdate"
    hook.parent.mkdir(parents=True)
    shutil.copy(ROOT / "packaging/debian/rtupdate", hook)
    for path in (command, hook):
        path.chmod(0o755)


def _control(tree: Path, version: str) -> None:
    """Write what dpkg has to know, and give everything Debian's modes."""
    control = tree / "DEBIAN"
    control.mkdir()
    for folder, _, names in os.walk(tree):
        Path(folder).chmod(0o755)
        for path in (Path(folder) / name for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    text = (ROOT / "packaging/debian/control").read_text(encoding="utf-8")
    (control / "control").write_text(text.replace("@VERSION@", version).replace("@SIZE@", str(size // 1024)))
    for name in ("postinst", "prerm", "postrm"):
        shutil.copy(ROOT / "packaging/debian" / name, control / name)
        (control / name).chmod(0o755)


def _pip(temporary: Path) -> list[str]:
    """Return the words that start pip: this Python's own, else that of an environment made for it."""
    if importlib.util.find_spec("pip") and importlib.util.find_spec("setuptools"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    place = temporary / "python"
    if not place.exists():
        _run([sys.executable, "-m", "venv", str(place)], temporary)
        _run([str(place / "bin/python"), "-m", "pip", "install", "-q", "setuptools>=61", "wheel"], temporary)
    return [str(place / "bin/python"), "-m", "pip", "--disable-pip-version-check"]


def _run(words: Sequence[str], folder: Path) -> None:
    environ = {"SOURCE_DATE_EPOCH": "1767225600", **os.environ}  # the same bytes whenever it is made
    subprocess.run(words, cwd=folder, env=environ, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
