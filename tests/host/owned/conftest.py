"""A real host with a stand-in for a client."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Clients, Config
from orchestrator_tui.host.owned.runs import Run, listed
from orchestrator_tui.host.procfs import table
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from tests.conftest import wait_for
from tests.host.owned.stand_in import StandIn

OFF = ["claude", "codex", "opencode", "gemini", "log"]


class Place:
    """A state directory, and hosts that come and go on it."""

    def __init__(self, root: Path) -> None:
        self.state, self.work = root / "state", root / "work dir"
        self.work.mkdir(exist_ok=True)
        self.paths = Paths(self.state, self.state, self.state / "run")
        self.config = replace(Config(), clients=Clients(off=OFF, programs={"stand": sys.executable}))
        self._stack = AsyncExitStack()

    async def host(self) -> Host:
        """A host that holds the store, and has no sessions of its own yet."""
        return await self._stack.enter_async_context(opened(self.paths, self.config, SystemClock()))

    async def leave(self, host: Host) -> None:
        """As if it had been killed, but for the lock."""
        await host.owned.close()
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def close(self) -> None:
        await self._stack.aclose()

    def runs(self) -> list[Run]:
        return listed(self.state)

    def run(self) -> Run:
        (run,) = self.runs()
        return run

    def said(self, run: Run | None = None) -> list[dict[str, Any]]:
        """Everything that the client has said, in order."""
        run = run or self.run()
        parts = sorted(run.path.glob("out.*"), key=lambda path: int(path.name[4:]))
        return [json.loads(line) for line in b"".join(path.read_bytes() for path in parts).splitlines()]


def end_all(state: Path) -> None:
    """End every process of every run, found by the run's own word and by its mark."""
    for run in listed(state):
        shim = run.shim()
        mark = f"ORC_SESSION={run.name}".encode()
        pids = [pid for pid in table().pids() if mark in environ_of(pid).split(b"\0")]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if shim is not None:
            wait_for(lambda run=run: not run.has_shim())


def environ_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


@pytest_asyncio.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr("orchestrator_tui.host.owned.live.drives", lambda: {"stand": StandIn()})
    place = Place(tmp_path)
    yield place
    await place.close()
    end_all(place.state)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)
