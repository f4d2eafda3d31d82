"""The sdist and the wheel: which files they have, and that texts and packages say the same of versions."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

from busy_callback import __version__, installed

from ..lab.machine import build_packages

ROOT = Path(__file__).parents[2]
MODULES = ("busy_callback/**/*.py", "busy_callback/py.typed", "busy_callback/report/page.html", "busy_callback/**/*.mo")
SHARED = ("agi-bin/*.py", "dialplan/*.conf", "sounds/CREDITS.md", "sounds/*/busy-callback*.*")
MANUAL = ("*.md", "LICENSE", "docs/*.png", "docs/*/*.md", "docs/*/*.svg", "sounds/CREDITS.md")
SOURCE = ("setup.py", "pyproject.toml", "MANIFEST.in", "busy_callback/busy-callback.8", "packaging/**/*", "sounds/*.*")


def present(*patterns: str) -> set[str]:
    """Return the files of the checkout that fit, as what is in the checkout decides, not what setup.py names."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both."""
    folder = tmp_path_factory.mktemp("packages")
    build_packages(ROOT, folder, "wheel")
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    """The wheel."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as file:
        yield file


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    """What the wheel says of itself."""
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_string(wheel.read(name).decode())


def test_the_wheel_has_every_file_that_install_needs_and_no_other(wheel: zipfile.ZipFile) -> None:
    """Modules, and below share/ the AGI script, the dialplan, the prompts, the manual and the man page."""
    data = f"busy_callback-{__version__}.data/data/share"
    wanted = present(*MODULES) | {f"{data}/busy-callback/{name}" for name in present(*SHARED)}
    wanted |= {f"{data}/doc/busy-callback/{name}" for name in present(*MANUAL)} | {f"{data}/man/man8/busy-callback.8"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted
    assert len(wanted) > 300


def test_the_sdist_has_what_every_package_is_made_of_and_no_other(built: Path) -> None:
    """All of that, and what builds the packages; the wheel above came out of it."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as file:
        names = [member.name.partition("/")[2] for member in file.getmembers() if member.isfile()]
    made = {"PKG-INFO", "setup.cfg"}
    assert {name for name in names if ".egg-info/" not in name} - made == present(*MODULES, *SHARED, *MANUAL, *SOURCE)


def test_the_version_stands_in_one_place(metadata: Message) -> None:
    """The packages have it from there, and the changelog's newest release is that one."""
    assert metadata["Version"] == __version__
    releases = re.findall(r"(?m)^## \[?(\d[\d.]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert releases[0] == __version__
    assert f'"{__version__}"' not in (ROOT / "setup.py").read_text()


def test_the_texts_name_the_pythons_that_the_package_does(metadata: Message) -> None:
    """The classifiers, the bound, README and the manual say the same: from 3.9 to 3.14."""
    minors = [c.rpartition("::")[2].strip() for c in metadata.get_all("Classifier", [])]
    pythons = [minor for minor in minors if re.fullmatch(r"3\.\d+", minor)]
    assert metadata["Requires-Python"] == f">={pythons[0]}"
    assert pythons == [f"3.{minor}" for minor in range(9, 9 + len(pythons))]
    control = (ROOT / "packaging/debian/control").read_text()
    assert f"python3 (>= {pythons[0]})" in control
    for name, to in (("README.md", "to"), ("docs/en/install.md", "to"), ("README.zh-TW.md", "至")):
        assert f"{pythons[0]} {to} {pythons[-1]}" in re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))


def test_a_missing_library_is_installed_by_the_hand_that_installed_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """With pip by pip; with the Debian package, whose INSTALLER is dpkg, by apt."""
    assert "-m pip install 'busy-callback[report]'" in installed.how_to_add("report")

    class Debians:
        @staticmethod
        def read_text(_: str) -> str:
            return "dpkg\n"

    monkeypatch.setattr("importlib.metadata.distribution", lambda _: Debians)
    assert installed.how_to_add("report") == "apt-get install python3-jinja2 python3-matplotlib"


def test_no_registry_is_named_anywhere() -> None:
    """Packages come by their ordinary clients, from wherever these are told: no host of a registry stands in a file."""
    words = ["py" + "pi.org", "python" + "hosted", "np" + "mjs", "proxy.go" + "lang"]
    for name in present(
        "*.*", ".ci/*", "packaging/**/*", "tests/**/*.py", "tests/*.sh", "docs/**/*.md", "busy_callback/**/*"
    ):
        text = (ROOT / name).read_bytes()
        assert not [word for word in words if word.encode() in text], name
