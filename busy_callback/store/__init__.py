"""What lies on disk: the spool of requests, whole and flushed, and the few notes beside it.

All entries, setup/ and pbx/ may import it; it knows neither Asterisk nor the manager, only the modules on the
ground. The AGI imports ``spool`` and ``last_good_settings`` on the caller's time: no pathlib, logging, dataclasses.
"""
