"""Moodring: music that follows, or lifts, the mood of a room."""

__version__ = "0.1.0"
