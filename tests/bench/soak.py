"""Six hours of 200 sessions in six minutes: what host and dashboard hold on to, every ten minutes of them.

A real host and a real dashboard in a terminal, both with a clock that runs 60 times as fast, over the files of all four
clients and the open log. Ended sessions leave the fold after an hour here (24 in use), so that what is in flight and
what is left behind can be told apart within the six.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from orchestrator_tui.clock import HOUR, SECOND
from orchestrator_tui.store.reader import Reader
from tests.bench.fast import FastClock
from tests.bench.report import Result, median, note, one_table, table
from tests.bench.screen_pty import Terminal
from tests.bench.soak_world import World

STEP = 0.1
"""Seconds between two looks at who writes."""
KEYS = (b".", b"\x1b[C", b"o", b"+", b"-", b"\r", b"\x1b[A", b"\x1b", b"?", b"\x1b", b"G", b"\x1b")
"""What a person presses once every simulated ten minutes: the next, the map, a session opened and closed, help, the glance."""


class Screen(Terminal):
    """A terminal that is typed into without waiting for what comes of it."""

    def type(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._master, key)


class Sample(Struct):
    """One line of the curve."""

    minute: float
    host: float
    screen: float
    """Megabytes in memory, not shared with others."""
    handles: int
    screen_handles: int
    threads: int
    screen_threads: int
    wal: float
    database: float
    cpu: float
    screen_cpu: float
    """Seconds of processor per simulated minute."""
    events: int
    ended: int
    files: int


class Curve:
    """Two programs, looked at."""

    def __init__(self, world: World, host: psutil.Process, screen: psutil.Process) -> None:
        self.world, self.host, self.screen = world, host, screen
        self.database = world.state / "events.db"
        self.samples: list[Sample] = []
        self._cpu = self._used()
        self.widest = 0.0
        """The most that the log had between two samples, MB."""

    def _used(self) -> tuple[float, float, float]:
        times = [process.cpu_times() for process in (self.host, self.screen)]
        return (time.monotonic(), *(t.user + t.system for t in times))

    def watch_log(self) -> None:
        """Note how large the write-ahead log is."""
        self.widest = max(self.widest, _size(Path(f"{self.database}-wal")))

    def sample(self, minute: float, minutes: float) -> Sample:
        """The next line; `minutes` are those since the last."""
        before, self._cpu = self._cpu, self._used()
        used = [(b - a) / minutes for a, b in zip(before, self._cpu, strict=True)]
        with Reader(self.database) as reader:
            events = reader.last_seq()
        sample = Sample(
            minute, _private(self.host), _private(self.screen), self.host.num_fds(), self.screen.num_fds(),
            self.host.num_threads(), self.screen.num_threads(), self.widest, _size(self.database), used[1], used[2],
            events, self.world.ended, self.world.begun,
        )  # fmt: skip
        self.widest = 0.0
        self.samples.append(sample)
        return sample


def _size(path: Path) -> float:
    return path.stat().st_size / 2**20 if path.exists() else 0.0


def _private(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


HEAD = (
    "minute", "host MB", "screen MB", "handles", "screen", "threads", "screen", "log MB", "store MB", "CPU s/min", "screen",
    "events", "ended",
)  # fmt: skip


def line(s: Sample) -> list[str]:
    """A sample as a row of the table."""
    return [
        f"{s.minute:.0f}", f"{s.host:.1f}", f"{s.screen:.1f}", str(s.handles), str(s.screen_handles), str(s.threads),
        str(s.screen_threads), f"{s.wal:.1f}", f"{s.database:.1f}", f"{s.cpu:.2f}", f"{s.screen_cpu:.2f}",
        f"{s.events:,}", str(s.ended),
    ]  # fmt: skip


def verdict(samples: list[Sample]) -> list[Result]:
    """The last third against the middle one; the processor by events, because a loaded machine writes fewer of them."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    before = {one.minute: previous for previous, one in itertools.pairwise(samples)}

    def dear(used: Callable[[Sample], float]) -> Callable[[Sample], float]:
        def of(one: Sample) -> float:
            previous = before[one.minute]
            return 1000 * used(one) * (one.minute - previous.minute) / max(1, one.events - previous.events)

        return of

    def ratio(words: str, unit: str, most: float, of: Callable[[Sample], float]) -> Result:
        was, now = median([of(s) for s in middle]), median([of(s) for s in last])
        return note(f"soak: {words}", now, unit, most, ratio=now / was, of="the middle third", on_ratio=True)

    def count(words: str, of: Callable[[Sample], float]) -> Result:
        was, now = median([of(s) for s in middle]), median([of(s) for s in last])
        return note(f"soak: {words}", now, "", was + 2, ratio=now / was, of="the middle third")

    return [
        ratio("host, memory", "MB", 1.08, lambda s: s.host),
        ratio("dashboard, memory", "MB", 1.08, lambda s: s.screen),
        count("host, open files", lambda s: s.handles),
        count("dashboard, open files", lambda s: s.screen_handles),
        count("host, threads", lambda s: s.threads),
        count("dashboard, threads", lambda s: s.screen_threads),
        note("soak: write-ahead log, the most", max(s.wal for s in samples), "MB", 32),
        ratio("host, processor per 1,000 events", "s", 1.25, dear(lambda s: s.cpu)),
        ratio("dashboard, processor per 1,000 events", "s", 1.25, dear(lambda s: s.screen_cpu)),
    ]


