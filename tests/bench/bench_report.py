"""How long an after-action report takes, and how much memory, over a million events."""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

from orchestrator_tui import events as ev
from orchestrator_tui.clock import DAY, SECOND
from orchestrator_tui.events import KnownBody
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.reporting import report_of
from orchestrator_tui.store.writer import Store
from tests.bench.bench_spending import END, PIECE, SESSIONS, SPAN, priced
from tests.bench.report import table
from tests.bench.streams import batches, stream

EVERY = 20
"""Batches between two alerts, each with a decision after it."""


def trouble(number: int, session: str, at: int) -> list[Entry]:
    """An alert, what a person did, and its end."""
    cause, command = f"c{number}", f"k{number}"
    bodies: list[tuple[str | None, KnownBody]] = [
        (session, ev.AlertRaised(cause=cause, status="looping", severity="red", evidence="same call 5x", since=at)),
        (None, ev.CommandRequested(command_id=command, verb="message", arguments={"session": session}, actor="me")),
        (None, ev.CommandStarted(command)),
        (None, ev.CommandEnded(command, "done")),
        (session, ev.AlertCleared(cause=cause)),
    ]
    return [Entry(name, body) for name, body in bodies]


async def fill(path: Path, events: int) -> None:
    """A stream of about so many events over four weeks, with alerts and decisions in it."""
    async with Store.open(path) as store:
        for number, (at, entries) in enumerate(batches(stream(SESSIONS, END, SPAN, events), PIECE)):
            more = trouble(number, entries[0].session or "claude:x", at) if number % EVERY == 0 else []
            await store.append([Batch([*(priced(entry) for entry in entries), *more])], at)
            await store.fold_log()
        await store.maintain()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=900_000, help="asked of the stream; more come out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as folder:
        path = Path(folder) / "events.db"
        asyncio.run(fill(path, args.events))
        rows = []
        with Reader(path) as reader:
            # What a host has in memory, and `orc report` from a snapshot: not part of what is measured.
            fleet = fleet_now(reader)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            ((events,),) = reader.query("SELECT count(*) FROM events")
            for name, since in (("a day", END - DAY), ("a week", END - 7 * DAY), ("all four weeks", None)):
                begun, used = time.perf_counter(), time.process_time()
                found = report_of(reader, fleet, since, END + SECOND)
                wall, processor = time.perf_counter() - begun, time.process_time() - used
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - before
                rows.append(
                    [name, f"{wall:.2f} s", f"{processor:.2f} s", f"{peak} MB more", str(len(found.alerts)),
                     str(len(found.effects))]
                )  # fmt: skip
        table(f"{events:,} events, {SESSIONS} sessions", ["report of", "takes", "processor", "peak", "alerts", "decisions"], rows)  # fmt: skip


if __name__ == "__main__":
    main()
