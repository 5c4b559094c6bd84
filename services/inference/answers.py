"""What is said of a frame on the bus, from what the model says of its faces. Pure."""

from collections.abc import Mapping, Sequence

from services.contracts.moodring_pb2 import Expression, Expressions, Face, FaceCrops, LabelProbability, Timings
from services.inference.predictor import Prediction


def expressions(
    frame: FaceCrops,
    faces: Sequence[Face],
    rows: range,
    prediction: Prediction,
    *,
    taught: Sequence[Mapping[str, float]],
    timings: Timings,
) -> Expressions:
    """Return the message of a frame.

    Args:
        frame: The frame.
        faces: Its faces that were classified.
        rows: Where they stand in the prediction.
        prediction: What the model says of them, among others.
        taught: How likely each face of the prediction shows each mood that was taught for the room.
        timings: How long it took.
    """
    answers = prediction.probabilities[rows.start : rows.stop].tolist()
    return Expressions(
        frame_id=frame.frame_id,
        captured_at=frame.captured_at,
        camera=frame.camera,
        faces=[
            _expression(face, dict(zip(prediction.labels, answer, strict=True)), taught[row])
            for face, answer, row in zip(faces, answers, rows, strict=True)
        ],
        model_name=prediction.model,
        model_version=prediction.version,
        frame_width=frame.frame_width,
        frame_height=frame.frame_height,
        timings=timings,
    )


def _expression(face: Face, answer: Mapping[str, float], taught: Mapping[str, float]) -> Expression:
    return Expression(
        track_id=face.track_id,
        probabilities=_listed(answer),
        taught=_listed(taught),
        box=face.box,
        quality=face.quality,
    )


def _listed(shares: Mapping[str, float]) -> list[LabelProbability]:
    return [LabelProbability(label=label, probability=share) for label, share in shares.items()]
