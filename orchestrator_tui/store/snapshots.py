"""When the fold's state is kept: a full snapshot every 50,000 events, the changes since it every 2,500."""

from __future__ import annotations

import asyncio

from orchestrator_tui.clock import HOUR
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.store.load import START, apply, pack, restore, summary
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store

FULL_EVERY = 50_000
DELTA_EVERY = 2_500
KEEP_IN_FOLD = 24 * HOUR
"""Sessions that have been over for longer leave the fold."""


class Snapshots:
    """Keeps a fleet's state as it grows."""

    def __init__(self, store: Store, fleet: Fleet, *, replay: bool = False) -> None:
        """`replay`: the fleet is folded in the order of places (see `Store.save_snapshot`)."""
        self._store, self._fleet, self._replay = store, fleet, replay
        self._base: int | None = None
        self._since_base = 0
        self._since_last = 0

    async def count(self, events: int) -> None:
        """So many events were folded in; keep the state when it is time."""
        self._since_last += events
        if self._since_last >= DELTA_EVERY:
            await self.save()

    async def save(self, *, full: bool = False) -> None:
        """Keep the state now."""
        if self._fleet.seq == 0:
            return
        self._since_base += self._since_last
        self._since_last = 0
        fleet = self._fleet
        if full or self._base is None or self._since_base >= FULL_EVERY:
            gone = fleet.evict(fleet.at - KEEP_IN_FOLD)
            if gone and not self._replay:
                await self._store.save_summaries((s.id, fleet.seq, summary(s)) for s in gone)
            state = pack(fleet.dump())
            self._base = await self._store.save_snapshot(
                fleet.seq, fleet.at, FOLD_VERSION, state, None, replay=self._replay
            )
            fleet.forget_changes()
            self._since_base = 0
        else:
            state = pack(fleet.dump(fleet.changed))
            await self._store.save_snapshot(fleet.seq, fleet.at, FOLD_VERSION, state, self._base, replay=self._replay)


async def rebuild(store: Store, reader: Reader, until: int, air: float = 0.01) -> int:
    """Fold the past once more in the order of places, keeping snapshots for replay; returns how many events.

    Needed after something was found that belongs before snapshots already taken. Leaves air between pages.
    """
    start = reader.snapshot(FOLD_VERSION, until)
    fleet = restore(start)
    keeper = Snapshots(store, fleet, replay=True)
    place = START if start is None else (fleet.at, fleet.seq)
    total = pending = 0
    while True:
        page = reader.page_between(place, until)
        if not page:
            break
        apply(reader, fleet, page)
        place = (page[-1].at, page[-1].seq)
        pending += len(page)
        # A state may be kept only between two times: an event at the same time may be on the next page.
        if pending >= FULL_EVERY // 10 and not reader.page_between(place, place[0]):
            await keeper.count(pending)
            pending = 0
        total += len(page)
        await asyncio.sleep(air)
    return total
