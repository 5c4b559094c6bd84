"""Puts the released version's figures, which `evaluate.py` wrote into `model.json`, into the model card.

Run as ``python -m training.card``; ``evaluate`` does so itself where it measured the released version.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from training.files import replace
from training.shape import FACE_PX
from training.versions import released

CARD: Final = Path("models/MODEL_CARD.md")
BEGIN: Final = "<!-- figures: python -m training.card -->\n"
END: Final = "<!-- end of figures -->\n"
FORMS: Final = "in floating point", "in eight bits"
MOST_MS: Final = 2, 30
"""How long a face, and 32 of them, may take on one core."""
DETECTORS: Final = {"yunet": "YuNet", "haar": "Haar cascade"}

Figure = Mapping[str, float]
"""A `value`, and the `low` and `high` end of its interval."""
Metrics = Mapping[str, Any]
"""The figures of one form of the model, as `evaluate.py` gives them."""


def percent(figure: Figure) -> str:
    """Writes a share with its interval, in percent."""
    return f"{100 * figure['value']:.1f} % ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"


def points(figure: Figure) -> str:
    """Writes a difference of shares with its interval, in points."""
    return percent(figure).replace(" %", "")


def calibration(form: Metrics) -> str:
    """Writes a calibration error, and what a perfect model would show."""
    floor = form["calibration_error_where_perfect"]
    return f"{percent(form['calibration_error'])}; perfect {100 * floor['low']:.1f} to {100 * floor['high']:.1f} %"


def of_all(form: Metrics, faces: int) -> dict[str, str]:
    """Gives a form's figures by what they are of."""
    original = form["fer2013"]
    cells = {
        f"accuracy against FER+'s majority, {faces:,} faces": f"**{percent(form['accuracy'])}**",
        "the same without near-copies of training faces": percent(form["accuracy_without_copies"]),
        "mean recall of the eight": f"**{percent(form['mean_recall'])}**",
        f"accuracy against FER2013's own seven labels, {original['faces']:,} faces, second head": (
            f"**{percent(original['accuracy'])}**"
        ),
        "the same, mapped from the eight": percent(original["accuracy_mapped_from_the_eight"]),
        "expected calibration error, 15 bins, each half at the temperature fitted on the other": calibration(form),
        "the same of the second head, against FER2013's labels": calibration(original),
    }
    for side, accuracy in form["accuracy_at_px"].items():
        if int(side) < FACE_PX:
            cells[f"accuracy with faces reduced to {side} pixels"] = percent(accuracy)
    for name, seen in form["as_the_product_sees_them"].items():
        which = f"the {seen['found']:,} of {faces:,} that {DETECTORS[name]} finds in larger frames"
        cells[f"{which}, cut by the product: accuracy"] = percent(seen["accuracy"])
        cells["points lost against the same faces directly, " + DETECTORS[name]] = points(seen["points_lost"])
    cells["processor time of a face, of 32"] = (
        f"{form['ms_per_face_one_thread']:.1f} ms, {form['ms_per_32_faces_one_thread']:.0f} ms"
    )
    if "other_answers" in form:
        cells["points of accuracy lost, face by face"] = points(form["points_lost"])
        cells["faces that get another answer"] = percent(form["other_answers"])
        cells["probability that is furthest apart"] = f"{form['largest_difference']:.2f}"
    return cells


def of_aims(form: Metrics) -> dict[str, str]:
    """Gives by each aim what a form reaches."""

    def verdict(*, reached: bool) -> str:
        return "reached" if reached else "not reached"

    def least(what: str, value: float, aim: float) -> None:
        cells[f"{what}, {100 * aim:g} %"] = f"{100 * value:.1f} %, {verdict(reached=value >= aim)}"

    def most(what: str, value: float, aim: float, unit: str = "") -> None:
        cells[f"{what}, {100 * aim:g}{unit} at most"] = f"{100 * value:.1f}, {verdict(reached=value <= aim)}"

    cells: dict[str, str] = {}
    least("accuracy against FER+'s majority", form["accuracy"]["value"], 0.895)
    least("mean recall of the eight", form["mean_recall"]["value"], 0.75)
    least("accuracy against FER2013's labels", form["fer2013"]["accuracy"]["value"], 0.73)
    most("expected calibration error", form["calibration_error"]["value"], 0.02, " %")
    whole, small = (form["accuracy_at_px"][str(side)]["value"] for side in (FACE_PX, 24))
    most("points lost at 24 pixels", whole - small, 0.04)
    for name, seen in form["as_the_product_sees_them"].items():
        most(f"points lost as found by {DETECTORS[name]}", seen["points_lost"]["value"], 0.02)
    one, batch = form["ms_per_face_one_thread"], form["ms_per_32_faces_one_thread"]
    fast = one <= MOST_MS[0] and batch <= MOST_MS[1]
    cells[f"{MOST_MS[0]} ms a face, {MOST_MS[1]} ms for 32"] = f"{one:.1f} and {batch:.0f} ms, {verdict(reached=fast)}"
    return cells


def of_expression(label: str, form: Metrics) -> list[str]:
    """Gives a form's recall and precision of one expression."""
    return [percent(form[what][label]) if label in form[what] else "never said" for what in ("recall", "precision")]


def tables(metrics: Metrics) -> str:
    """Gives the card's tables, of aims, all figures and each expression, with both forms side by side."""
    forms = [metrics, metrics["int8"]] if "int8" in metrics else [metrics]
    names, columns = FORMS[: len(forms)], [of_all(form, metrics["faces"]) for form in forms]
    rows = [[what, *(cells.get(what, "") for cells in columns)] for what in dict.fromkeys(chain(*columns))]
    aims = [of_aims(form) for form in forms]
    recall = [cell for name in names for cell in (f"recall, {name}", "precision")]
    return "\n".join(
        [
            f"LiteRT on one thread; times on {metrics['processor']}.",
            "",
            *_table(["aimed at", *names], [[aim, *(cells[aim] for cells in aims)] for aim in aims[0]]),
            "",
            *_table(["", *names], rows),
            "",
            *_table(
                ["expression", "faces", *recall],
                [
                    [label, str(facts["faces"]), *(cell for form in forms for cell in of_expression(label, form))]
                    for label, facts in metrics["recall"].items()
                ],
            ),
            "",
        ]
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *rows)]


def put(card: str, metrics: Metrics) -> str:
    """Gives a card with the tables in the place of those before.

    Raises:
        SystemExit: It does not say where they go.
    """
    if BEGIN not in card or END not in card:
        message = f"the card has no place for the figures: it needs the lines {BEGIN.strip()} and {END.strip()}"
        raise SystemExit(message)
    before, rest = card.split(BEGIN)
    return before + BEGIN + tables(metrics) + END + rest.split(END)[1]


def write(version: Path, card: Path = CARD) -> None:
    """Writes a version's figures into the card."""
    metrics = json.loads((version / "model.json").read_text())["metrics"]
    replace(card, put(card.read_text(), metrics).encode())
    print(f"{card} holds the figures of {version}")


if __name__ == "__main__":
    write(released())
