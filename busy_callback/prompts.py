"""Where the prompts lie that the setting ``language`` names; without it, Asterisk finds them by the channel's language.

The folder stands in the prompt's own path, ``zh/busy-callback-ok``: below sounds/, Asterisk finds such a file for a
channel of any language, for it looks in ``LANGUAGE/zh/`` first, where none is, and then in ``zh/`` (main/file.c,
fileexists_core). So what the channel hears when we are done, as voicemail, stays in the channel's own language.

The AGI imports this module on the caller's time, where the setting is used.
"""

from __future__ import annotations

import os

FIRST = "busy-callback"  # the prompt without which there is no offer
FORMATS = ("gsm", "wav", "ulaw", "alaw", "g722", "sln16")  # in which install places each


def folder(language: str, data: str) -> str:
    """Return what goes before a prompt's name, as ``zh/``; '' for the channel's own language.

    ``data`` is Asterisk's astdatadir. As Asterisk does it, what follows the last ``_`` is left out as often as there is
    one. A language without prompts is the channel's own: rather that than a silence for a prompt.
    """
    while language:
        if any(os.path.exists(f"{data}/sounds/{language}/{FIRST}.{form}") for form in FORMATS):
            return f"{language}/"
        language = language.rpartition("_")[0]
    return ""
