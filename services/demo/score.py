"""The scores of the demo library: a dozen short pieces, spread over the valence-arousal plane.

What makes a piece sound like its point: mode and consonance carry valence, tempo, density, loudness and bright
timbres carry arousal (A. Gabrielsson and E. Lindström, "The role of structure in the musical expression of
emotions", 2010).

Patterns are written a character a step, bars parted by `|`, and repeat. In every pattern `.` holds the note
before it and `-` is silence. In a *chord pattern* `x` is the whole chord and a digit one of its tones, counted
upwards from the root (1); in a *tune* a digit is a degree of the scale (8 and 9 lie above the octave) and a
letter, `a` to `g`, the degrees 1 to 7 of the octave below; in a drum pattern `x` is a hit.
"""

from dataclasses import dataclass

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
PHRYGIAN = (0, 1, 3, 5, 7, 8, 10)
LYDIAN = (0, 2, 4, 6, 7, 9, 11)
MIXOLYDIAN = (0, 2, 4, 5, 7, 9, 10)

TRIAD = (0, 2, 4)
SEVENTH = (0, 2, 4, 6)
POWER = (0, 4, 7)


@dataclass(frozen=True)
class Layer:
    """One voice: a timbre playing a chord pattern.

    Attributes:
        timbre: Name of a timbre of `synth.TIMBRES`.
        pattern: A chord pattern.
        level: Loudness in the mix, 0 to 1.
        octave: Octaves above the piece's root.
        enters: Bar, counted from 0, in which the layer begins.
    """

    timbre: str
    pattern: str
    level: float
    octave: int = 0
    enters: int = 0


class Tune(Layer):
    """A voice whose pattern counts the degrees of the scale rather than the tones of the chord."""


@dataclass(frozen=True)
class Drum:
    """One drum of `synth.DRUMS` and when it is hit; `enters` and `level` as in `Layer`."""

    name: str
    pattern: str
    level: float
    enters: int = 0


@dataclass(frozen=True)
class Piece:
    """A piece as it is written.

    Attributes:
        title: Its title.
        mood: The mood it was written for.
        valence: Where it lies on the plane, -1 to 1.
        arousal: Likewise.
        bpm: Beats a minute.
        root: The tonic, as a MIDI note.
        scale: Semitones above the tonic.
        chords: Degrees of the scale on which the bars' chords stand, repeated.
        bars: Length without the closing chord.
        layers: The voices; the first (harmony) and the second (bass) also play the closing chord.
        drums: The drums.
        beats: Beats in a bar.
        stack: Steps of the scale above its root that make a chord.
        swing: Share of a pair of steps that the first one takes; 0.5 is straight.
        room: How much reverberation, 0 to 1.
        echo: How much of an echo three steps of an eighth later, 0 to 1.
    """

    title: str
    mood: str
    valence: float
    arousal: float
    bpm: float
    root: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    bars: int
    layers: tuple[Layer, ...]
    drums: tuple[Drum, ...] = ()
    beats: int = 4
    stack: tuple[int, ...] = TRIAD
    swing: float = 0.5
    room: float = 0.25
    echo: float = 0.0


