"""Every prompt at a phone, in each language and codec: the whole of it, from the first syllable to the last."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..lab.audio import Match, find
from ..lab.office import REPOSITORY
from .conftest import OpenOffice, complaints

SOUNDS = REPOSITORY / "sounds"
NAMES = sorted(path.stem for path in (SOUNDS / "en").glob("*.wav"))
LANGUAGES = ("en", "zh")
# The master that a phone of a codec can be compared with, and how alike it must be: g711 and g722 lose a little.
MASTERS = {"ulaw": (".wav", 0.98), "g722": (".sln16", 0.95)}
PLAY = "[from-internal]\nexten => _play-.,1,Answer()\n same => n,Set(CHANNEL(language)=${EXTEN:5})\n"


def likeness(recording: Path, name: str, language: str, suffix: str = ".wav") -> Match:
    """Compare a recording with a prompt."""
    return find(SOUNDS / language / f"{name}{suffix}", recording)


@pytest.mark.parametrize("codec", MASTERS)
def test_each_prompt_is_heard_whole(open_office: OpenOffice, codec: str) -> None:
    """A phone of each language hears each prompt as its master is, one after the other, with no cut."""
    playbacks = "".join(f" same => n,Playback({name})\n" for name in NAMES)
    office = open_office("201", "202", more_dialplan=PLAY + playbacks, codec=codec)
    phones = dict(zip(LANGUAGES, office.phones.values()))
    for language, phone in phones.items():
        phone.dial(f"play-{language}")
    suffix, alike = MASTERS[codec]
    for language, phone in phones.items():
        phone.closed(timeout=250)
        matches = [likeness(phone.recordings()[-1], name, language, suffix) for name in NAMES]
        worst = min(zip(matches, NAMES), key=lambda pair: pair[0].likeness)
        assert worst[0].likeness > alike, f"{language} {worst[1]}: {worst[0]}"
        assert sorted(match.start for match in matches) == [match.start for match in matches]
    assert complaints(office) == []


@pytest.mark.parametrize(
    ("language", "heard"), [("zh_TW", "zh"), ("tw", "zh"), ("zh", "zh"), ("en_GB", "en"), ("fr", "en"), ("en", "en")]
)
def test_the_channels_language_decides(open_office: OpenOffice, language: str, heard: str) -> None:
    """By Asterisk's rules zh_TW and tw hear Mandarin, en_GB English, and an unknown language the fallback's."""
    office = open_office("201", more_dialplan=PLAY + " same => n,Playback(busy-callback-none)\n")
    phone = office.phones["201"]
    phone.dial(f"play-{language}")
    phone.closed()
    recording = phone.recordings()[-1]
    assert likeness(recording, "busy-callback-none", heard).likeness > MASTERS["ulaw"][1]
    other = {"zh": "en", "en": "zh"}[heard]
    assert likeness(recording, "busy-callback-none", other).likeness < 0.5
