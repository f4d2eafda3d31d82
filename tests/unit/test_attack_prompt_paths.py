"""Attack: a setting ``language`` that is a path, a list of prompts, or an expression of the dialplan's."""

from __future__ import annotations

from pathlib import Path

import pytest

from busy_callback.errors import SettingsError
from busy_callback.settings import Directories, load
from busy_callback.store.last_good_settings import keep
from busy_callback.store.spool import Spool

from .agi_call import run, set_variables

HOSTILE = [
    *("../../etc", "/etc", "zh/../../../etc", "..", ".", "zh/", "zh&../../etc", "zh,skip", "zh|skip"),
    *("${SHELL(id)}", "$[1/0]", 'zh"', "zh\\n", "zh zh", "zh\tx", "zh\x1b[2J", "z\u2028h", "名", "z" * 21),
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_language_that_is_none_is_refused(directories: Directories, spool: Spool, value: str) -> None:
    """One error that names the line, though there are prompts at the end of the path; the last good ones serve."""
    directories.astdatadir = f"{directories.astetcdir}/data"
    for folder in ("data/sounds/zh", "etc"):
        place = Path(directories.astetcdir, folder)
        place.mkdir(parents=True)
        (place / "busy-callback.gsm").touch()
    Path(directories.conf).write_text("[general]\nlanguage = zh\n")
    keep(directories.conf, spool)
    Path(directories.conf).write_text(f"[general]\nlanguage = {value}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"busy_callback\.conf:2: language = ") as caught:
        load(directories.conf)
    assert str(caught.value).isprintable()
    assert set_variables(run(directories, "201", "202"))["BUSY_CALLBACK_SOUNDS"] == "zh/"
