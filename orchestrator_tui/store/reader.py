"""Reading the store: in pages, never with a held cursor (a held one lets the write-ahead log grow without end)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from msgspec import Struct

from orchestrator_tui.errors import StoreError
from orchestrator_tui.events import Event, decode
from orchestrator_tui.store.schema import BUSY_MS, SQLITE_ERRORS, check_length, check_version, explain

PAGE = 2000
"""Rows per read: a few milliseconds."""
_COLUMNS = "e.seq, e.at, e.seen_at, e.source_at, s.id, e.type, e.payload"
_FROM = "FROM events e LEFT JOIN sessions s ON s.key = e.session"


class Source(Struct, frozen=True):
    """Where in a client's own file an event was read."""

    path: str
    offset: int
    length: int


class Place(NamedTuple):
    """Where a stored state of the fold stands."""

    id: int
    seq: int
    at: int


class Snapshot(Struct, frozen=True):
    """A stored state of the fold."""

    seq: int
    at: int
    states: tuple[bytes, ...]
    """The full state, and the changes since it where there are some (store/states.py)."""


class Reader:
    """One read-only connection; use it in one thread, close it when done."""

    def __init__(self, path: Path) -> None:
        """Open an existing store. Raises StoreError (NewerSchema, StoreDamaged, ...)."""
        self.path = path
        if not path.exists():
            raise StoreError(
                f"nothing stored yet in {path.parent}; `orc host` starts watching, `orc ingest` reads once"
            )
        try:
            check_length(path)
            self._db = self._open()
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._db.execute("PRAGMA query_only=1")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
        except SQLITE_ERRORS as error:
            raise explain(error, path) from error
        check_version(version, path)
        if version == 0:
            raise StoreError(
                f"nothing stored yet in {path.parent}; `orc host` starts watching, `orc ingest` reads once"
            )

    def _open(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
            db.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError:
            # A directory that may not be written has no room for the -shm file; then nobody writes there either.
            db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        return db

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of one statement, with the store's errors."""
        try:
            return self._db.execute(sql, values).fetchall()
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from error

    # --- events -------------------------------------------------------------------------------------------

    def version(self) -> int:
        """Changes when another process has committed; costs microseconds."""
        return int(self.query("PRAGMA data_version")[0][0])

    def last_seq(self) -> int:
        """The newest event's number; 0 when there is none."""
        return int(self.query("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def after(self, seq: int, limit: int = PAGE) -> list[Event]:
        """The next events in the order of appending."""
        return self._events(f"SELECT {_COLUMNS} {_FROM} WHERE e.seq > ? ORDER BY e.seq LIMIT ?", seq, limit)

    def tail(self, seq: int) -> Iterator[Event]:
        """All events after `seq`, page by page."""
        while page := self.after(seq):
            yield from page
            seq = page[-1].seq

    def page_between(self, start: tuple[int, int], until: int) -> list[Event]:
        """The next events after the place `start` = (at, seq) and up to the time `until`, in the order of places."""
        sql = f"SELECT {_COLUMNS} {_FROM} WHERE (e.at, e.seq) > (?, ?) AND e.at <= ? ORDER BY e.at, e.seq LIMIT {PAGE}"
        return self._events(sql, *start, until)

    def between(self, start: tuple[int, int], until: int) -> Iterator[Event]:
        """All events after a place and up to a time, page by page."""
        while page := self.page_between(start, until):
            yield from page
            start = (page[-1].at, page[-1].seq)

    def of_session(self, session: str, until: int | None = None, before_seq: int | None = None) -> Iterator[Event]:
        """One session's events in its own order, up to a time or before a number."""
        key = self.session_key(session)
        if key is None:
            return
        most, seq = before_seq if before_seq is not None else 1 << 62, 0
        end = until if until is not None else 1 << 62
        sql = (
            f"SELECT {_COLUMNS} {_FROM} WHERE e.session = ? AND e.seq > ? AND e.seq < ? AND e.at <= ? "
            f"ORDER BY e.seq LIMIT {PAGE}"
        )
        while page := self._events(sql, key, seq, most, end):
            yield from page
            seq = page[-1].seq

    def of_fleet(self, since: int) -> Iterator[Event]:
        """What the host said of the fleet as a whole, such as its beats, from a time on."""
        yield from (event for event in self.since(since) if event.session is None)

    def latest_of_session(self, session: str, limit: int, until: int | None = None) -> list[Event]:
        """The last events of a session, oldest first."""
        key = self.session_key(session)
        if key is None:
            return []
        end = until if until is not None else 1 << 62
        sql = (
            f"SELECT * FROM (SELECT {_COLUMNS} {_FROM} WHERE e.session = ? AND e.at <= ? ORDER BY e.seq DESC LIMIT ?) "
            "ORDER BY 1"
        )
        return self._events(sql, key, end, limit)

    def usages(self, session: str) -> Iterator[Event]:
        """What was counted for a session, in its own order."""
        key = self.session_key(session)
        if key is None:
            return
        seq = 0
        sql = (
            f"SELECT {_COLUMNS} {_FROM} WHERE e.session = ? AND e.seq > ? AND e.type GLOB 'usage*' "
            f"ORDER BY e.seq LIMIT {PAGE}"
        )
        while page := self._events(sql, key, seq):
            yield from page
            seq = page[-1].seq

    def numbered(self, seqs: Iterable[int]) -> list[Event]:
        """Some events by their numbers, in order."""
        wanted = sorted(set(seqs))
        marks = ",".join("?" * len(wanted))
        return self._events(f"SELECT {_COLUMNS} {_FROM} WHERE e.seq IN ({marks}) ORDER BY e.seq", *wanted)

    def commands(self, after: int, until: int = 1 << 62) -> Iterator[Event]:
        """Commands and their outcomes appended after a number, up to another."""
        sql = (
            f"SELECT {_COLUMNS} {_FROM} WHERE e.seq > ? AND e.seq <= ? AND e.type LIKE 'command.%' "
            f"ORDER BY e.seq LIMIT {PAGE}"
        )
        while True:
            page = self._events(sql, after, until)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].seq

    def since(self, at: int) -> Iterator[Event]:
        """Events placed at or after a time, in the order of places."""
        yield from self.between((at - 1, 1 << 62), 1 << 62)

    def source(self, seq: int) -> Source | None:
        """Where an event was read; None when it came from no file."""
        sql = "SELECT f.path, e.offset, e.length FROM events e JOIN files f ON f.key = e.file WHERE e.seq = ?"
        rows = self.query(sql, seq)
        return Source(*rows[0]) if rows else None

    def _events(self, sql: str, *values: Any) -> list[Event]:
        return [
            Event(seq, at, seen, source, session, decode(kind, payload))
            for seq, at, seen, source, session, kind, payload in self.query(sql, *values)
        ]

    # --- sessions -----------------------------------------------------------------------------------------

    def session_key(self, session: str) -> int | None:
        """The internal number of a session."""
        rows = self.query("SELECT key FROM sessions WHERE id = ?", session)
        return int(rows[0][0]) if rows else None

    def session_ids(self) -> list[str]:
        """Every session ever stored."""
        return [row[0] for row in self.query("SELECT id FROM sessions ORDER BY key")]

    def first_seq(self, session: str) -> int | None:
        """The number of a session's first event."""
        rows = self.query("SELECT first_seq FROM sessions WHERE id = ?", session)
        return int(rows[0][0]) if rows else None

    def summaries(self) -> list[tuple[str, int, bytes | None, int]]:
        """(id, last_at, folded session, its seq) of every session."""
        return [
            (row[0], row[1], row[2], row[3] or 0)
            for row in self.query("SELECT id, last_at, summary, summary_seq FROM sessions")
        ]

    # --- snapshots ----------------------------------------------------------------------------------------

    def snapshot_seq(self, version: int) -> int:
        """The number of the last event that a full snapshot for now holds."""
        sql = "SELECT coalesce(max(seq), 0) FROM snapshots WHERE version = ? AND by_seq = 1 AND base IS NULL"
        return int(self.query(sql, version)[0][0])

    def snapshot(self, version: int, at: int | None = None) -> Snapshot | None:
        """The best snapshot to start from: for now (`at` None) the newest, else the last one not after `at`."""
        places = self.snapshot_places(version, at)
        states = [self.snapshot_state(place) for place in places]
        if not places or None in states:
            return None
        return Snapshot(places[-1].seq, places[-1].at, tuple(state for state in states if state is not None))

    def snapshot_places(self, version: int, at: int | None = None) -> list[Place]:
        """Where the best snapshot to start from stands, last, and before it all that it builds on; [] without one."""
        if at is None:
            where, order, values = "by_seq = 1", "seq DESC", (version,)
        else:
            where, order, values = "by_at = 1 AND at <= ?", "at DESC, seq DESC", (version, at)  # type: ignore[assignment]
        rows = self.query(
            f"WITH RECURSIVE chain(id, seq, at, base, depth) AS ("
            f"SELECT * FROM (SELECT id, seq, at, base, 0 FROM snapshots WHERE version = ? AND {where} "
            f"ORDER BY {order} LIMIT 1) UNION ALL "
            "SELECT s.id, s.seq, s.at, s.base, depth + 1 FROM snapshots s JOIN chain ON s.id = chain.base "
            "WHERE depth < 8) SELECT id, seq, at, base FROM chain ORDER BY depth DESC",
            *values,
        )
        # Without what it builds on it says nothing.
        return [Place(*row[:3]) for row in rows] if rows and rows[0][3] is None else []

    def snapshot_state(self, place: Place) -> bytes | None:
        """What is kept there; None when it was let go of meanwhile."""
        rows = self.query("SELECT state FROM snapshots WHERE id = ? AND seq = ? AND at = ?", *place)
        return bytes(rows[0][0]) if rows else None

    def check(self) -> str:
        """`ok`, or what SQLite finds wrong with the file; reads all of it."""
        return str(self.query("PRAGMA quick_check(1)")[0][0])
