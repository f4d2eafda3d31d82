"""Guards of what the Debian package's scripts do as root."""

from __future__ import annotations

from .guard import Edit, Guard

PURGE = "tests/unit/test_attack_purge.py::"
POSTRM = "packaging/debian/postrm"

GUARDS = (
    Guard(
        "a purge removes requests as Asterisk's user",
        (Edit(POSTRM, 'runuser -u "$user" -- rm -rf', "rm -rf"),),
        (f"{PURGE}test_what_is_roots_stays_and_is_told",),
    ),
    Guard(
        "a purge does nothing where Asterisk's user would be root",
        (Edit(POSTRM, 'if [ "$(id -u "$user" 2>/dev/null || echo 0)" != 0 ]', "if true"),),
        (f"{PURGE}test_what_is_roots_stays_and_is_told",),
    ),
    Guard(
        "a purge removes what a removal left",
        (Edit(POSTRM, 'rm -rf -- "$spool"', "true"),),
        (f"{PURGE}test_what_is_asterisks_users_goes",),
    ),
)
