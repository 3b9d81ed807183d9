"""What a look back costs: any instant of a million events, the present, and the commands that print them."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import fleet_at, fleet_now, restore
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.bench.report import median, note, percentile, table, target, timed
from tests.bench.streams import DAY_SPAN, record, stream

SESSIONS = 1_000


async def build(path: Path, events: int) -> tuple[int, float]:
    """A store recorded live over 22 simulated hours that end now; (events, seconds)."""
    begun = time.perf_counter()
    async with Store.open(path) as store:
        count = await record(store, stream(SESSIONS, time.time_ns(), DAY_SPAN, events))
        await store.maintain()
    return count, time.perf_counter() - begun


def seeks(reader: Reader, count: int, n: int = 50) -> None:
    """`fleet_at` at random instants, and its parts."""
    ((first, last),) = reader.query("SELECT min(at), max(at) FROM events")
    rng = random.Random(5)
    whole, parts, restores, folded = [], [], [], []
    for _ in range(n):
        at = rng.randrange(first, last)
        begun = time.perf_counter()
        fleet = fleet_at(reader, at)
        whole.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        snapshot = reader.snapshot(FOLD_VERSION, at)
        parts.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        older = restore(snapshot)
        restores.append((time.perf_counter() - begun) * 1000)
        folded.append(fleet.seq - older.seq)
    rows = []
    for name, values, most in (
        ("fleet_at", whole, 100.0),
        ("- reading the snapshot", parts, 0),
        ("- restoring it", restores, 0),
    ):
        p95 = percentile(values, 0.95)
        cells = [f"{v:.1f}" for v in (median(values), p95, max(values))]
        if most:
            note(f"the fleet at any instant of {count:,} events: p95", p95, "ms", most)
        rows.append([name, *cells, target(p95, most, " ms") if most else ""])
    rows.append(["events folded after it", f"{median(folded):.0f}", percentile(folded, 0.95), max(folded), ""])
    now = [s * 1000 for s in timed(lambda: fleet_now(reader), 9)]
    cells = [f"{v:.1f}" for v in (median(now), percentile(now, 0.95), max(now))]
    rows.append(["fleet_now", *cells, ""])
    head = ["ms", "median", "p95", "max", "target (p95)"]
    table(f"{n} random instants of {count:,} events, {SESSIONS:,} sessions", head, rows)
    kept = reader.query(
        "SELECT base IS NULL, count(*), avg(length(state)), max(length(state)) FROM snapshots GROUP BY 1"
    )
    rows = [
        ["full" if full else "delta", n, f"{mean / 1024:,.0f} KiB", f"{most / 1024:,.0f} KiB"]
        for full, n, mean, most in kept
    ]
    table("snapshots", ["", "how many", "mean", "largest"], rows)


def check(reader: Reader) -> None:
    """A seek is only worth its time when it gives the right fleet: compare one with the whole fold."""
    ((first, last),) = reader.query("SELECT min(at), max(at) FROM events")
    at = first + (last - first) // 7
    slow = Fleet()
    slow.apply_all(reader.between((-1, 0), at))
    quick = fleet_at(reader, at)
    same = {s.id: s for s in slow.sessions.values()} == quick.sessions
    print(f"\n  fleet_at equals the fold of all events before it: {same}")


def commands(place: Paths) -> None:
    """Wall time of whole processes."""
    env = {**os.environ, "ORC_HOME": str(place.state_dir), "HOME": str(place.state_dir), "NO_COLOR": "1"}
    orc = [sys.executable, "-m", "orchestrator_tui"]
    script = Path(sys.executable).with_name("orc")
    asked: list[tuple[str, list[str], float]] = [
        ("python -c pass", [sys.executable, "-c", "pass"], 0),
        ("python -m orchestrator_tui --version", [*orc, "--version"], 0.15),
        ("orc --version (script)", [str(script), "--version"], 0.15),
        ("orc sessions", [*orc, "sessions"], 0.6),
        ("orc sessions --json", [*orc, "sessions", "--json"], 0.6),
        ("orc sessions --at 11h", [*orc, "sessions", "--at", "11h"], 0),
        ("orc sessions --all", [*orc, "sessions", "--all"], 0),
    ]
    rows, base = [], 1.0
    for name, words, most in asked:
        if not Path(words[0]).exists():
            continue
        seconds = [run(words, env) for _ in range(9)]
        middle = median(seconds)
        base = middle if name == "python -c pass" else base
        goal = target(middle, most, " s") if most else ""
        if most:
            note(f"`{name}`", middle, "s", most, ratio=middle / base, of="python -c pass")
        rows.append(
            [name, f"{middle:.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}", f"{middle / base:.1f}x", goal]
        )
    table("commands, wall seconds, 9 runs each", ["", "median", "least", "most", "of python", "target"], rows)


def run(words: Sequence[str], env: dict[str, str]) -> float:
    """Seconds of one process."""
    begun = time.perf_counter()
    done = subprocess.run(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr.decode()}")
    return seconds


def main() -> None:
    """Build, then print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="build here, or use what was built here less than an hour ago")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as scratch:
        home: Path = args.keep or Path(scratch)
        place = Paths(home, home, home / "run")
        place.make()
        if not place.database.exists():
            count, seconds = asyncio.run(build(place.database, args.events))
            print(f"built {count:,} events in {seconds:.0f} s: {count / seconds:,.0f} events/s stored, folded and kept")
        with Reader(place.database) as reader:
            seeks(reader, reader.last_seq())
            check(reader)
        commands(place)


if __name__ == "__main__":
    main()
