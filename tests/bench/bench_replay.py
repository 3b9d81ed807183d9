"""What the dashboard's replay costs: a jump to any instant, a scrub across an hour, play at its fastest, counting."""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from orchestrator_tui.config import Config
from orchestrator_tui.fleet.moments import CHUNK, Track
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.moments import count_chunk
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.app import OrcApp
from tests.bench.bench_seek import build
from tests.bench.grow import grow
from tests.bench.report import median, note, percentile, table, target

MINUTE = 60_000_000_000
clock = time.perf_counter
"""What is measured: wall time, or with --cpu the processor's."""


def row(name: str, values: list[float], most: float = 0) -> list[str]:
    """One line of the table, in milliseconds."""
    p95 = percentile(values, 0.95)
    cells = [f"{value:.1f}" for value in (median(values), p95, max(values))]
    if most:
        note(f"replay, {name}, painted: p95", p95, "ms", most)
    return [name, *cells, target(p95, most, " ms") if most else ""]


async def screen(place: Paths, most: float, n: int, since: int) -> None:
    """The dashboard at 200x55: each jump is loaded, folded, judged and drawn."""
    app = OrcApp(place, Config())
    rng = random.Random(5)
    async with app.run_test(size=(200, 55)) as pilot:
        await pilot.pause()
        ((first, last),) = app.present.reader.query("SELECT min(at), max(at) FROM events")
        first = max(first, since)
        begun = clock()
        app.deck.open(last)
        opened = (clock() - begun) * 1000
        deck = app.deck

        async def jump(at: int) -> float:
            begun = clock()
            deck.seek(at)
            await asyncio.sleep(0)
            return (clock() - begun) * 1000

        anywhere = [await jump(rng.randrange(first, last)) for _ in range(n)]
        middle = first + (last - first) // 2
        await jump(middle)
        on = [await jump(middle + step * MINUTE) for step in range(1, 61)]
        back = [await jump(middle + (60 - step) * MINUTE) for step in range(1, 61)]
        fine = [await jump(middle - step * 1_000_000_000) for step in range(1, 31)]
        fast = [await jump(middle + step * 100_000_000_000) for step in range(1, 61)]
        rows = [
            ["opening it", f"{opened:.1f}", "", "", ""],
            row("any instant", anywhere, most),
            row("an hour forwards, a minute a frame", on, 100),
            row("an hour backwards, a minute a frame", back, 100),
            row("a second back", fine, 100),
            row("x1000, a tenth of a second a frame", fast, 100),
        ]
        table("the screen of a replay, 200x55", ["ms", "median", "p95", "max", "target (p95)"], rows)


def counting(reader: Reader) -> None:
    """Pages of the timeline: how long one holds the store, and how long a whole window takes."""
    ((last,),) = reader.query("SELECT max(at) FROM events")
    track, pages = Track(), []
    begun = clock()
    for chunk in track.missing(last - 8 * 60 * MINUTE, last):
        page = clock()
        for _ in count_chunk(reader, track, chunk, last + CHUNK):
            pages.append((clock() - page) * 1000)
            page = clock()
        pages.append((clock() - page) * 1000)
    whole = clock() - begun
    table("counting eight hours", ["ms", "median", "p95", "max", ""], [row(f"{len(pages)} pages", pages)])
    print(f"\n  all of it: {whole:.1f} s, a quarter of each tick")


def main() -> None:
    """Build, then print."""
    global clock
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--jumps", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="build here, or use what was built here")
    parser.add_argument("--times", type=int, default=1, help="replay a store so many times as large")
    parser.add_argument("--cpu", action="store_true", help="measure processor time: for a machine that others load")
    args = parser.parse_args()
    if args.cpu:
        clock = time.process_time
    since = 0
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as scratch:
        home: Path = args.keep or Path(scratch)
        place = Paths(home, home, home / "run")
        place.make()
        if not place.database.exists():
            asyncio.run(build(place.database, args.events))
        if args.times > 1:
            large = Paths(home / "large", home / "large", home / "large" / "run")
            large.make()
            since = asyncio.run(grow(place.database, large.database, args.times))
            place = large
        with Reader(place.database) as reader:
            events = reader.last_seq()
            print(f"{events:,} events")
            counting(reader)
        asyncio.run(screen(place, 100 if events < 5_000_000 else 200, args.jumps, since))


if __name__ == "__main__":
    main()
