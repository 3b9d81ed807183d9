"""Writing the store: one process, short transactions, a file's checkpoint together with its events."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from orchestrator_tui.clock import SECOND
from orchestrator_tui.errors import StoreError
from orchestrator_tui.events import Event, KnownBody, SessionUpdated, Tokens, Usage, encode, type_of
from orchestrator_tui.store.batch import Batch, Checkpoint, Entry
from orchestrator_tui.store.counting import Owner, Response, count
from orchestrator_tui.store.schema import (
    APPLICATION_ID,
    BUSY_MS,
    MIGRATIONS,
    SCHEMA_VERSION,
    SQLITE_ERRORS,
    check_version,
    explain,
    prepare,
)

WAL_TRIES = BUSY_MS // 50
LIVE = 60 * SECOND
"""A source time this close to the clock is taken for now (DESIGN §2)."""


def place(source_at: int | None, seen_at: int, born: int | None, last_at: int) -> int:
    """An event's one place in time (DESIGN §2).

    Observed live (the source's time within 60 s, or none): when it was seen. Found later: when it happened, but not
    before its file's first line nor after it was seen. Within a session never before what came before it.
    """
    if source_at is None or abs(seen_at - source_at) <= LIVE:
        at = seen_at
    else:
        at = min(max(source_at, born if born is not None else source_at), seen_at)
    return max(at, last_at)


class Store:
    """The writing side; open it with `async with Store.open(path)`."""

    def __init__(self, db: aiosqlite.Connection, path: Path) -> None:
        self._db = db
        self.path = path
        self._owners: dict[str, Owner] = {}
        self._by_key: dict[int, Owner] = {}
        self._last_at: dict[int, int] = {}
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Store]:
        """Open or create a store. Raises StoreError (NotWritable, Damaged, NewerSchema, DiskFull, ...)."""
        prepare(path)
        try:
            db = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
        except SQLITE_ERRORS as error:
            raise explain(error, path) from error
        try:
            try:
                await _set_up(db, path)
            except SQLITE_ERRORS as error:
                raise explain(error, path) from error
            yield cls(db, path)
        finally:
            # The connection's thread is no daemon: left open it would outlive the event loop.
            await db.close()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        async with self._turn:
            try:
                await self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    await self._db.execute("COMMIT")
                except BaseException:
                    self._forget()
                    if self._db.in_transaction:
                        await self._db.execute("ROLLBACK")
                    raise
            except SQLITE_ERRORS as error:
                raise explain(error, self.path) from error

    def _forget(self) -> None:
        """Drop what was cached of rows that a rollback may have undone."""
        self._owners.clear()
        self._by_key.clear()
        self._last_at.clear()

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of one statement."""
        try:
            async with self._db.execute(sql, values) as cursor:
                return list(await cursor.fetchall())
        except SQLITE_ERRORS as error:
            raise explain(error, self.path) from error

    # --- appending ----------------------------------------------------------------------------------------

    async def append(self, batches: Sequence[Batch], seen_at: int) -> list[Event]:
        """Append in one transaction, together with the files' checkpoints; returns the events as they were stored."""
        events: list[Event] = []
        async with self._transaction():
            ((seq,),) = await self.rows("SELECT coalesce(max(seq), 0) FROM events")
            rows: list[tuple[Any, ...]] = []
            touched: set[int] = set()
            for batch in batches:
                file_key = await self._checkpoint(batch.file) if batch.file is not None else None
                entries = batch.fresh()
                await self._load_owners(entries, seq)
                responses = await self._load_responses(entries)
                changed: set[bytes] = set()
                for entry in entries:
                    born = batch.born if batch.born is not None else seen_at
                    for owner, body in self._outcome(entry, born, responses, changed):
                        seq += 1
                        key = owner.key if owner is not None else None
                        at = place(entry.source_at, seen_at, batch.born, self._last_at[key] if key is not None else 0)
                        if key is not None:
                            self._last_at[key] = at
                            touched.add(key)
                        events.append(Event(seq, at, seen_at, entry.source_at, owner.id if owner else None, body))
                        rows.append(
                            (seq, at, seen_at, entry.source_at, key, type_of(body), entry.record, file_key,
                             entry.offset, entry.length, encode(body))
                        )  # fmt: skip
                touched.update(self._owners[e.session].key for e in entries if e.session is not None)
                await self._save_responses({key: responses[key] for key in changed})
            await self._db.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?)", rows)
            await self._save_owners(touched)
            if events:
                # A snapshot whose place is after an event that it does not hold is good for the present only.
                oldest = min(event.at for event in events)
                await self._db.execute("UPDATE snapshots SET by_at = 0 WHERE at > ? AND by_at = 1", (oldest,))
        for batch in batches:
            batch.settle()
        return events

    def _outcome(
        self, entry: Entry, born: int, responses: dict[bytes, Response], changed: set[bytes]
    ) -> Iterable[tuple[Owner | None, KnownBody]]:
        if entry.session is None:
            return [(None, entry.body)]
        mine = self._owners[entry.session]
        if isinstance(entry.body, SessionUpdated) and entry.body.parent is not None:
            mine.relation = entry.body.relation
        if entry.response is None or not isinstance(entry.body, Usage):
            return [(mine, entry.body)]
        known = responses.get(entry.response)
        holder = self._by_key.get(known.session) if known is not None else None
        now, out = count(entry.body, mine, born, entry.offset or 0, known, holder)
        responses[entry.response] = now
        if now != known:
            changed.add(entry.response)
        return out

    # --- what appending needs to know ---------------------------------------------------------------------

    async def _load_owners(self, entries: Sequence[Entry], seq: int) -> None:
        missing = {e.session for e in entries if e.session is not None and e.session not in self._owners}
        for name in missing:
            found = await self.rows(f"SELECT {_OWNER} FROM sessions WHERE id = ?", name)
            if not found:
                await self._db.execute("INSERT INTO sessions(id, first_seq, last_at) VALUES(?, ?, 0)", (name, seq + 1))
                found = await self.rows(f"SELECT {_OWNER} FROM sessions WHERE id = ?", name)
            self._remember(found[0])

    def _remember(self, row: Any) -> Owner:
        key, name, last_at, parent, relation, copied = row
        owner = Owner(key, name, parent, relation, copied)
        self._owners[name], self._by_key[key], self._last_at[key] = owner, owner, last_at
        return owner

    async def _load_responses(self, entries: Sequence[Entry]) -> dict[bytes, Response]:
        keys = list({entry.response for entry in entries if entry.response is not None})
        found: dict[bytes, Response] = {}
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            for key, session, born, offset, *counts, cost in await self.rows(
                f"SELECT {_RESPONSE} FROM responses WHERE key IN ({marks})",
                *part,
            ):
                found[key] = Response(session, born, offset, Tokens(*counts), cost)
        for response in found.values():
            if response.session not in self._by_key:
                rows = await self.rows(f"SELECT {_OWNER} FROM sessions WHERE key = ?", response.session)
                self._remember(rows[0])
        return found

    async def _save_owners(self, keys: set[int]) -> None:
        owners = [self._by_key[key] for key in keys]
        await self._db.executemany(
            "UPDATE sessions SET last_at = ?, parent = ?, relation = ?, copied_offset = ? WHERE key = ?",
            [(self._last_at[o.key], o.parent, o.relation, o.copied_offset, o.key) for o in owners],
        )

    async def _save_responses(self, responses: dict[bytes, Response]) -> None:
        await self._db.executemany(
            f"INSERT OR REPLACE INTO responses({_RESPONSE}) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
            [
                (key, r.session, r.born, r.offset, r.tokens.input, r.tokens.cache_read, r.tokens.cache_write,
                 r.tokens.output, r.tokens.cache_write_1h, r.tokens.reasoning, r.cost)
                for key, r in responses.items()
            ],
        )  # fmt: skip

    # --- files --------------------------------------------------------------------------------------------

    async def _checkpoint(self, file: Checkpoint) -> int:
        await self._db.execute(
            "INSERT INTO files(client, path, device, inode, offset, head, head_length, size, mtime, state) "
            "VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(client, path) DO UPDATE SET device=excluded.device, "
            "inode=excluded.inode, offset=excluded.offset, head=excluded.head, head_length=excluded.head_length, "
            "size=excluded.size, mtime=excluded.mtime, state=excluded.state",
            (file.client, file.path, file.device, file.inode, file.offset, file.head,
             file.head_length, file.size, file.mtime, file.state),
        )  # fmt: skip
        ((key,),) = await self.rows("SELECT key FROM files WHERE client = ? AND path = ?", file.client, file.path)
        return int(key)

    async def checkpoints(self) -> list[Checkpoint]:
        """Every file that was ever read, as far as it was."""
        rows = await self.rows(
            "SELECT client, path, device, inode, offset, head, head_length, size, mtime, state FROM files"
        )
        return [Checkpoint(*row) for row in rows]

    async def records(self, session: str) -> set[tuple[str, int]]:
        """(session, record) of everything stored of a session, for a file that is read again."""
        rows = await self.rows(
            "SELECT record FROM events WHERE session = (SELECT key FROM sessions WHERE id = ?) AND record IS NOT NULL",
            session,
        )
        return {(session, row[0]) for row in rows}

    async def has_session(self, session: str) -> bool:
        """Whether anything of a session is stored."""
        return bool(await self.rows("SELECT 1 FROM sessions WHERE id = ?", session))

    # --- the host's own -----------------------------------------------------------------------------------

    async def host_id(self) -> str:
        """This installation's name among hosts; made once."""
        async with self._transaction():
            await self._db.execute("INSERT OR IGNORE INTO meta VALUES('host_id', ?)", (uuid.uuid4().hex,))
        ((value,),) = await self.rows("SELECT value FROM meta WHERE name = 'host_id'")
        return str(value)

    async def save_snapshot(
        self, seq: int, at: int, version: int, state: bytes, base: int | None, *, replay: bool = False
    ) -> int:
        """Store a state of the fold and return its id.

        One that was folded live holds every event up to `seq`; one folded in the order of places (`replay`) every
        event up to the time `at`. The first is good for replay too, unless something was found that belongs before.
        """
        async with self._transaction():
            by_at = replay or not await self.rows("SELECT 1 FROM events WHERE seq > ? AND at < ? LIMIT 1", seq, at)
            async with self._db.execute(
                "INSERT INTO snapshots(seq, at, version, base, by_seq, by_at, state) VALUES(?,?,?,?,?,?,?)",
                (seq, at, version, base, not replay, by_at, state),
            ) as cursor:
                return int(cursor.lastrowid or 0)

    async def prune_snapshots(self, version: int, now: int) -> None:
        """Keep the last day's, then one an hour for 14 days, then one a day; and what kept ones build on."""
        day = 24 * 3600 * SECOND
        keep = (
            "SELECT id FROM snapshots WHERE at >= ? UNION "
            "SELECT max(id) FROM snapshots WHERE at >= ? GROUP BY at / 3600000000000 UNION "
            "SELECT max(id) FROM snapshots GROUP BY at / 86400000000000"
        )
        async with self._transaction():
            await self._db.execute("DELETE FROM snapshots WHERE version <> ?", (version,))
            # Those folded live that are late are of use only while they are the newest.
            await self._db.execute(
                "DELETE FROM snapshots WHERE by_at = 0 AND seq < (SELECT max(seq) FROM snapshots WHERE by_seq = 1) "
                "AND id NOT IN (SELECT base FROM snapshots WHERE base IS NOT NULL)"
            )
            await self._db.execute(
                f"DELETE FROM snapshots WHERE id NOT IN ({keep}) AND id NOT IN "
                f"(SELECT base FROM snapshots WHERE base IS NOT NULL AND id IN ({keep}))",
                (now - day, now - 14 * day, now - day, now - 14 * day),
            )

    async def save_summaries(self, summaries: Iterable[tuple[str, int, bytes]]) -> None:
        """Keep the folded state of sessions that left the fold: (id, seq, state)."""
        async with self._transaction():
            await self._db.executemany(
                "UPDATE sessions SET summary = ?, summary_seq = ? WHERE id = ?",
                [(state, seq, name) for name, seq, state in summaries],
            )

    async def size(self) -> int:
        """Bytes of the database that are in use."""
        ((pages,),) = await self.rows("PRAGMA page_count")
        ((free,),) = await self.rows("PRAGMA freelist_count")
        ((page,),) = await self.rows("PRAGMA page_size")
        return int((pages - free) * page)

    async def rewrite(self, first: int, last: int, change: Callable[[Any], Any]) -> int:
        """Write the events numbered `first` to `last` anew with `change` applied to each row; returns how many differ.

        The whole range is taken out and put back: a row that only shrinks in its place gives no page back.
        """
        async with self._transaction():
            rows = await self.rows("SELECT * FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq", first, last)
            new = [change(row) for row in rows]
            changed = len([1 for a, b in zip(rows, new, strict=True) if a != b])
            if changed:
                await self._db.execute("DELETE FROM events WHERE seq BETWEEN ? AND ?", (first, last))
                await self._db.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?)", new)
        await self.rows("PRAGMA incremental_vacuum")
        return changed

    async def maintain(self) -> None:
        """Fold the write-ahead log back into the file."""
        await self.rows("PRAGMA wal_checkpoint(TRUNCATE)")