PIECES = (
    Piece(
        "Sunny Side Walk", "happy", 0.80, 0.50, 118, 60, MAJOR, (1, 5, 6, 4), 20,
        (
            Layer("keys", "x..x..x.", 0.42),
            Layer("bass", "1..1..3.", 0.75, -2),
            Layer("pluck", "1.3.4.3.", 0.40, 1, enters=2),
            Tune("lead", "5.3.5.6.|5...2...|1.2.3.6.|5.4.3.1.|8.7.6.5.|7.5.2...|6.5.3.1.|4.6.8...", 0.42, 0, 4),
            Tune("bell", "----8-5-|----7-5-|----8-6-|----9-8-", 0.20, 1, 12),
        ),
        (Drum("kick", "x...x-x-", 0.7, 4), Drum("snare", "--x---x-", 0.35, 4), Drum("shaker", "xxxxxxxx", 0.22, 2)),
        room=0.18,
    ),
    Piece(
        "Festival Kites", "energetic", 0.55, 0.85, 138, 62, MAJOR, (6, 4, 1, 5), 24,
        (
            Layer("brass", "-x-x-x-x", 0.34),
            Layer("bass", "14141414", 0.70, -2),
            Layer("pluck", "1234543212345432", 0.36, 1, 4),
            Tune("lead", "3.3.2.1.|1...2.3.|5.5.6.5.|4.3.2...|8.8.7.6.|6...7.8.|9.8.7.5.|7.6.5...", 0.46, 1, 8),
        ),
        (
            Drum("kick", "x-x-x-x-", 0.95, 2), Drum("snare", "--x---x-", 0.5, 4),
            Drum("hat", "-x-x-x-x", 0.4, 2), Drum("shaker", "xxxxxxxxxxxxxxxx", 0.16, 8),
        ),
        room=0.15, echo=0.2,
    ),
    Piece(
        "Paper Rockets", "surprised", 0.40, 0.67, 140, 65, LYDIAN, (1, 2, 6, 2, 1, 2, 7, 5), 24,
        (
            Layer("marimba", "1-3-4-53", 0.62),
            Layer("pizzicato", "1---3-1-", 0.8, -2),
            Tune("bell", "1-5-8---|2-4-9---|3-8-6---|4-9-6---|1-5-8---|2-6-9---|4-9-7---|5-9-7-5-", 0.40, 0, 8),
            Layer("pizzicato", "-x---x--", 0.35, 0, 8),
            Tune("lead", "--------|----9876|--------|----5678", 0.30, 1, 12),
        ),
        (
            Drum("kick", "x---x---", 0.55, 4), Drum("hat", "-x-x-xxx", 0.34, 4),
            Drum("snare", "-----x--|---x--x-", 0.3, 8),
        ),
        room=0.22, echo=0.15,
    ),
    Piece(
        "Clear Desk", "focused", 0.28, 0.12, 116, 55, MIXOLYDIAN, (1, 1, 7, 4), 20,
        (
            Layer("pad", "x.......", 0.30),
            Layer("bass", "1...--1-", 0.55, -1),
            Layer("marimba", "1-3-2-3-4-3-2-3-", 0.42, 1),
            Layer("keys", "4--2--", 0.30, 1, 4),
            Tune("pluck", "5-------|--------|4-------|--6-----", 0.30, 1, 8),
        ),
        (Drum("kick", "x-------", 0.45, 4), Drum("shaker", "x-x-x-x-", 0.2, 8)),
        room=0.25, echo=0.2,
    ),
    Piece(
        "Slow Tea", "relaxed", 0.70, -0.35, 94, 55, MAJOR, (2, 5, 1, 6), 16,
        (
            Layer("keys", "x...-.x.", 0.46),
            Layer("bass", "1.2.3.4.", 0.62, -1),
            Tune("flute", "6...5.4.|7.....--|5...3.2.|3.....--|4...6.8.|9...7...|8.....--|6.5.3...", 0.42, 1, 4),
        ),
        (Drum("shaker", "x-xxx-xx", 0.18, 2), Drum("kick", "x-------", 0.3, 4), Drum("snare", "------x-", 0.12, 4)),
        stack=SEVENTH, swing=0.62, room=0.25,
    ),
    Piece(
        "Harbour at Dawn", "calm", 0.60, -0.65, 68, 53, MAJOR, (1, 3, 4, 1, 6, 3, 4, 5), 12,
        (
            Layer("pad", "x.......", 0.40),
            Layer("bass", "1.......", 0.42, -1),
            Layer("keys", "1-2-3-4-", 0.30, 1, 4),
            Tune("bell", "5.......|7...5...|6...8...|5.......|8.......|7...3...|6...4...|5...2...", 0.26, 1),
        ),
        stack=SEVENTH, room=0.5, echo=0.2,
    ),
    Piece(
        "Level Ground", "neutral", 0.0, 0.0, 96, 57, DORIAN, (1, 4, 1, 7), 16,
        (
            Layer("keys", "x.....x.", 0.40),
            Layer("bass", "1...1.3.", 0.62, -2),
            Layer("pluck", "1-3-4-3-", 0.34, 0, 2),
            Tune("flute", "5...4.3.|4...6...|5...3.1.|b...a...", 0.34, 1, 4),
        ),
        (Drum("kick", "x---x---", 0.5, 4), Drum("snare", "------x-", 0.16, 4), Drum("hat", "--x---x-", 0.16, 4)),
        room=0.22,
    ),
    Piece(
        "Rain on the Window", "sad", -0.63, -0.30, 72, 57, MINOR, (1, 6, 3, 7), 12,
        (
            Layer("piano", "13454543", 0.40),
            Layer("bass", "1.......", 0.45, -1),
            Tune("piano", "5...3...|4...3.1.|5...7...|6.5.2...|8...7.5.|6...5.3.|5...4.3.|2.......", 0.50, 1, 4),
            Layer("pad", "x.......", 0.24, 0, 4),
        ),
        room=0.4,
    ),
    Piece(
        "Last Train Home", "melancholic", -0.40, -0.60, 70, 50, MINOR, (1, 4, 6, 5), 16,
        (
            Layer("pad", "x..", 0.34),
            Layer("bass", "1..", 0.45, -1),
            Layer("piano", "-xx", 0.24, 1),
            Tune("flute", "5.....|4...3.|3.....|2.....|8...7.|6...4.|3...a.|2.....", 0.32, 1, 4),
        ),
        beats=3, room=0.5,
    ),
    Piece(
        "Iron Stairs", "angry", -0.52, 0.70, 164, 52, PHRYGIAN, (1, 1, 2, 1, 1, 7, 2, 2), 28,
        (
            Layer("drive", "x..x..x.", 0.34),
            Layer("fuzz", "11111111", 0.60, -1),
            Tune("drive", "1.1.2.1.|1-1-3.2.|4.3.2.1.|2.2.1-1-", 0.34, 1, 8),
            Tune("brass", "8...----|8...7...|9...----|9...8...", 0.26, 0, 16),
        ),
        (
            Drum("kick", "x-xx--x-x-x---x-", 0.95, 4), Drum("snare", "--x---x-", 0.7, 4),
            Drum("hat", "xxxxxxxx", 0.32, 2),
        ),
        stack=POWER, room=0.12,
    ),
    Piece(
        "Footsteps in the Attic", "fearful", -0.64, 0.55, 116, 48, HARMONIC_MINOR, (1, 6, 2, 5), 20,
        (
            Layer("tremolo", "x.......", 0.38, 1),
            Layer("pizzicato", "1-1-1-3-", 0.8, -1),
            Layer("pizzicato", "-2-3-4-3", 0.42, 1, 4),
            Tune("bell", "8-------|--9-8---|------7-|7---9---", 0.34, 1, 4),
            Tune("tremolo", "5.......|6.......|6...4...|5...7...", 0.32, 2, 12),
        ),
        (
            Drum("kick", "x-x-----", 0.8), Drum("shaker", "-x-x-x-x", 0.2, 8),
            Drum("hat", "xxxxxxxxxxxxxxxx", 0.16, 12),
        ),
        room=0.4, echo=0.25,
    ),
    Piece(
        "Crooked Clockwork", "disgusted", -0.58, 0.28, 150, 50, PHRYGIAN, (1, 2, 1, 7), 20,
        (
            Layer("reed", "x--x-x----", 0.36),
            Layer("pizzicato", "1-----3-1-", 0.85, -1),
            Layer("marimba", "1-2-1-4-2-", 0.45, 1, 2),
            Tune("reed", "5.4.5-2.1-|6.5.4-3.2-|1.2.1-g.a-|7.6.5-4.2-", 0.34, 1, 4),
        ),
        (Drum("kick", "x-----x---", 0.6, 4), Drum("snare", "---x----x-", 0.2, 4), Drum("hat", "x-x-x-x-x-", 0.16, 8)),
        beats=5, swing=0.56, room=0.2,
    ),
)  # fmt: skip
