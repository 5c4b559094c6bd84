"""The moods that songs and playlists can have: those that a room can be in."""

from collections.abc import Mapping

from services.contracts.messages import CustomMoods
from services.contracts.moods import Point
from services.runtime.settings import Settings


def known_moods(settings: Settings, custom: CustomMoods) -> Mapping[str, Point]:
    """Return every mood of every room with its place: shipped ones, folded ones, the household's own, taught ones."""
    taught = {one.mood: Point(one.valence, one.arousal) for one in custom.moods}
    return {**settings.aggregator.places, **taught}
