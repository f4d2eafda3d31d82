#!/usr/bin/python3
"""AGI(busy_callback.py,FROM,TO[,KIND]) and AGI(busy_callback.py,cancel,FROM[,TO]); see busy_callback/agi.py."""

# First of all: a caller who hangs up must not end the script before the request is on disk.
import signal

signal.signal(signal.SIGHUP, signal.SIG_IGN)

import os  # noqa: E402
import sys  # noqa: E402

# This file has the package's name and must not be found in its place.
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _here]

try:
    from busy_callback.agi import main
except Exception as error:  # whatever is wrong with the installation, the caller must hear it
    sys.stderr.write(f"busy_callback.py can't start: {error}\n")
    for command in (
        "SET VARIABLE BUSY_CALLBACK_STATUS ERROR",
        'EXEC Log "ERROR,busy_callback.py can not start: run busy-callback doctor"',
        'STREAM FILE busy-callback-failed ""',
        "HANGUP",
    ):
        sys.stdout.write(command + "\n")
        sys.stdout.flush()
        sys.stdin.readline()
    sys.exit(1)

sys.exit(main(sys.argv[1:], os.environ))
