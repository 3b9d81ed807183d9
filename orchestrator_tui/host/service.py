"""The host's loop: look, read, note, beat. `run.py` starts and ends it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from orchestrator_tui import __version__
from orchestrator_tui.clock import HOUR, MINUTE, SECOND, Clock
from orchestrator_tui.config import Config
from orchestrator_tui.events import (
    Beat,
    Event,
    HostStarted,
    HostStopped,
    KnownBody,
    SessionUpdated,
    SettingsChanged,
    Usage,
)
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.prices import price
from orchestrator_tui.fleet.seats import unseated
from orchestrator_tui.host import price_files
from orchestrator_tui.host.alarming import Alarming
from orchestrator_tui.host.control.desk import Desk
from orchestrator_tui.host.control.loops.looping import Loops
from orchestrator_tui.host.control.loops.queue import Queue
from orchestrator_tui.host.control.models.caps import Caps
from orchestrator_tui.host.control.recovery import recover
from orchestrator_tui.host.follow import Follow, is_history
from orchestrator_tui.host.git import Git
from orchestrator_tui.host.guards import Guards
from orchestrator_tui.host.history import History, Progress
from orchestrator_tui.host.ingest import HOT, STEPS_PER_TICK, Ingest
from orchestrator_tui.host.keeping import PASSING, Keeper
from orchestrator_tui.host.matching import match
from orchestrator_tui.host.notify import Notifier
from orchestrator_tui.host.owned.joined import Joined
from orchestrator_tui.host.owned.owned import Owned
from orchestrator_tui.host.processes import Processes
from orchestrator_tui.host.procfs import ProcessTable
from orchestrator_tui.host.roots import Roots, add_roots, find_roots
from orchestrator_tui.host.spool import Spool
from orchestrator_tui.host.worktrees import Worktrees
from orchestrator_tui.paths import Paths
from orchestrator_tui.private import is_shared
from orchestrator_tui.store import retention
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store

TICK = 0.25
"""Seconds between two looks at the hot files."""
SLOW_TICK = 1.0
"""The same when nothing has changed for a minute; so with the other SLOW ones."""
LOOK_EVERY = SECOND
SLOW_LOOK_EVERY = 2 * SECOND
SAMPLE_EVERY = 2 * SECOND
SLOW_SAMPLE_EVERY = 4 * SECOND
BEAT_EVERY = 30 * SECOND
JUDGE_EVERY = SECOND
RESUME_EVERY = 5 * SECOND
TIDY_EVERY = HOUR
MANY = 50
"""More new files than this at once are history: they are read beside the loop."""


class Host:
    """Everything a running host holds."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        paths: Paths,
        config: Config,
        clock: Clock,
        processes: ProcessTable,
    ) -> None:
        self.store, self.reader, self.paths, self.config, self.clock = store, reader, paths, config, clock
        self.keeper = Keeper(store, reader, clock, self._heed, say)
        self.stopping = self.keeper.ending
        self.fleet = self.keeper.fleet
        self.notifier = Notifier(config.notify, self.fleet, clock, say)
        self._named: list[str] = []
        """Roots that a person named while this host runs, as `CLIENT=DIR`."""
        self.only: Roots | None = None
        """The roots of a single pass over directories that a person named."""
        self.prices = price_files.load(config.prices)
        self.ingest = Ingest(
            store,
            self.keeper.append,
            clock,
            find_roots(paths, config),
            price=self.price,
            keep_text=config.store.text != "none",
            oldest=clock.now() - int(config.host.history_days * 24 * HOUR),
        )
        self.history = History(self.ingest)
        self.processes = Processes(processes, lambda session: not self.ingest.is_behind(session))
        self.rung = asyncio.Event()
        self.commands = Desk(self)
        self.alarming = Alarming(clock.now())
        self._tasks: set[asyncio.Task[None]] = set()
        self._obeying: asyncio.Task[None] | None = None
        self._machine = socket.gethostname()
        self.worktrees = Worktrees(Git.find(), self._machine)
        self.spool = Spool(paths, config.control.hook_wait_seconds)
        self.owned = Owned(self)
        self.joined = Joined(self)
        self.caps = Caps(self)
        self.guards = Guards(self, config.guard, config.governor)
        self.loops = Loops(self)
        self.queue = Queue(self)

    def roots(self) -> Roots:
        """Every client's directories, as they are now."""
        return self.only if self.only is not None else add_roots(find_roots(self.paths, self.config), self._named)

    def price(self, usage: Usage, client: str | None = None) -> Usage:
        """A response with its price and its model's window, as far as the tables go."""
        return price(usage, self.prices.table, client)

    def _heed(self, events: Sequence[Event]) -> None:
        """Everything that was folded in passes here."""
        self.notifier.see(self.fleet, events)
        self.alarming.heed(events)
        self.worktrees.heed(events)

    async def note(self, seen: Sequence[tuple[str | None, KnownBody]]) -> None:
        """Append what this host itself has to say."""
        await self.keeper.note(seen)

    # --- the loop -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look until told to stop, or until nobody needs it any more."""
        started = HostStarted(
            host_id=await self.store.host_id(),
            boot_id=self.processes.table.boot_id(),
            pid=os.getpid(),
            version=__version__,
        )
        await self.note([(None, started), (None, SettingsChanged(settings=self.config.told()))])
        self.start(self.keeper.price_unpriced(self.price))
        await self.first_look()
        await self.owned.adopt_all()
        await self.note(self.processes.inherit(self.fleet.sessions, self.clock.now()))
        await recover(self)
        await self.loops.resume()
        self.spool.begin(os.getpid())
        self._obeying = asyncio.create_task(self._obey())
        looked = sampled = beaten = judged = changed = resumed = self.clock.now()
        # Neither a sleep nor a clock that is set makes a host idle.
        needed = self.clock.monotonic()
        tidied = 0
        while not self.stopping.is_set():
            now = self.clock.now()
            quiet = now - changed >= MINUTE
            news = await self.ingest.poll()
            if _due(now, looked, SLOW_LOOK_EVERY if quiet else LOOK_EVERY):
                looked = now
                news += await self.look_around(now)
                await self.note(self.worktrees.step(self.fleet.sessions, now))
            if _due(now, sampled, SLOW_SAMPLE_EVERY if quiet and not self.processes.missing else SAMPLE_EVERY):
                sampled = now
                await self.note(self.processes.sample(now))
                await self.joined.look(now)
            if _due(now, beaten, BEAT_EVERY):
                beaten = now
                await self.note([(None, Beat())])
            if _due(now, judged, JUDGE_EVERY):
                judged = now
                await self.note(self.alarming.news(self.fleet, now))
                self.caps.step(now)
                self.guards.step(now)
            if _due(now, resumed, RESUME_EVERY):
                resumed = now
                await self.loops.resume()
                await self.queue.step()
            self.notifier.tell(self.start)
            await self.note(self.spool.look(self.fleet, now))
            if _due(now, tidied, TIDY_EVERY):
                tidied = now
                await self.tidy(now)
            if news:
                changed = now
            if (
                self._tasks
                or self.owned.live
                or self.processes.stopped
                or self.guards.armed
                # Each open dashboard has a share in it.
                or is_shared(self.paths.viewers)
            ):
                needed = self.clock.monotonic()
            idle = self.config.host.idle_minutes
            if idle and self.clock.monotonic() - needed > idle * MINUTE:
                break
            await self.pause(SLOW_TICK if quiet and not news else TICK)

    async def pause(self, seconds: float) -> None:
        """Wait for the next tick, or the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def _obey(self) -> None:
        """Commands wait for nothing else: neither for what is read nor for what is looked at."""
        while True:
            try:
                await self.commands.obey()
            except PASSING as error:
                # Asked again with the next look: nothing of it was begun.
                say(str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self.rung.wait()
            self.rung.clear()

    def ring(self) -> None:
        """Somebody has asked for something, or is about to: what is read in bulk gives way."""
        self.rung.set()
        self.keeper.give_way()

    async def first_look(self) -> None:
        """What is live is read now, newest first; history goes to a worker beside the loop."""
        now = self.clock.now()
        for claim in self.ingest.claims():
            if self.processes.table.stat(claim.pid) is not None:
                self.ingest.want(claim.session)
        found = await self.ingest.discover()
        await self.note([(None, Beat())])
        behind = [follow for follow in found if follow.behind]
        await self.ingest.read_on([follow for follow in behind if not is_history(follow, now - HOT)])
        history = [follow for follow in behind if is_history(follow, now - HOT)]
        if history:
            self.start(self.read_history(history))
        await self.look_around(now)

    async def read_history(self, follows: Sequence[Follow]) -> None:
        """Old transcripts; afterwards replay is made quick again."""
        await self.history.read(follows)
        await self.keeper.refold()

    async def look_around(self, now: int) -> int:
        """New files, the registries, the process table, and a slice of the quiet files; returns what was new."""
        # A client may be installed, and its directory made, while this host runs.
        self.ingest.roots = self.roots()
        fresh = [follow for follow in await self.ingest.discover() if follow.behind]
        if len(fresh) > MANY:
            self.start(self.read_history(fresh))
        else:
            await self.ingest.read_on(fresh, STEPS_PER_TICK)
        for text in self.ingest.new_troubles():
            say(text)
        self.processes.look(now)
        own = self.owned.claims()
        claims = self.ingest.claims() + own
        for claim in claims:
            self.ingest.want(claim.session)
        claims += match(list(self.processes.programs.values()), self.fleet.sessions, {claim.pid for claim in own})
        seen = self.processes.claims(claims, self.fleet.sessions, now)
        await self.note([(session, self._here(body)) for session, body in seen])
        await self.note(unseated(self.fleet, now - 24 * HOUR))
        return len(fresh) + len(seen) + await self.ingest.poll_cold()

    def _here(self, body: KnownBody) -> KnownBody:
        """A session whose process runs here runs on this machine."""
        return replace(body, host=self._machine) if isinstance(body, SessionUpdated) else body

    async def tidy(self, now: int) -> None:
        """Thin out snapshots, keep the file within its cap, fold the log back."""
        await self.owned.tidy()
        try:
            await self.store.prune_snapshots(FOLD_VERSION, now)
            await self.prune(now)
            await self.store.maintain()
        except PASSING as error:
            say(str(error))

    async def prune(self, now: int) -> retention.Pruned:
        """Let go of texts past their age, or over the size cap."""
        kept = self.config.store
        ages = retention.Ages(kept.output_days, kept.text_days)
        return await retention.prune(self.store, ages, kept.max_bytes, now)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the loop; its failure is told, never swallowed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            say(f"{type(error).__name__}: {error}")

    async def read_all(self, everything: bool, named: Sequence[str], progress: Progress) -> None:
        """One complete pass over everything, or over what is not too old; `named` are further roots."""
        if everything:
            self.ingest.oldest = 0
        self._named += named
        self.ingest.roots = self.roots()
        await self.ingest.discover()
        await self.history.read(list(self.ingest.files.values()), progress)
        if self.keeper.late:
            await self.keeper.refold()

    async def close(self, reason: str) -> None:
        """Say that nobody looks from here on, and keep the fold."""
        tasks = [*self._tasks, *([self._obeying] if self._obeying is not None else [])]
        for task in tasks:
            task.cancel()
        self.spool.end()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.history.close()
        await self.joined.close()
        await self.owned.close()
        await self.worktrees.close()
        self.stopping.set()
        try:
            await self.note([(None, HostStopped(reason=reason))])
            await self.keeper.snapshots.save(full=True)
            await self.store.maintain()
        except PASSING as error:
            # The next host sees by the last beat since when nobody looked.
            say(str(error))


def _due(now: int, last: int, every: int) -> bool:
    """Whether it is time again; a clock that was set back makes everything due."""
    return now - last >= every or now < last


def say(text: str) -> None:
    """One line for the host's log."""
    # The log may be on the disk that is full.
    with suppress(OSError):
        print(f"orc host: {text}", file=sys.stderr, flush=True)
