"""The dialplan as an admin's settings have it: the feature codes stand in the file itself."""

from __future__ import annotations

import re

from busy_callback.settings import Settings

FILE_NAME = "extensions_busy_callback.conf"
_CODES = re.compile(r"\[busy-callback-codes\].*?(?=\n\[)", re.DOTALL)


def render(text: str, settings: Settings) -> str:
    """Return the shipped dialplan ``text`` with the feature codes of ``settings``."""
    codes = {"*66": settings.code_request, "*86": settings.code_cancel, "*87": settings.code_count}

    def put_codes(section: re.Match[str]) -> str:
        lamp_number = f"${{EXTEN:{len(settings.code_request)}}}"
        changed = re.sub(r"\*[68][67]", lambda code: codes[code[0]], section[0])
        return changed.replace("${EXTEN:3}", lamp_number)

    return _CODES.sub(put_codes, text)
