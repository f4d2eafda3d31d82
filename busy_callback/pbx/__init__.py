"""Asterisk while it serves: the manager interface, device states, call files and what recalls reported.

The poller imports it, and doctor to try what the poller does. It may import store/ and the modules on the ground.
The AGI does not import it: it talks to its own channel.
"""
