"""Tell the callback as it happens, on a private Asterisk with three real phones; fail if a step does not happen."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .audio import find, tone_share
from .office import REPOSITORY, Office
from .releases import RELEASES, Release

PROMPTS = REPOSITORY / "sounds" / "en"


class Story:
    """Prints a line a step, with the time since the beginning."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def tell(self, what: str) -> None:
        """Print what has just happened."""
        print(f"{time.monotonic() - self._begin:7.2f} s  {what}", flush=True)


def milliseconds(since: float, until: float) -> str:
    """Return a duration as people read it."""
    return f"{(until - since) * 1000:.0f} ms"


def listen(recording: Path, name: str) -> None:
    """Check that a prompt was heard from its beginning to its end."""
    match = find(PROMPTS / f"{name}.wav", recording)
    if match.likeness < 0.9:
        raise AssertionError(f"201 did not hear {name}: likeness {match.likeness:.2f}")


def play(release: Release, folder: Path) -> None:
    """Act the page's flow out; raises AssertionError at the first step that does not happen."""
    story = Story()
    with Office(release, folder) as office:
        a, b, c = (office.phone(number) for number in ("201", "202", "203"))
        version = office.asterisk.console("core show version").split()[1]
        story.tell(f"Asterisk {version} runs, with the {release.technology} phones 201, 202 and 203")
        office.watch()
        office.talk(c, b)
        story.tell("203 calls 202, and they talk")

        a.dial("202")
        a.established()
        story.tell("201 dials 202: busy")
        a.wait_until_heard(PROMPTS / "busy-callback.wav")
        story.tell("201 has heard: The number you dialled is busy. To be called back when it is free, press 5.")
        mark, pressed = office.asterisk.manager.mark(), time.monotonic()
        a.press("5")
        office.asterisk.manager.wait("registration", mark, Event="UserEvent", Status="REGISTERED")
        story.tell(f"201 presses 5: registered in {milliseconds(pressed, time.monotonic())}, on disk")
        a.closed()
        listen(a.recordings()[-1], "busy-callback-ok")
        story.tell("201 has heard: Your callback is set. Please hang up and wait to be called.")
        print("\n$ busy-callback list\n" + office.command("list").stdout)

        office.wait_idle("201")
        hung_up = time.monotonic()
        b.hang_up()
        ring = a.ring()
        story.tell(f"202 hangs up: 201 rings {milliseconds(hung_up, ring.at)} later, showing {ring.caller_id}")
        assert ring.caller_id == "ReDial 202 <202>", ring.caller_id
        answered = time.monotonic()
        a.accept()
        a.established()
        ring = b.ring()
        story.tell(f"201 answers: 202 rings {milliseconds(answered, ring.at)} later, showing {ring.caller_id}")
        b.accept()
        b.established()
        for phone, other in ((a, b), (b, a)):
            phone.wait_until_tone(other.tone)
            share = tone_share(phone.recordings()[-1], other.tone)
            story.tell(f"{phone.number} hears {other.number}: {share:.0%} of it is its tone of {other.tone} Hz")
        a.hang_up()
        b.closed()
        office.until_logged("completed:")
        story.tell("201 hangs up: the callback is done")
        print("\n$ busy-callback history\n" + office.command("history").stdout)


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(description="Show the callback on a private Asterisk with real phones.")
    parser.add_argument("--asterisk", choices=[release.version for release in RELEASES], default="22")
    wanted = parser.parse_args().asterisk
    release = next(release for release in RELEASES if release.version == wanted)
    with tempfile.TemporaryDirectory(prefix="busy-callback-") as folder:
        try:
            play(release, Path(folder))
        except (AssertionError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"\nFAILED: {error}", file=sys.stderr)
            return 1
    print("All of it happened.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
