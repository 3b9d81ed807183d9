"""Appending, as plain functions on the database: one call is one transaction, run where the connection lives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import Event, KnownBody, SessionUpdated, Tokens, Usage, encode, type_of
from orchestrator_tui.store.batch import Batch, Checkpoint, Entry
from orchestrator_tui.store.counting import Owner, Response, count

LIVE = 60 * SECOND
"""A source time this close to the clock is taken for now (docs/architecture.md)."""
_OWNER = "key, id, last_at, parent, relation, copied_offset"
_RESPONSE = "key, session, born, offset, input, cache_read, cache_write, output, cache_write_1h, reasoning, cost"
_FILE = "client, path, device, inode, offset, head, head_length, size, mtime, state"


class Owners(Struct):
    """The sessions that appending has met; dropped when a rollback may have undone what was read of them."""

    by_id: dict[str, Owner] = field(default_factory=dict)
    by_key: dict[int, Owner] = field(default_factory=dict)
    last_at: dict[int, int] = field(default_factory=dict)

    def remember(self, owner: Owner, last_at: int) -> Owner:
        """Keep a session's row."""
        self.by_id[owner.id] = self.by_key[owner.key] = owner
        self.last_at[owner.key] = last_at
        return owner

    def forget(self) -> None:
        """Drop them all."""
        self.by_id.clear()
        self.by_key.clear()
        self.last_at.clear()


def place(source_at: int | None, seen_at: int, born: int | None, last_at: int) -> int:
    """An event's one place in time (docs/architecture.md).

    Observed live (the source's time within 60 s, or none): when it was seen. Found later: when it happened, but not
    before its file's first line nor after it was seen. Within a session never before what came before it.
    """
    if source_at is None or abs(seen_at - source_at) <= LIVE:
        at = seen_at
    else:
        at = min(max(source_at, born if born is not None else source_at), seen_at)
    return max(at, last_at)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the write lock is taken at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def append(db: sqlite3.Connection, owners: Owners, batches: Sequence[Batch], seen_at: int) -> list[Event]:
    """Append in one transaction, together with the files' checkpoints; returns the events as they were stored."""
    try:
        with transaction(db):
            return _append(db, owners, batches, seen_at)
    except BaseException:
        owners.forget()
        raise


def _append(db: sqlite3.Connection, owners: Owners, batches: Sequence[Batch], seen_at: int) -> list[Event]:
    ((seq,),) = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchall()
    work = [(batch, batch.fresh()) for batch in batches]
    responses = _load_responses(db, owners, [entry.response for _, entries in work for entry in entries])
    events: list[Event] = []
    rows: list[tuple[Any, ...]] = []
    touched: set[int] = set()
    changed: set[bytes] = set()
    for batch, entries in work:
        file = _save_file(db, batch.file) if batch.file is not None else None
        born = batch.born if batch.born is not None else seen_at
        for entry in entries:
            mine = _owner(db, owners, entry.session, seq + 1) if entry.session is not None else None
            if mine is not None:
                touched.add(mine.key)
            for owner, body in _outcome(entry, mine, born, owners, responses, changed):
                seq += 1
                key = None
                at = place(entry.source_at, seen_at, batch.born, owners.last_at[owner.key] if owner is not None else 0)
                if owner is not None:
                    key = owner.key
                    owners.last_at[key] = at
                    touched.add(key)
                events.append(Event(seq, at, seen_at, entry.source_at, owner.id if owner is not None else None, body))
                rows.append(
                    (seq, at, seen_at, entry.source_at, key, type_of(body), entry.record, file,
                     entry.offset, entry.length, encode(body))
                )  # fmt: skip
    if rows:
        db.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?)", rows)
        # A snapshot whose place is after an event that it does not hold is good for the present only.
        oldest = min(event.at for event in events)
        db.execute("UPDATE snapshots SET by_at = 0 WHERE at > ? AND by_at = 1", (oldest,))
    _save_owners(db, owners, touched)
    _save_responses(db, {key: responses[key] for key in changed})
    return events


