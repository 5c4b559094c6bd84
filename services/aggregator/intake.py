"""What arrives from the classifier, checked: nothing that is no probability gets into a window. Pure."""

from services.aggregator.likelihood import known, released
from services.aggregator.window import MAX_TRACKS, Observation
from services.contracts.moodring_pb2 import Expression, Expressions
from services.contracts.moods import EXPRESSION_POINTS, MAX_CUSTOM_MOODS

SUM_TOLERANCE = 0.01
"""How far the probabilities' sum may be from 1: float32 and a quantised model stay well within."""
MAX_FRAME_ID = 200
"""Longest frame id, in characters."""


class BadExpressionError(ValueError):
    """The classifier said something that cannot be; the text says what."""


def observations(message: Expressions, camera: str) -> tuple[list[Observation], list[BadExpressionError]]:
    """Return the faces of a message that can be used, and what is wrong with the others.

    Args:
        message: A frame's expressions.
        camera: The camera, as the topic names it.
    """
    if not message.HasField("captured_at"):
        return [], [BadExpressionError("captured_at is missing")]
    if not 0 < len(message.frame_id) <= MAX_FRAME_ID:
        return [], [BadExpressionError(f"frame_id has {len(message.frame_id)} characters, not 1 to {MAX_FRAME_ID}")]
    good, bad = [], []
    at = message.captured_at.seconds + message.captured_at.nanos / 1e9
    if len(message.faces) > MAX_TRACKS:
        bad.append(BadExpressionError(f"there are {len(message.faces)} faces; the first {MAX_TRACKS} are used"))
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


def doubt(message: Expressions) -> str:
    """Return what is to be said of expressions that are used all the same; nothing where all is well."""
    if known(message.model_version):
        return ""
    return (
        f"they come from model version {message.model_version}, moods were tuned for version {released().version}: "
        "they are weighed with more doubt; serve that version, or measure yours (python -m training.noise)"
    )


def _taught(face: Expression) -> dict[str, float]:
    """Return how likely a face shows each taught mood; a room hears of those that it knows."""
    if len(face.taught) > MAX_CUSTOM_MOODS:
        raise BadExpressionError(f"there are {len(face.taught)} taught moods, more than {MAX_CUSTOM_MOODS}")
    for row in face.taught:
        if not 0 <= row.probability <= 1:
            raise BadExpressionError(f"the probability of {row.label[:40]!r} is {row.probability}, not between 0 and 1")
    return {row.label: row.probability for row in face.taught}


def _probabilities(face: Expression) -> dict[str, float]:
    if not 0 <= face.quality <= 1:  # NaN is refused, too
        raise BadExpressionError(f"quality {face.quality} is not between 0 and 1")
    found: dict[str, float] = {}
    for row in face.probabilities:
        if row.label not in EXPRESSION_POINTS:
            raise BadExpressionError(
                f"the label {row.label[:40]!r} is unknown; known are {', '.join(EXPRESSION_POINTS)}"
            )
        if row.label in found:
            raise BadExpressionError(f"the label {row.label} comes twice")
        if not 0 <= row.probability <= 1 + SUM_TOLERANCE:
            raise BadExpressionError(f"the probability of {row.label} is {row.probability}, not between 0 and 1")
        found[row.label] = row.probability
    total = sum(found.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise BadExpressionError(f"the probabilities sum to {total:.3f}, not to 1")
    return {label: probability / total for label, probability in found.items()}
