"""The user that Asterisk runs as: who may tell it, and in which order it is looked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from busy_callback.errors import PathError, SettingsError
from busy_callback.settings import Directories, find_directories
from busy_callback.store import asterisk_user
from busy_callback.store.asterisk_user import go_on_as_asterisk, runs_as, speaker, user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root goes on as another user")

NOBODY = 65534


def test_root_alone_or_who_can_write_it_speaks_in_asterisk_conf(directories: Directories, tmp_path: Path) -> None:
    """The file's owner, or its folder's; the environment that Asterisk gives an AGI is the word of who runs this."""
    conf = Path(directories.astetcdir, "asterisk.conf")
    assert speaker({}, str(conf)) == 0
    conf.touch()
    os.chown(conf, NOBODY, NOBODY)
    assert speaker({}, str(conf)) == NOBODY
    os.chown(conf, 0, 0)
    os.chown(directories.astetcdir, NOBODY, NOBODY)
    assert speaker({"BUSY_CALLBACK_ASTERISK_CONF": str(conf)}) == NOBODY
    assert speaker({"AST_SPOOL_DIR": "/x", "AST_CONFIG_DIR": directories.astetcdir}) == 0


def test_root_may_tell_of_anybody(directories: Directories, tmp_path: Path) -> None:
    """Root's own asterisk.conf names it by runuser; an unknown one is an error; root's name is none."""
    conf = tmp_path / "asterisk.conf"
    conf.write_text("[options]\nrunuser = nobody ; as ever\n")
    assert runs_as(find_directories({}, str(conf))) == NOBODY
    directories.runuser = "no-such-user"
    with pytest.raises(SettingsError, match="runuser = 'no-such-user', who is no user of this machine"):
        runs_as(directories)
    directories.runuser = "root"
    os.chown(directories.astspooldir, NOBODY, NOBODY)
    assert runs_as(directories) == NOBODY


@pytest.mark.parametrize("name", ["astrundir", "astspooldir", "astetcdir", "astlogdir", "socket", "spool", "outgoing"])
def test_else_it_is_whose_a_folder_is(directories: Directories, name: str) -> None:
    """One that is not root's is enough, so that root never works in another user's folders by itself."""
    assert runs_as(directories) == 0
    if name == "socket":
        Path(directories.control_socket).touch()
    Path(directories.spool).mkdir()
    places = {"socket": directories.control_socket, "spool": directories.spool, "outgoing": directories.outgoing}
    os.chown(places.get(name) or getattr(directories, name), NOBODY, NOBODY)
    assert runs_as(directories) == NOBODY


def test_another_user_may_tell_of_itself_alone(directories: Directories) -> None:
    """Whatever stands in its asterisk.conf; where the socket is a third user's, what to do is told."""
    directories.runuser = "root"
    assert runs_as(directories, said_by=NOBODY) == NOBODY
    Path(directories.control_socket).touch()
    assert runs_as(directories, said_by=NOBODY) == NOBODY
    os.chown(directories.control_socket, 12345, 12345)
    with pytest.raises(PathError, match="written by user nobody, but Asterisk runs as user 12345"):
        runs_as(directories, said_by=NOBODY)


def test_without_a_log_folder_nothing_is_known_by_it(directories: Directories) -> None:
    """It is the last to be asked."""
    os.rmdir(directories.astlogdir)
    assert runs_as(directories) == 0


def test_a_user_has_its_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name and group; one without a name has no group of anybody's."""
    assert user(NOBODY).name == "nobody"
    assert user(12345) == asterisk_user.User("12345", 12345, NOBODY, ())


def test_asterisk_conf_is_read_by_who_can_write_it(
    directories: Directories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root has become that user before it opens the file; by its own file it becomes who stands there."""
    became: list[object] = []
    monkeypatch.setattr(asterisk_user, "become", became.append)
    conf = tmp_path / "asterisk.conf"
    conf.write_text("[options]\nrunuser = games\n")

    def read(*words: Any) -> Directories:
        became.append("read")
        return find_directories(*words)

    monkeypatch.setattr(asterisk_user, "find_directories", read)
    assert go_on_as_asterisk({}, str(conf)).runuser == "games"
    assert became == ["read", 5]
    became.clear()
    os.chown(conf, NOBODY, NOBODY)
    go_on_as_asterisk({}, str(conf))
    assert became == [NOBODY, "read"]
    became.clear()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    go_on_as_asterisk({}, str(conf))
    assert became == ["read"]
