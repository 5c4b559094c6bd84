"""What arrives from the classifier, checked: nothing that is no probability gets into a window. Pure."""

from enum import StrEnum

from services.aggregator.likelihood import known, released
from services.aggregator.window import MAX_TRACKS, Observation
from services.contracts.channels import allowed, misnamed
from services.contracts.moodring_pb2 import Expression, Expressions
from services.contracts.moods import EXPRESSION_POINTS, MAX_CUSTOM_MOODS

SUM_TOLERANCE = 0.01
"""How far the probabilities' sum may be from 1: float32 and a quantised model stay well within."""
FIRST_S, LAST_S = 0, 253_402_300_800
"""Times between which a camera may see anything: 1970, and the year 10000, where RFC 3339 ends."""


class Fault(StrEnum):
    """What may be wrong with a message or a face; each is counted and said by itself."""

    TIME = "bad time"
    FACES = "too many faces"
    QUALITY = "bad quality"
    LABEL = "bad label"
    PROBABILITY = "bad probability"
    SUM = "bad sum"
    TAUGHT = "bad taught mood"


class BadExpressionError(ValueError):
    """The classifier said something that cannot be; the text says what.

    Attributes:
        fault: Of which kind.
        faces: How many are lost by it.
    """

    def __init__(self, fault: Fault, text: str, faces: int = 1) -> None:
        super().__init__(text)
        self.fault = fault
        self.faces = faces


def observations(message: Expressions, camera: str) -> tuple[list[Observation], list[BadExpressionError]]:
    """Return the faces of a message that can be used, and what is wrong with the others.

    Args:
        message: A frame's expressions.
        camera: The camera, as the topic names it.
    """
    try:
        at = _time(message)
    except BadExpressionError as error:
        return [], [error]
    good, bad = [], []
    if (cut := len(message.faces) - MAX_TRACKS) > 0:
        text = f"there are {len(message.faces)} faces in a frame; the first {MAX_TRACKS} are used"
        bad.append(BadExpressionError(Fault.FACES, text, cut))
    for face in message.faces[:MAX_TRACKS]:
        try:
            probabilities, taught = _probabilities(face), _taught(face)
        except BadExpressionError as error:
            bad.append(error)
        else:
            good.append(
                Observation(
                    camera,
                    face.track_id,
                    message.frame_id,
                    at,
                    face.quality,
                    probabilities,
                    message.model_version,
                    taught,
                )
            )
    return good, bad


def _time(message: Expressions) -> float:
    """Return when a frame was captured, of a message that can be used."""
    lost = max(1, len(message.faces))
    if not message.HasField("captured_at"):
        raise BadExpressionError(Fault.TIME, "captured_at is missing", lost)
    at = message.captured_at.seconds + message.captured_at.nanos / 1e9
    if not FIRST_S <= at < LAST_S:
        raise BadExpressionError(Fault.TIME, f"captured_at is {at:.0f} s after 1970, which is no time", lost)
    return at


def doubt(message: Expressions) -> str:
    """Return what is to be said of expressions that are used all the same; nothing where all is well."""
    said = {row.label for row in message.faces[0].probabilities} if message.faces else {*EXPRESSION_POINTS}
    if missing := [label for label in EXPRESSION_POINTS if label not in said]:
        return f"their model does not know {', '.join(missing)}: such a mood is never found here"
    if known(message.model_version):
        return ""
    return (
        f"they come from model version {message.model_version}, moods were tuned for version {released().version}: "
        "they are weighed with more doubt; serve that version, or measure yours (python -m training.noise)"
    )


def _taught(face: Expression) -> dict[str, float]:
    """Return how likely a face shows each taught mood; a room hears of those that it knows."""
    if len(face.taught) > MAX_CUSTOM_MOODS:
        text = f"there are {len(face.taught)} taught moods, more than {MAX_CUSTOM_MOODS}"
        raise BadExpressionError(Fault.TAUGHT, text)
    for row in face.taught:
        if not allowed("mood", row.label):
            raise BadExpressionError(Fault.TAUGHT, misnamed("mood", row.label))
        if not 0 <= row.probability <= 1:
            text = f"the probability of {row.label!r} is {row.probability}, not between 0 and 1"
            raise BadExpressionError(Fault.TAUGHT, text)
    return {row.label: row.probability for row in face.taught}


def _probabilities(face: Expression) -> dict[str, float]:
    if not 0 <= face.quality <= 1:  # NaN is refused, too
        raise BadExpressionError(Fault.QUALITY, f"quality {face.quality} is not between 0 and 1")
    found: dict[str, float] = {}
    for row in face.probabilities:
        if row.label not in EXPRESSION_POINTS:
            text = f"the label {row.label[:40]!r} is unknown; known are {', '.join(EXPRESSION_POINTS)}"
            raise BadExpressionError(Fault.LABEL, text)
        if row.label in found:
            raise BadExpressionError(Fault.LABEL, f"the label {row.label} comes twice")
        if not 0 <= row.probability <= 1 + SUM_TOLERANCE:
            text = f"the probability of {row.label} is {row.probability}, not between 0 and 1"
            raise BadExpressionError(Fault.PROBABILITY, text)
        found[row.label] = row.probability
    total = sum(found.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise BadExpressionError(Fault.SUM, f"the probabilities sum to {total:.3f}, not to 1")
    return {label: probability / total for label, probability in found.items()}