def grown(file: Path, least: int = 40) -> list[tuple[str, list[int]]]:
    """What a program held more of at each of its last counts: the containers, and the types."""
    if not file.exists():
        return []
    lines = [msgspec.json.decode(raw) for raw in file.read_bytes().splitlines()]
    found = []
    for part in ("sizes", "objects"):
        for name in lines[-1][part]:
            counts = [one[part].get(name, 0) for one in lines]
            late = counts[len(counts) // 2 :]
            if len(late) > 1 and late[-1] - late[0] >= max(least, late[0] // 10) and late == sorted(late):
                found.append((name, counts))
    return sorted(found, key=lambda pair: pair[1][-1] - pair[1][len(pair[1]) // 2], reverse=True)


def soak(folder: Path, args: argparse.Namespace) -> list[Result]:
    """Run it."""
    world = World(folder, args.sessions, args.life * 60, args.every)
    begun = time.time_ns()
    clock = FastClock(begun, args.speed)
    words = [str(world.state), str(begun), str(args.speed), str(args.forget * 3600)]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE", "CODEX", "GEMINI", "ORC_", "XDG_"))}
    env |= {"HOME": str(world.home), "ORC_HOME": str(world.state), "PYTHONPATH": str(Path.cwd())}
    run = [sys.executable, "-m", "tests.bench.fast"]
    log = (folder / "host.log").open("wb")
    host = subprocess.Popen([*run, "host", *words], env=env, stdout=log, stderr=log)
    try:
        while not (world.state / "run" / "host.lock").exists() or not (world.state / "events.db").exists():
            if host.poll() is not None:
                raise SystemExit((folder / "host.log").read_text())
            time.sleep(0.1)
        time.sleep(1)
        with Screen([*run, "dashboard", *words], env) as screen:
            curve = Curve(world, psutil.Process(host.pid), psutil.Process(screen.process.pid))
            _drive(world, curve, screen, clock, args)
            census = [host.pid, screen.process.pid]
            for pid in census:
                os.kill(pid, signal.SIGUSR1)
            time.sleep(3)
            if host.poll() is not None or screen.process.poll() is not None:
                raise SystemExit(f"it ended by itself: {(folder / 'host.log').read_text()}")
    finally:
        world.end(clock.now())
        host.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            host.wait(30)
        host.kill()
        host.wait()
        log.close()
    title = (
        f"{args.hours:g} simulated hours at x{args.speed:g}, {args.sessions} sessions at a time, {world.begun} in all"
    )
    table(title, HEAD, [line(sample) for sample in curve.samples])
    for what in ("host", "dashboard"):
        for name, counts in grown(world.state / f"census-{what}.jsonl")[:25]:
            print(f"  {what} holds more and more: {name}  {' '.join(map(str, counts))}")
    said = (folder / "host.log").read_text().strip()
    if said:
        print(f"  the host said: {said[-2000:]}")
    return verdict(curve.samples)


def _drive(world: World, curve: Curve, screen: Screen, clock: FastClock, args: argparse.Namespace) -> None:
    """Let it live; a line of the curve every ten simulated minutes."""
    every = args.sample * 60
    begun = last = before = clock.now()
    counted = 0
    print("  " + "  ".join(HEAD), flush=True)
    while (now := clock.now()) < begun + int(args.hours * HOUR):
        for process in (curve.host, curve.screen):
            if process.status() == psutil.STATUS_ZOMBIE:
                raise SystemExit(
                    f"{process.pid} ended by itself: {(world.state.parent / 'host.log').read_text()[-3000:]}"
                )
        # What a stalled machine has missed is not written all at once.
        world.go(now, min((now - before) / SECOND, 5 * STEP * args.speed))
        before = now
        curve.watch_log()
        if now - last >= every * SECOND:
            sample = curve.sample((now - begun) / SECOND / 60, (now - last) / SECOND / 60)
            last = now
            print("  " + "  ".join(line(sample)), flush=True)
            screen.forget()
            counted += 1
            if counted % max(1, int(60 / args.sample)) == 0:
                for pid in (curve.host.pid, curve.screen.pid):
                    os.kill(pid, signal.SIGUSR1)
            for key in KEYS:
                screen.type(key)
                time.sleep(0.08)
        time.sleep(STEP)


def main() -> None:
    """Run, print, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--hours", type=float, default=6.0, help="simulated")
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS", help="between two steps of a session")
    parser.add_argument("--life", type=float, default=60.0, metavar="MINUTES", help="of a session, in the mean")
    parser.add_argument("--forget", type=float, default=1.0, metavar="HOURS", help="until an ended one leaves the fold")
    parser.add_argument("--sample", type=float, default=10.0, metavar="MINUTES")
    parser.add_argument("--keep", type=Path, help="work here, and leave it")
    args = parser.parse_args()
    # What was started is ended, also when this is.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="orc-soak-") as scratch:
        results = soak(args.keep or Path(scratch), args)
    one_table("last third against middle third", results)
    print("  flat" if all(result.met for result in results) else "  NOT flat")


if __name__ == "__main__":
    main()
