"""A small synthesiser: from a written piece to samples, with numpy alone."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.demo.score import Drum, Layer, Piece, Tune

Samples = NDArray[np.float32]
"""Mono sound, shape (n,), full scale at -1 and 1."""

RATE = 22_050
CLOSING_S = 5.0
"""The closing chord and its reverberation."""
CONCERT_A = 440.0
QUIETEST_DB, LOUDEST_DB = -24.0, -16.0
"""Mean level (RMS over full scale) of pieces of arousal -1 and 1: different, and neither startles."""
NYQUIST_SHARE = 0.45
"""Partials above this share of the rate are left out: they would alias."""


@dataclass(frozen=True)
class Timbre:
    """How an instrument sounds.

    Attributes:
        partials: Level of each partial.
        ratios: Frequency of each partial over the fundamental; the whole numbers when empty.
        attack_s: Time to full loudness.
        decay_s: Time in which the fundamental falls to 1/e; higher partials fall faster.
        release_s: Time in which a released note fades.
        chorus: Relative detuning of a second voice; none at 0.
        tremolo_hz: Rate at which loudness wavers; not at all at 0.
        drive: How far the sound is pushed into saturation; clean at 0.
    """

    partials: tuple[float, ...]
    ratios: tuple[float, ...] = ()
    attack_s: float = 0.006
    decay_s: float = 1.0
    release_s: float = 0.12
    chorus: float = 0.0
    tremolo_hz: float = 0.0
    drive: float = 0.0


SAW = tuple(1 / k for k in range(1, 11))
TIMBRES = {
    "pad": Timbre((1, 0.45, 0.28, 0.12, 0.06), attack_s=0.45, decay_s=8, release_s=0.9, chorus=0.004),
    "keys": Timbre((1, 0.30, 0.10, 0.12, 0.04, 0.03), decay_s=1.3, release_s=0.2, tremolo_hz=4.5),
    "piano": Timbre((1, 0.55, 0.32, 0.2, 0.12, 0.08, 0.05), decay_s=1.5, release_s=0.35, chorus=0.0008),
    "pluck": Timbre(SAW[:8], attack_s=0.004, decay_s=0.4, release_s=0.1),
    "pizzicato": Timbre((1, 0.6, 0.25, 0.12, 0.05), attack_s=0.005, decay_s=0.18, release_s=0.08),
    "marimba": Timbre((1, 0.25, 0.06), (1, 3.93, 9.2), attack_s=0.003, decay_s=0.28, release_s=0.15),
    "bell": Timbre((1, 0.35, 0.18, 0.06), (1, 2.0, 3.01, 5.4), attack_s=0.004, decay_s=1.4, release_s=0.7),
    "bass": Timbre((1, 0.5, 0.18, 0.07), attack_s=0.012, decay_s=1.4, release_s=0.09),
    "lead": Timbre((1, 0.1, 0.32, 0.05, 0.12, 0.02, 0.05), attack_s=0.02, decay_s=2.5, chorus=0.003),
    "flute": Timbre((1, 0.22, 0.12, 0.03), attack_s=0.07, decay_s=6, release_s=0.25, tremolo_hz=5),
    "reed": Timbre((1, 0.15, 0.6, 0.1, 0.4, 0.08, 0.2, 0.1), attack_s=0.02, decay_s=1.5, chorus=0.012),
    "brass": Timbre(SAW, attack_s=0.025, decay_s=1.0, release_s=0.1, chorus=0.005),
    "tremolo": Timbre(SAW[:7], attack_s=0.25, decay_s=9, release_s=0.5, chorus=0.006, tremolo_hz=9),
    "drive": Timbre(SAW[:8], attack_s=0.008, decay_s=1.2, release_s=0.07, chorus=0.004, drive=3.0),
    "fuzz": Timbre(SAW[:6], attack_s=0.006, decay_s=0.6, release_s=0.06, drive=2.0),
}


def render(piece: Piece) -> Samples:
    """Return a piece's samples, at `RATE`: the same ones every time."""
    random = np.random.default_rng(int.from_bytes(piece.title.encode()[:8]))
    bar_s = 60 / piece.bpm * piece.beats
    mix = np.zeros(round((piece.bars * bar_s + CLOSING_S) * RATE), np.float32)
    cached_note = functools.cache(note)
    for layer in piece.layers:
        timbre = TIMBRES[layer.timbre]
        voicing = 1 / np.sqrt(len(piece.stack)) if "x" in layer.pattern else 1.0
        for start_s, hold_s, pitches, accent in _notes(piece, layer, bar_s):
            loudness = np.float32(layer.level * accent * voicing * random.uniform(0.92, 1.0))
            for pitch in pitches:
                _add(mix, start_s, loudness * cached_note(timbre, pitch, round(hold_s, 4)))
    for drum in piece.drums:
        sound = DRUMS[drum.name](np.random.default_rng(1))
        for start_s, accent in _hits(piece, drum, bar_s):
            _add(mix, start_s, np.float32(drum.level * accent * random.uniform(0.88, 1.0)) * sound)
    return _master(mix, piece)


