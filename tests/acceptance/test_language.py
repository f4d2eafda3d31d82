"""The setting language: in which our prompts are heard, whatever language a phone has; shown by phones."""

from __future__ import annotations

import pytest

from ..lab.audio import find, heard
from .conftest import OpenOffice, asks, complaints, prompt

# What follows us is a prompt as voicemail's are: by its name alone, in the channel's own language.
AFTERWARDS = """\
[globals]
TECH = @TECH@
[from-internal]
include => busy-callback-codes
exten => _2XX,1,Dial(${TECH}/${EXTEN},20)
 same => n,Gosub(busy-callback,s,1(${EXTEN}))
 same => n,Playback(busy-callback-none)
 same => n,Hangup()
; refused by the script, which speaks itself
exten => 777,1,AGI(busy_callback.py,203,202)
 same => n,Hangup()
#include extensions_busy_callback.conf
"""
OTHER = {"en": "zh", "zh": "en"}


@pytest.mark.parametrize("language", OTHER)
def test_all_of_a_callback_is_heard_in_the_language_of_the_setting(open_office: OpenOffice, language: str) -> None:
    """Phones of the other language hear the offer, the confirmation, a code's answer and the recall in that one."""
    office = open_office(extensions=AFTERWARDS, language=OTHER[language], settings={"language": language})
    a, b, c = office.phones.values()
    office.watch()
    office.talk(b, c)
    asks(a, "202", language)
    office.wait_idle("201")
    a.dial("*87")
    a.closed()
    assert heard(prompt("busy-callback-waiting-1", language), a.recordings()[-1])
    office.wait_idle("201")
    b.hang_up()
    a.answer()
    a.wait_until_heard(prompt("busy-callback-recall", language))
    b.answer()
    a.wait_until_tone(b.tone)
    a.hang_up()
    office.until_logged("completed:")
    assert complaints(office) == []


def test_what_follows_is_heard_in_the_phones_own_language(open_office: OpenOffice) -> None:
    """Who presses nothing goes on, as to voicemail, in the phone's own language; the script speaks the setting's."""
    office = open_office(extensions=AFTERWARDS, settings={"language": "zh_TW", "offer_pause": "1"})
    a, b, c = office.phones.values()
    office.talk(b, c)
    a.dial("202")
    a.closed()
    recording = a.recordings()[-1]
    offer, after = find(prompt("busy-callback", "zh"), recording), find(prompt("busy-callback-none", "en"), recording)
    assert min(offer.likeness, after.likeness) > 0.9
    assert offer.start < after.start
    office.wait_idle("201")
    a.dial("777")
    a.closed()
    assert heard(prompt("busy-callback-failed", "zh"), a.recordings()[-1])


def test_a_language_without_prompts_leaves_nobody_in_silence(open_office: OpenOffice) -> None:
    """The setting names one that is not there: each phone hears its own, as without the setting."""
    office = open_office(extensions=AFTERWARDS, settings={"language": "de"})
    a, b, c = office.phones.values()
    office.talk(b, c)
    asks(a, "202")
    assert complaints(office) == []
