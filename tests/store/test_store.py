"""The store on real SQLite files: places in time, counting, checkpoints, and a clear word for each fault."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.errors import DiskFull, NetworkFilesystem, NewerSchema, StoreDamaged, StoreError, StoreNotWritable
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.store import schema
from orchestrator_tui.store.batch import Batch, Checkpoint, Entry
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.retention import keep_within
from orchestrator_tui.store.writer import Store, place
from tests.fleet.generated import SECOND, START

MINUTE = 60 * SECOND


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.db"


def usage(session: str, key: str, output: int = 10, offset: int = 0) -> Entry:
    body = ev.Usage(response_id=key, tokens=ev.Tokens(1, 20, 3, output))
    return Entry(session, body, None, None, offset, 1, key.encode().ljust(16))


@pytest.mark.parametrize(
    ("source", "born", "last", "at"),
    [
        (None, None, 0, 100),  # nothing claimed: when it was seen
        (70, 0, 0, 100),  # within a minute: live
        (160, 0, 0, 100),
        (10, 0, 0, 10),  # found later: when it happened
        (10, 30, 0, 30),  # never before the file's first line: a copied line
        (900, 0, 0, 100),  # a clock that runs ahead: not after it was seen
        (10, 0, 50, 50),  # never before what came before it in its session
        (None, None, 500, 500),  # the host's clock was set back
    ],
)
def test_place_in_time(source: int | None, born: int | None, last: int, at: int) -> None:
    ns = (None if source is None else source * SECOND, 100 * SECOND, None if born is None else born * SECOND)
    assert place(*ns, last * SECOND) == at * SECOND


async def test_modes_are_private_whatever_the_umask(path: Path) -> None:
    async with Store.open(path) as store:
        await store.append([Batch([usage("log:a", "r1")])], START)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        for name in ("events.db", "events.db-wal", "events.db-shm"):
            assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600


async def test_what_is_appended_comes_back_in_order_by_seq_by_time_and_by_session(path: Path) -> None:
    async with Store.open(path) as store:
        late = Entry("log:old", ev.UserMessage(text=excerpt("long ago")), START - 600 * SECOND, 7, 0, 9)
        first = await store.append([Batch([usage("log:a", "r1"), Entry(None, ev.Beat())])], START)
        second = await store.append([Batch([late, usage("log:a", "r2")], born=START - 700 * SECOND)], START + SECOND)
        with Reader(path) as reader:
            assert list(reader.tail(0)) == first + second
            assert [e.seq for e in reader.between((-1, 0), START + 9 * SECOND)] == [3, 1, 2, 4]
            assert [e.seq for e in reader.of_session("log:a")] == [1, 4]
            assert [e.seq for e in reader.of_session("log:a", until=START)] == [1]
            assert [e.seq for e in reader.latest_of_session("log:a", 1)] == [4]
            assert reader.source(3) is None


async def test_reads_come_in_pages_that_hold_no_cursor(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator_tui.store.reader.PAGE", 7)
    async with Store.open(path) as store:
        for n in range(10):
            await store.append([Batch([usage("log:a", f"r{n}.{k}") for k in range(10)])], START + n)
        with Reader(path) as reader:
            seen = 0
            for event in reader.tail(0):
                seen += 1
                if event.seq == 50:
                    # A reader in the middle of its walk keeps nobody from folding the log back.
                    ((busy, _, _),) = await store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
                    assert busy == 0
            assert seen == 100


async def test_a_failed_transaction_leaves_neither_events_nor_checkpoint(path: Path) -> None:
    mark = Checkpoint("log", "/f", 1, 2, 10, b"h", 5, 10, 1)
    async with Store.open(path) as store:
        await store.append([Batch([usage("log:a", "r1")])], START)
        broken = Entry("log:b", ev.UserMessage(text=excerpt("x")), None, 1 << 70, 0, 1)
        with pytest.raises((OverflowError, StoreError)):
            await store.append([Batch([usage("log:b", "r2"), broken], mark)], START)
        assert await store.checkpoints() == []
        assert await store.stored(["log:b"]) == {}
        await store.append([Batch([usage("log:b", "r2")], mark)], START)
        assert await store.checkpoints() == [mark]
        with Reader(path) as reader:
            assert fleet_now(reader).totals(fleet_now(reader).sessions.values()).requests == 2


class Copies:
    """Two sessions of which one was forked from the other: the same responses in both, the fork's file is younger."""

    original = Batch([usage("claude:a", k, offset=o) for o, k in enumerate("xyz")], None, START - 100 * SECOND)
    fork = Batch([usage("claude:b", k, offset=o) for o, k in enumerate("xyw")], None, START - 50 * SECOND)
    again = Batch([usage("claude:c", k, offset=o) for o, k in enumerate("xywv")], None, START - 10 * SECOND)


