"""A store ten times as large as one that was recorded: the same days again before it, with sessions of their own.

Recording ten million events takes most of an hour; copying them takes minutes. Of the last two days the fold's states are
made anew, and only there a look back is quick.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from orchestrator_tui.clock import HOUR
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.snapshots import rebuild
from orchestrator_tui.store.spending import SLOT
from orchestrator_tui.store.writer import Store

SHIFT = 23 * HOUR
"""Whole quarters of an hour, and more than the recorded stretch."""


async def grow(source: Path, target: Path, times: int) -> int:
    """Copy a store `times` times over into a new one; returns the first time that has states."""
    async with Store.open(target):
        pass
    await asyncio.to_thread(copy, source, target, times)
    async with Store.open(target) as store:
        with Reader(target) as reader:
            ((last,),) = reader.query("SELECT max(at) FROM events")
            begin = int(last) - 2 * SHIFT
            # The sessions of each copy are its own: nothing is missing of those that come after.
            await rebuild(store, reader, 1 << 62, air=0, begin=(begin, 1 << 62))
        # Copied in the order of places, so they hold every event up to their number, too.
        await store.rows("UPDATE snapshots SET by_seq = 1")
        await store.maintain()
    return begin


def copy(source: Path, target: Path, times: int) -> None:
    """Events, sessions and roll-ups; what is kept for counting responses is left out."""
    db = sqlite3.connect(target, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("ATTACH ? AS old", (str(source),))
    ((events,),) = db.execute("SELECT max(seq) FROM old.events").fetchall()
    ((keys,),) = db.execute("SELECT max(key) FROM old.sessions").fetchall()
    indexes = db.execute("SELECT name, sql FROM main.sqlite_master WHERE tbl_name = 'events' AND type = 'index'")
    made = indexes.fetchall()
    for name, _ in made:
        db.execute(f"DROP INDEX {name}")
    for number in range(times):
        shift, seq, key = (times - 1 - number) * SHIFT, number * events, number * keys
        db.execute("BEGIN")
        db.execute(
            "INSERT INTO events SELECT seq + ?1, at - ?2, seen_at - ?2, source_at - ?2, session + ?3, type, record, "
            "file, offset, length, payload FROM old.events ORDER BY seq",
            (seq, shift, key),
        )
        db.execute(
            "INSERT INTO sessions(key, id, first_seq, last_at, relation, client, project) SELECT key + ?3, "
            "substr(id, 1, instr(id, ':')) || ?4 || substr(id, instr(id, ':') + 3), first_seq + ?1, last_at - ?2, "
            "relation, client, project FROM old.sessions",
            (seq, shift, key, f"{number:02d}"),
        )
        db.execute(
            "INSERT INTO spending SELECT slot - ?1, session + ?2, model, requests, unpriced, estimated, local, cost, "
            "input, cache_read, cache_write, output, cache_write_1h, reasoning FROM old.spending",
            (shift // SLOT, key),
        )
        db.execute("COMMIT")
    for _, sql in made:
        db.execute(sql)
    db.close()
