"""The choice of songs as a step of a decision's trace."""

from contextlib import AbstractContextManager

from services.recommender.room import Decision
from services.runtime import traces


def traced(decision: Decision, began_s: float) -> AbstractContextManager[object]:
    """Return the step of a decision's trace in which songs are chosen and asked for."""
    request, record = decision.request, decision.record
    attributes: dict[str, traces.Attribute] = {
        "room": record.room, "mood": record.mood, "policy": record.mode, "playlist": record.playlist,
        "target.valence": record.target_valence, "target.arousal": record.target_arousal,
        "how": request.how, "reason": request.reason,
        "songs": [track.title for track in request.tracks], "song_ids": [track.song_id for track in request.tracks],
    }  # fmt: skip
    return traces.step(
        "choose songs", request.decision_id, service="recommender",
        told_by=request.id, began_s=began_s, attributes=attributes,
    )  # fmt: skip
