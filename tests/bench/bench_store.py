"""What appending costs: rate and latency by batch size, bytes per event, and the ratio to bare sqlite3."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from pathlib import Path

from orchestrator_tui.clock import SECOND
from orchestrator_tui.store.batch import Batch, Checkpoint, Entry
from orchestrator_tui.store.schema import MIGRATIONS
from orchestrator_tui.store.writer import Store
from tests.bench.report import median, note, percentile, table, target
from tests.bench.streams import Player

EVENTS = {1: 3_000, 10: 20_000, 100: 60_000, 500: 60_000}
"""Batch size -> events of one run."""
RUNS = 3
NOW = 1_763_000_000 * SECOND


def pieces(size: int, total: int) -> list[tuple[int, list[Entry]]]:
    """Transactions of one file each, in turn of 100 sessions, as (time, entries)."""
    players = [Player(9, n) for n in range(100)]
    held: list[list[Entry]] = [[] for _ in players]
    found: list[tuple[int, list[Entry]]] = []
    count, at = 0, NOW
    while count < total:
        for player, have in zip(players, held, strict=True):
            while len(have) < size:
                have += player.step(at)
            found.append((at, have[:size]))
            del have[:size]
            count, at = count + size, at + SECOND // 50
            if count >= total:
                break
    return found


def checkpoint(entries: list[Entry], at: int) -> Checkpoint:
    """How far the file was read: as large as a real one."""
    name = next((e.session for e in entries if e.session), "none") or "none"
    path = f"/home/dev/.claude/projects/-home-dev-webapp/{name[7:]}.jsonl"
    return Checkpoint("claude", path, 1, 2, at % 10_000_000, b"12345678", 256, at % 10_000_000, at, b"s" * 420)


async def through_store(path: Path, work: list[tuple[int, list[Entry]]]) -> tuple[list[float], list[float]]:
    """Seconds of each transaction, and of each fold of the log between two of them."""
    seconds, folds = [], []
    async with Store.open(path) as store:
        for at, entries in work:
            batch = [Batch(entries, checkpoint(entries, at), NOW)]
            begun = time.perf_counter()
            await store.append(batch, at)
            done = time.perf_counter()
            seconds.append(done - begun)
            if await store.fold_log():
                folds.append(time.perf_counter() - done)
        await store.maintain()
    return seconds, folds


def bare(path: Path, source: Path, size: int) -> float:
    """Seconds for the same rows of `events`, in transactions of the same size, with sqlite3 alone."""
    with sqlite3.connect(source) as db:
        rows = db.execute("SELECT * FROM events ORDER BY seq").fetchall()
    db.close()
    db = sqlite3.connect(path, isolation_level=None)
    for text in ("page_size=8192", "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=NORMAL"):
        db.execute(f"PRAGMA {text}").fetchall()
    for step in MIGRATIONS:
        for statement in step:
            db.execute(statement)
    marks = ",".join("?" * len(rows[0]))
    begun = time.perf_counter()
    for start in range(0, len(rows), size):
        db.execute("BEGIN IMMEDIATE")
        db.executemany(f"INSERT INTO events VALUES({marks})", rows[start : start + size])
        db.execute("COMMIT")
    seconds = time.perf_counter() - begun
    db.close()
    return seconds


def rates(folder: Path) -> None:
    """Rate, latency, ratio."""
    out = []
    for size, total in EVENTS.items():
        work = pieces(size, total)
        count = sum(len(entries) for _, entries in work)
        whole, tail, ratio, folding = [], [], [], [0.0]
        for run in range(RUNS):
            path = folder / f"rate-{size}-{run}.db"
            gc.collect()
            seconds, folds = asyncio.run(through_store(path, work))
            folding += folds
            whole.append(sum(seconds) + sum(folds))
            tail.append(percentile(seconds, 0.99) * 1000)
            ratio.append(whole[-1] / bare(folder / f"bare-{size}-{run}.db", path, size))
        each = "event" if size == 1 else "events"
        note(f"append of {size} {each}: p99", median(tail), "ms", 20, ratio=median(ratio), of="bare sqlite3")
        out.append(
            [
                size,
                f"{count / median(whole):,.0f}",
                f"{median(whole) / count * 1e6:.1f}",
                f"{median(whole) / len(work) * 1000:.2f}",
                f"{median(tail):.2f}",
                target(median(tail), 20, " ms"),
                f"{median(ratio):.1f}x",
                f"{max(folding) * 1000:.1f}",
            ]
        )
    head = [
        "events per append",
        "events/s",
        "µs/event",
        "mean ms",
        "p99 ms",
        "p99 target",
        "bare sqlite3",
        "longest fold ms",
    ]
    table(f"Store.append, a checkpoint with each, median of {RUNS} runs", head, out)


def sizes(folder: Path) -> None:
    """Where the bytes go."""
    path = folder / "rate-500-0.db"
    db = sqlite3.connect(path)
    (events, payload) = db.execute("SELECT count(*), sum(length(payload)) FROM events").fetchone()
    whole = path.stat().st_size
    rows = [["database file / events", f"{whole / events:.0f}", target(whole / events, 700, " B")]]
    rows.append(["payload alone", f"{payload / events:.0f}", ""])
    try:
        for name, size in db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 5"):
            rows.append([f"table or index {name}", f"{size / events:.0f}", ""])
    except sqlite3.OperationalError:
        rows += _estimate(db, events)
    for kind, count, mean in db.execute(
        "SELECT type, count(*), avg(length(payload)) FROM events GROUP BY type ORDER BY sum(length(payload)) DESC LIMIT 5"
    ):
        rows.append([f"payload of {kind} ({100 * count / events:.0f} % of events)", f"{mean:.0f}", ""])
    db.close()
    table(f"bytes per event, {events:,} events of 100 sessions, text kept", ["", "bytes", "target"], rows)


def _estimate(db: sqlite3.Connection, events: int) -> list[list[str]]:
    """Without dbstat: an index's size is what dropping it frees."""
    rows = []
    (page,) = db.execute("PRAGMA page_size").fetchone()
    for name in ("events_at", "events_session", "responses", "sessions"):
        (before,) = db.execute("PRAGMA freelist_count").fetchone()
        kind = "INDEX" if name.startswith("events_") else "TABLE"
        db.execute("BEGIN")
        db.execute(f"DROP {kind} IF EXISTS {name}")
        (after,) = db.execute("PRAGMA freelist_count").fetchone()
        db.execute("ROLLBACK")
        rows.append([f"{kind.lower()} {name}", f"{(after - before) * page / events:.0f}", ""])
    return rows


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as folder:
        rates(Path(folder))
        sizes(Path(folder))


if __name__ == "__main__":
    main()
