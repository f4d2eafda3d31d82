"""The soak: people who call, press 5, cancel, reject and ignore at random, while all that can break is broken.

    deeds      one table of what people do and what breaks, with weights
    calls      the calls of one phone, from its own events
    person     somebody at a phone
    disk       the small disk that the spool lies on: filled, made read-only
    troubles   what breaks, and is mended again
    office     the office on that disk, with a cron of its own; the soak's minutes and the calm after them
    evidence   what Asterisk's log tells, and what the phones heard
    case       the facts in order: which ring belongs to which request
    judge      what must hold, whatever happened: from the phones' events and Asterisk's log
    ledger     who was told that a callback is set, and what became of each

tests/soak MINUTES runs it. The dice are seeded: the same seed throws the same, though never at quite the same moment.
"""
