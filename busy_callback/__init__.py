"""Busy CallBack for Asterisk: ring back a caller when the extension that was busy is free."""

__version__ = "1.0.0"
