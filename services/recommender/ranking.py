"""Which songs come next: distance on the valence-arousal plane, memory, taste and a little chance.

Pure: the random source comes in as an argument.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from services.contracts.moods import Point

NEVER_AGAIN = 3
"""Songs in a row that differ whatever they cost, where the library has more."""
MEMORY_SHARE = 0.75
"""Part of the library that is not repeated while anything near is left: 9 of 12 songs, so that ten in a row differ."""
MEMORY_SONGS = 50
"""Beyond this many songs (some three hours) a repetition is not noticed as one."""

UNPLACED = 0.4
"""Added for a song without any mood information: it is only tried where little else fits."""
HEARD = 1.4
"""Added for a song that was just heard; fades to 0 over twice the memory's length. A song heard some time ago beats one
from the other side of the plane (1.5 and more away), and loses against everything that is nearly as near."""
SAME_ARTIST = 0.4
"""Added after a song of the same artist: avoided where another song fits nearly as well."""
LIKED = -0.15
DISLIKED = 0.5
SKIPPED = 0.1
"""Added per skip beyond the times it was heard to the end, up to `SKIPPED_MOST`."""
SKIPPED_MOST = 0.3
CHANCE = 0.1
"""Largest random addition, so that the same mood does not always bring the same order."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A song as ranking sees it; `placed` tells whether its point is known."""

    id: int
    uri: str
    title: str
    artist: str
    duration_s: float | None
    point: Point
    placed: bool = True


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chosen song; a lower score is better, the distance is that to the target (0 to 2.83)."""

    song: Candidate
    score: float
    distance: float


def memory(songs: int) -> int:
    """Return how many songs in a row differ, in a library of `songs`, while anything near is left."""
    return min(int(MEMORY_SHARE * songs), MEMORY_SONGS)


def taste(*, liked: bool | None, skipped: int = 0, finished: int = 0) -> float:
    """Return what a room's experience with a song adds to its score."""
    judged = 0.0 if liked is None else LIKED if liked else DISLIKED
    return judged + min(max(skipped - finished, 0) * SKIPPED, SKIPPED_MOST)


def pick(
    songs: Sequence[Candidate],
    target: Point,
    count: int,
    *,
    before: Sequence[int],
    tastes: Mapping[int, float],
    random: Random,
) -> list[Ranked]:
    """Choose the next songs, best first, one after the other.

    Args:
        songs: The library.
        target: Where the music shall be.
        count: How many songs; fewer come back only from an empty library.
        before: Ids of the songs that play before these, oldest first: heard, playing and waiting.
        tastes: What is added to the score of single songs, by id; see `taste`.
        random: Breaks ties.
    """
    window = memory(len(songs))
    remembered = 2 * window
    heard = list(before[-remembered:]) if remembered else []
    scored = ((_score(song, target, tastes) + random.uniform(0, CHANCE), song) for song in songs)
    shortlist = heapq.nsmallest(remembered + count + 1, scored, key=lambda pair: pair[0])
    artists = {song.id: song.artist for song in songs if song.id in set(before[-1:])}
    artist = artists.get(before[-1], "") if before else ""
    chosen: list[Ranked] = []
    for _ in range(count if songs else 0):
        ages = {song_id: len(heard) - place for place, song_id in enumerate(heard)}
        never = min(NEVER_AGAIN, len(songs) - 1)
        allowed = [pair for pair in shortlist if ages.get(pair[1].id, never + 1) > never]
        score, song = min(
            ((base + _context(song, artist, ages.get(song.id), window), song) for base, song in allowed),
            key=lambda pair: pair[0],
        )
        chosen.append(Ranked(song, round(score, 4), round(math.dist(song.point, target), 4)))
        heard.append(song.id)
        artist = song.artist
    return chosen


def _score(song: Candidate, target: Point, tastes: Mapping[int, float]) -> float:
    return math.dist(song.point, target) + (0 if song.placed else UNPLACED) + tastes.get(song.id, 0)


def _context(song: Candidate, artist: str, age: int | None, window: int) -> float:
    """Return what a song's place in the sequence adds; `age` 1 is the song just before."""
    heard = HEARD * max(0.0, 1 - age / (2 * window)) if age and window else 0.0
    return heard + (SAME_ARTIST if artist and song.artist == artist else 0)