def note(timbre: Timbre, pitch: int, hold_s: float) -> Samples:
    """Return one note by additive synthesis; it begins and ends in silence.

    Args:
        timbre: The instrument.
        pitch: MIDI note; 69 is 440 Hz.
        hold_s: Time until it is released.
    """
    length = round((hold_s + timbre.release_s) * RATE)
    t = np.arange(length) / RATE
    frequency = CONCERT_A * 2 ** ((pitch - 69) / 12)
    ratios = np.array(timbre.ratios or range(1, len(timbre.partials) + 1), float)
    audible = ratios * frequency < NYQUIST_SHARE * RATE
    ratios, levels = ratios[audible, None], np.array(timbre.partials)[audible, None]
    fading = _samples(levels) * np.exp(_samples(-(ratios**0.7)) * _samples(t / timbre.decay_s))
    sound = (fading * _sine(frequency * ratios * t)).sum(0)
    if timbre.chorus:
        second = frequency * (1 + timbre.chorus) * ratios * t
        sound = 0.6 * (sound + (fading * _sine(second + 0.16)).sum(0))
    if timbre.drive:
        sound = np.tanh(timbre.drive * sound) / np.tanh(timbre.drive)
    if timbre.tremolo_hz:
        sound *= 1 - 0.2 * (1 - np.cos(2 * np.pi * timbre.tremolo_hz * t)) / 2
    rise = np.clip(t / timbre.attack_s, 0, 1)
    fall = np.clip((length / RATE - t) / timbre.release_s, 0, 1)
    return _samples(sound * np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2)


def _kick(_random: np.random.Generator) -> Samples:
    t = np.arange(round(0.4 * RATE)) / RATE
    sweep = 2 * np.pi * (48 * t + 2.2 * (1 - np.exp(-t / 0.03)))
    return _struck(np.sin(sweep), t, 0.11)


def _snare(random: np.random.Generator) -> Samples:
    t = np.arange(round(0.3 * RATE)) / RATE
    return _struck(0.35 * random.standard_normal(len(t)) + 0.5 * np.sin(2 * np.pi * 185 * t), t, 0.07)


def _hat(random: np.random.Generator) -> Samples:
    t = np.arange(round(0.15 * RATE)) / RATE
    return _struck(0.3 * np.diff(random.standard_normal(len(t) + 1)), t, 0.028)


def _shaker(random: np.random.Generator) -> Samples:
    t = np.arange(round(0.15 * RATE)) / RATE
    return _struck(0.3 * np.diff(random.standard_normal(len(t) + 1)), t, 0.03, attack_s=0.02)


DRUMS = {"kick": _kick, "snare": _snare, "hat": _hat, "shaker": _shaker}


def _struck(sound: NDArray[np.float64], t: NDArray[np.float64], decay_s: float, attack_s: float = 0.002) -> Samples:
    """Give a drum its envelope, silent at both ends."""
    envelope = np.exp(-t / decay_s) * np.clip(t / attack_s, 0, 1) * np.clip((t[-1] - t) / 0.02, 0, 1)
    return _samples(sound * envelope)


def _notes(piece: Piece, layer: Layer, bar_s: float) -> Iterator[tuple[float, float, list[int], float]]:
    """Yield start and hold in seconds, pitches and accent of every note, the closing chord's included."""
    for start_s, steps, symbol, step_s, chord, accent in _steps(piece, layer, bar_s):
        yield start_s, steps * step_s, _pitches(piece, layer, symbol, chord), accent
    if layer in piece.layers[:2]:
        symbol = "x" if layer is piece.layers[0] else "1"
        yield piece.bars * bar_s, CLOSING_S - 2, _pitches(piece, layer, symbol, 1), 1.0


