"""What folding costs: per event, from the store, per session in memory, and per status."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import psutil

from orchestrator_tui.events import Event, type_of
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.store.batch import Batch
from orchestrator_tui.store.load import pack
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.bench.report import median, table, timed
from tests.bench.streams import DAY_SPAN, batches, stream

EVENTS, SESSIONS = 100_000, 1_000


async def fill(path: Path) -> None:
    """A store of the stream."""
    async with Store.open(path) as store:
        for at, entries in batches(stream(SESSIONS, time.time_ns(), DAY_SPAN, EVENTS), 50):
            await store.append([Batch(entries)], at)


def folding(path: Path) -> tuple[Fleet, list[Event]]:
    """Fold from memory, from the store, and store reads alone."""
    with Reader(path) as reader:
        events = list(reader.tail(0))
        n = len(events)
        rows = []

        def add(what: str, seconds: list[float]) -> float:
            best = median(seconds)
            rows.append([what, f"{n / best:,.0f}", f"{best / n * 1e6:.2f}"])
            return best

        add("Fleet.apply, events in memory", timed(lambda: Fleet().apply_all(events)))
        sql = "SELECT * FROM events ORDER BY seq"
        add("bare rows, no join, no decoding", timed(lambda: reader.query(sql)))
        payloads = [row[-1] for row in reader.query(sql)]
        add("msgspec.json.decode of them to dicts", timed(lambda: [msgspec.json.decode(p) for p in payloads]))
        read = add("Reader.tail (rows + decode)", timed(lambda: sum(1 for _ in reader.tail(0))))
        both = add("Reader.tail + Fleet.apply", timed(lambda: Fleet().apply_all(reader.tail(0))))
        rows.append(["fold's part of that", f"{100 * (1 - read / both):.0f} %", ""])
    table(f"fold of {n:,} events, {SESSIONS:,} sessions, median of 5", ["", "events/s", "µs/event"], rows)
    fleet = Fleet()
    fleet.apply_all(events)
    return fleet, events


def by_type(events: list[Event]) -> None:
    """What each kind costs the fold."""
    spent: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)
    fleet, clock = Fleet(), time.perf_counter
    for event in events:
        begun = clock()
        fleet.apply(event)
        name = type_of(event.body)
        spent[name] += clock() - begun
        count[name] += 1
    whole = sum(spent.values())
    rows = [
        [name, f"{100 * s / whole:.0f} %", f"{s / count[name] * 1e6:.2f}"]
        for name, s in sorted(spent.items(), key=lambda item: -item[1])[:8]
    ]
    table("fold by type (each with about 0.1 µs of measuring)", ["", "of the time", "µs/event"], rows)


def memory(fleet: Fleet) -> None:
    """Bytes of process memory per session, as loaded from a snapshot, twenty fleets over."""
    state = fleet.dump()
    me = psutil.Process()
    gc.collect()
    before = me.memory_info().rss
    copies = []
    for _ in range(20):
        copies.append(Fleet())
        copies[-1].load(state)
    gc.collect()
    each = (me.memory_info().rss - before) / (20 * len(fleet.sessions))
    stretches = sum(len(s.burn.stretches) for s in fleet.sessions.values()) / len(fleet.sessions)
    del copies
    dumping, loading = median(timed(fleet.dump)), median(timed(lambda: Fleet().load(state)))
    packing = median(timed(lambda: pack(state)))
    rows = [
        ["RSS per session in the fold", f"{each / 1024:.2f} KiB"],
        ["burn stretches per session", f"{stretches:.0f}"],
        ["snapshot per session, as dumped", f"{len(state) / len(fleet.sessions):,.0f} B"],
        ["the same, packed", f"{len(pack(state)) / len(fleet.sessions):,.0f} B"],
        ["Fleet.dump", f"{dumping * 1000:.1f} ms"],
        ["pack", f"{packing * 1000:.1f} ms"],
        ["Fleet.load (decode, no unpack)", f"{loading * 1000:.1f} ms"],
    ]
    table(f"a fleet of {len(fleet.sessions):,} sessions", ["", "value"], rows)


def statuses(fleet: Fleet) -> None:
    """All statuses, while a host looks."""
    now = fleet.at
    sessions = list(fleet.sessions.values())
    found: dict[str, int] = defaultdict(int)
    for session in sessions:
        found[status_of(fleet, session, now).status] += 1
    seconds = median(timed(lambda: [status_of(fleet, s, now) for s in sessions], 9))
    recent = [s for s in sessions if s.turn_open and s.last_at > now - 600_000_000_000]
    live = median(timed(lambda: [status_of(fleet, s, now) for s in recent], 9)) if recent else 0.0
    tree = median(timed(fleet.children, 9))
    total = median(timed(lambda: fleet.totals(sessions), 9))
    rows = [
        [f"status_of, all ({len(sessions):,})", f"{seconds / len(sessions) * 1e6:.2f} µs each"],
        [f"status_of, turn open, active ({len(recent)})", f"{live / max(1, len(recent)) * 1e6:.2f} µs each"],
        ["children()", f"{tree * 1000:.2f} ms"],
        ["totals()", f"{total * 1000:.2f} ms"],
        ["found", ", ".join(f"{k} {v}" for k, v in sorted(found.items(), key=lambda i: -i[1]))],
    ]
    table("asking, median of 9", ["", "value"], rows)


def main() -> None:
    """Print all."""
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as folder:
        path = Path(folder) / "events.db"
        asyncio.run(fill(path))
        fleet, events = folding(path)
        by_type(events)
        memory(fleet)
        statuses(fleet)


if __name__ == "__main__":
    main()
