"""For all tests: --whole, and the counts that a test of breaking things prints."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest


def pytest_configure() -> None:
    """Let Ctrl-C end what the tests start: who starts them in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --whole."""
    parser.addoption("--whole", action="store_true", help="run the long form of the tests that have one")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make sure that pytest-xdist keeps its groups together: it names them in the tests' ids, or has failed to."""
    if session.config.getoption("loadgroup", False):
        apart = [i.nodeid for i in session.items if i.get_closest_marker("xdist_group") and "@" not in i.nodeid]
        assert not apart, f"pytest-xdist does not know the group of {apart[0]}: it does not go with this pytest"


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether the long form is asked for."""
    return bool(request.config.getoption("--whole"))


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note what a test has tried; the lines stand at the end of pytest's output."""

    def note(text: str) -> None:
        request.node.user_properties.append(("counts", text))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts, from every process that ran tests."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    lines = [f"{r.head_line}: {text}" for r in reports for name, text in r.user_properties if name == "counts"]
    if lines:
        terminalreporter.section("what was tried")
        for line in sorted(lines):
            terminalreporter.write_line(line)
