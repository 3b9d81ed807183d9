"""What a day or a week cost: from the roll-ups, and from the events themselves."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from orchestrator_tui.clock import DAY, HOUR, SECOND
from orchestrator_tui.events import Usage
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from orchestrator_tui.store.writer import Store
from tests.bench.report import median, note, table, target, timed
from tests.bench.streams import batches, stream

SESSIONS = 100
"""A tenth of them at a time, day and night."""
SPAN = 28 * DAY
END = 1_763_078_400 * SECOND
"""Midnight."""
PIECE = 500
FROM_EVENTS = """
    SELECT o.project, count(*), sum(p ->> '$.cost'), sum(coalesce(p ->> '$.tokens.input', 0)),
        sum(coalesce(p ->> '$.tokens.cache_read', 0)), sum(coalesce(p ->> '$.tokens.cache_write', 0)),
        sum(coalesce(p ->> '$.tokens.output', 0))
    FROM (SELECT session, CAST(payload AS TEXT) AS p FROM events WHERE type = 'usage' AND at >= ? AND at < ?) e
    JOIN sessions o ON o.key = e.session GROUP BY 1"""


def priced(entry: Entry) -> Entry:
    """With some price: what it is does not matter here."""
    body = entry.body
    return replace(entry, body=replace(body, cost=body.tokens.total * 3000)) if isinstance(body, Usage) else entry


async def fill(path: Path, events: int) -> float:
    """Store a stream of about so many events over four weeks; returns events per second."""
    begun, count = time.perf_counter(), 0
    async with Store.open(path) as store:
        for at, entries in batches(stream(SESSIONS, END, SPAN, events), PIECE):
            count += len(await store.append([Batch([priced(entry) for entry in entries])], at))
            await store.fold_log()
        await store.maintain()
    return count / (time.perf_counter() - begun)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=900_000, help="asked of the stream; more come out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as folder:
        path = Path(folder) / "events.db"
        rate = asyncio.run(fill(path, args.events))
        with Reader(path) as reader:
            rows = [measure(reader, "a day", END - DAY), measure(reader, "a week", END - 7 * DAY)]
            rows.append(measure(reader, "all four weeks", END - SPAN - HOUR))
            ((events, usages, slots),) = reader.query(
                "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM responses), (SELECT count(*) FROM spending)"
            )
        title = (
            f"{events:,} events, {usages:,} responses, {SESSIONS:,} sessions, {slots:,} roll-ups, {rate:,.0f} events/s"
        )
        table(title, ["by project", "spent()", "GROUP BY over events", "ratio", "target"], rows)


def measure(reader: Reader, name: str, since: int) -> list[str]:
    """Both ways give the same; what each takes."""
    rolled = spent(reader, since, END, "project")
    found = reader.query(FROM_EVENTS, since, END)
    assert {row[0]: (row[1], row[2]) for row in found} == {k: (v.requests, v.cost) for k, v in rolled.items()}

    def took(work: Callable[[], object]) -> float:
        return median(timed(work)) * 1000

    quick = took(lambda: spent(reader, since, END, "project"))
    slow = took(lambda: reader.query(FROM_EVENTS, since, END))
    most = 10 if name == "a day" else None
    note(f"what {name} cost, from roll-ups", quick, "ms", most, ratio=quick / slow, of="GROUP BY")
    return [name, f"{quick:.1f} ms", f"{slow:,.0f} ms", f"{slow / quick:.0f}x", target(quick, 10, " ms") if name == "a day" else ""]  # fmt: skip


if __name__ == "__main__":
    main()
