"""The fleet that bench_screen shows: sessions with seats and processes in a real store, and the writer that moves them.

`python -m tests.bench.screen_world HOME SHARE` appends one event for SHARE of the sessions every 100 ms until it is
ended; as a host would, it holds the lock and beats.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import Beat, ClientStatus, ProcessObserved, SeatTaken, SessionUpdated
from orchestrator_tui.host.lock import HostLock, HostRecord
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.snapshots import Snapshots
from orchestrator_tui.store.writer import Store
from tests.bench.generate import PROJECTS
from tests.bench.streams import Player

HZ = 10
WAITING = 50
"""One of so many sessions waits for a person, and writes nothing meanwhile."""
LINES = 6
"""Transcript lines that every session has at the start."""


def place_of(home: Path) -> Paths:
    """The paths of a bench's state directory."""
    return Paths(home, home, home / "run")


def waits(number: int) -> bool:
    """Whether a session is one of those that wait."""
    return number % WAITING == 7


async def build(home: Path, sessions: int, ago: int) -> None:
    """A store of a live fleet whose last events are `ago` nanoseconds old."""
    place = place_of(home)
    place.make()
    now = time.time_ns()
    at = now - ago
    async with Store.open(place.database) as store:
        for start in range(0, sessions, 500):
            entries = [entry for n in range(start, min(start + 500, sessions)) for entry in _begin(n, at)]
            await store.append([Batch(entries, born=at)], now if ago > SECOND else at)
        await store.append([Batch([Entry(None, Beat())])], now)
        with Reader(place.database) as reader:
            await Snapshots(store, fleet_now(reader)).save(full=True)
        await store.maintain()


def _begin(number: int, at: int) -> Iterator[Entry]:
    player = Player(7, number)
    project = PROJECTS[number % len(PROJECTS)]
    known = SessionUpdated(
        client="claude", project=project, cwd=f"/home/dev/{project}", branch="main", interactive=True,
        title=f"task {number} of {project}", title_rank=1, context_window=200_000,
    )  # fmt: skip
    bodies = [known, SeatTaken(project, number // len(PROJECTS) + 1), ProcessObserved(pid=5000 + number, started=1)]
    for body in bodies:
        yield Entry(player.session, body, at)
    for _ in range(LINES):
        # What a host sees has no source's time; here it was long ago as well.
        yield from (replace(entry, source_at=at) for entry in player.step(at))
    if waits(number):
        yield Entry(player.session, ClientStatus(status="waiting", waiting_for="permission", pid=4711), at)


async def move(home: Path, share: float) -> None:
    """Append until ended."""
    place = place_of(home)
    with Reader(place.database) as reader:
        count = len(reader.session_ids())
    players = [Player(7, n) for n in range(count) if not waits(n)]
    pending: list[list[Entry]] = [[] for _ in players]
    for player in players:
        for _ in range(LINES):
            player.step(0)
    rng = random.Random(3)
    async with Store.open(place.database) as store:
        begun, tick = time.monotonic(), 0
        print("moving", flush=True)
        while True:
            now = time.time_ns()
            entries = [Entry(None, Beat())] if tick % (10 * HZ) == 0 else []
            for index in rng.sample(range(len(players)), int(count * share)):
                while not pending[index]:
                    pending[index] = players[index].step(now)
                entries.append(pending[index].pop(0))
            if entries:
                await store.append([Batch(entries)], now)
            tick += 1
            await asyncio.sleep(max(0.0, begun + tick / HZ - time.monotonic()))


@contextlib.contextmanager
def hosted(home: Path, share: float | None) -> Iterator[None]:
    """A host that counts as alive; with a share, a process that moves so many of the sessions."""
    place = place_of(home)
    lock = HostLock(place.host_lock)
    lock.acquire(HostRecord(os.getpid(), 0, "", "bench", time.time_ns()))
    asyncio.run(_beat(place))
    writer = None
    try:
        if share is not None:
            words = [sys.executable, "-m", "tests.bench.screen_world", str(home), str(share)]
            writer = subprocess.Popen(words, stdout=subprocess.PIPE)
            assert writer.stdout is not None
            if not writer.stdout.readline():
                raise SystemExit("the writer did not start")
        yield
    finally:
        if writer is not None:
            writer.terminate()
            writer.wait()
            if writer.stdout is not None:
                writer.stdout.close()
        lock.release()


async def _beat(place: Paths) -> None:
    async with Store.open(place.database) as store:
        await store.append([Batch([Entry(None, Beat())])], time.time_ns())


if __name__ == "__main__":
    asyncio.run(move(Path(sys.argv[1]), float(sys.argv[2])))
