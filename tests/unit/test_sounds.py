"""The prompts of sounds/: none missing, of the right format, length and level, with nothing cut off.

What is said in them, and how gsm and g722 sound, is for the speech recogniser (sounds/README.md).
"""

from __future__ import annotations

import csv
import re
import shutil
import wave
from array import array
from collections.abc import Callable
from math import log10
from pathlib import Path

import pytest

from busy_callback import offer
from busy_callback.agi import FAILURE_PROMPT

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "sounds"
BYTES_PER_SECOND = {"alaw": 8000, "g722": 8000, "gsm": 1650, "sln16": 32000, "ulaw": 8000, "wav": 16000}
GSM_FRAME = 33  # bytes for 20 ms, each beginning with the half byte 0xD
WAV_HEADER = 44
LONGEST = 6.0  # seconds
LOUDEST_PEAK = -2.0  # dBFS: made with -3, and resampling adds a little
LEVELS = (-23.0, -17.0)  # dBFS; Asterisk's own prompts lie between
QUIET = -50.0  # dBFS: below it nobody hears speech
ENDS = (0.05, 0.30)  # seconds of silence: less sounds cut, more sounds slow


def read_table(folder: Path) -> dict[str, dict[str, str]]:
    """Return the text of each language, by prompt."""
    with open(folder / "prompts.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {row.pop("name"): {lang: row[lang] for lang in row if f"{lang} phonemes" in row} for row in rows}


def expected(folder: Path) -> set[Path]:
    """Return the files that the table asks for."""
    texts = read_table(folder)
    return {folder / lang / f"{name}.{suffix}" for name in texts for lang in texts[name] for suffix in BYTES_PER_SECOND}


def seconds(file: Path) -> float:
    """Return a file's length by its size."""
    header = WAV_HEADER if file.suffix == ".wav" else 0
    return (file.stat().st_size - header) / BYTES_PER_SECOND[file.suffix[1:]]


def ulaw(code: int) -> int:
    """Decode a byte of G.711 mu-law."""
    code = ~code & 255
    size = (((code & 15) * 8 + 132) << (code >> 4 & 7)) - 132
    return -size if code & 128 else size


def alaw(code: int) -> int:
    """Decode a byte of G.711 A-law."""
    code ^= 0x55
    exponent = code >> 4 & 7
    size = (code & 15) * 16 + 8
    size = (size + 256) << (exponent - 1) if exponent else size
    return size if code & 128 else -size


DECODERS = {".ulaw": [ulaw(code) for code in range(256)], ".alaw": [alaw(code) for code in range(256)]}


def loudness(samples: array[int]) -> float:
    """Return the RMS of samples in dBFS."""
    return 10 * log10(sum(s * s for s in samples) / len(samples) / 32768**2 + 1e-10)


class Sound:
    """The samples of a file whose format needs no real decoder."""

    def __init__(self, file: Path) -> None:
        data = file.read_bytes()[WAV_HEADER if file.suffix == ".wav" else 0 :]
        decoder = DECODERS.get(file.suffix)
        self.samples = array("h", [decoder[code] for code in data] if decoder else data[: len(data) // 2 * 2])
        step = 320 if file.suffix == ".sln16" else 160
        self.frames = [loudness(self.samples[i : i + step]) for i in range(0, len(self.samples), step)]
        speech = [i for i, level in enumerate(self.frames) if level > QUIET] or [0]
        self.head, self.tail = speech[0] * 0.02, (len(self.frames) - 1 - speech[-1]) * 0.02


def check_presence(folder: Path) -> list[str]:
    """Each prompt is there in each language and format, and nothing else is."""
    present = {file for file in folder.glob("*/*") if file.parent.name != "__pycache__"}
    return [
        *(f"{file.name} is missing in {file.parent.name}" for file in expected(folder) - present),
        *(f"{file.name} in {file.parent.name} is not in the table" for file in present - expected(folder)),
    ]


def check_format(file: Path) -> list[str]:
    """The wav header says 8 kHz, mono, 16 bit; gsm is whole frames; the others have whole samples."""
    data = file.read_bytes()
    if file.suffix == ".wav":
        try:
            with wave.open(str(file)) as sound:
                kind = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
                if kind != (1, 2, 8000) or len(data) != WAV_HEADER + 2 * sound.getnframes():
                    return [f"{file.name}: the header says {kind}, or not the length"]
        except (wave.Error, EOFError) as error:
            return [f"{file.name}: no header: {error}"]
    if file.suffix == ".gsm" and (len(data) % GSM_FRAME or any(byte >> 4 != 0xD for byte in data[::GSM_FRAME])):
        return [f"{file.name}: not frames of GSM"]
    if data[:4] in (b"RIFF", b".snd") and file.suffix != ".wav":
        return [f"{file.name}: has a header, and should have none"]
    return []


def check_length(files: list[Path]) -> list[str]:
    """A prompt is as long in each format, in whole frames of 20 ms, and shorter than 6 s."""
    lengths = {round(seconds(file), 6) for file in files}
    if len(lengths) > 1:
        return [f"{files[0].stem}: not of one length: {sorted(lengths)}"]
    length = lengths.pop()
    wrong = [f"{files[0].stem}: takes {length} s"] if not 0 < length < LONGEST else []
    return wrong + ([f"{files[0].stem}: ends within a frame"] if abs(length * 50 - round(length * 50)) > 1e-6 else [])


def check_level(file: Path) -> list[str]:
    """A prompt is about as loud as the others, clips nowhere, and has a little silence at each end."""
    sound = Sound(file)
    level, peak = loudness(sound.samples), 20 * log10(max(map(abs, sound.samples)) / 32768 + 1e-5)
    wrong = [] if LEVELS[0] <= level <= LEVELS[1] else [f"{file.name}: level {level:.1f} dBFS"]
    wrong += [] if peak <= LOUDEST_PEAK else [f"{file.name}: peak {peak:.1f} dBFS"]
    wrong += [] if ENDS[0] <= sound.head <= ENDS[1] else [f"{file.name}: {sound.head:.2f} s of silence before"]
    return wrong + ([] if ENDS[0] <= sound.tail <= ENDS[1] else [f"{file.name}: {sound.tail:.2f} s of silence after"])


def check_likeness(files: list[Path]) -> list[str]:
    """The formats of a prompt are loud and quiet at the same times."""
    sounds = {file: [max(level, QUIET) for level in Sound(file).frames] for file in files}
    wav = next(sounds[file] for file in files if file.suffix == ".wav")
    apart = {file: sum(abs(a - b) for a, b in zip(wav, levels)) / len(wav) for file, levels in sounds.items()}
    return [f"{file.name}: {mean:.1f} dB apart from wav" for file, mean in apart.items() if mean > 3]


def check(folder: Path) -> list[str]:
    """Return what is wrong with a folder of prompts, a line each."""
    wrong = check_presence(folder)
    present = sorted(file for file in expected(folder) if file.exists())
    for file in present:
        wrong += check_format(file)
    for stem in sorted({file.with_suffix("") for file in present}):
        files = [file for file in present if file.with_suffix("") == stem]
        plain = [file for file in files if file.suffix not in (".gsm", ".g722")]
        wrong += check_length(files)
        for file in plain:
            wrong += check_level(file)
        wrong += check_likeness(plain) if stem.with_suffix(".wav") in plain else []
    return wrong


def test_the_prompts_are_complete_and_sound_alike() -> None:
    """Every prompt is there in each language and format, in order, and no other file."""
    assert check(SOUNDS) == []


def test_both_languages_have_a_text_for_each_prompt() -> None:
    """Mandarin and English are columns of the table, and no place of it is empty."""
    for texts in read_table(SOUNDS).values():
        assert {"zh", "en"} <= set(texts)
        assert all(texts.values())


def test_the_digit_to_press_comes_last() -> None:
    """Who is asked to press a digit hears it last, when the hand is ready."""
    asking = [t for texts in read_table(SOUNDS).values() for t in texts.values() if re.search("press|按", t)]
    assert len(asking) == 6
    assert all(re.search(r" \d\.?$", text) for text in asking)


def test_what_the_service_plays_is_there() -> None:
    """The dialplan and the AGI play no prompt that the table lacks."""
    dialplan = (ROOT / "dialplan" / "extensions_busy_callback.conf").read_text(encoding="utf-8")
    lines = [line for line in dialplan.splitlines() if "Playback(" in line]
    played = set(re.findall(r"[(?:}](busy-callback[a-z0-9-]*)[,:)]", " ".join(lines)))
    assert {"busy-callback-already", "busy-callback-ok"} <= played
    offered = {*offer.PROMPTS.values(), offer.FULL_PROMPT, offer.TAKEN_PROMPT}
    assert played | offered | {FAILURE_PROMPT} <= set(read_table(SOUNDS))


def test_every_prompt_of_the_dialplan_is_in_the_language_of_the_setting() -> None:
    """None is named without the place for it."""
    for name in ("extensions_busy_callback.conf", "page_macro.conf"):
        text = (ROOT / "dialplan" / name).read_text(encoding="utf-8")
        played = re.findall(r"(?:Playback|Background|Read)\(([^)]*)", text)
        assert played
        assert all("${BUSY_CALLBACK_SOUNDS}busy-callback-" in p or "${BUSY_CALLBACK_PROMPT}" in p for p in played), (
            played
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good prompt."""
    lines = (SOUNDS / "prompts.tsv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "prompts.tsv").write_text("\n".join([lines[0], *(x for x in lines if x.startswith(f"{NAME}\t"))]))
    for lang in ("zh", "en"):
        (tmp_path / lang).mkdir()
        for file in (SOUNDS / lang).glob(f"{NAME}.*"):
            shutil.copy(file, tmp_path / lang)
    assert check(tmp_path) == []
    return tmp_path


NAME = "busy-callback-ok"
Change = Callable[[bytes], bytes]


def with_samples(change: Callable[[array[int]], array[int]]) -> Change:
    """Return a change of a wav file's samples, its header staying true."""

    def apply(data: bytes) -> bytes:
        samples = change(array("h", data[WAV_HEADER:])).tobytes()
        return b"".join(
            [
                b"RIFF",
                (36 + len(samples)).to_bytes(4, "little"),
                data[8:40],
                len(samples).to_bytes(4, "little"),
                samples,
            ]
        )

    return apply


BROKEN: dict[str, tuple[str, Change, str]] = {
    "a wav header of 16 kHz": ("wav", lambda d: d[:24] + (16000).to_bytes(4, "little") + d[28:], "the header says"),
    "a wav header of stereo": ("wav", lambda d: d[:22] + b"\2" + d[23:], "the header says"),
    "a wav that is cut": ("wav", lambda d: d[:-320], "the header says"),
    "a wav without a header": ("wav", lambda d: d[WAV_HEADER:], "no header"),
    "a raw format with a header": ("ulaw", lambda d: b"RIFF" + d[4:], "should have none"),
    "half a GSM frame": ("gsm", lambda d: d[:-10], "not frames of GSM"),
    "another format called gsm": ("gsm", lambda d: bytes(len(d)), "not frames of GSM"),
    "a frame less": ("g722", lambda d: d[:-160], "not of one length"),
    "a quiet prompt": ("wav", with_samples(lambda s: array("h", [x // 4 for x in s])), "level"),
    "a silent prompt": ("alaw", lambda d: b"\xd5" * len(d), "level"),
    "a clipped wav": ("wav", with_samples(lambda s: array("h", [max(-9000, min(9000, x)) * 3 for x in s])), "peak"),
    "a clipped ulaw": ("ulaw", lambda d: d[:9000] + b"\x80" + d[9001:], "peak"),
    "a clipped alaw": ("alaw", lambda d: d[:9000] + b"\xaa" + d[9001:], "peak"),
    "a clipped sln16": ("sln16", lambda d: d[:9000] + b"\0\x80" + d[9002:], "peak"),
    "a cut first syllable": ("ulaw", lambda d: d[1600:], "0.00 s of silence before"),
    "a cut last syllable": ("sln16", lambda d: d[:-9600], "0.00 s of silence after"),
    "a slow beginning": ("alaw", lambda d: b"\xd5" * 3200 + d, "s of silence before"),
    "a slow end": ("wav", with_samples(lambda s: s + array("h", bytes(3200))), "s of silence after"),
    "another prompt": ("ulaw", lambda d: d[::-1], "apart from wav"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_is_found(folder: Path, broken: str) -> None:
    """Each check fails on a file that is broken the way it is there for."""
    suffix, change, complaint = BROKEN[broken]
    file = folder / "zh" / f"{NAME}.{suffix}"
    file.write_bytes(change(file.read_bytes()))
    assert any(complaint in line and NAME in line for line in check(folder))


@pytest.mark.parametrize(("pieces", "complaint"), [(2, "takes"), (0, "takes"), (1.003, "ends within a frame")])
def test_a_prompt_of_the_wrong_length_is_found(folder: Path, pieces: float, complaint: str) -> None:
    """A prompt that is too long, empty or not in whole frames is found though all formats agree."""
    files = sorted((folder / "en").glob("*.*"))
    lengths = {file: round(seconds(file) * pieces, 3) for file in files}
    for file in files:
        size = round(lengths[file] * BYTES_PER_SECOND[file.suffix[1:]]) + WAV_HEADER * (file.suffix == ".wav")
        file.write_bytes((file.read_bytes() * 2)[:size])
    if pieces == 1.003:
        files = [file for file in files if file.suffix != ".gsm"]  # that has whole frames only
    assert any(complaint in line for line in check_length(files))


def test_a_missing_file_is_found(folder: Path) -> None:
    """A prompt that lacks one format in one language is found."""
    (folder / "en" / f"{NAME}.g722").unlink()
    assert check(folder) == [f"{NAME}.g722 is missing in en"]


def test_a_language_without_files_is_found(folder: Path) -> None:
    """A column of the table without its folder is found."""
    shutil.rmtree(folder / "en")
    assert len(check(folder)) == len(BYTES_PER_SECOND)


def test_a_file_that_the_table_lacks_is_found(folder: Path) -> None:
    """A stray file would be installed into a PBX: it is found."""
    shutil.copy(folder / "en" / f"{NAME}.gsm", folder / "en" / "busy-callback-old.gsm")
    assert check(folder) == ["busy-callback-old.gsm in en is not in the table"]
