# Sourced by tests/demo and tests/run: installs what the lab needs on a Debian machine, once.
# With demo=yes only what tests/demo needs; the one Asterisk that it plays on it fetches itself.
# The Asterisks go to a cache outside the checkout (BUSY_CALLBACK_CACHE, by default ~/.cache/busy-callback).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:/usr/sbin:/sbin"

if [ "$(id -u)" != 0 ]; then
    echo "Run this as root: it installs Debian packages and unpacks the two Asterisks." >&2
    exit 1
fi
missing=
tools="debootstrap:debootstrap baresip:baresip"
[ -n "${demo:-}" ] || tools="$tools sipp:sip-tester strace:strace chromium:chromium"
for pair in $tools; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    echo "Installing$missing with apt-get ..." >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi
promtool="${BUSY_CALLBACK_CACHE:-$HOME/.cache/busy-callback}/promtool"
if [ -z "${demo:-}" ] && [ ! -x "$promtool" ]; then
    echo "Fetching promtool ..." >&2
    # Out of Debian's package, which would start a server. Without it, one test is left out.
    mkdir -p "$(dirname "$promtool")"
    folder=$(mktemp -d)
    (cd "$folder" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } &&
        dpkg-deb --fsys-tarfile prometheus_*.deb | tar x ./usr/bin/promtool && mv usr/bin/promtool "$promtool") >&2 || true
    rm -rf "$folder"
fi
if [ ! -e .venv/installed ] || [ setup.py -nt .venv/installed ]; then
    echo "Installing the package and its tests' libraries into .venv with pip, a minute or two ..." >&2
    python3 -m venv .venv
    # compat: a plain path, as fast to import from as an installed package
    .venv/bin/pip install -qq --disable-pip-version-check --config-settings editable_mode=compat -e '.[test]' >&2
    touch .venv/installed
fi
[ -n "${demo:-}" ] || .venv/bin/python -m tests.lab.releases
