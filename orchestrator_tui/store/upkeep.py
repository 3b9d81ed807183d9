"""What is in a store, whether it holds together, and a copy of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.errors import OrcError, StoreError
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.store.load import apply, departed, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.retention import GONE
from orchestrator_tui.store.schema import explain

COUNTED = ("input", "cache_read", "cache_write", "cache_write_1h", "output", "reasoning")
MOST = 50
"""Findings that are named; the others are counted."""


class Held(Struct, frozen=True):
    """How much there is of one type of event."""

    type: str
    events: int
    bytes: int
    """Of the bodies, before they are put into pages."""


class Stats(Struct, frozen=True):
    """What a store holds; times in ns since 1970, None where there is nothing."""

    path: str
    schema_version: int
    bytes: int
    log_bytes: int
    free_bytes: int
    events: int
    types: tuple[Held, ...]
    sessions: int
    responses: int
    snapshots: int
    snapshot_bytes: int
    first_at: int | None
    last_at: int | None
    texts_from: int | None
    """Since then every text that was taken up is still there; None: nothing was ever pruned."""
    transcripts_gone: int
    """Files that the client has deleted since; what they said is kept."""


def stats(reader: Reader) -> Stats:
    """Count; reads the whole store once."""
    ((pages, free, size),) = reader.query(
        "SELECT * FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
    )
    types = reader.query("SELECT type, count(*), sum(length(payload)) FROM events GROUP BY 1 ORDER BY 3 DESC")
    ((first, last),) = reader.query("SELECT min(at), max(at) FROM events")
    ((snapshots, snapshot_bytes),) = reader.query("SELECT count(*), coalesce(sum(length(state)), 0) FROM snapshots")
    gone = reader.query("SELECT value FROM meta WHERE name = ?", GONE)
    log = Path(f"{reader.path}-wal")
    return Stats(
        path=str(reader.path),
        schema_version=int(reader.query("PRAGMA user_version")[0][0]),
        bytes=pages * size,
        log_bytes=log.stat().st_size if log.exists() else 0,
        free_bytes=free * size,
        events=sum(count for _, count, _ in types),
        types=tuple(Held(*row) for row in types),
        sessions=_count(reader, "sessions"),
        responses=_count(reader, "responses"),
        snapshots=snapshots,
        snapshot_bytes=snapshot_bytes,
        first_at=first,
        last_at=last,
        texts_from=int(gone[0][0]) + 1 if gone else None,
        transcripts_gone=sum(not Path(path).exists() for (path,) in reader.query("SELECT path FROM files")),
    )


def _count(reader: Reader, table: str) -> int:
    return int(reader.query(f"SELECT count(*) FROM {table}")[0][0])


def verify(reader: Reader, *, deep: bool = False) -> list[str]:
    """What does not hold, one line each; [] when all does. `deep` folds every event anew: minutes for large stores."""
    found: list[str] = []
    for check in (_pages(reader), _bodies(reader), _sums(reader), _folded(reader, deep)):
        for trouble in check:
            if len(found) == MOST:
                return [*found, f"more than {MOST} findings; the others are not named"]
            found.append(trouble)
    return found


def _pages(reader: Reader) -> Iterator[str]:
    for (words,) in reader.query("PRAGMA integrity_check"):
        if words != "ok":
            yield f"the file: {words}"


def _bodies(reader: Reader) -> Iterator[str]:
    """Every body is JSON of the type that its row says, and belongs to a session that is there."""
    after = 0
    while rows := reader.query(
        "SELECT e.seq, e.type, e.payload, e.session IS NOT NULL AND s.key IS NULL FROM events e"
        " LEFT JOIN sessions s ON s.key = e.session WHERE e.seq > ? ORDER BY e.seq LIMIT 5000",
        after,
    ):
        for seq, kind, payload, orphaned in rows:
            try:
                said = msgspec.json.decode(payload, type=dict).get("type")
            except msgspec.DecodeError as error:
                yield f"event {seq}: its body cannot be read ({error})"
                continue
            if said != kind:
                yield f"event {seq}: its row says {kind}, its body {said}"
            if orphaned:
                yield f"event {seq}: its session is not there"
        after = rows[-1][0]


def _sums(reader: Reader) -> Iterator[str]:
    """The roll-ups are the sums of the responses."""
    columns = ", ".join(f"sum({name})" for name in ("cost", *COUNTED))
    rolled = reader.query(f"SELECT session, sum(requests), {columns} FROM spending GROUP BY session")
    single = reader.query(f"SELECT session, count(*), {columns} FROM responses GROUP BY session")
    ids = dict(reader.query("SELECT key, id FROM sessions"))
    sums = {row[0]: tuple(value or 0 for value in row[1:]) for row in rolled}
    for key, *values in single:
        if sums.pop(key, None) != tuple(value or 0 for value in values):
            yield f"session {ids.get(key, key)}: its roll-ups are not the sum of its responses"
    for key, left in sums.items():
        if any(left):
            yield f"session {ids.get(key, key)}: roll-ups without responses"


def _folded(reader: Reader, deep: bool) -> Iterator[str]:
    """What the screen counts is what the responses add up to; with `deep` also from the first event on."""
    fleet = fleet_now(reader)
    columns = ", ".join(f"sum(r.{name})" for name in COUNTED)
    sql = f"SELECT s.id, count(*), {columns} FROM responses r JOIN sessions s ON s.key = r.session GROUP BY 1"
    counted = {name: tuple(row) for name, *row in reader.query(sql)}
    anew = Fleet()
    if deep:
        apply(reader, anew, reader.tail(0))
    known = {session.id: session for session in departed(reader, fleet)} | fleet.sessions
    for name, session in known.items():
        tokens = session.spend.tokens
        own = (session.spend.requests, *(getattr(tokens, column) for column in COUNTED))
        if own != counted.get(name, (0,) * len(own)):
            yield f"session {name}: {own[0]} responses on the screen, {counted.get(name, (0,))[0]} in the store"
        other = anew.sessions.get(name) if deep else None
        if other is not None and (other.spend, other.turns) != (session.spend, session.turns):
            yield f"session {name}: its snapshot (fold {FOLD_VERSION}) is not what its events give"


def backup(source: Path, target: Path) -> int:
    """A complete, compact copy in one piece, readable by its owner alone; returns its bytes.

    Raises OrcError where the target exists or cannot be written: nothing is ever overwritten.
    """
    if not source.exists():
        raise StoreError(f"nothing stored yet in {source.parent}")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # The file is there, private and empty, before SQLite opens it.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with closing(
                sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            ) as db:
                db.execute("VACUUM INTO ?", (str(part),))
            with closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro", uri=True)) as copy:
                ((words,),) = copy.execute("PRAGMA quick_check(1)").fetchall()
            if words != "ok":
                raise OrcError(f"the copy is damaged ({words}); is {source} whole? `orc store verify`")
            with part.open("rb") as file:
                os.fsync(file.fileno())
            # A link, unlike a rename, refuses a name that is taken.
            os.link(part, target)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except FileExistsError:
        raise OrcError(f"{target} exists; choose another name") from None
    except OSError as error:
        raise OrcError(f"{target} cannot be written: {error.strerror}") from error
    except sqlite3.Error as error:
        raise explain(error, source) from error
    return target.stat().st_size
