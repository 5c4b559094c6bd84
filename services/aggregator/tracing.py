"""A decision as the first step of its trace, with the way of the newest frame that it rests on."""

from services.aggregator.sight import Sight
from services.contracts.messages import Mood, MoodSource
from services.runtime import traces


def trace(room: str, mood: Mood, newest: Sight | None, now: float) -> None:
    """Record a decision that is told now; what a person said rests on no frame."""
    if mood.source is MoodSource.OVERRIDE:
        newest = None
    attributes: dict[str, traces.Attribute] = {
        "room": room, "mood": mood.mood, "mood.source": mood.source, "mood.confidence": mood.confidence,
        "mood.samples": mood.samples, "mood.people": mood.people, "mood.window_s": mood.window_s,
    }  # fmt: skip
    if newest:
        attributes |= {"camera": newest.camera, "frame_id": newest.frame_id}
    decision = mood.decision_id
    began_s = newest.captured_s if newest else now
    with traces.step(
        "decide mood", decision, service="aggregator", told_by=decision, began_s=began_s, attributes=attributes
    ):
        for part in newest.parts() if newest else ():
            traces.part(*part)
