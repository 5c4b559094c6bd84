"""What is said of a frame on the bus, from what the model says of its faces. Pure."""

from collections.abc import Iterable, Iterator

from services.contracts.moodring_pb2 import Expression, Expressions, Face, FaceCrops, LabelProbability, Timings
from services.inference.predictor import Prediction


def expressions(
    frame: FaceCrops, faces: Iterable[Face], rows: Iterator[list[float]], prediction: Prediction, timings: Timings
) -> Expressions:
    """Return the message of a frame.

    Args:
        frame: The frame.
        faces: Its faces that were classified.
        rows: Their probabilities in the order of the labels, a row per face; others may follow.
        prediction: Labels and model.
        timings: How long it took.
    """
    return Expressions(
        frame_id=frame.frame_id,
        captured_at=frame.captured_at,
        camera=frame.camera,
        faces=[_expression(face, prediction.labels, next(rows)) for face in faces],
        model_name=prediction.model,
        model_version=prediction.version,
        frame_width=frame.frame_width,
        frame_height=frame.frame_height,
        timings=timings,
    )


def _expression(face: Face, labels: tuple[str, ...], probabilities: list[float]) -> Expression:
    rows = zip(labels, probabilities, strict=True)
    return Expression(
        track_id=face.track_id,
        probabilities=[LabelProbability(label=label, probability=value) for label, value in rows],
        box=face.box,
        quality=face.quality,
    )
