"""The moods that songs and playlists can have: those that a room can be in."""

from collections.abc import Mapping

from services.contracts.moods import MOOD_POINTS, Point
from services.runtime.settings import Settings


def known_moods(settings: Settings) -> Mapping[str, Point]:
    """Return every mood of every room with its place: the shipped ones, folded ones and the household's own."""
    rules = (settings.aggregator, *settings.aggregator.rooms.values())
    return {mood: place for one in rules for mood, place in one.points.items()} | MOOD_POINTS
