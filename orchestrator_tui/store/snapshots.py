"""When the fold's state is kept: in full, what changed since that, and, most often, what changed since those."""

from __future__ import annotations

import asyncio

from orchestrator_tui.clock import HOUR
from orchestrator_tui.events import Event
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.store.load import START, apply, restore, summary
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.states import Layer, layer_of
from orchestrator_tui.store.writer import Store

FULL_EVERY = 50_000
MIDDLE_EVERY = 5_000
DELTA_EVERY = 1_000
"""Events. A look back folds no more than so many, see docs/performance.md."""
KEEP_IN_FOLD = 24 * HOUR
"""Sessions that have been over for longer leave the fold."""


class Snapshots:
    """Keeps a fleet's state as it grows."""

    def __init__(self, store: Store, fleet: Fleet, *, replay: bool = False) -> None:
        """`replay`: the fleet is folded in the order of places (see `Store.save_snapshot`)."""
        self._store, self._fleet, self._replay = store, fleet, replay
        self._kept: list[tuple[int, Layer]] = []
        """The last full state and the last middle one on it, as they were stored, with their ids."""
        self._changed: list[set[str]] = [set(), set()]
        """Which sessions changed since each of them."""
        self._saving = asyncio.Lock()
        self._since = [0, 0, 0]
        """Events since a full state, since one of those in the middle, since any."""

    async def count(self, events: int) -> None:
        """So many events were folded in; keep the state when it is time."""
        self._since = [since + events for since in self._since]
        if self._since[2] >= DELTA_EVERY:
            await self.save()

    async def save(self, *, full: bool = False) -> None:
        """Keep the state now."""
        async with self._saving:
            if self._fleet.seq > 0:
                await self._keep(full)

    async def _keep(self, full: bool) -> None:
        fleet = self._fleet
        for changed in self._changed:
            changed |= fleet.changed
        fleet.forget_changes()
        if full or not self._kept or self._since[0] >= FULL_EVERY:
            await self._full()
        elif self._since[1] >= MIDDLE_EVERY:
            layer = layer_of(fleet, sorted(self._changed[0]), [self._kept[0][1]], {})
            made = await self._save(layer, self._kept[0][0])
            self._kept[1:] = [(made, layer)]
            self._changed[1].clear()
            self._since[1:] = [0, 0]
        else:
            below = [layer for _, layer in self._kept]
            await self._save(layer_of(fleet, sorted(self._changed[len(below) - 1]), below, {}), self._kept[-1][0])
            self._since[2] = 0

    async def _full(self) -> None:
        fleet = self._fleet
        gone = fleet.evict(fleet.at - KEEP_IN_FOLD)
        if gone and not self._replay:
            await self._store.save_summaries((s.id, fleet.seq, summary(s)) for s in gone)
        before = self._kept[0][1].packed if self._kept else {}
        known = {name: packed for name, packed in before.items() if name not in self._changed[0]}
        layer = layer_of(fleet, fleet.sessions, (), known)
        self._kept = [(await self._save(layer, None), layer)]
        for changed in self._changed:
            changed.clear()
        self._since = [0, 0, 0]

    async def _save(self, layer: Layer, base: int | None) -> int:
        seq, at = self._fleet.seq, self._fleet.at
        return await self._store.save_snapshot(seq, at, FOLD_VERSION, layer.pack(), base, replay=self._replay)


async def rebuild(store: Store, reader: Reader, until: int, air: float = 0.01, begin: tuple[int, int] = START) -> int:
    """Fold the past once more in the order of places, keeping snapshots for replay; returns how many events.

    Needed after something was found that belongs before snapshots already taken. Leaves air between pages. Where no
    state is kept yet it begins after the place `begin`.
    """
    start = reader.snapshot(FOLD_VERSION, until)
    fleet = restore(start)
    keeper = Snapshots(store, fleet, replay=True)
    place = begin if start is None else (fleet.at, fleet.seq)
    total = pending = 0
    while page := reader.page_between(place, until):
        place = (page[-1].at, page[-1].seq)
        last = not reader.page_between(place, place[0])
        for piece in pieces(page, DELTA_EVERY):
            apply(reader, fleet, piece)
            # A state may be kept only between two times: an event at the same time may be on the next page.
            if piece[-1] is not page[-1] or last:
                await keeper.count(pending + len(piece))
                pending = 0
            else:
                pending += len(piece)
        total += len(page)
        await asyncio.sleep(air)
    return total


def pieces(page: list[Event], size: int) -> list[list[Event]]:
    """A page in pieces of about so many events, each of which ends where a time does."""
    out: list[list[Event]] = []
    start = 0
    for index in range(1, len(page)):
        if index - start >= size and page[index].at != page[index - 1].at:
            out.append(page[start:index])
            start = index
    return [*out, page[start:]] if page else []