def _outcome(
    entry: Entry,
    mine: Owner | None,
    born: int,
    owners: Owners,
    responses: dict[bytes, Response],
    changed: set[bytes],
) -> Iterable[tuple[Owner | None, KnownBody]]:
    body = entry.body
    if mine is not None and isinstance(body, SessionUpdated) and body.parent is not None:
        mine.relation = body.relation
    if mine is None or entry.response is None or not isinstance(body, Usage):
        return [(mine, body)]
    known = responses.get(entry.response)
    holder = owners.by_key.get(known.session) if known is not None else None
    now, out = count(body, mine, born, entry.offset or 0, known, holder)
    responses[entry.response] = now
    if now != known:
        changed.add(entry.response)
    return out


# --- what it reads and writes besides events ------------------------------------------------------------------


def _owner(db: sqlite3.Connection, owners: Owners, name: str, seq: int) -> Owner:
    """A session's row; a new one where this is the first sight of it, with the number its first event gets."""
    owner = owners.by_id.get(name)
    if owner is None:
        owner = _read_owner(db, owners, "id", name)
    if owner is None:
        made = db.execute("INSERT INTO sessions(id, first_seq, last_at) VALUES(?, ?, 0)", (name, seq))
        owner = owners.remember(Owner(int(made.lastrowid or 0), name), 0)
    return owner


def _read_owner(db: sqlite3.Connection, owners: Owners, column: str, value: str | int) -> Owner | None:
    rows = db.execute(f"SELECT {_OWNER} FROM sessions WHERE {column} = ?", (value,)).fetchall()
    for key, name, last_at, parent, relation, copied in rows:
        return owners.remember(Owner(key, name, parent, relation, copied), last_at)
    return None


def _save_owners(db: sqlite3.Connection, owners: Owners, keys: Iterable[int]) -> None:
    rows = [
        (owners.last_at[o.key], o.parent, o.relation, o.copied_offset, o.key)
        for o in map(owners.by_key.__getitem__, keys)
    ]
    if rows:
        db.executemany(
            "UPDATE sessions SET last_at = ?, parent = ?, relation = ?, copied_offset = ? WHERE key = ?", rows
        )


def _load_responses(db: sqlite3.Connection, owners: Owners, wanted: Iterable[bytes | None]) -> dict[bytes, Response]:
    keys = list({key for key in wanted if key is not None})
    found: dict[bytes, Response] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = db.execute(f"SELECT {_RESPONSE} FROM responses WHERE key IN ({marks})", part).fetchall()
        for key, session, born, offset, *counts, cost in rows:
            found[key] = Response(session, born, offset, Tokens(*counts), cost)
    for response in found.values():
        if response.session not in owners.by_key:
            _read_owner(db, owners, "key", response.session)
    return found


def _save_responses(db: sqlite3.Connection, responses: dict[bytes, Response]) -> None:
    if responses:
        db.executemany(
            f"INSERT OR REPLACE INTO responses({_RESPONSE}) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
            [
                (key, r.session, r.born, r.offset, r.tokens.input, r.tokens.cache_read, r.tokens.cache_write,
                 r.tokens.output, r.tokens.cache_write_1h, r.tokens.reasoning, r.cost)
                for key, r in responses.items()
            ],
        )  # fmt: skip


def _save_file(db: sqlite3.Connection, file: Checkpoint) -> int:
    rows = db.execute(
        f"INSERT INTO files({_FILE}) VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(client, path) DO UPDATE SET "
        "device=excluded.device, inode=excluded.inode, offset=excluded.offset, head=excluded.head, "
        "head_length=excluded.head_length, size=excluded.size, mtime=excluded.mtime, state=excluded.state "
        "RETURNING key",
        (file.client, file.path, file.device, file.inode, file.offset, file.head,
         file.head_length, file.size, file.mtime, file.state),
    ).fetchall()  # fmt: skip
    return int(rows[0][0])


def checkpoints(db: sqlite3.Connection) -> list[Checkpoint]:
    """Every file that was ever read, as far as it was."""
    return [Checkpoint(*row) for row in db.execute(f"SELECT {_FILE} FROM files")]


def stored(db: sqlite3.Connection, sessions: Iterable[str]) -> dict[str, set[tuple[str | None, int | None]]]:
    """Of those sessions that are stored: (session, record) of everything that is stored of them."""
    found: dict[str, set[tuple[str | None, int | None]]] = {}
    for name in sessions:
        for (key,) in db.execute("SELECT key FROM sessions WHERE id = ?", (name,)).fetchall():
            rows = db.execute("SELECT record FROM events WHERE session = ? AND record IS NOT NULL", (key,))
            found[name] = {(name, record) for (record,) in rows}
    return found
