# ruff: noqa: T201
"""What taught moods reach, and what they leave of the model's eight: `python -m tests.bench.custom_moods [lessons]`.

Some of the eight are taught again, as new moods, two at a time, from 50 faces each, or as many as there are. As usual
looks serve 50 others: of all other expressions, as they are common, or neutral and happy ones alone, which is what a
household shows. As a household's faces are new to the network, all are validation faces by FER+'s majority rule of
which the training split has no near-copy. Every lesson draws half of each expression's to teach from, and measures the
others; figures are means over the lessons:

- recall and precision of the taught mood, read where its probability is above one half, and the model's own recall of
  the expression;
- the model's accuracy on faces of the expressions that were not taught again, before and after; after, a face from
  which a taught mood takes the word counts as wrong;
- moods of rooms whose faces show one expression for a minute (`tests.bench.taught_rooms`): of those taught again, how
  many are found as the taught mood; of the others, how many are found, before and after;
- the calibration error (10 bins) of what a head says by itself, where the taught mood is as common as it is taken for.

Writes `build/custom_moods.json`. `BENCH_FACES` names the FER+ archive.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.contracts.agreement import HALF
from services.contracts.moods import EXPRESSIONS, TAUGHT_SHARE
from services.inference.heads import CERTAIN, fit
from services.inference.litert import LiteRtModel
from services.inference.model_folder import latest
from tests.bench.__main__ import FACES
from tests.bench.product import ROOT
from tests.bench.taught_rooms import in_rooms, taught_name
from training.copies import are_copies
from training.dataset import TRAIN_SPLIT, VALID_SPLIT, load_split

MODELS = ROOT / "models"
RESULT = ROOT / "build/custom_moods.json"
LESSONS = 10
SEED = 20261127
SHOWN = 50
BATCH = 64
BINS = 10
STREAMS = 4
"""Rooms for each expression and lesson."""

PAIRS = (("happy", "sad"), ("surprised", "angry"), ("neutral", "fearful"))
"""Taught together: two of the eight each time."""
USUAL = {"all others": EXPRESSIONS, "neutral and happy": ("neutral", "happy")}


@dataclass(frozen=True)
class Answers:
    """What the model says of faces whose expression is known: (N, E), (N, 8) and (N,)."""

    embeddings: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]

    def of(self, rows: Sequence[NDArray[np.int64]]) -> "Answers":
        """Return those to some of the faces."""
        which = np.concatenate(rows)
        return Answers(self.embeddings[which], self.probabilities[which], self.labels[which])


@dataclass(frozen=True)
class Figures:
    """What one mood reached, on average over its lessons."""

    mood: str
    usual: str
    taught: int
    scored: int
    own_recall: float
    recall: float
    precision: float
    before: float
    after: float
    calibration_error: float
    rooms_found: float
    rooms_before: float
    rooms_after: float


def unseen(model: LiteRtModel) -> Answers:
    """Return the model's answers to the faces that are new to it."""
    faces, labels = load_split(FACES, VALID_SPLIT).majority()
    new = ~are_copies(faces, load_split(FACES, TRAIN_SPLIT).faces)
    faces, labels = faces[new], labels[new]
    parts = [model.run(np.ascontiguousarray(faces[i : i + BATCH, :, :, None])) for i in range(0, len(faces), BATCH)]
    embeddings, probabilities = (
        np.concatenate([part[name] for part in parts]) for name in ("embedding", "probabilities")
    )
    return Answers(embeddings, probabilities, labels)


