"""Where install may write: which paths of asterisk.conf an admin must have a look at, and which files are ours."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from busy_callback.errors import PathError, SetupError
from busy_callback.setup.own_files import edit, own_file
from busy_callback.setup.places import _is_pbxs, check_places, strange_places
from busy_callback.setup.survey import Owner, Survey
from tests.unit.setup.pbx import Pbx

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="another user's folder is needed")

OTHER = 65534


@pytest.fixture
def survey(pbx: Pbx) -> Survey:
    """A PBX that runs as nobody, in folders of root's."""
    return dataclasses.replace(pbx.survey(), owner=Owner("nobody", OTHER, OTHER))


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/etc/asterisk", True),
        ("/usr/share/asterisk/agi-bin", True),
        ("/usr/local/var/lib/asterisk", True),
        ("/run/asterisk", True),
        ("/opt/asterisk-22/etc", True),
        ("/srv/pbx/asterisk/spool", True),
        ("/etc/cron.daily", False),
        ("/etc/asterisk-x", False),
        ("/usr/local/bin", False),
        ("/opt/busy-callback/lib", False),
        ("/", False),
    ],
)
def test_a_pbxs_folders_are_known_by_their_names(path: str, known: bool) -> None:
    """Where distributions and Asterisk's Makefile have them; in /opt and /srv anywhere."""
    assert _is_pbxs(path) == known


def test_only_paths_that_root_did_not_name_are_strange(survey: Survey) -> None:
    """By root's own asterisk.conf all is right; by another user's, what is root's and no PBX's must be looked at."""
    assert strange_places(survey, 0, ()) == []
    told = strange_places(survey, OTHER, ())
    assert [path for path, _ in told] == [
        survey.directories.astetcdir,
        survey.directories.astspooldir,
        survey.directories.astagidir,
        survey.directories.astdatadir,
    ]
    assert all("a folder of root's and none of a PBX's" in sentence for _, sentence in told)


def test_what_is_asterisks_own_is_not_strange(survey: Survey) -> None:
    """Nothing can happen there that its user could not do itself; a third user's folder is another matter."""
    os.chown(survey.directories.astagidir, OTHER, OTHER)
    assert survey.directories.astagidir not in [path for path, _ in strange_places(survey, OTHER, ())]
    os.chown(survey.directories.astagidir, 5, 60)
    assert "which user games can write" in dict(strange_places(survey, 0, ()))[survey.directories.astagidir]


def test_what_an_admin_allows_is_not_strange(survey: Survey, tmp_path: Path) -> None:
    """Itself, what is below, by its own name or by root's link; not what two dots make of it."""
    (tmp_path / "link").symlink_to(tmp_path / "asterisk")
    assert strange_places(survey, OTHER, (str(tmp_path / "link"),)) == []
    survey.directories.astagidir = f"{survey.directories.astetcdir}/../agi"
    allowed = (survey.directories.astetcdir, survey.directories.astspooldir, survey.directories.astdatadir)
    assert [path for path, _ in strange_places(survey, OTHER, allowed)] == [survey.directories.astagidir]


def test_a_directory_that_is_missing_or_a_file(survey: Survey) -> None:
    """The first is told when something is placed there; the second now."""
    os.rmdir(survey.directories.astagidir)
    assert strange_places(survey, 0, ()) == []
    Path(survey.directories.astagidir).touch()
    with pytest.raises(SetupError, match=r"agi can't be opened: Not a directory"):
        strange_places(survey, 0, ())


def test_only_our_files_are_placed(pbx: Pbx, survey: Survey) -> None:
    """Each by its folder and name; whatever else a plan had is refused."""
    check_places(survey, [change.path for change in pbx.plan("phones").changes], ())
    strange = [
        Path("/etc/passwd"),
        survey.agi.parent / "another.py",
        survey.system.cron / "another",
        survey.sounds / "en" / "hello.wav",
        Path(survey.directories.outgoing),
        survey.etc / ".." / "extensions.conf",
    ]
    for path in strange:
        with pytest.raises(SetupError, match="none of the files that are ours"):
            check_places(survey, [path], ())
    check_places(survey, [Path("/etc/passwd")], ("/etc",))


def test_the_machines_folders_are_roots_alone(survey: Survey) -> None:
    """Who could write cron's folder would not need us; but root must not write there for others either."""
    os.chown(survey.system.cron, OTHER, OTHER)
    with pytest.raises(SetupError, match=r"cron\.d must be root's alone, but user nobody can write there"):
        check_places(survey, [], ())


def test_a_link_within_the_configuration_is_followed(survey: Survey, tmp_path: Path) -> None:
    """To the file that is edited; one that leads out is not, unless the admin allows that folder."""
    (survey.etc / "real").touch()
    (survey.etc / "in").symlink_to("real")
    (survey.etc / "out").symlink_to(tmp_path / "web")
    (tmp_path / "web").touch()
    assert own_file(survey, (), survey.etc / "in") == survey.etc / "real"
    assert own_file(survey, (), survey.etc / "nothing") == survey.etc / "nothing"
    with pytest.raises(SetupError, match=r"out is .*/web, which is not in Asterisk's own configuration folder"):
        own_file(survey, (), survey.etc / "out")
    assert own_file(survey, (str(tmp_path),), survey.etc / "out") == tmp_path / "web"


def test_a_file_that_becomes_a_link_meanwhile(survey: Survey) -> None:
    """What was looked at and what would be edited must be one file."""
    (survey.etc / "extensions.conf").rename(survey.etc / "other.conf")
    (survey.etc / "extensions.conf").symlink_to("other.conf")
    with pytest.raises(SetupError, match="has become a link while it was looked at"):
        edit(survey.etc / "extensions.conf", "x", survey.etc / "extensions.conf")


def test_a_link_on_the_way_that_another_user_can_change(survey: Survey, tmp_path: Path) -> None:
    """It is an error, not a place to ask about."""
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", OTHER, OTHER)
    (tmp_path / "theirs" / "agi").symlink_to(survey.directories.astagidir)
    survey.directories.astagidir = str(tmp_path / "theirs" / "agi")
    with pytest.raises(PathError, match="which is not followed"):
        strange_places(survey, OTHER, ())
