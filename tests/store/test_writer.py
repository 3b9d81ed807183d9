"""The writing side's own thread: one function per transaction, and what is left of one that fails."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.store import writer
from orchestrator_tui.store.append import transaction
from orchestrator_tui.store.batch import Batch, Checkpoint, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.schema import PAGE_BYTES
from orchestrator_tui.store.writer import Database, Store
from tests.fleet.generated import START


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.db"


def usage(session: str, key: str) -> Entry:
    body = ev.Usage(response_id=key, tokens=ev.Tokens(1, 20, 3, 10))
    return Entry(session, body, None, None, 0, 1, key.encode().ljust(16))


async def test_aiosqlite_still_runs_a_function_of_ours_on_its_thread() -> None:
    """If this fails, aiosqlite has changed what `Database.call` rests on: see there."""
    db = Database(lambda: sqlite3.connect(":memory:"), 64)
    assert callable(getattr(db, "_execute", None)), "aiosqlite.Connection._execute is gone"
    await db
    try:
        seen = await db.call(lambda raw, more: (type(raw), raw.execute("SELECT 7").fetchone(), more, thread()), "x")
        assert seen[:3] == (sqlite3.Connection, (7,), "x")
        assert seen[3] != thread()
        with pytest.raises(ZeroDivisionError):
            await db.call(lambda _: 1 / 0)
    finally:
        await db.close()


def thread() -> int:
    return threading.get_ident()


async def test_an_append_is_one_hop(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hops = 0
    call = Database.call

    async def counted(self: Database, *args: object) -> object:
        nonlocal hops
        hops += 1
        return await call(self, *args)  # type: ignore[arg-type]

    async with Store.open(path) as store:
        monkeypatch.setattr(Database, "call", counted)
        mark = Checkpoint("log", "/f", 1, 2, 10, b"h", 5, 10, 1)
        await store.append(
            [Batch([usage("log:a", "r1"), usage("log:b", "r2")], mark), Batch([usage("log:a", "r3")])], 9
        )
    assert hops == 1


async def test_what_a_failed_transaction_had_learned_is_forgotten(path: Path) -> None:
    """A session that was rolled back is made anew by the next append, and its file's number is right."""
    mark = Checkpoint("log", "/f", 1, 2, 10, b"h", 5, 10, 1)
    broken = Entry("log:b", ev.Beat(), None, 1 << 70)
    async with Store.open(path) as store:
        with pytest.raises(OverflowError):
            await store.append([Batch([usage("log:a", "r1"), broken], mark)], START)
        await store.append([Batch([usage("log:c", "r2")])], START)
        await store.append([Batch([usage("log:a", "r1")], mark)], START)
        await store.append([Batch([usage("log:a", "r9")], mark)], START)
        with Reader(path) as reader:
            assert [(e.seq, e.session) for e in reader.tail(0)] == [(1, "log:c"), (2, "log:a"), (3, "log:a")]
            assert reader.first_seq("log:a") == 2
            assert [reader.source(n) and reader.source(n).path for n in (1, 2, 3)] == [None, "/f", "/f"]  # type: ignore[union-attr]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(x)")
    yield db
    db.close()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_is_all_or_nothing(db: sqlite3.Connection, error: type[BaseException]) -> None:
    with pytest.raises(error), transaction(db):
        db.execute("INSERT INTO t VALUES(1)")
        raise error
    assert not db.in_transaction
    with transaction(db):
        db.execute("INSERT INTO t VALUES(2)")
    assert db.execute("SELECT x FROM t").fetchall() == [(2,)]


async def test_new_databases_have_large_pages(path: Path) -> None:
    async with Store.open(path) as store:
        assert await store.rows("PRAGMA page_size") == [(PAGE_BYTES,)]
        assert await store.rows("PRAGMA auto_vacuum") == [(2,)]
        assert await store.rows("PRAGMA journal_mode") == [("wal",)]


async def test_a_large_log_is_folded_and_a_reader_in_the_way_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOG_BYTES", 400_000)
    log = path.with_name("events.db-wal")
    async with Store.open(path) as store:
        await store.append([Batch([usage("log:a", "r")])], START)
        assert not await store.fold_log()
        with sqlite3.connect(path, isolation_level=None) as held:
            held.execute("BEGIN")
            held.execute("SELECT * FROM events").fetchall()
            for n in range(40):
                await store.append([Batch([usage("log:a", f"r{n}")])], START + n)
            assert await store.fold_log()
            assert log.stat().st_size > 400_000
            held.execute("COMMIT")
        held.close()
        await store.append([Batch([usage("log:a", "last")])], START)
        assert await store.fold_log()
        assert log.stat().st_size == 0
        assert await store.rows("PRAGMA busy_timeout") == [(5000,)]
        with Reader(path) as reader:
            assert reader.last_seq() == 42
