"""Real Asterisks and real SIP phones for tests, benchmarks and the demonstration.

    releases   the two Asterisks, fetched once into a cache outside the checkout
    ports      ports of 127.0.0.1 that nobody else in the lab uses
    manager    the lab's own manager session: states and events
    asterisk   one running Asterisk: configuration, console, manager events, kill and restart
    phone      one baresip: dial, answer, press a digit, hear, see who calls
    lamp       the lamp beside a phone's key
    audio      what a phone heard: a prompt, a tone
    office     all of it: an Asterisk with phones and with this package in it
    branches   several of these, joined by trunks, whose phones' states all of them know

Everything that an office starts ends with it, whatever happens: `with Office(...) as office:`.
"""

import subprocess

WAIT = 60.0  # seconds that anything of the lab may take: only what hangs takes as long, on a busy machine too

# Put before a command's words: it ends when the process that started it does, even if that was killed.
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]

# The same for a phone and for Asterisk: a phone is hardware of its own, and Debian's unit, too, gives Asterisk a
# real-time priority (its option -p). Else they would stutter when the machine is busy with other tests.
_REAL_TIME = ["chrt", "--rr", "10"]
_MAY = subprocess.run([*_REAL_TIME, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
GOES_ON = [*DIES_WITH_US, *(_REAL_TIME if _MAY else [])]
