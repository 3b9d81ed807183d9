"""What the dashboard costs in a real terminal: to start, while a fleet moves, and while nothing does."""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.clock import HOUR, SECOND
from orchestrator_tui.store.reader import Reader
from tests.bench.report import median, note, percentile, table, target
from tests.bench.screen_pty import Terminal
from tests.bench.screen_world import build, hosted, place_of

APP = [sys.executable, "-m", "tests.bench.screen_app"]
PATIENCE = 120.0
"""Seconds within which something has to be seen, however loaded the machine is."""
WARM = 3.0
"""Seconds before anything is measured."""
# The map's title, then the first sign of a session.
CELL = re.compile("map.*?[●▶◌◆◔∞≋■╳†◇║√·]".encode(), re.DOTALL)
SMALLEST = re.compile(rb"first content")
# The title of the queue: one of fifty waits, so there is somebody as soon as all have been judged.
JUDGED = re.compile(rb"needs you (?:\x1b\[[\d;]*m)*[1-9]")
PAINTED = re.compile(rb"\x1b\[\d+;\d+H")
# The inspector's title is the selected session's seat: it is written anew when another is selected.
SELECTED = re.compile(r"╭─ (?:\x1b\[[\d;]*m)*[\w-]+/\d+".encode())
KEYS = (b".", b"\x1b[C", b".", b"\x1b[B", b"\x1b[D", b".")
"""The next that waits, and the arrows."""


class Run(Struct):
    """What one run showed."""

    cpu: float
    """% of one core."""
    bytes: float
    memory: float
    first: list[float]
    keys: list[float]
    ran: list[float]
    """Milliseconds that the program ran from a key to its own repaint."""
    start: float
    """Seconds of a processor from its start to the first content."""
    judged: float
    """The same until everybody was judged."""
    delivered: float
    """Events per second that the writer appended, while CPU was measured."""


def env(home: Path | None = None, profile: Path | None = None) -> dict[str, str]:
    """The program's surroundings."""
    own = {"ORC_BENCH_PROFILE": str(profile)} if profile is not None else {}
    return own if home is None else {**own, "ORC_HOME": str(home)}


def starts(home: Path, runs: int) -> None:
    """From the process's start to its first content, in turns so that a busy moment hits all alike."""
    orc = [sys.executable, "-m", "orchestrator_tui"]
    kinds = {
        "smallest Textual app": (APP, SMALLEST),
        "the dashboard": ([*APP, str(home)], CELL),
        "orc (python -m orchestrator_tui)": (orc, CELL),
    }
    took: dict[str, list[float]] = {name: [] for name in kinds}
    with hosted(home, None):
        for number in range(runs + 1):
            for name, (words, pattern) in kinds.items():
                with Terminal(words, env(home)) as terminal:
                    seconds = terminal.wait(pattern) - terminal.begun
                if number:
                    took[name].append(seconds * 1000)
    base = median(took["smallest Textual app"])
    rows = []
    for name, values in took.items():
        ratio = median(values) / base
        cells = [f"{v:.0f}" for v in (median(values), min(values), max(values))]
        rows.append([name, *cells, f"{ratio:.2f}x", target(ratio, 2.0, "x") if ratio != 1 else ""])
    ours = median(took["the dashboard"])
    with Reader(place_of(home).database) as reader:
        about = f"start to first content, {reader.last_seq():,} events stored"
    note(about, ours, "ms", 2.0, ratio=ours / base, of="the smallest Textual app", on_ratio=True)
    head = ["ms", "median", "least", "most", "ratio", "target"]
    table(
        f"start to first content, {runs} runs, {place_of(home).database.stat().st_size / 1e6:.0f} MB stored", head, rows
    )


def moving(home: Path, share: float | None, seconds: float, pings: int, profile: Path | None = None) -> Run:
    """One run of the dashboard while `share` of the sessions change ten times a second (None: nothing is written)."""
    rng = random.Random(1)
    with hosted(home, share), Terminal([*APP, str(home)], env(profile=profile)) as terminal:
        terminal.wait(CELL, PATIENCE)
        start = terminal.spent()
        if share is not None or pings:
            terminal.wait(JUDGED, PATIENCE)
        judged = terminal.spent()
        time.sleep(WARM)
        with Reader(place_of(home).database) as reader:
            before, begun = reader.last_seq(), time.perf_counter()
            cpu, written = terminal.measure(seconds)
            rate = (reader.last_seq() - before) / (time.perf_counter() - begun)
        run = Run(cpu, written, 0, [], [], [], start, judged, rate)
        for number in range(pings):
            first, own, ran = terminal.press(KEYS[number % len(KEYS)], PAINTED, SELECTED)
            run.first.append(first)
            run.keys.append(own)
            run.ran.append(ran)
            time.sleep(rng.uniform(0.15, 0.35))
        run.memory = terminal.memory()
        return run