def _hits(piece: Piece, drum: Drum, bar_s: float) -> Iterator[tuple[float, float]]:
    for start_s, _steps_held, _symbol, _step_s, _chord, accent in _steps(piece, drum, bar_s):
        yield start_s, accent


def _steps(piece: Piece, part: Layer | Drum, bar_s: float) -> Iterator[tuple[float, int, str, float, int, float]]:
    """Yield start in seconds, steps held, symbol, step length in seconds, chord and accent of what is played."""
    written = part.pattern.split("|")
    for bar in range(part.enters, piece.bars):
        symbols = written[(bar - part.enters) % len(written)]
        step_s = bar_s / len(symbols)
        late_s = (piece.swing - 0.5) * 2 * step_s
        for step, symbol in enumerate(symbols):
            if symbol in ".-":
                continue
            held = len(symbols[step + 1 :]) - len(symbols[step + 1 :].lstrip(".")) + 1
            accent = 1.0 if step == 0 else 0.9 if step * piece.beats % len(symbols) == 0 else 0.78
            start_s = bar * bar_s + step * step_s + (late_s if step % 2 else 0)
            yield start_s, held, symbol, step_s, piece.chords[bar % len(piece.chords)], accent


def _pitches(piece: Piece, layer: Layer, symbol: str, chord: int) -> list[int]:
    """Return the MIDI notes of a pattern's symbol."""
    base = piece.root + 12 * layer.octave
    if isinstance(layer, Tune):
        return [base + _semitones(piece, int(symbol) - 1 if symbol.isdigit() else ord(symbol) - ord("a") - 7)]
    # Roots above the fourth degree go an octave down, so that neighbouring chords lie close together.
    root = chord - 1 if chord <= 4 else chord - 8  # noqa: PLR2004
    if symbol == "x":
        return [base + _semitones(piece, root + step) for step in piece.stack]
    octave, tone = divmod(int(symbol) - 1, len(piece.stack))
    return [base + 12 * octave + _semitones(piece, root + piece.stack[tone])]


def _semitones(piece: Piece, degree: int) -> int:
    octave, step = divmod(degree, len(piece.scale))
    return 12 * octave + piece.scale[step]


def _add(mix: Samples, start_s: float, sound: Samples) -> None:
    start = round(start_s * RATE)
    end = min(start + len(sound), len(mix))
    mix[start:end] += sound[: end - start]


def _master(mix: Samples, piece: Piece) -> Samples:
    """Add echo and room, take out rumble, set the loudness by arousal, round off peaks, fade in and out."""
    random = np.random.default_rng(2)
    delay = round(1.5 * 60 / piece.bpm * RATE)
    for repeat in (1, 2, 3):
        mix[repeat * delay :] += np.float32(piece.echo**repeat / 2) * mix[: -repeat * delay]
    t = np.arange(round(1.8 * RATE)) / RATE
    tail = random.standard_normal(len(t)) * np.exp(-t / 0.35) * np.clip(t / 0.01, 0, 1) / 40
    size = -(-(len(mix) + len(tail)) // 36_000) * 36_000  # a product of small primes: fast to transform
    hertz = np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)
    warm = hertz**2 / (hertz**2 + 250**2) / (1 + (hertz / 3500) ** 2)
    room = 1 + piece.room * warm * np.fft.rfft(tail.astype(np.float32), size)
    without_rumble = hertz**2 / (hertz**2 + 30**2)
    mix = np.fft.irfft(np.fft.rfft(mix, size) * room * without_rumble, size)[: len(mix)].astype(np.float32)
    level_db = QUIETEST_DB + (LOUDEST_DB - QUIETEST_DB) * (piece.arousal + 1) / 2
    mix *= 10 ** (level_db / 20) / np.sqrt(np.mean(mix**2))
    edge = np.minimum(np.arange(len(mix)) / (0.02 * RATE), (len(mix) - np.arange(len(mix))) / (1.5 * RATE))
    return _samples(0.9 * np.tanh(mix / 0.9) * np.clip(edge, 0, 1))


def _sine(turns: NDArray[np.float64]) -> Samples:
    """Return sines of angles given in turns; whole turns go first, as single precision has no room for them."""
    return _samples(np.sin(2 * np.pi * _samples(turns - np.floor(turns))))


def _samples(sound: NDArray[np.floating]) -> Samples:
    return np.asarray(sound, np.float32)
