"""What a cold index costs: wall, memory and ratio to the bare JSON; then a pass over files that have not changed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from orchestrator_tui.store.reader import Reader
from tests.bench.generate import write_tree
from tests.bench.report import median, table, target

MB = 1 << 20


def ingest(home: Path, state: Path) -> tuple[float, float, int, int, int]:
    """One `orc ingest --all`: wall and CPU seconds, peak RSS of the process, of its workers, of all at one time."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE", "ORC_", "XDG_"))}
    env.update(ORC_HOME=str(state), HOME=str(home), NO_COLOR="1")
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "orchestrator_tui", "ingest", "--all"], env=env, stdout=subprocess.PIPE
    )
    main, worker, together = 0, 0, 0
    cpu: dict[int, float] = {}
    root = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            parts = [root, *root.children(recursive=True)]
            sizes = []
            for process in parts:
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
                sizes.append(process.memory_info().rss)
            main, worker = max(main, sizes[0]), max([worker, *sizes[1:]])
            together = max(together, sum(sizes))
        except psutil.Error:
            continue
        time.sleep(0.02)
    wall = time.perf_counter() - begun
    out = child.communicate()[0].decode().strip()
    if child.returncode:
        raise SystemExit(f"orc ingest: {child.returncode} {out}")
    return wall, sum(cpu.values()), main, worker, together


def raw(files: list[Path], lenient: bool) -> float:
    """Seconds to read every line and decode it, with the standard library or msgspec, in one process."""
    decode = json.loads if lenient else msgspec.json.decode
    begun = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            for line in file:
                decode(line)
    return time.perf_counter() - begun


def cold(folder: Path, size: int, runs: int) -> None:
    """The first pass over a large tree."""
    home = folder / "cold"
    files = write_tree(home, size, time.time_ns(), seed=11)
    size = sum(path.stat().st_size for path in files)
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    plain = median([raw(files, True) for _ in range(3)])
    fast = median([raw(files, False) for _ in range(3)])
    passes = [ingest(home, folder / f"state-{number}") for number in range(runs)]
    wall, cpu, main, worker, together = (median([p[i] for p in passes]) for i in range(5))
    database = folder / "state-0" / "events.db"
    with Reader(database) as reader:
        events = reader.last_seq()
        late, kept = reader.query("SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM snapshots)")[0]
    rows: list[list[str]] = [
        ["read + json.loads, one process", f"{plain:.2f} s", ""],
        ["read + msgspec.json.decode", f"{fast:.2f} s", ""],
        ["orc ingest --all, wall", f"{wall:.2f} s", f"{wall / plain:.1f}x json.loads, {wall / fast:.1f}x msgspec"],
        ["- CPU of all its processes", f"{cpu:.2f} s", f"{cpu / plain:.1f}x json.loads"],
        ["- rate", f"{size / MB / wall:.1f} MB/s", f"{events / wall:,.0f} events/s"],
        ["- peak RSS, main process", f"{main / MB:.0f} MB", ""],
        ["- peak RSS, largest worker", f"{worker / MB:.0f} MB", ""],
        ["- peak RSS, all at one time", f"{together / MB:.0f} MB", target(together / MB, 200, " MB")],
        ["- bytes per event on disk", f"{database.stat().st_size / events:.0f} B", target(database.stat().st_size / events, 700, " B")],
    ]  # fmt: skip
    title = f"cold: {size / MB:.0f} MB, {len(files)} files, {lines:,} lines, {events:,} events, {late} sessions, {kept} snapshots"
    table(f"{title}, median of {runs}", ["", "value", "ratio or target"], rows)


def again(folder: Path, count: int) -> None:
    """A second pass over many files of which none has changed."""
    home = folder / "many"
    files: list[Path] = []
    seed = 20
    while len(files) < count:
        files += write_tree(home, (count - len(files)) * 9_000, time.time_ns(), seed=seed, median=3_000)
        seed += 1
    first = ingest(home, folder / "state-many")
    passes = [ingest(home, folder / "state-many") for _ in range(3)]
    wall = median([p[0] for p in passes])
    size = sum(path.stat().st_size for path in files) / MB
    rows = [
        ["first", f"{first[0]:.2f} s", f"{first[4] / MB:.0f} MB", ""],
        ["second, nothing changed", f"{wall:.2f} s", f"{passes[0][4] / MB:.0f} MB", target(wall, 0.5, " s")],
    ]
    table(f"{len(files):,} files, {size:.0f} MB", ["pass", "wall", "peak RSS", "target"], rows)


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=int, default=150)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as name:
        cold(Path(name), args.mb * MB, args.runs)
        again(Path(name), args.files)


if __name__ == "__main__":
    main()
