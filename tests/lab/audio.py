"""What a phone heard: whether a prompt is in a recording, and how loud a tone is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]
ALIKE = 0.9  # a prompt and its way through g711 correlate above 0.98, two different prompts below 0.3
QUIET = 300  # of 32767
UNHEARD = 0.1  # seconds at a call's end that a phone's jitter buffer may still hold: part of a prompt's last silence


@dataclass(frozen=True)
class Match:
    """How alike a prompt and the best fitting part of a recording are (1: the same), and where it begins (s)."""

    likeness: float
    start: float


def read(path: Path) -> tuple[int, Samples]:
    """Return rate (Hz) and samples of a wav or sln16 file, mono, 16-bit.

    A recording under way has no size in its header.
    """
    data = path.read_bytes()
    if path.suffix == ".sln16":
        return 16000, np.frombuffer(data, "<i2").astype(np.float64)
    rate = int.from_bytes(data[24:28], "little")
    return rate, np.frombuffer(data[44 : len(data) // 2 * 2], "<i2").astype(np.float64)


def begun(recording: Path) -> bool:
    """Tell whether a tenth of a second that is not silent has been heard."""
    rate, samples = read(recording)
    return int(np.count_nonzero(np.abs(samples) > QUIET)) > rate // 10


def find(prompt: Path, recording: Path) -> Match:
    """Look for a prompt (wav) in a recording of the same rate, by normalised cross-correlation."""
    rate, wanted = read(prompt)
    recorded_rate, heard = read(recording)
    if rate != recorded_rate:
        raise ValueError(f"{prompt} has {rate} Hz, {recording} {recorded_rate} Hz")
    heard = np.concatenate([heard, np.zeros(int(UNHEARD * rate))])
    if len(heard) < len(wanted):
        return Match(0.0, 0.0)
    size = 1 << (len(heard) + len(wanted)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size)
    places = len(heard) - len(wanted) + 1
    energy = np.concatenate([[0.0], np.cumsum(heard**2)])
    power = energy[len(wanted) :] - energy[:places]
    likeness = product[:places] / np.sqrt(np.maximum(power, 1.0) * np.sum(wanted**2))
    best = int(np.argmax(likeness))
    return Match(float(likeness[best]), best / rate)


def heard(prompt: Path, recording: Path) -> bool:
    """Tell whether the whole prompt is in the recording."""
    return find(prompt, recording).likeness > ALIKE


def tone_share(recording: Path, frequency: int) -> float:
    """Return the share (0 to 1) of the last half second's energy that lies within 20 Hz of the frequency."""
    rate, samples = read(recording)
    last = samples[-rate // 2 :]
    if len(last) < rate // 2:
        return 0.0
    spectrum = np.abs(np.fft.rfft(last * np.hanning(len(last)))) ** 2
    frequencies = np.fft.rfftfreq(len(last), 1 / rate)
    near = np.abs(frequencies - frequency) <= 20
    return float(spectrum[near].sum() / max(spectrum.sum(), 1.0))
