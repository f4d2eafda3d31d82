"""Plays the callback on a copy of any machine's configuration folder: ``tests/wild FOLDER...``.

Nobody's programs are run: what a dialplan would start on the machine (System, AGI scripts, #exec) is not there.
"""