async def test_each_response_is_counted_once_in_any_order(tmp_path: Path) -> None:
    results = []
    for n, order in enumerate(itertools.permutations([Copies.original, Copies.fork, Copies.again])):
        path = tmp_path / str(n) / "events.db"
        async with Store.open(path) as store:
            for k, batch in enumerate([*order, *order]):
                await store.append([batch], START + k)
        with Reader(path) as reader:
            fleet = fleet_now(reader)
        total = fleet.totals(fleet.sessions.values())
        assert (total.requests, total.tokens) == (5, ev.Tokens(5, 100, 15, 50))
        results.append(
            {s.id: (s.spend.requests, s.spend.tokens, s.parent, s.relation) for s in fleet.sessions.values()}
        )
    assert all(result == results[0] for result in results)
    assert [results[0][name][0] for name in ("claude:a", "claude:b", "claude:c")] == [3, 1, 1]
    assert results[0]["claude:b"][2:] == ("claude:a", "fork")
    assert results[0]["claude:c"][2:] == ("claude:b", "fork")


async def test_a_better_record_corrects_and_a_worse_one_changes_nothing(path: Path) -> None:
    async with Store.open(path) as store:
        outputs = [1, 90, 1, 90]
        for n, output in enumerate(outputs):
            await store.append([Batch([usage("claude:a", "r", output)])], START + n)
        with Reader(path) as reader:
            assert [ev.type_of(e.body) for e in reader.tail(0)] == ["usage", "usage.corrected"]
            assert fleet_now(reader).sessions["claude:a"].spend.tokens == ev.Tokens(1, 20, 3, 90)


async def test_records_that_are_stored_already_are_left_out(path: Path) -> None:
    def said(text: str, record: int) -> Entry:
        return Entry("claude:a", ev.UserMessage(text=excerpt(text)), None, record, 0, 1)

    async with Store.open(path) as store:
        await store.append([Batch([said("one", 1), said("two", 2)])], START)
        known: Any = (await store.stored(["claude:a"]))["claude:a"]
        events = await store.append([Batch([said("one", 1), said("two", 2), said("three", 3)], known=known)], START)
        assert [e.body.text.text for e in events] == ["three"]  # type: ignore[union-attr]
        assert not await store.append([Batch([said("three", 3)], known=known)], START)


async def test_two_writers_take_turns(path: Path) -> None:
    async with Store.open(path) as one, Store.open(path) as two:

        async def write(store: Store, name: str) -> None:
            for n in range(30):
                await store.append([Batch([usage(name, f"{name}{n}")])], START + n)

        await asyncio.gather(write(one, "log:a"), write(two, "log:b"), write(one, "log:c"))
        with Reader(path) as reader:
            assert [e.seq for e in reader.tail(0)] == list(range(1, 91))


