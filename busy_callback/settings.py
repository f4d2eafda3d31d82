"""busy_callback.conf and asterisk.conf's directories.

The AGI imports this module on the caller's time: it has its own reader, as importing configparser would take
longer than registering the request does.
"""

from __future__ import annotations

import os
import stat

from busy_callback import setting_values as values
from busy_callback.errors import NumberError, SettingsError
from busy_callback.numbering import NumberingPlan, Numbers, printable
from busy_callback.request import BUSY, is_number
from busy_callback.setting_values import BRANCH
from busy_callback.setting_values import KEYS as _KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from busy_callback.branches import Branch

ASTERISK_CONF = "/etc/asterisk/asterisk.conf"
ASTERISK_CONF_VARIABLE = "BUSY_CALLBACK_ASTERISK_CONF"
CONF_NAME = "busy_callback.conf"
_MOST = 1 << 20  # characters of a file


class Settings:
    """What an admin may set; the defaults are right for a ten-phone office. Times are in seconds.

    The standards' values: ``service_time`` 15 to 45 min (3GPP TS 23.093 clause 5.1, T3 and T7);
    ``service_time_no_reply`` 60 to 180 min (ITU-T Q.733.5, as commonly quoted); ``ring_time`` 20 to 30 s
    (TS 23.093 clause 5.1, T4); ``guard_time`` 0 to 15 s (T8, destination idle guard); ``retention`` is the
    standards' option of that name (TS 24.642 clause 3.1); queues of 1 to 5 (TS 22.093).
    """

    extensions: NumberingPlan = NumberingPlan()
    not_callers: Numbers = Numbers()
    not_callees: Numbers = Numbers()
    offer: bool = True
    offer_pause: int = 3
    offer_no_reply: str = "code only"
    not_logged_in: bool = True
    device: str = "auto"
    context: str = "from-internal"
    ring_time: int = 20
    guard_time: int = 5
    attempts: int = 3
    retry_pause: int = 60
    retention: bool = True
    service_time: int = 45 * 60
    service_time_no_reply: int = 180 * 60
    queue_per_callee: int = 5
    queue_per_caller: int = 5
    queue_in_all: int = 10000
    history_days: int = 30
    language: str = ""
    callers: str = "own"
    caller_id: str = "ReDial {callee}"
    callee_prefix: str = ""
    alert_info: str = "Bellcore-dr2"
    code_request: str = "*66"
    code_cancel: str = "*86"
    code_count: str = "*87"
    host: str = "127.0.0.1"
    port: int = 5038
    tls: bool = False
    user: str = "busy_callback"
    secret: str = ""
    branches: tuple[Branch, ...] = ()

    def __init__(self) -> None:
        self.devices: dict[str, str] = {}  # [devices]: by extension, its devices joined by &

    def branch_of(self, number: str) -> Branch | None:
        """Return the branch that the extension is of, None where it is of none."""
        return next((branch for branch in self.branches if branch.has(number)), None)

    def is_own(self, number: str) -> bool:
        """Tell whether the number is an extension of this PBX: its phone may ask for a callback here."""
        return number in self.extensions and not self.branch_of(number)

    def is_callee(self, number: str) -> bool:
        """Tell whether the number is one that may be waited for: this PBX's, or a branch's."""
        return number in self.extensions or self.branch_of(number) is not None

    def service_duration(self, kind: str) -> int:
        """Return how long a request of that kind lives."""
        return self.service_time if kind == BUSY else self.service_time_no_reply

    def devices_of(self, extension: str) -> str:
        """Return the extension's devices as a dial string: ``[devices]`` first; '' where Asterisk has to be asked.

        Those of a branch's extension only tell its state.
        """
        branch = self.branch_of(extension)
        form = branch.state if branch else self.device
        return self.devices.get(extension, form.replace("{ext}", extension) if "{ext}" in form else "")

    def extension_of(self, device: str) -> str:
        """Return the extension whose device it is, the first of several; '' where Asterisk has to be asked."""
        for extension, devices in self.devices.items():
            if device in devices.split("&"):
                return extension
        before, mark, after = self.device.partition("{ext}")
        if not mark or not device.startswith(before) or not device.endswith(after):
            return ""
        extension = device[len(before) : len(device) - len(after)]
        return extension if is_number(extension) and extension not in self.devices else ""

    def check_pair(self, caller: str, callee: str) -> None:
        """Raise NumberError, saying why, unless ``caller`` may ask to be called back by ``callee``."""
        home = self.branch_of(caller)
        if home:
            raise NumberError(f"{caller} is an extension of branch {home.name}: its own PBX calls it back")
        if self.branch_of(callee):
            self.extensions.check("caller", caller)
        else:
            self.extensions.check_pair(caller, callee)
        for number, name in ((caller, "not_callers"), (callee, "not_callees")):
            if number in getattr(self, name):
                raise NumberError(f"{number} is one of the {name} of busy_callback.conf")


