"""The store and the fold, always together: what is appended is folded in, in the order of numbers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from orchestrator_tui.clock import Clock
from orchestrator_tui.errors import DiskFull, StoreBusy, StoreNotWritable
from orchestrator_tui.events import Event, KnownBody, Usage
from orchestrator_tui.host.ingest import AIR
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.load import apply, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.snapshots import Snapshots, rebuild
from orchestrator_tui.store.writer import Store

GIVEN_WAY = 0.1
"""Seconds for which bulk writes wait when the doorbell rings."""
NO_ROOM = 5.0
"""Seconds until a write is tried again for which there was no room."""
PASSING = (DiskFull, StoreBusy, StoreNotWritable)
"""What a person, or another program, can end while this host runs: no room, a lock, a disk that refuses."""
Heed = Callable[[Sequence[Event]], None]


class Keeper:
    """Appends, folds, and keeps snapshots of the fold."""

    def __init__(self, store: Store, reader: Reader, clock: Clock, heed: Heed, say: Callable[[str], None]) -> None:
        """`heed` is told of everything that was folded in."""
        self._store, self._reader, self._clock, self._heed, self._say = store, reader, clock, heed, say
        self.fleet = fleet_now(reader)
        self.snapshots = Snapshots(store, self.fleet)
        self.late = False
        """Something was found that belongs before what is already stored."""
        self.ending = asyncio.Event()
        """Set when this host is to end: then nothing waits for room any more."""
        self.tell: Callable[[str], None] = lambda trouble: None
        """Told why nothing can be stored now; "" when it can again."""
        self._folding, self._bulk = asyncio.Lock(), asyncio.Lock()
        self._way_until = 0.0

    async def append(self, batches: Sequence[Batch]) -> None:
        """Append in one transaction and fold the result in.

        Without room on the disk it waits: what cannot be stored yet is still in the client's file. Raises StoreError
        when this host is to end meanwhile.
        """
        # One at a time, and not now when somebody is about to write: what is noted never stands behind a queue.
        async with self._bulk:
            if (wait := self._way_until - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            await self._keep(batches)

    def give_way(self) -> None:
        """Leave the store to others for a moment: SQLite lets nobody queue for its lock."""
        self._way_until = time.monotonic() + GIVEN_WAY

    async def _keep(self, batches: Sequence[Batch]) -> None:
        # What is stored must be folded in, also when whoever brought it is cancelled meanwhile.
        count = await asyncio.shield(self._append(batches))
        try:
            await self.snapshots.count(count)
            await self._store.fold_log()
        except PASSING as error:
            # Both only save time later, and are tried again.
            self._say(str(error))

    async def _append(self, batches: Sequence[Batch]) -> int:
        async with self._folding:
            events = await self._stored(batches)
            if events and events[0].seq > self.fleet.seq + 1:
                # Others append requests in between.
                apply(self._reader, self.fleet, self._reader.commands(self.fleet.seq, events[0].seq - 1))
            apply(self._reader, self.fleet, events)
            self.late = self.late or any(event.at < event.seen_at for event in events)
            self._heed(events)
        return len(events)

    async def _stored(self, batches: Sequence[Batch]) -> list[Event]:
        """Append, as often as it takes."""
        told = ""
        while True:
            try:
                events = await self._store.append(batches, self._clock.now())
            except PASSING as error:
                if str(error) != told:
                    told = str(error)
                    self._say(told)
                    self.tell(told)
                if self.ending.is_set():
                    raise
                with suppress(TimeoutError):
                    async with asyncio.timeout(NO_ROOM):
                        await self.ending.wait()
            else:
                if told:
                    self._say("the store can be written again")
                    self.tell("")
                return events

    async def note(self, seen: Sequence[tuple[str | None, KnownBody]]) -> None:
        """Append what the host itself has to say."""
        if seen:
            await self._keep([Batch([Entry(session, body) for session, body in seen])])

    async def take_up(self, events: Sequence[Event]) -> None:
        """Fold in what others appended: requests."""
        async with self._folding:
            apply(self._reader, self.fleet, [event for event in events if event.seq > self.fleet.seq])

    async def price_unpriced(self, price: Callable[[Usage], Usage]) -> None:
        """Give a price to what had none and can have one by now: a newer table, or a setting of the person's."""
        while True:
            async with self._folding:
                events = await self._store.price_unpriced(price, self._clock.now())
                apply(self._reader, self.fleet, events)
            if not events:
                return
            await self.snapshots.count(len(events))
            await asyncio.sleep(AIR)

    async def refold(self) -> None:
        """After late finds: snapshots for now, and for every time in between."""
        self.late = False
        await self.snapshots.save(full=True)
        await rebuild(self._store, self._reader, self._clock.now())
