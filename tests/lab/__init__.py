"""Real Asterisks and real SIP phones for tests, benchmarks and the demonstration.

    releases   the two Asterisks, fetched once into a cache outside the checkout
    ports      ports of 127.0.0.1 that nobody else in the lab uses
    manager    the lab's own manager session: states and events
    asterisk   one running Asterisk: configuration, console, manager events, kill and restart
    phone      one baresip: dial, answer, press a digit, hear, see who calls
    lamp       the lamp beside a phone's key
    audio      what a phone heard: a prompt, a tone
    office     all of it: an Asterisk with phones and with this package in it

Everything that an office starts ends with it, whatever happens: `with Office(...) as office:`.
"""

# Put before a command's words: it ends when the process that started it does, even if that was killed.
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]
