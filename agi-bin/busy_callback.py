#!/usr/bin/python3 -S
"""AGI(busy_callback.py,offer,TO,DIALSTATUS), AGI(busy_callback.py,FROM,TO[,KIND]) and others; see busy_callback/agi.py.

The first line names the Python that has the package. Its -S spares the caller Python's search for installed
packages, a quarter of its start; the script works without it too.
"""

# First of all: a caller who hangs up must not end the script before the request is on disk. This is the part of signal
# that Python has built in: the rest makes enums, and would take as long as all of ours.
import _signal

_signal.signal(_signal.SIGHUP, _signal.SIG_IGN)

import os  # noqa: E402
import sys  # noqa: E402

# Who asks for nothing yet must lose nothing: where an offer can't be decided soon, the call goes on without it.
_offers = sys.argv[1:2] == ["offer"]
if _offers:
    _signal.alarm(5)

# This file has the package's name and must not be found in its place.
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _here]

try:
    if sys.flags.no_site and sys.executable:
        _prefix = os.path.dirname(os.path.dirname(sys.executable))
        sys.path.append(f"{_prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
    try:
        from busy_callback.agi import main
    except ImportError:
        # Installed in another way (Debian's dist-packages, a path of its own): let Python search.
        import site

        site.main()
        from busy_callback.agi import main
except Exception as error:  # whatever is wrong with the installation, who pressed 5 must hear it
    sys.stderr.write(f"busy_callback.py can't start: {error}\n")
    _commands = ['EXEC Log "ERROR,busy_callback.py can not start: run busy-callback doctor"']
    if not _offers:
        _commands.insert(0, "SET VARIABLE BUSY_CALLBACK_STATUS ERROR")
        _commands += ['STREAM FILE busy-callback-failed ""', "HANGUP"]
    for command in _commands:
        sys.stdout.write(command + "\n")
        sys.stdout.flush()
        sys.stdin.readline()
    sys.exit(1)

# Everything is on disk and told by now; taking the interpreter down in order would cost the caller more than
# the registration itself.
os._exit(main(sys.argv[1:], os.environ))
