"""The dialplan as an admin's settings have it: the feature codes stand in the file itself."""

from __future__ import annotations

import re

from busy_callback.settings import Settings

FILE_NAME = "extensions_busy_callback.conf"
_CODE = re.compile(r"\*[68][67]")
_CODES = re.compile(r"\[busy-callback-codes\].*?(?=\n\[)", re.DOTALL)


def render(text: str, settings: Settings) -> str:
    """Return the shipped dialplan ``text`` with the feature codes of ``settings``."""
    codes = {"*66": settings.code_request, "*86": settings.code_cancel, "*87": settings.code_count}

    def put_codes(section: re.Match[str]) -> str:
        lines, length = [], 0
        for line in section[0].split("\n"):
            for code in _CODE.findall(line):
                length = len(codes[code])  # of the extension that this line and the next ones belong to
            changed = _CODE.sub(lambda code: codes[code[0]], line)
            lines.append(changed.replace("${EXTEN:3}", f"${{EXTEN:{length}}}"))
        return "\n".join(lines)

    return _CODES.sub(put_codes, text)
