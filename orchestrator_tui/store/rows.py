"""The rows that appending keeps besides events: sessions, counted responses, files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.events import Tokens
from orchestrator_tui.store.batch import Checkpoint
from orchestrator_tui.store.counting import Owner, Response

_OWNER = "key, id, last_at, parent, relation, copied_offset, client, project"
RESPONSE = (
    "key, session, born, offset, input, cache_read, cache_write, output, cache_write_1h, reasoning, cost, "
    "model, terms, searches, estimated, local, at"
)
_FILE = "client, path, device, inode, offset, head, head_length, size, mtime, state"


MAX_OWNERS = 4096
"""Sessions whose rows are remembered between two transactions."""


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

    def bound(self) -> None:
        """Before a transaction: drop them all when they have become many; what is needed is read again."""
        if len(self.by_id) > MAX_OWNERS:
            self.forget()

    def forget(self) -> None:
        """Drop them all."""
        self.by_id.clear()
        self.by_key.clear()
        self.last_at.clear()


def owner_of(db: sqlite3.Connection, owners: Owners, name: str, seq: int) -> Owner:
    """A session's row; a new one where this is the first sight of it, with the number its first event gets."""
    owner = owners.by_id.get(name)
    if owner is None:
        owner = read_owner(db, owners, "id", name)
    if owner is None:
        client = name.partition(":")[0]
        made = db.execute(
            "INSERT INTO sessions(id, first_seq, last_at, client) VALUES(?, ?, 0, ?)", (name, seq, client)
        )
        owner = owners.remember(Owner(int(made.lastrowid or 0), name, client=client), 0)
    return owner


def read_owner(db: sqlite3.Connection, owners: Owners, column: str, value: str | int) -> Owner | None:
    """A session's row by `key` or `id`."""
    rows = db.execute(f"SELECT {_OWNER} FROM sessions WHERE {column} = ?", (value,)).fetchall()
    for key, name, last_at, *rest in rows:
        return owners.remember(Owner(key, name, *rest), last_at)
    return None


def save_owners(db: sqlite3.Connection, owners: Owners, keys: Iterable[int]) -> None:
    """Write back what appending changed of these sessions."""
    rows = [
        (owners.last_at[o.key], o.parent, o.relation, o.copied_offset, o.client, o.project, o.key)
        for o in map(owners.by_key.__getitem__, keys)
    ]
    if rows:
        db.executemany(
            "UPDATE sessions SET last_at = ?, parent = ?, relation = ?, copied_offset = ?, client = ?, project = ? "
            "WHERE key = ?",
            rows,
        )


def load_responses(db: sqlite3.Connection, owners: Owners, wanted: Iterable[bytes | None]) -> dict[bytes, Response]:
    """Those of the wanted responses that are counted already, their sessions met."""
    keys = list({key for key in wanted if key is not None})
    found: dict[bytes, Response] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = db.execute(f"SELECT {RESPONSE} FROM responses WHERE key IN ({marks})", part).fetchall()
        found.update((row[0], response_of(row)) for row in rows)
    for response in found.values():
        if response.session not in owners.by_key:
            read_owner(db, owners, "key", response.session)
    return found


def unpriced(db: sqlite3.Connection, model: str | None, terms: str | None, most: int) -> dict[bytes, Response]:
    """Some of the responses without a price that were made on these terms."""
    rows = db.execute(
        f"SELECT {RESPONSE} FROM responses WHERE cost IS NULL AND model IS ? AND terms IS ? LIMIT ?",
        (model, terms, most),
    )  # fmt: skip
    return {row[0]: response_of(row) for row in rows}


def response_of(row: Sequence[Any]) -> Response:
    """A row of `responses`."""
    _, session, born, offset, *counts, cost, model, terms, searches, estimated, local, at = row
    return Response(
        session, born, offset, Tokens(*counts), cost, model, terms, searches, bool(estimated), bool(local), at
    )


def save_responses(db: sqlite3.Connection, responses: Mapping[bytes, Response]) -> None:
    """Write counted responses, new or changed."""
    if responses:
        db.executemany(
            f"INSERT OR REPLACE INTO responses({RESPONSE}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                (key, r.session, r.born, r.offset, r.tokens.input, r.tokens.cache_read, r.tokens.cache_write,
                 r.tokens.output, r.tokens.cache_write_1h, r.tokens.reasoning, r.cost, r.model, r.terms, r.searches,
                 r.estimated, r.local, r.at)
                for key, r in responses.items()
            ],
        )  # fmt: skip


def save_file(db: sqlite3.Connection, file: Checkpoint) -> int:
    """Write how far a file was read; returns the file's number."""
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
