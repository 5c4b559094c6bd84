"""The database's rows as lines of JSON, alike for SQLite and PostgreSQL."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Integer, Table, Uuid, func, insert, select, text

from services.recommender.tables import Base, UtcDateTime

TABLES: tuple[Table, ...] = tuple(Base.metadata.sorted_tables)
"""Every table, those that others point at first."""
CHUNK = 500


def lines(connection: Connection, table: Table) -> Iterator[str]:
    """Yield a table's rows, one JSON object a line."""
    for row in connection.execution_options(yield_per=CHUNK).execute(select(table)).mappings():
        yield json.dumps({column.name: _plain(row[column]) for column in table.columns})


def count(connection: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def load(connection: Connection, table: Table, rows: Iterable[str], change: Callable[[dict[str, Any]], None]) -> int:
    """Insert rows and return how many.

    Args:
        connection: In a transaction.
        table: The table; columns that a row lacks take their default.
        rows: Lines as `lines` yields them.
        change: Given every row before it is inserted, to change it.

    Raises:
        ValueError: A line is no row of this table.
    """
    batch: list[dict[str, Any]] = []
    done = 0
    for line in rows:
        row = _typed(table, json.loads(line))
        change(row)
        batch.append(row)
        if len(batch) == CHUNK:
            connection.execute(insert(table), batch)
            done, batch = done + len(batch), []
    if batch:
        connection.execute(insert(table), batch)
    return done + len(batch)


def next_ids(connection: Connection) -> dict[str, int]:
    """Return the highest id ever given out by table: a deleted playlist's is not used again."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
        return {row.name: row.seq for row in found if row.name in Base.metadata.tables}
    ids = {}
    for table in _numbered():
        question = text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, 'id') AS regclass))")
        ids[table] = int(connection.execute(question, {"table": table}).scalar() or 0)
    return ids


def continue_ids(connection: Connection, ids: dict[str, int]) -> None:
    """Let new rows have ids above all that were loaded or once given out."""
    for name in _numbered():
        table = Base.metadata.tables[name]
        highest = connection.execute(select(func.max(table.c.id))).scalar() or 0
        last = max(highest, ids.get(name, 0))
        if connection.dialect.name == "postgresql":
            reached = {"table": name, "last": max(last, 1), "used": last > 0}
            connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last, :used)"), reached)
        elif table.dialect_options["sqlite"]["autoincrement"]:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), {"name": name, "last": last})


def _numbered() -> list[str]:
    """Return the tables whose ids the database counts."""
    return [table.name for table in TABLES if "id" in table.c and isinstance(table.c.id.type, Integer)]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _typed(table: Table, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict) or not set(row) <= set(table.columns.keys()):
        raise ValueError(f"a row of {table.name} has other columns than this version knows")
    return {name: _value(table.columns[name], value) for name, value in row.items()}


def _value(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    return UUID(value) if isinstance(column.type, Uuid) else value
