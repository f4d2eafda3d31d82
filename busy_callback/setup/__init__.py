"""Puts the package into a PBX, checks it there, and takes it out again: install, doctor, uninstall.

Only the command imports it, and only when one of these three is called for: ``commands`` is the way in. It may
import pbx/, store/, terminal and the modules on the ground.
"""
