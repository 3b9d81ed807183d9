"""The rows of OpenCode's database (1.18.33), whatever stands in them: columns that are missing are NULL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orchestrator_tui.clients.base import Foreign
from orchestrator_tui.clients.values import decode_object
from orchestrator_tui.clock import MAX_TIME, MILLISECOND

if TYPE_CHECKING:
    import sqlite3

MAX_ROW = 16 << 20
"""Bytes above which a row's JSON is not read."""
HEAD = 256
MAX_NAME = 256
MAX_WORDS = 4096
NEEDED = {"session": {"id"}, "message": {"id", "session_id", "data"}, "part": {"id", "message_id", "data"}}
_JSON = f"length(CAST(data AS BLOB)), CAST(substr(data, 1, {MAX_ROW}) AS BLOB)"
_SESSION = (
    "id", "parent_id", "directory", "title", "version", "agent", "model", "permission", "time_created", "time_updated",
)  # fmt: skip


class SessionRow(Struct):
    """A row of `session`."""

    id: str
    place: int
    parent: str | None = None
    directory: str | None = None
    title: str | None = None
    version: str | None = None
    agent: str | None = None
    model: dict[str, Any] | None = None
    permission: str | None = None
    created: int | None = None
    """Milliseconds since the epoch, as everywhere in this database."""
    updated: int | None = None


class Row(Struct):
    """A row of `message` or `part`."""

    place: int
    id: str
    length: int
    data: dict[str, Any] | None
    """None when it is no JSON object, or too long."""
    head: bytes
    session: str = ""
    created: int | None = None
    updated: int | None = None


class Tables:
    """What is in one database, asked in the ways that reading needs."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Raises Foreign when tables or columns are missing without which nothing can be told."""
        self._db = db
        found = {table: self._columns(table) for table in NEEDED}
        for table, needed in NEEDED.items():
            if not needed <= found[table]:
                what = f"column {min(needed - found[table])}" if found[table] else "table"
                raise Foreign(f"not OpenCode's tables: no {what}{' in' if found[table] else ''} {table}")

        def named(table: str, *names: str) -> str:
            return ", ".join(name if name in found[table] else f"NULL AS {name}" for name in names)

        words = ", ".join(
            f"substr({name}, 1, {MAX_WORDS})" if name in found["session"] else "NULL" for name in _SESSION[1:8]
        )
        times = named("session", "time_created", "time_updated")
        self._session = f"SELECT rowid, id, {words}, {times} FROM session"
        times = named("message", "time_created", "time_updated")
        self._message = f"SELECT rowid, id, session_id, {times}, {_JSON} FROM message"
        times = named("part", "time_created", "time_updated")
        self._part = f"SELECT rowid, id, NULL, {times}, {_JSON} FROM part"
        self._timed = "time_created" in found["message"]

    def _columns(self, table: str) -> set[str]:
        return {word(row[1]) or "" for row in self._db.execute(f"PRAGMA table_info({table})")}

    # --- sessions -----------------------------------------------------------------------------------------

    def session(self, native: str) -> SessionRow | None:
        """A session by its id."""
        row = self._db.execute(f"{self._session} WHERE id = ?", (native,)).fetchone()
        return None if row is None else _session(row)

    def silent_sessions(self, after: int, most: int) -> list[SessionRow]:
        """Sessions without a message, in the order of their rows."""
        sql = (
            f"{self._session} WHERE rowid > ? AND NOT EXISTS (SELECT 1 FROM message WHERE session_id = session.id) "
            "ORDER BY rowid LIMIT ?"
        )
        return [_session(row) for row in self._db.execute(sql, (after, most)) if word(row[1])]

    def last_session(self) -> int:
        """Place of the last row of `session`."""
        ((place,),) = self._db.execute("SELECT coalesce(max(rowid), 0) FROM session").fetchall()
        return int(place)

    # --- messages and parts -------------------------------------------------------------------------------

    def message(self, identity: str) -> Row | None:
        """A message by its id."""
        row = self._db.execute(f"{self._message} WHERE id = ?", (identity,)).fetchone()
        return None if row is None else _row(row)

    def messages(self, after: int) -> Iterator[Row]:
        """Messages in the order of their rows."""
        for row in self._db.execute(f"{self._message} WHERE rowid > ? ORDER BY rowid", (after,)):
            yield _row(row)

    def message_id(self, place: int) -> str | None:
        """The id of the message at a place; "" where it has none that is text, None where there is no message."""
        row = self._db.execute("SELECT id FROM message WHERE rowid = ?", (place,)).fetchone()
        return None if row is None else word(row[0]) or ""

    def is_last(self, row: Row) -> bool:
        """Whether no message of the session came after this one."""
        sql = "SELECT 1 FROM message WHERE session_id = ? AND rowid > ? LIMIT 1"
        return self._db.execute(sql, (row.session, row.place)).fetchone() is None

    def is_first(self, row: Row) -> bool:
        """Whether no message of the session came before this one."""
        sql = "SELECT 1 FROM message WHERE session_id = ? AND rowid < ? LIMIT 1"
        return self._db.execute(sql, (row.session, row.place)).fetchone() is None

    def between(self, low: str, high: str, created: int) -> list[Row]:
        """Messages with ids from `low` up to before `high` that were created in this millisecond."""
        if not self._timed:
            return []
        sql = f"{self._message} WHERE id >= ? AND id < ? AND time_created = ? ORDER BY rowid LIMIT 256"
        return [_row(row) for row in self._db.execute(sql, (low, high, created))]

    def parts(self, message: str, after: str, most: int) -> Iterator[Row]:
        """A message's parts in the order of their ids, which is the order in which they began."""
        sql = f"{self._part} WHERE message_id = ? AND id > ? ORDER BY id LIMIT ?"
        for row in self._db.execute(sql, (message, after, most)):
            yield _row(row)


def word(value: object, most: int = MAX_NAME) -> str | None:
    """Text of a column, or None."""
    if isinstance(value, bytes):
        return value[: 4 * most].decode("utf-8", "replace")[:most] or None
    return value[:most] or None if isinstance(value, str) else None


def millis(value: object) -> int | None:
    """A time in milliseconds since the epoch, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if 0 < value < MAX_TIME // MILLISECOND else None


def nanos(value: int | None) -> int | None:
    """Milliseconds as nanoseconds."""
    return None if value is None else value * MILLISECOND


def _session(row: tuple[Any, ...]) -> SessionRow:
    words = [word(value, MAX_WORDS) for value in row[2:9]]
    model = decode_object(words[5].encode()) if words[5] else None
    return SessionRow(
        word(row[1]) or "", row[0], words[0], words[1], words[2], words[3], words[4], model, words[6],
        millis(row[9]), millis(row[10]),
    )  # fmt: skip


def _row(row: tuple[Any, ...]) -> Row:
    place, identity, session, created, updated, length, data = row
    data = data if isinstance(data, bytes) else b""
    length = length if isinstance(length, int) else 0
    value = decode_object(data) if data and length <= MAX_ROW else None
    return Row(
        place, word(identity) or "", length, value, data[:HEAD], word(session) or "", millis(created), millis(updated)
    )
