"""Proof that the tests of what is promised (SECURITY.md) test something: each guard is taken out, and its tests fail.

guard        what a guard is, and how it is taken out of a copy
reliability  guards against loss and double calls
attacks      guards against hostile input and strangers
uninstall    guards of what uninstall gives back
__main__     takes out all of them, or some:  tests/prove [PART OF A TEST'S NAME]
"""

from . import attacks, recovery, reliability, strangers, uninstall

GUARDS = (*reliability.GUARDS, *recovery.GUARDS, *attacks.GUARDS, *strangers.GUARDS, *uninstall.GUARDS)
