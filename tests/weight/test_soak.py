"""What is left of sessions that came and went, in a host and on a screen whose days are seconds long: counts only."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from orchestrator_tui.clock import DAY, SECOND
from orchestrator_tui.config import Config
from orchestrator_tui.host import service
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from tests.bench.census import sizes
from tests.bench.soak_world import World

SESSIONS = 20
"""That are there at a time, and that each day brings."""
DAYS = 4
MB = 1 << 20

KEPT = {
    # What grows with the files that lie on the disk, and with the checkouts that were seen: that is no leak.
    "Host.ingest.files", "Host.ingest._inodes", "Host.ingest.listing._directories", "Host.ingest.listing._directories[][]",
    # Bounded, and further than a few days go: `MAX_KEPT`, `MAX_OWNERS`, `MANY`, `MAX_GAPS`, `MAX_KNOWN`.
    "Host.worktrees._seen", "Host.store._owners.by_id", "Host.store._owners.by_key", "Host.store._owners.last_at",
    "Host.ingest._wanted", "Host.fleet.watch.gaps", "OrcApp.present.fleet.watch.gaps", "OrcApp.bells._notices._known",
}  # fmt: skip
PASSING = ("_queue", "_dirty_widgets")
"""Parts of ways to what waits for its time: timers hold four times their names at most, Textual what it paints next."""


def bounded(way: str) -> bool:
    """Whether more of it is no leak; caches of functions have bounds of their own."""
    return way in KEPT or way.endswith("()") or any(part in way for part in PASSING)


class Steps:
    """A clock that is set; the other one is the machine's."""

    def __init__(self) -> None:
        self.at = time.time_ns()

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self.at

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC, nanoseconds."""
        return time.monotonic_ns()


class Days:
    """A world, the host that watches it and a screen that shows it, one day after the other."""

    def __init__(self, world: World, host: Host, app: OrcApp, clock: Steps) -> None:
        self.world, self.host, self.app, self.clock = world, host, app, clock

    async def look(self, seconds: float) -> None:
        """So much later: the host looks once around, the screen shows it."""
        self.clock.at += int(seconds * SECOND)
        await asyncio.sleep(0)
        now = self.clock.at
        await self.host.ingest.poll()
        await self.host.look_around(now)
        await self.host.note(self.host.worktrees.step(self.host.fleet.sessions, now))
        await self.host.note(self.host.processes.sample(now))
        await self.host.note([(None, service.Beat())])
        await self.host.note(self.host.alarming.news(self.host.fleet, now))
        self.host.notifier.tell(self.host.start)
        while self.app.live.fleet.seq < self.host.fleet.seq:
            self.app.tick()

    async def day(self) -> None:
        """Some sessions that are there for an hour, then nothing until the next day."""
        for _ in range(6):
            self.world.go(self.clock.at, self.world.every)
            await self.look(5 * 60)
        self.world.stop(self.clock.at)
        for _ in range(3):
            await self.look(9 * 60 * 60)
        await self.host.keeper.snapshots.save(full=True)

    def held(self) -> dict[str, int]:
        """What both hold, by the ways that lead there."""
        return sizes({"Host": self.host, "OrcApp": self.app})


@asynccontextmanager
async def days(tmp_path: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Days]:
    """All of it, and its end."""
    world = World(tmp_path, SESSIONS, 10_000 * DAY / SECOND, 20.0)
    patch.setenv("HOME", str(world.home))
    patch.setattr("orchestrator_tui.ui.app.TICK", 3600.0)
    clock = Steps()
    place = Paths(world.state, world.state, world.state / "run")
    async with opened(place, Config(), clock) as host:
        await host.first_look()
        app = OrcApp(place, Config(), clock)
        async with app.run_test(size=(160, 50)) as pilot:
            await pilot.pause()
            try:
                yield Days(world, host, app, clock)
            finally:
                world.end(clock.at)
        await host.close("test")


async def test_ended_sessions_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.monotonic()
    me = psutil.Process(os.getpid())
    handles, held, log = [], [], []
    async with days(tmp_path, monkeypatch) as life:
        for _ in range(DAYS):
            await life.day()
            handles.append(me.num_fds())
            held.append(life.held())
            log.append((life.world.state / "events.db-wal").stat().st_size)
        assert life.world.ended == DAYS * SESSIONS
        assert len(life.host.fleet.sessions) <= SESSIONS and len(life.app.live.fleet.sessions) <= 2 * SESSIONS
    # The first two days are the warm-up. What holds something of each session holds more every day.
    grew = {
        way: [one.get(way, 0) for one in held]
        for way, last in held[-1].items()
        if last - held[1].get(way, 0) >= (DAYS - 2) * SESSIONS // 3 and not bounded(way)
    }
    print(f"{time.monotonic() - begun:.1f} s, handles {handles}, log {log}, grew {grew}")
    assert not grew
    assert handles[-1] <= handles[1] + 2
    assert max(log) <= 32 * MB
