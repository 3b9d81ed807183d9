"""Starting and ending a host: the lock, signals, a damaged store, the background; and the single pass without one."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from orchestrator_tui import __version__
from orchestrator_tui.clock import Clock, SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.errors import HostRunning, OrcError, StoreDamaged
from orchestrator_tui.events import Facts
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.host.lock import HostLock, HostRecord, holder_of, make_doorbell, ring
from orchestrator_tui.host.procfs import same_start, table
from orchestrator_tui.host.roots import Roots
from orchestrator_tui.host.service import Host, say
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.schema import from_os, set_aside
from orchestrator_tui.store.writer import Store

START_PATIENCE = 10.0
STOP_PATIENCE = 20.0
"""Seconds."""
LOG_ROOM = 1 << 16
"""Bytes free on the disk, below which a log may hold nothing."""


@asynccontextmanager
async def opened(paths: Paths, config: Config, clock: Clock) -> AsyncIterator[Host]:
    """A host that holds the lock and the store, not running yet. Raises HostRunning or StoreError."""
    paths.make()
    processes = table()
    me = processes.stat(os.getpid())
    lock = HostLock(paths.host_lock)
    started = me.started if me else 0
    lock.acquire(HostRecord(os.getpid(), started, processes.boot_id(), __version__, clock.now(), opening=True))
    try:
        async with Store.open(paths.database) as store:
            with Reader(paths.database) as reader:
                host = Host(store, reader, paths, config, clock, processes)
                host.keeper.tell = lock.tell
                lock.tell("")
                yield host
    finally:
        lock.release()


async def serve(paths: Paths, config: Config, clock: Clock | None = None) -> None:
    """Be the host until a signal, `orc host stop`, or idleness ends it."""
    clock = clock or SystemClock()
    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Before the lock is taken: whoever sees it may want this host to end.
        asyncio.get_running_loop().add_signal_handler(number, ending.say, number.name)
    for attempt in range(2):
        try:
            async with opened(paths, config, clock) as host:
                ending.of(host)
                await _serve(host, ending)
                return
        except StoreDamaged as error:
            if attempt or not paths.database.exists():
                raise
            stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%dT%H%M%SZ")
            kept = set_aside(paths.database, stamp)
            what = str(error).partition(";")[0]
            say(f"{what}; kept as {kept.name}, a fresh store takes its place; `orc doctor` lists what was kept")


class Ending:
    """Whether the host is to end, and why."""

    def __init__(self) -> None:
        self.reason = ""
        self._host: Host | None = None

    def of(self, host: Host) -> None:
        """From here on it is this host that is to end, perhaps at once."""
        self._host = host
        if self.reason:
            host.stopping.set()

    def say(self, reason: str) -> None:
        """It is to end."""
        self.reason = reason
        if self._host is not None:
            self._host.stopping.set()


async def _serve(host: Host, ending: Ending) -> None:
    bell = make_doorbell(host.paths.doorbell)
    loop = asyncio.get_running_loop()

    def rung() -> None:
        with suppress(BlockingIOError):
            os.read(bell, 4096)
        host.ring()

    loop.add_reader(bell, rung)
    try:
        await host.run()
    finally:
        loop.remove_reader(bell)
        os.close(bell)
        await host.close(ending.reason or "idle")


async def ingest_once(
    paths: Paths,
    config: Config,
    *,
    everything: bool,
    roots: Roots | None,
    progress: Callable[[int, int], Awaitable[None]] | None = None,
) -> tuple[int, int]:
    """One complete pass without a host; returns (files, events). Raises HostRunning where one runs."""
    clock = SystemClock()
    async with opened(paths, config, clock) as host:
        # There are no live sessions to let through.
        host.ingest.air = 0.0
        if everything:
            host.ingest.oldest = 0
        host.only = roots
        host.ingest.roots = host.roots()
        before = host.reader.last_seq()
        try:
            await host.ingest.discover()
            await host.history.read(list(host.ingest.files.values()), progress)
            await host.look_around(clock.now())
            await host.keeper.price_unpriced(host.price)
        finally:
            await host.history.close()
        events = host.reader.last_seq() - before
        # Also what a pass that was killed has left to fold.
        if host.reader.last_seq() > host.reader.snapshot_seq(FOLD_VERSION):
            await host.keeper.snapshots.save(full=True)
            await host.store.maintain()
        return len(host.ingest.files), events


async def prune_once(paths: Paths, config: Config, now: int) -> Facts:
    """What the host's tidying lets go of, without a host. Raises HostRunning where one runs."""
    async with opened(paths, config, SystemClock()) as host:
        pruned = await host.prune(now)
        return {"outputs": pruned.outputs, "texts": pruned.texts, "bytes": await host.store.size()}


def start_in_background(paths: Paths) -> HostRecord:
    """Start a host that outlives this process; returns when it has the lock and the store.

    Raises HostRunning when one runs already, OrcError with the host's own last words when it did not start.
    """
    holder = holder_of(paths.host_lock)
    if holder is not None:
        raise HostRunning(f"a host is already running (pid {holder.pid})")
    paths.make()
    log = os.open(paths.host_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui", "host", "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            close_fds=True,
        )
    finally:
        os.close(log)
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        holder = holder_of(paths.host_lock)
        if holder is not None and holder.pid and not holder.opening:
            return holder
        if child.poll() is not None:
            raise OrcError(_last_words(paths, child.returncode))
        time.sleep(0.02)
    if holder is not None and holder.pid:
        # A large store that is brought to a new shape takes its time.
        return holder
    raise OrcError(f"the host did not start within {START_PATIENCE:.0f} s; see {paths.host_log}")


def _last_words(paths: Paths, status: int) -> str:
    """Why a host ended at once."""
    words = paths.host_log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if words:
        return words[-1].removeprefix("orc host: ")
    if shutil.disk_usage(paths.host_log.parent).free < LOG_ROOM:
        # What it said is in no log then.
        return str(from_os(OSError(errno.ENOSPC, ""), paths.database))
    return f"the host ended at once with status {status}"


def stop_running(paths: Paths) -> HostRecord | None:
    """End the running host by SIGTERM; returns who it was, None when none ran.

    The process is signalled only if it is the one that took the lock. Raises OrcError when it does not end.
    """
    holder = holder_of(paths.host_lock)
    if holder is None:
        return None
    stat = table().stat(holder.pid) if holder.pid > 1 else None
    if stat is None or holder.boot_id != table().boot_id() or not same_start(stat, holder.started):
        raise OrcError(
            f"{paths.host_lock} is held, but not by the process it names ({holder.pid}); nothing was signalled"
        )
    os.kill(holder.pid, signal.SIGTERM)
    ring(paths.doorbell)
    deadline = time.monotonic() + STOP_PATIENCE
    while time.monotonic() < deadline:
        if holder_of(paths.host_lock) is None:
            return holder
        time.sleep(0.02)
    raise OrcError(f"host {holder.pid} did not end within {STOP_PATIENCE:.0f} s; see {paths.host_log}")