_OWNER = "key, id, last_at, parent, relation, copied_offset"
_RESPONSE = "key, session, born, offset, input, cache_read, cache_write, output, cache_write_1h, reasoning, cost"


async def _set_up(db: aiosqlite.Connection, path: Path) -> None:
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "auto_vacuum=INCREMENTAL",
        "synchronous=NORMAL",
        "wal_autocheckpoint=1000",
        "journal_size_limit=16777216",
    ):
        await db.execute(f"PRAGMA {pragma}")
    await _use_wal(db)
    version = await _version(db)
    check_version(version, path)
    if version == SCHEMA_VERSION:
        return
    if version > 0:
        # A migration that fails half-way leaves the old database beside the new one.
        backup = path.with_name(f"{path.name}.schema{version}")
        if not backup.exists():
            await db.execute("VACUUM INTO ?", (str(backup),))
            backup.chmod(0o600)
    await db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        for step in range(await _version(db), SCHEMA_VERSION):
            for statement in MIGRATIONS[step]:
                await db.execute(statement)
        await db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        await db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        await db.execute("COMMIT")
    except BaseException:
        await db.execute("ROLLBACK")
        raise


async def _use_wal(db: aiosqlite.Connection) -> None:
    """Write-ahead logging. The switch does not wait for a reader, whatever the busy timeout says: this does."""
    for attempt in range(WAL_TRIES):
        try:
            await db.execute("PRAGMA journal_mode=WAL")
        except aiosqlite.OperationalError:
            if attempt == WAL_TRIES - 1:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def _version(db: aiosqlite.Connection) -> int:
    async with db.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise StoreError("the database does not answer")
    return int(row[0])
