"""What the admin is told of the requests: why, the figures, the page of pictures, the metrics, the tables.

Only the CLI imports it, when one of its commands is called for. It may import store/, terminal and the ground: it reads
the spool, needs no Asterisk, and changes no request. Jinja, Matplotlib and prometheus_client are loaded where they are
used, and only there: they come with the extras ``report`` and ``metrics``.
"""