def _kind(section: str, key: str) -> str:
    """Return the key under which ``_KEYS`` has what reads a setting."""
    return "" if section == "devices" and is_number(key) else key


def _table(section: str) -> Mapping[str, Callable[[str], object]] | None:
    """Return the settings that a section may have, None where there is no such section."""
    word, _, name = section.partition(" ")
    if word == BRANCH:
        return _KEYS[BRANCH] if values.is_branch_name(name) else None
    return _KEYS.get(section)


def _settings_of(text: str, path: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield place (``path:line``), section, key and value of each setting in ``text``; a branch's header has key ''.

    Raises SettingsError for a line that is neither a section, ``key = value``, nor a comment (``;``, ``#``).
    """
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}:{number}"
        bare = values.without_comment(line)
        key, value = values.key_and_value(bare)
        if bare.startswith("[") and bare.find("]") == len(bare) - 1:
            section = bare[1:-1]
            if _table(section) is None:
                allowed = ", ".join(f"[{name} NAME]" if name == BRANCH else f"[{name}]" for name in _KEYS)
                raise SettingsError(f"{where}: no section is called [{printable(section)}]; allowed are {allowed}")
            if section.startswith(BRANCH):
                yield where, section, "", ""
        elif key and section:
            yield where, section, key.lower(), value
        elif bare:
            raise SettingsError(f"{where}: {printable(bare)!r} is not a setting (key = value) of a [section]")


def open_regular(path: str) -> int:
    """Open a regular file for reading; OSError for anything else: a FIFO would hold whoever opens it for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(22, "it is not a regular file")  # EINVAL


def _read(path: str, errors: str = "strict") -> str:
    with open(open_regular(path), encoding="utf-8", errors=errors) as file:
        text = file.read(_MOST + 1)
    if len(text) > _MOST:
        raise OSError(27, f"it has more than {_MOST} characters")  # EFBIG
    return text


def check_setting(section: str, key: str, value: str) -> None:
    """Raise SettingsError, saying what is allowed, when the setting can't have this value."""
    try:
        _KEYS[section][_kind(section, key)](value)
    except ValueError as error:
        raise SettingsError(f"{key} = {value!r} is not {error}") from None


def load(path: str) -> Settings:
    """Return the settings of the file at ``path``, the defaults where it is absent; raise SettingsError saying why."""
    try:
        text = _read(path)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from error
    settings = Settings()
    seen: dict[tuple[str, str], str] = {}
    branches: dict[str, dict[str, tuple[Any, str]]] = {}
    for where, section, key, value in _settings_of(text, path):
        table = _table(section) or {}
        if not key:
            branches.setdefault(section[len(BRANCH) + 1 :], {"": ("", where)})
            continue
        if _kind(section, key) not in table:
            allowed = ", ".join(table) or "extensions of 1 to 15 digits"
            raise SettingsError(f"{where}: [{section}] has no setting {key!r}; allowed are {allowed}")
        if (section, key) in seen:
            raise SettingsError(f"{where}: {key} is set a second time")
        seen[section, key] = where
        try:
            found = table[_kind(section, key)](value)
        except ValueError as error:
            raise SettingsError(f"{where}: {key} = {value!r} is not {error}") from None
        if section == "devices":
            settings.devices[key] = str(found)
        elif section.startswith(BRANCH):
            branches[section[len(BRANCH) + 1 :]][key] = (found, where)
        else:
            setattr(settings, key, found)
    if branches:
        from busy_callback.branches import make  # nobody else's caller waits for it

        plan = settings.extensions
        settings.branches = make(branches, plan, seen["general", "extensions"] if plan.patterns else "")
    return settings


class Directories:
    """Where this Asterisk keeps its things and whom it runs as, by asterisk.conf's own names."""

    astetcdir: str = "/etc/asterisk"
    astspooldir: str = "/var/spool/asterisk"
    astagidir: str = "/var/lib/asterisk/agi-bin"
    astdatadir: str = "/var/lib/asterisk"
    astlogdir: str = "/var/log/asterisk"
    astrundir: str = "/var/run/asterisk"
    astctl: str = "asterisk.ctl"
    runuser: str = ""

    @property
    def conf(self) -> str:
        """busy_callback.conf."""
        return os.path.join(self.astetcdir, CONF_NAME)

    @property
    def spool(self) -> str:
        """The spool of this package."""
        return os.path.join(self.astspooldir, "busy_callback")

    @property
    def outgoing(self) -> str:
        """Where Asterisk takes call files from."""
        return os.path.join(self.astspooldir, "outgoing")

    @property
    def log(self) -> str:
        """The poller's log."""
        return os.path.join(self.astlogdir, "busy_callback.log")

    @property
    def control_socket(self) -> str:
        """Asterisk's control socket, made anew at each start."""
        return os.path.join(self.astrundir, self.astctl)


def asterisk_conf_path(environ: Mapping[str, str], asterisk_conf: str = "") -> str:
    """Return the path of the asterisk.conf that ``find_directories`` reads, '' when it reads none."""
    named = asterisk_conf or environ.get(ASTERISK_CONF_VARIABLE, "")
    return "" if not named and "AST_SPOOL_DIR" in environ and "AST_CONFIG_DIR" in environ else named or ASTERISK_CONF


def find_directories(environ: Mapping[str, str], asterisk_conf: str = "") -> Directories:
    """Return the directories by the named asterisk.conf, else the environment's, else the usual one.

    Inside an AGI, Asterisk itself tells them in AST_SPOOL_DIR and its like (res_agi.c,
    launch_script), and no file is read. Raises SettingsError where a named one can't be read, or is no path from /.
    """
    named = asterisk_conf or environ.get(ASTERISK_CONF_VARIABLE, "")
    directories = Directories()
    if not named and "AST_SPOOL_DIR" in environ and "AST_CONFIG_DIR" in environ:
        directories.astspooldir, directories.astetcdir = environ["AST_SPOOL_DIR"], environ["AST_CONFIG_DIR"]
        directories.astdatadir = environ.get("AST_DATA_DIR", directories.astdatadir)
        directories.astlogdir = environ.get("AST_LOG_DIR", directories.astlogdir)
        return directories
    try:
        lines = _read(named or ASTERISK_CONF, "replace").splitlines()
    except OSError as error:
        if not named:
            return directories
        raise SettingsError(f"{named}: can't be read: {error.strerror}; name Asterisk's asterisk.conf") from error
    for line in lines:
        key, value = values.key_and_value(line.partition(";")[0].strip())
        if value and (key.startswith("ast") or key == "runuser") and hasattr(Directories, key):
            if not value.isprintable() or (key.endswith("dir") and not value.startswith("/")):
                raise SettingsError(f"{named or ASTERISK_CONF}: {key} => {value!r} is no path from / on; correct it")
            setattr(directories, key, value)
    return directories