async def test_size_cap_takes_old_text_and_never_the_ledger(path: Path) -> None:
    async with Store.open(path) as store:
        for n in range(40):
            text = Entry("log:a", ev.UserMessage(text=excerpt(f"{n} " + "x" * 2000)), START - 9999 * SECOND, n, 0, 1)
            ask = Entry(None, ev.CommandRequested(command_id=str(n), verb="ingest", actor="y" * 500))
            await store.append([Batch([text, usage("log:a", f"r{n}"), ask], born=START - 10_000 * SECOND)], START + n)
        before = await store.size()
        assert await keep_within(store, before // 2) == 40
        assert await store.size() < before
        with Reader(path) as reader:
            events = list(reader.tail(0))
        assert len(events) == 120
        texts = [e.body for e in events if isinstance(e.body, ev.UserMessage)]
        assert all(not t.text.text and t.text.length > 2000 and t.text.digest for t in texts)
        assert all(len(e.body.actor) == 500 for e in events if isinstance(e.body, ev.CommandRequested))
        assert fleet_now(Reader(path)).sessions["log:a"].spend.requests == 40


# --- faults ---------------------------------------------------------------------------------------------------


async def opened(path: Path) -> None:
    async with Store.open(path):
        pass


async def test_newer_schema_is_refused_by_both_sides(path: Path) -> None:
    await opened(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    for attempt in (lambda: asyncio.run(opened(path)), lambda: Reader(path)):
        with pytest.raises(NewerSchema, match=r"has schema 999, this orc knows \d+; upgrade orc"):
            await asyncio.to_thread(attempt)


@pytest.mark.parametrize(
    "damage", [b"this is not a database, it only has its name" * 99, b"SQLite format 3\0" + b"\xff" * 9000]
)
async def test_damaged_file_says_so_and_is_kept(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(StoreDamaged, match="is damaged"):
        await opened(path)
    with pytest.raises(StoreDamaged):
        Reader(path)
    kept = schema.set_aside(path, "T")
    assert kept.read_bytes() == damage
    await opened(path)


async def test_full_disk_says_so_and_what_was_stored_stays(path: Path) -> None:
    async with Store.open(path) as store:
        await store.append([Batch([usage("log:a", "r")])], START)
        ((pages,),) = await store.rows("PRAGMA page_count")
        await store.rows(f"PRAGMA max_page_count={pages + 2}")
        big = [Entry("log:a", ev.UserMessage(text=excerpt("x" * 2000)), None, n, 0, 1) for n in range(99)]
        with pytest.raises(DiskFull, match="no space left"):
            await store.append([Batch(big)], START)
        await store.rows("PRAGMA max_page_count=100000")
        assert len(await store.append([Batch(big)], START)) == 99
    with Reader(path) as reader:
        assert reader.last_seq() == 100


async def test_a_directory_that_cannot_be_made_says_so() -> None:
    with pytest.raises(StoreNotWritable, match=r"cannot use .*set ORC_HOME"):
        await opened(Path("/proc/nowhere/events.db"))


async def test_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "filesystem", lambda _: "nfs4")
    with pytest.raises(NetworkFilesystem, match="set ORC_HOME to a local directory"):
        await opened(path)


def test_the_local_file_system_is_recognised(tmp_path: Path) -> None:
    assert schema.filesystem(tmp_path) not in schema.NETWORK
    assert schema.filesystem(Path("/proc")) == "proc"


def test_a_missing_store_says_what_to_do(path: Path) -> None:
    with pytest.raises(StoreError, match="`orc host` starts watching"):
        Reader(path)


async def test_a_reader_at_the_very_start_does_not_keep_the_store_from_opening(path: Path) -> None:
    """The switch to write-ahead logging gives up at once on a reader, whatever the busy timeout says."""
    schema.prepare(path)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other(x)")
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM other").fetchall()
    opening = asyncio.ensure_future(opened(path))
    done, _ = await asyncio.wait([opening], timeout=0.3)
    assert not done
    reader.execute("COMMIT")
    await opening
    reader.close()
