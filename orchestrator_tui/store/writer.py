"""Writing the store: one process, short transactions, a file's checkpoint together with its events.

Every method is one function that runs on the connection's own thread from BEGIN to COMMIT: a hop between threads
costs more than a small transaction, and nothing comes between.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import Event, Usage
from orchestrator_tui.store.append import append, price_unpriced, transaction
from orchestrator_tui.store.append import place as place
from orchestrator_tui.store.batch import Batch, Checkpoint
from orchestrator_tui.store.rows import Owners, checkpoints, stored
from orchestrator_tui.store.schema import BUSY_MS, SQLITE_ERRORS, explain, prepare, set_up

LOG_BYTES = 16 << 20
"""A write-ahead log larger than this is folded back between two transactions."""
P = ParamSpec("P")
T = TypeVar("T")


class Database(aiosqlite.Connection):
    """aiosqlite's connection, which can also run a function of ours on its thread."""

    async def call(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work(connection, ...)` there.

        Everything that aiosqlite does goes through `_execute`, which has no public name (0.20 to 0.22);
        tests/store/test_writer.py says so when that changes.
        """
        result: T = await self._execute(work, self._conn, *args, **kwargs)  # type: ignore[no-untyped-call]
        return result


class Store:
    """The writing side; open it with `async with Store.open(path)`."""

    def __init__(self, db: Database, path: Path) -> None:
        self._db = db
        self.path = path
        self._owners = Owners()
        self._log = f"{path}-wal"

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Store]:
        """Open or create a store. Raises StoreError (NotWritable, Damaged, NewerSchema, DiskFull, ...)."""
        prepare(path)
        db = Database(lambda: sqlite3.connect(path, isolation_level=None, cached_statements=256), 64)
        try:
            await db
        except SQLITE_ERRORS as error:
            raise explain(error, path) from error
        try:
            store = cls(db, path)
            await store._run(set_up, path)
            yield store
        finally:
            # The connection's thread is no daemon: left open it would outlive the event loop.
            await db.close()

    async def _run(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._db.call(work, *args, **kwargs)
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from error

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of one statement."""
        return await self._run(lambda db: db.execute(sql, values).fetchall())

    # --- events and files ---------------------------------------------------------------------------------

    async def append(self, batches: Sequence[Batch], seen_at: int) -> list[Event]:
        """Append in one transaction, together with the files' checkpoints; returns the events as they were stored.

        It is not undone when the caller is cancelled: what comes after it must not be skipped then.
        """
        events = await self._run(append, self._owners, batches, seen_at)
        for batch in batches:
            batch.settle()
        return events

    async def price_unpriced(self, price: Callable[[Usage], Usage], seen_at: int) -> list[Event]:
        """Give a price to some of the responses that had none; call it until nothing comes back."""
        return await self._run(price_unpriced, self._owners, price, seen_at)

    async def checkpoints(self) -> list[Checkpoint]:
        """Every file that was ever read, as far as it was."""
        return await self._run(checkpoints)

    async def stored(self, sessions: Collection[str]) -> dict[str, set[tuple[str | None, int | None]]]:
        """Of those sessions that are stored: (session, record) of everything, for a file that is read again."""
        return await self._run(stored, sessions) if sessions else {}

    # --- the host's own -----------------------------------------------------------------------------------

    async def host_id(self) -> str:
        """This installation's name among hosts; made once."""

        def work(db: sqlite3.Connection) -> str:
            sql = "SELECT value FROM meta WHERE name = 'host_id'"
            # A disk without room keeps no host from starting that has begun before.
            if not (rows := db.execute(sql).fetchall()):
                with transaction(db):
                    db.execute("INSERT OR IGNORE INTO meta VALUES('host_id', ?)", (uuid.uuid4().hex,))
                    rows = db.execute(sql).fetchall()
            return str(rows[0][0])

        return await self._run(work)

    async def save_snapshot(
        self, seq: int, at: int, version: int, state: bytes, base: int | None, *, replay: bool = False
    ) -> int:
        """Store a state of the fold and return its id.

        One that was folded live holds every event up to `seq`; one folded in the order of places (`replay`) every
        event up to the time `at`. The first is good for replay too, unless something was found that belongs before.
        """

        def work(db: sqlite3.Connection) -> int:
            with transaction(db):
                late = "SELECT 1 FROM events WHERE seq > ? AND at < ? LIMIT 1"
                by_at = replay or not db.execute(late, (seq, at)).fetchall()
                made = db.execute(
                    "INSERT INTO snapshots(seq, at, version, base, by_seq, by_at, state) VALUES(?,?,?,?,?,?,?)",
                    (seq, at, version, base, not replay, by_at, state),
                )
            return int(made.lastrowid or 0)

        return await self._run(work)

    async def prune_snapshots(self, version: int, now: int) -> None:
        """Keep the last day's, then one in 2,500 events for 14 days, then one in 10,000, and what these build on."""
        day = 24 * 3600 * SECOND
        keep = (
            "WITH RECURSIVE kept(id) AS (SELECT id FROM snapshots WHERE at >= ?1 UNION "
            "SELECT max(id) FROM snapshots WHERE at >= ?2 GROUP BY seq / 2500 UNION "
            "SELECT max(id) FROM snapshots GROUP BY seq / 10000 UNION "
            "SELECT s.base FROM snapshots s JOIN kept ON s.id = kept.id WHERE s.base IS NOT NULL)"
        )

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute("DELETE FROM snapshots WHERE version <> ?", (version,))
                # Those folded live that are late are of use only while they are the newest.
                db.execute(
                    "DELETE FROM snapshots WHERE by_at = 0 AND seq < (SELECT max(seq) FROM snapshots WHERE by_seq = 1) "
                    "AND id NOT IN (SELECT base FROM snapshots WHERE base IS NOT NULL)"
                )
                db.execute(f"{keep} DELETE FROM snapshots WHERE id NOT IN kept", (now - day, now - 14 * day))
                # Of what was let go of while somebody still built on it.
                db.execute("DELETE FROM snapshots WHERE base IS NOT NULL AND base NOT IN (SELECT id FROM snapshots)")

        await self._run(work)

    async def save_summaries(self, summaries: Iterable[tuple[str, int, bytes]]) -> None:
        """Keep the folded state of sessions that left the fold: (id, seq, state)."""
        rows = [(state, seq, name) for name, seq, state in summaries]

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.executemany("UPDATE sessions SET summary = ?, summary_seq = ? WHERE id = ?", rows)

        await self._run(work)

    # --- upkeep -------------------------------------------------------------------------------------------

    async def size(self) -> int:
        """Bytes of the database that are in use."""
        ((pages, free, page),) = await self.rows(
            "SELECT * FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
        )
        return int((pages - free) * page)

    async def rewrite(self, first: int, last: int, change: Callable[[Any], Any]) -> int:
        """Write the events numbered `first` to `last` anew with `change` applied to each row; returns how many differ.

        The whole range is taken out and put back: a row that only shrinks in its place gives no page back.
        """

        def work(db: sqlite3.Connection) -> int:
            with transaction(db):
                sql = "SELECT * FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq"
                rows = db.execute(sql, (first, last)).fetchall()
                new = [change(row) for row in rows]
                changed = len([1 for a, b in zip(rows, new, strict=True) if a != b])
                if changed:
                    db.execute("DELETE FROM events WHERE seq BETWEEN ? AND ?", (first, last))
                    db.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?)", new)
            db.execute("PRAGMA incremental_vacuum").fetchall()
            return changed

        return await self._run(work)

    async def fold_log(self) -> bool:
        """Between two transactions: fold a large write-ahead log back, unless a reader is in the way just now.

        SQLite by itself would do it within a transaction, which whoever waits for that one then has to wait for too.
        """
        try:
            if os.stat(self._log).st_size < LOG_BYTES:
                return False
        except OSError:
            return False

        def work(db: sqlite3.Connection) -> None:
            db.execute("PRAGMA busy_timeout=0")
            try:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                db.execute(f"PRAGMA busy_timeout={BUSY_MS}")

        await self._run(work)
        return True

    async def maintain(self) -> None:
        """Fold the write-ahead log back into the file."""
        await self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
