"""Where a room is in a playlist, and how it goes on when the playlist changes. Pure."""

from collections.abc import Sequence

from pydantic import BaseModel

from services.recommender.ranking import Candidate


class Cursor(BaseModel):
    """Where a room is in a playlist: the last song of it that started."""

    index: int = -1
    song_id: int = 0


def advance(cursor: Cursor, order: Sequence[int], song_id: int) -> Cursor:
    """Return the cursor after a song started; one that is not in the playlist leaves it where it is."""
    start = located(cursor, order).index + 1
    for step in range(len(order)):
        index = (start + step) % len(order)
        if order[index] == song_id:
            return Cursor(index=index, song_id=song_id)
    return cursor


def located(cursor: Cursor, order: Sequence[int]) -> Cursor:
    """Return the cursor in an order that may have changed: its song where that is now, nearest to where it was."""
    if not 0 <= cursor.index < len(order) or order[cursor.index] != cursor.song_id:
        places = [index for index, song_id in enumerate(order) if song_id == cursor.song_id]
        if places:
            return Cursor(index=min(places, key=lambda index: abs(index - cursor.index)), song_id=cursor.song_id)
        return Cursor(index=min(cursor.index, len(order)) - 1) if cursor.index >= 0 else cursor
    return cursor


def following(
    cursor: Cursor, songs: Sequence[Candidate], waiting: Sequence[int], count: int, *, playing: int | None = None
) -> list[Candidate]:
    """Return the next songs of a playlist, from its start again after its end.

    Args:
        cursor: The last song that started.
        songs: The playlist.
        waiting: Ids of songs that are queued already, in order; those of the playlist are passed over.
        count: How many songs.
        playing: Id of the song that plays, which does not come next as well.
    """
    order = [song.id for song in songs]
    cursor = located(cursor, order)
    for song_id in waiting:
        cursor = advance(cursor, order, song_id)
    if order and order[(cursor.index + 1) % len(order)] == playing:
        cursor = advance(cursor, order, playing)
    return [songs[(cursor.index + 1 + step) % len(songs)] for step in range(count)] if songs else []
