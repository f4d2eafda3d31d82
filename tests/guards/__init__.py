"""Proof that the tests of what is promised (SECURITY.md) test something: each guard is taken out, and its tests fail.

guard        what a guard is, and how it is taken out of a copy
reliability  guards against loss and double calls
recalls      guards against recalls that harass or go astray
attacks      guards against hostile input and strangers
uninstall    guards of what uninstall gives back
freepbx      guards of what FreePBX and its kin have of their own
packages     guards of what the Debian package's scripts do
__main__     takes out all of them, or some:  tests/prove [PART OF A TEST'S NAME]
"""

from . import asterisks_user, attacks, freepbx, packages, recalls, recovery, reliability, strangers, uninstall

GUARDS = (
    *reliability.GUARDS,
    *recovery.GUARDS,
    *recalls.GUARDS,
    *attacks.GUARDS,
    *strangers.GUARDS,
    *asterisks_user.GUARDS,
    *uninstall.GUARDS,
    *freepbx.GUARDS,
    *packages.GUARDS,
)