def rows_of(name: str, runs: list[Run], goals: tuple[float, float, float]) -> list[list[object]]:
    """A line of medians, and the runs' CPU; below it the targets."""
    first = [v for run in runs for v in run.first]
    keys = [v for run in runs for v in run.keys]
    cpu, memory = median([r.cpu for r in runs]), median([r.memory for r in runs])
    ran = [v for run in runs for v in run.ran]
    times = [f"{median(v):.0f}/{percentile(v, 0.95):.0f}" if v else "" for v in (first, keys, ran)]
    every = " ".join(f"{run.cpu:.1f}" for run in runs)
    start = f"{median([run.start for run in runs]):.1f}/{median([run.judged for run in runs]):.1f}"
    rate = f"{median([run.delivered for run in runs]):.0f}"
    written = f"{median([run.bytes for run in runs]) / 1000:.1f}"
    rows: list[list[object]] = [[name, rate, start, f"{cpu:.1f}", written, f"{memory:.0f}", *times, every]]
    note(f"dashboard, {name}: CPU of a core", cpu, "%", goals[0])
    note(f"dashboard, {name}: memory", memory, "MB", goals[1] or None)
    if keys:
        note(f"dashboard, {name}: key to paint, p95", percentile(keys, 0.95), "ms", goals[2])
    late = target(percentile(keys, 0.95), goals[2]) if keys else ""
    rows.append(["", "", "", target(cpu, goals[0]), "", target(memory, goals[1]) if goals[1] else "", "", late, "", ""])
    return rows


def main() -> None:
    """Build, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--million", type=Path, help="a store that bench_seek kept (`--keep`), for the start")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", default="start busy calm still idle many crowd", help="which parts")
    parser.add_argument(
        "--profile", type=Path, help="write cProfile's numbers of the last run here; it then costs twice as much"
    )
    args = parser.parse_args()
    if "start" in args.only and args.million is not None:
        starts(args.million, max(5, args.runs))
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as scratch:
        fleets = [
            ("busy", "1,000, 10 % at 10 Hz", 1_000, 0, 0.1, 30, (15.0, 80.0, 50.0)),
            ("calm", "1,000, 1 % at 10 Hz", 1_000, 0, 0.01, 30, (15.0, 80.0, 50.0)),
            ("still", "1,000, nothing new", 1_000, 0, None, 30, (1.0, 80.0, 50.0)),
            ("idle", "1,000, nothing new, no age due", 1_000, 2 * HOUR, None, 0, (1.0, 80.0, 50.0)),
            ("many", "10,000, 10 % at 10 Hz", 10_000, 0, 0.1, 30, (30.0, 0.0, 50.0)),
            ("crowd", "10,000, 1 % at 10 Hz", 10_000, 0, 0.01, 30, (30.0, 0.0, 50.0)),
        ]
        for part, name, sessions, ago, share, pings, goals in fleets:
            if part not in args.only:
                continue
            runs = []
            for number in range(args.runs if sessions < 10_000 else 1):
                home = Path(scratch) / f"{part}{number}"
                # Ages are whole minutes: the next step is half a minute away.
                asyncio.run(build(home, sessions, ago + 20 * SECOND if ago else 0))
                seconds = 5.0 if part == "idle" else args.seconds
                runs.append(moving(home, share, seconds, pings, args.profile))
            rows += rows_of(name, runs, goals)
    head = ["sessions", "events/s", "CPU s until seen/judged", "CPU %", "kB/s", "RSS MB", "first repaint ms"]
    head += ["key's own ms (med/p95)", "of it run", "CPU % of each run"]
    if rows:
        table("the dashboard in a terminal of 200x60", head, rows)


if __name__ == "__main__":
    main()