def halves(known: Answers, random: np.random.Generator) -> tuple[Answers, Answers]:
    """Return half of the faces of each expression, to teach from, and the others, to score."""
    drawn = [random.permutation(np.flatnonzero(known.labels == kind)) for kind in range(len(EXPRESSIONS))]
    shown, asked = [rows[: len(rows) // 2] for rows in drawn], [rows[len(rows) // 2 :] for rows in drawn]
    return known.of(shown), known.of(asked)


def lesson(
    pair: Sequence[str], kinds: Sequence[str], known: Answers, random: np.random.Generator
) -> dict[str, list[float]]:
    """Teach two expressions anew and return each one's figures."""
    shown, asked = halves(known, random)
    drawn = {mood: _drawn([mood], shown, random) for mood in pair}
    usual = shown.embeddings[_drawn([kind for kind in kinds if kind not in pair], shown, random)]
    said, alone = {}, {}
    for mood, rows in drawn.items():
        mean = dict(zip(EXPRESSIONS, shown.probabilities[rows].mean(axis=0).tolist(), strict=True))
        rivals = [shown.embeddings[other] for rival, other in drawn.items() if rival != mood]
        head, _ = fit(shown.embeddings[rows], usual, mean, rivals)
        said[mood] = head.read(asked.embeddings, asked.probabilities, EXPRESSIONS)
        wide = replace(head, doors=dict.fromkeys(EXPRESSIONS, 1.0))
        alone[mood] = wide.read(asked.embeddings, asked.probabilities, EXPRESSIONS) / CERTAIN
    rooms = in_rooms(said, asked.probabilities, asked.labels, random, STREAMS)
    return {
        mood: [len(rows), *_figures(mood, said, alone[mood], asked), *_rooms(mood, pair, rooms)]
        for mood, rows in drawn.items()
    }


def text(row: Figures) -> str:
    """Return a line of the table."""
    return (
        f"{row.mood:14}{row.usual:20}{row.taught:>8}{row.scored:>8}{row.own_recall:>12.1%}{row.recall:>8.1%}"
        f"{row.precision:>11.1%}{row.before:>16.1%}{row.after:>8.1%}{row.calibration_error:>7.1%}"
        f"{row.rooms_found:>8.0%}{row.rooms_before:>16.0%}{row.rooms_after:>8.0%}"
    )


def main(arguments: Sequence[str]) -> int:
    """Measure and return the exit code."""
    if not FACES.exists():
        print(f"nothing is measured: there is no {FACES}; name the FER+ archive in BENCH_FACES")
        return 0
    lessons = int(arguments[0]) if arguments else LESSONS
    model = LiteRtModel(latest(MODELS, "expression"))
    known = unseen(model)
    print(f"{model.name} {model.version}, {lessons} lessons, {len(known.labels)} faces that are new to it")
    print(
        f"{'taught again':14}{'usual looks':20}{'taught':>8}{'scored':>8}{'own recall':>12}{'recall':>8}"
        f"{'precision':>11}{'others, before':>16}{'after':>8}{'ECE':>7}{'rooms':>8}{'others, before':>16}{'after':>8}"
    )
    found = []
    for pair in PAIRS:
        for usual, kinds in USUAL.items():
            if len(set(kinds) - set(pair)) < 2:  # one look is not how people usually look
                continue
            random = np.random.default_rng(SEED)
            rounds = [lesson(pair, kinds, known, random) for _ in range(lessons)]
            for mood in pair:
                taught, scored, *means = np.mean([one[mood] for one in rounds], axis=0).round(4).tolist()
                figures = Figures(mood, usual, int(taught), int(scored), *means)
                found.append(figures)
                print(text(figures), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    table = {"model_version": model.version, "lessons": lessons, "rows": [asdict(one) for one in found]}
    RESULT.write_text(json.dumps(table, indent=1) + "\n")
    return 0


def _drawn(kinds: Sequence[str], shown: Answers, random: np.random.Generator) -> NDArray[np.int64]:
    """Return which faces of some expressions teach: `SHOWN`, or as many as there are."""
    there = np.flatnonzero(np.isin(shown.labels, [EXPRESSIONS.index(kind) for kind in kinds]))
    return random.permutation(there)[:SHOWN]


def _figures(
    mood: str, said: dict[str, NDArray[np.float64]], alone: NDArray[np.float64], asked: Answers
) -> list[float]:
    truth = asked.labels == EXPRESSIONS.index(mood)
    others = ~np.isin(asked.labels, [EXPRESSIONS.index(taught) for taught in said])
    found = said[mood] > HALF
    right = asked.probabilities.argmax(axis=1) == asked.labels
    # As the aggregator has it: what no taught mood takes goes to the eight, in their own proportion.
    top = np.max([share / (1 - share) for share in said.values()], axis=0)
    kept = asked.probabilities.max(axis=1) >= top
    weigh = np.where(truth, TAUGHT_SHARE / truth.sum(), (1 - TAUGHT_SHARE) / (~truth).sum())
    return [
        int(truth.sum()),
        float(right[truth].mean()),
        float(found[truth].mean()),
        float(truth[found].mean()),
        float(right[others].mean()),
        float((right & kept)[others].mean()),
        _calibration_error(alone, truth, weigh),
    ]


def _rooms(mood: str, pair: Sequence[str], rooms: Mapping[str, Sequence[tuple[str, str]]]) -> list[float]:
    found = [after == taught_name(mood) for _, after in rooms[mood]]
    others = [(before == one, after == one) for one, ends in rooms.items() if one not in pair for before, after in ends]
    return [float(np.mean(found)), *np.mean(others, axis=0).tolist()]


def _calibration_error(said: NDArray[np.float64], truth: NDArray[np.bool_], weigh: NDArray[np.float64]) -> float:
    part = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [abs(float((weigh * (said - truth))[part == one].sum())) for one in range(BINS)]
    return sum(gaps)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
