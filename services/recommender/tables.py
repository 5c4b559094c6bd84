"""The tables, alike on SQLite and PostgreSQL: songs, playlists, what was decided, played and judged, and moods.

Songs are never deleted (history points at them); a file that vanished is `missing`. All times are UTC and aware.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MAX_URI = 2000
"""Longest address in characters: an index entry of PostgreSQL holds at most 2,704 bytes."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite keeps none of the zone, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a time into UTC."""
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of all tables; every constraint has a name, so that migrations can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        str: Text,
        list[dict[str, Any]]: JSON,
        dict[str, float]: JSON,
    }


class SongRow(Base):
    """A song that was imported once."""

    __tablename__ = "songs"
    __table_args__ = (
        CheckConstraint("valence BETWEEN -1 AND 1", name="valence"),
        CheckConstraint("arousal BETWEEN -1 AND 1", name="arousal"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uri: Mapped[str] = mapped_column(String(MAX_URI), unique=True)
    title: Mapped[str]
    artist: Mapped[str]
    album: Mapped[str]
    search: Mapped[str]
    """Title, artist and album, case-folded: both databases then find the same (SQLite folds ASCII only)."""
    duration_s: Mapped[float | None]
    valence: Mapped[float]
    arousal: Mapped[float]
    placed_by: Mapped[str] = mapped_column(String(16))
    """A `songs.PlacedBy`: where the point on the plane comes from."""
    mood: Mapped[str | None] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(String(16))
    """The importer that owns the row and may call it missing."""
    stamp: Mapped[str] = mapped_column(String(64))
    """Changes when the file does; an unchanged file is not read again."""
    added_at: Mapped[datetime]
    missing: Mapped[bool]


class PlaylistRow(Base):
    """A named order of songs; pinned to a mood it is what that mood plays. No id is ever used again."""

    __tablename__ = "playlists"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it from the class

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    mood: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class PlaylistEntryRow(Base):
    """One place in a playlist, counted from 0 without gaps; a song may stand in several."""

    __tablename__ = "playlist_entries"

    playlist_id: Mapped[int] = mapped_column(ForeignKey("playlists.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id"))


class DecisionRow(Base):
    """One request to a player: what for, and which songs, best first."""

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "room", "decided_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_id: Mapped[UUID]
    room: Mapped[str] = mapped_column(String(64))
    decided_at: Mapped[datetime]
    mood: Mapped[str] = mapped_column(String(64))
    mode: Mapped[str] = mapped_column(String(16))
    target_valence: Mapped[float]
    target_arousal: Mapped[float]
    playlist: Mapped[str | None] = mapped_column(String(200))
    """Name of the pinned playlist that was followed, as it was then."""
    how: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str]
    songs: Mapped[list[dict[str, Any]]]
    """`{"song_id", "score", "distance"}`, in the order sent."""


class PlayRow(Base):
    """A song that started in a room, and how it ended."""

    __tablename__ = "plays"
    __table_args__ = (Index(None, "room", "started_at"), Index(None, "room", "song_id"))

    play_id: Mapped[UUID] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(String(64))
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id"))
    decision_id: Mapped[UUID | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    heard_s: Mapped[float | None]
    skipped: Mapped[bool | None]
    """Unknown until it ended."""
    liked: Mapped[bool | None]


class FeedbackRow(Base):
    """A judgement of a song in a room; the newest of a song counts, the older ones are kept for learning."""

    __tablename__ = "feedback"
    __table_args__ = (Index(None, "room", "song_id", "given_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(String(64))
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id"))
    liked: Mapped[bool]
    given_at: Mapped[datetime]
    decision_id: Mapped[UUID | None]


class MoodDecisionRow(Base):
    """A mood that was decided for a room, by its cameras or by a person."""

    __tablename__ = "mood_decisions"
    __table_args__ = (Index(None, "room", "decided_at"),)

    decision_id: Mapped[UUID] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(String(64))
    decided_at: Mapped[datetime]
    mood: Mapped[str] = mapped_column(String(64))
    confidence: Mapped[float]
    distribution: Mapped[dict[str, float]]
    valence: Mapped[float]
    arousal: Mapped[float]
    people: Mapped[int]
    samples: Mapped[int]
    source: Mapped[str] = mapped_column(String(16))


class MoodMinuteRow(Base):
    """What one mood amounted to in a minute of a room, or in the part of a minute that was seen.

    A minute that was seen in parts (a restart) has the rows of each part, so that writing one twice changes nothing.
    """

    __tablename__ = "mood_minutes"

    room: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Whole seconds since 1970, a number so that both databases divide time into hours and days alike."""
    mood: Mapped[str] = mapped_column(String(64), primary_key=True)
    seconds: Mapped[float]
    """How long the mood stood."""
    valence: Mapped[float]
    """The mean over these seconds, as `arousal` and `confidence`."""
    arousal: Mapped[float]
    confidence: Mapped[float]
    people: Mapped[int]
    """At most."""
    samples: Mapped[float]
    """Observations in these seconds: those of a window, by its length."""
