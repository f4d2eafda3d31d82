"""Attack: a word of Asterisk's user gets into a file that a program of root's reads, and is an order there."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from busy_callback.errors import SetupError
from busy_callback.setup.placed_files import log_rotation
from tests.unit.house import House, as_asterisk
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

ORDERS = """\
{log}/any.log {{
    size 1
    rotate 1
    su root root
    prerotate
        touch {victim}
    endscript
}}
"""


def test_a_log_folder_that_is_an_order_to_logrotate(house: House) -> None:
    """``astlogdir => include=/...`` has logrotate read no backup of root's as its own file, and run its script."""
    log, victim = house.base / "log", house.root / "root" / "victim"

    def deed() -> None:
        (house.etc / "extensions.conf").write_text(ORDERS.format(log=log, victim=victim))
        (log / "any.log").write_text("something")
        house.tell_directories(log=f"include={log}")

    as_asterisk(deed)
    status, output = house.place()
    placed = house.system.logrotate / "busy-callback"
    for backup in house.system.state.glob("*-extensions.conf"):
        os.symlink(backup, log / "busy_callback.log {")
    if placed.exists() and shutil.which("logrotate"):
        subprocess.run(["logrotate", "--state", house.root / "rotated", placed], check=False)
    assert not victim.exists()
    assert not placed.exists()
    assert (status, "is no path from / on" in output) == (2, True)


@pytest.mark.parametrize("log", ["include=/tmp", "include /tmp", "/tmp/*", "/tmp/a {", "/tmp/#", "tmp", "/tmp\n/etc"])
def test_a_log_that_is_more_than_a_path(pbx: Pbx, log: str) -> None:
    """Whoever has named it: what logrotate would not take for one path alone does not get into its file."""
    survey = pbx.survey()
    survey.directories.astlogdir = log
    with pytest.raises(SetupError, match="can't stand in logrotate's file"):
        list(log_rotation(survey))
    survey.directories.astlogdir = "/var/log/asterisk"
    (change,) = log_rotation(survey)
    assert change.wanted.content.startswith(b"/var/log/asterisk/busy_callback.log {\n")


@pytest.mark.parametrize("words", [["list"], ["doctor"], ["install", "--yes"]], ids=lambda words: words[0])
def test_a_path_that_no_program_can_name(house: House, words: list[str]) -> None:
    """A NUL in asterisk.conf is told in a sentence, not by Python's complaint; blanks behind a path are none of it."""
    as_asterisk(lambda: house.tell_directories(spool=f"{house.base}/spool\t ; the usual one"))
    assert "no path" not in house.run(*words)[1]
    as_asterisk(lambda: house.tell_directories(spool="/var/spool/\0"))
    status, output = house.run(*words)
    assert (status, "is no path from / on; correct it" in output, "Traceback" in output) == (2, True, False)
