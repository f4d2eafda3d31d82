"""Proof that the tests of what is promised (SECURITY.md) test something: each guard is taken out, and its tests fail.

guard        what a guard is, and how it is taken out of a copy
reliability  guards against loss and double calls
attacks      guards against hostile input and strangers
__main__     takes out all of them, or some:  tests/prove [PART OF A TEST'S NAME]
"""

from . import asterisks_user, attacks, recovery, reliability, strangers

GUARDS = (*reliability.GUARDS, *recovery.GUARDS, *attacks.GUARDS, *strangers.GUARDS, *asterisks_user.GUARDS)
