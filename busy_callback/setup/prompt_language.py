"""The language that the prompts are heard in: what a channel hears, what install proposes, the line that sets it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from busy_callback.language import ENGLISH, LANGUAGES, of_locale
from busy_callback.request import is_language
from busy_callback.setting_values import key_and_value, without_comment
from busy_callback.setup.marked_blocks import append, insert, split
from busy_callback.setup.phones import Phone
from busy_callback.setup.survey import COMMAND, Survey

OTHER_NAMES = {"tw": "zh"}  # not of the form zh_TW, which Asterisk looks for in zh by itself
RECORDED = "recordings of your own"  # in the place without a language: nothing tells which it is
KEY = "language"


def in_folder(survey: Survey, folder: str) -> str:
    """Return the language of the prompts in a folder of Asterisk's sounds, '' where there are none.

    The folder '' is the place without a language. Where one has links to another's prompts, or copies of them, it is
    that one's; where it has none of ours, its name tells.
    """
    found = sorted((survey.sounds / folder).glob(f"{COMMAND}.*"))
    for path in found:
        for language in survey.languages:
            if path.is_symlink():
                same = os.readlink(path).split("/")[-2:-1] == [language]
            else:
                source = survey.data / "sounds" / language / path.name
                same = source.is_file() and path.is_file() and source.read_bytes() == path.read_bytes()
            if same:
                return language
    return (folder or RECORDED) if found else ""


def heard(survey: Survey, language: str) -> str:
    """Return the language that a channel of this one hears the prompts in, '' for none.

    As Asterisk looks for them: main/file.c, fileexists_core.
    """
    return folder_of(survey, language) or in_folder(survey, "") or in_folder(survey, "en")


def folder_of(survey: Survey, language: str) -> str:
    """Return the language of the prompts in a language's own folder, or in that of it without its country."""
    while is_language(language):
        found = in_folder(survey, language)
        if found:
            return found
        language = language.rpartition("_")[0]
    return ""


def usual(survey: Survey) -> str:
    """Return the language of channels that have none of their own."""
    return survey.console.table("core show settings").get("Default language", "en") if survey.runs else "en"


def own_phones(survey: Survey) -> list[Phone]:
    """Return the phones of extensions."""
    owned = {device for devices in survey.reached.devices.values() for device in devices.split("&")}
    numbers = set(survey.numbers) if survey.freepbx else set()  # whose dialplan is not followed
    return [phone for phone in survey.phones if phone.device in owned or phone.name in numbers]


def proposal(survey: Survey, environ: Mapping[str, str]) -> str:
    """Return the language of the machine's locale, where all phones would hear the prompts in another; else ''.

    Where phones have several languages, somebody has chosen one for each.
    """
    wanted = next(name for name, language in LANGUAGES.items() if language is of_locale(environ))
    if LANGUAGES[wanted] is ENGLISH or wanted not in survey.languages:
        return ""
    chosen = {phone.language for phone in own_phones(survey)} - {""} or {usual(survey)}
    hear = {OTHER_NAMES.get(language, language.split("_")[0]) for language in chosen}
    return "" if wanted in hear or len(hear) > 1 else wanted


def with_line(text: str, language: str) -> str:
    """Return the text of a settings file in which the setting is ``language``; all else is as it was."""
    lines, section, header = split(text), "", None
    for number, line in enumerate(lines):
        bare = without_comment(line)
        if bare.startswith("["):
            section = bare[1:-1]
            header = number if section == "general" and header is None else header
        elif section == "general" and key_and_value(bare)[0].lower() == KEY:
            before, _, after = line.partition(bare)
            return "".join([*lines[:number], f"{before}{KEY} = {language}{after}", *lines[number + 1 :]])
    row = f"{KEY} = {language}"
    return append(text, ["[general]", row]) if header is None else insert(text, header, [row])
