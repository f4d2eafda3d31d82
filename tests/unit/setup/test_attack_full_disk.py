"""Attack: Asterisk's user fills a disk of root's with what install keeps of files that somebody edited."""

from __future__ import annotations

import functools
import os

import pytest

from tests.unit.house import House, as_asterisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root is who is attacked")

TIMES = 3
LARGE = 40 << 20  # bytes


def test_edited_files_do_not_fill_roots_disk(house: House) -> None:
    """A file of ours that is huge, and another one each time: what is set aside has a limit, and install says so."""
    assert house.place()[0] == 0
    ours = house.etc / "extensions_busy_callback.conf"
    done = []
    for number in range(TIMES):
        text = f"; {number}\n" + ";" * LARGE
        as_asterisk(functools.partial(ours.write_text, text))
        done.append(house.place())
    assert [status for status, _ in done] == [0, 1, 1]
    assert "would be more than 64 MB" in done[-1][1]
    edited = list(house.system.state.glob("edited-*"))
    assert sum(path.stat().st_size for path in house.system.state.iterdir()) < 2 * LARGE
    for path in edited:
        path.unlink()
    assert house.place()[0] == 0
