"""Asterisk while it serves: the manager interface, device states, conversations, call files and recalls' reports.

The poller imports it, and doctor to try what the poller does. It may import store/ and the modules on the ground.
The AGI does not import it: it talks to its own channel.
"""
