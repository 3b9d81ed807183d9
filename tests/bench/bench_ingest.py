"""What a cold index costs: wall, memory, ratio to the bare JSON and to ccusage; then a pass over unchanged files."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from tests.bench.compare_ccusage import env_of, find
from tests.bench.generate import write_tree
from tests.bench.generate_codex import write_codex_tree
from tests.bench.report import median, note, table, target

MB = 1 << 20


class Run(Struct, frozen=True):
    """What one run of a command cost: seconds, and bytes of resident memory."""

    wall: float
    cpu: float
    main: float
    """Peak of the process itself."""
    largest: float
    """Peak of its largest child."""
    together: float
    """Peak of all at one time."""


def measured(command: Sequence[str], env: dict[str, str]) -> Run:
    """Run a command to its end, and look at it and its children 50 times a second."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    main, largest, together = 0.0, 0.0, 0.0
    cpu: dict[int, float] = {}
    root = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            sizes = []
            for process in (root, *root.children(recursive=True)):
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
                sizes.append(process.memory_info().rss)
            main, largest = max(main, sizes[0]), max([largest, *sizes[1:]])
            together = max(together, sum(sizes))
        except psutil.Error:
            continue
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.02)
    wall = time.perf_counter() - begun
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return Run(wall, sum(cpu.values()), main, largest, together)


def ingest(home: Path, state: Path) -> Run:
    """One `orc ingest --all`."""
    command = [sys.executable, "-m", "orchestrator_tui", "ingest", "--all"]
    env = env_of(home, ORC_HOME=str(state), PYTHONPYCACHEPREFIX=str(state.parent / "byte-code"))
    # As pip leaves it: with byte code.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return measured(command, env)


def middle(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    return Run(*(median([msgspec.structs.astuple(run)[i] for run in runs]) for i in range(5)))


def raw(files: list[Path], lenient: bool) -> float:
    """Seconds to read every line and decode it, with the standard library or msgspec, in one process."""
    decode = json.loads if lenient else msgspec.json.decode
    begun = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            for line in file:
                decode(line)
    return time.perf_counter() - begun


def cold(folder: Path, size: int, runs: int, ccusage: str | None) -> None:
    """The first pass over a large tree, half of it Claude's and half Codex's."""
    home, now = folder / "cold", time.time_ns()
    trees = [write_tree(home, size // 2, now, seed=11), write_codex_tree(home, size // 2, now, seed=11)]
    files = [path for tree in trees for path in tree.files]
    size = sum(path.stat().st_size for path in files)
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    plain = median([raw(files, True) for _ in range(3)])
    fast = median([raw(files, False) for _ in range(3)])
    passes = [ingest(home, folder / f"state-{number}") for number in range(runs)]
    run, best = middle(passes), min(one.wall for one in passes)
    database = folder / "state-0" / "events.db"
    with Reader(database) as reader:
        events = reader.last_seq()
        late, kept = reader.query("SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM snapshots)")[0]
        found = spent(reader, 0, 1 << 62)[""]
    asked = [tokens for tree in trees for tokens in tree.truth.values()]
    exact = (found.requests, found.tokens.total) == (len(asked), sum(tokens.total for tokens in asked))
    rows: list[list[str]] = [
        ["read + json.loads, one process", f"{plain:.2f} s", ""],
        ["read + msgspec.json.decode", f"{fast:.2f} s", ""],
        ["orc ingest --all, wall", f"{run.wall:.2f} s (best {best:.2f} s)", f"{run.wall / plain:.1f}x json.loads, {run.wall / fast:.1f}x msgspec"],
        ["- CPU of all its processes", f"{run.cpu:.2f} s", f"{run.cpu / plain:.1f}x json.loads"],
        ["- rate", f"{size / MB / run.wall:.1f} MB/s", f"{events / run.wall:,.0f} events/s"],
        ["- peak RSS, main process", f"{run.main / MB:.0f} MB", ""],
        ["- peak RSS, largest worker", f"{run.largest / MB:.0f} MB", ""],
        ["- peak RSS, all at one time", f"{run.together / MB:.0f} MB", target(run.together / MB, 200, " MB")],
        ["- bytes per event on disk", f"{database.stat().st_size / events:.0f} B", target(database.stat().st_size / events, 700, " B")],
        ["- responses and tokens", f"{found.requests:,}", "exact" if exact else f"WRONG: {len(asked):,} were made"],
    ]  # fmt: skip
    about = f"cold index, {size / MB:.0f} MB"
    note(f"{about}: every event stored", run.wall, "s", ratio=run.wall / plain, of="read + json.loads")
    note(f"{about}: peak memory of all processes", run.together / MB, "MB", 200)
    note(f"{about}: bytes per event on disk", database.stat().st_size / events, "B", 700)
    if ccusage is not None:
        command = [ccusage, "daily", "--json", "--offline"]
        other = middle([measured(command, env_of(home)) for _ in range(max(3, runs))])
        rows.append(["ccusage daily, wall", f"{other.wall:.2f} s", f"orc takes {run.wall / other.wall:.1f}x as long"])
        rows.append(["- peak RSS, all at one time", f"{other.together / MB:.0f} MB", ""])
        note(f"{about}: against ccusage", run.wall, "s", 1.0, ratio=run.wall / other.wall, of="ccusage", on_ratio=True)
    title = f"cold: {size / MB:.0f} MB, {len(files)} files, {lines:,} lines, {events:,} events, {late} sessions, {kept} snapshots"
    table(f"{title}, median of {runs}", ["", "value", "ratio or target"], rows)


def again(folder: Path, count: int, runs: int) -> None:
    """A second pass over many files of which none has changed."""
    home = folder / "many"
    files: list[Path] = []
    seed = 20
    while len(files) < count:
        files += write_tree(home, (count - len(files)) * 9_000, time.time_ns(), seed=seed, median=3_000).files
        seed += 1
    first = ingest(home, folder / "state-many")
    passes = [ingest(home, folder / "state-many") for _ in range(max(5, runs))]
    run, best = middle(passes), min(one.wall for one in passes)
    size = sum(path.stat().st_size for path in files) / MB
    note(f"pass over {len(files):,} unchanged files", run.wall, "s", 0.5)
    rows = [
        ["first", f"{first.wall:.2f} s", f"{first.together / MB:.0f} MB", ""],
        ["second, nothing changed", f"{run.wall:.2f} s (best {best:.2f} s)", f"{run.together / MB:.0f} MB", target(run.wall, 0.5, " s")],
    ]  # fmt: skip
    table(f"{len(files):,} files, {size:.0f} MB", ["pass", "wall", "peak RSS", "target"], rows)


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=int, default=150)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ccusage", help="read the same tree with this command as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as name:
        if args.mb:
            cold(Path(name), args.mb * MB, args.runs, find(args.ccusage))
        if args.files:
            again(Path(name), args.files, args.runs)


if __name__ == "__main__":
    main()
