"""Build entry of busy-callback; tools' settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = next(
    line.split('"')[1]
    for line in (HERE / "busy_callback" / "__init__.py").read_text().splitlines()
    if line.startswith("__version__")
)


def shared(pattern, place=Path("share/busy-callback")):
    """Return the files of a pattern as data_files wants them: by folder, below ``place``."""
    folders = {}
    for file in sorted(HERE.glob(pattern)):
        path = file.relative_to(HERE)
        folders.setdefault(str(place / path.parent), []).append(str(path))
    return list(folders.items())


MANUAL = Path("share/doc/busy-callback")


REPORT = ["jinja2>=3.0", "matplotlib>=3.5"]  # busy-callback report
METRICS = ["prometheus-client>=0.15"]  # busy-callback metrics

setup(
    name="busy-callback",
    version=VERSION,
    description="Busy CallBack for Asterisk: ring back a caller when the busy extension is free",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    packages=find_packages(include=["busy_callback", "busy_callback.*"]),
    package_data={"busy_callback": ["py.typed"], "busy_callback.report": ["page.html"]},
    # What `busy-callback install` puts into a PBX; a wheel and an sdist hold it. The AGI script is no script of
    # pip's: beside the command, busy_callback.py would be imported in the package's place.
    data_files=[
        ("share/man/man8", ["busy_callback/busy-callback.8"]),
        *shared("agi-bin/*.py"),
        *shared("dialplan/*.conf"),
        *shared("sounds/CREDITS.md"),
        *shared("sounds/*/busy-callback*.*"),
        *shared("*.md", MANUAL),
        *shared("LICENSE", MANUAL),
        *shared("docs/*.png", MANUAL),
        *shared("docs/*/*.*", MANUAL),
        *shared("sounds/CREDITS.md", MANUAL),
    ],
    install_requires=["click>=7.1", "pyst2>=0.5.1,<0.6"],
    extras_require={
        "report": REPORT,
        "metrics": METRICS,
        "test": [
            *REPORT,
            *METRICS,
            "coverage>=7.10",
            "hypothesis",
            "mypy",
            "numpy",
            "pyte",
            "pytest>=7,<9.2",  # with 9.2 pytest-xdist 3.8 spreads its groups over all processes
            "pytest-timeout",
            "pytest-xdist",
            "ruff",
            "setuptools>=61",
            "wheel",  # for packages that are built without the network
        ],
    },
    entry_points={"console_scripts": ["busy-callback=busy_callback.cli:main"]},
    classifiers=[
        "Environment :: Console",
        "License :: OSI Approved :: MIT License",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 15)),
        "Topic :: Communications :: Telephony",
    ],
)
