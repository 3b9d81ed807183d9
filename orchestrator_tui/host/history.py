"""Reading much at once: parsed in a worker process, stored here, while live files are read in between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from orchestrator_tui.host.follow import Follow, Held, left_to_read
from orchestrator_tui.host.ingest import Ingest
from orchestrator_tui.host.reading import STEP_BYTES, Job, Step
from orchestrator_tui.host.worker import Worker, WorkerEnded

GROUP = 256
"""Files per call of the worker."""
FLIGHTS = 2
"""Calls under way: while one is stored the next is parsed."""

Progress = Callable[[int, int], Awaitable[None]]
"""Told (files done, files in all)."""

Flight = tuple[list[Follow], "asyncio.Future[bytes]"]


class History:
    """Reads what has long been on disk."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._worker = Worker()

    async def read(self, follows: Sequence[Follow], progress: Progress | None = None) -> None:
        """Read files to their ends; those that somebody else is reading are left to them."""
        mine = [follow for follow in follows if follow.behind and not follow.busy]
        # A document may speak of a session whose transcript is still to be read: transcripts first.
        mine.sort(key=lambda follow: (follow.ref.kind == "document", -follow.written_at))
        if sum(left_to_read(follow) for follow in mine) < STEP_BYTES:
            await self._ingest.read_on(mine)
            if progress is not None:
                await progress(len(mine), len(mine))
            return
        for follow in mine:
            follow.busy = True
        try:
            await self._fly(mine, progress)
        except WorkerEnded:
            # What it had read is not lost, only not stored yet.
            for follow in mine:
                follow.busy = False
            await self._ingest.read_on([follow for follow in mine if follow.behind])
        finally:
            for follow in mine:
                follow.busy = False

    async def _fly(self, mine: Sequence[Follow], progress: Progress | None) -> None:
        waiting = deque(mine)
        flights: deque[Flight] = deque()
        done = 0
        while waiting or flights:
            while waiting and len(flights) < FLIGHTS:
                flights.append(await self._launch(_take_some(waiting)))
            group, future = flights.popleft()
            left = await self._land(group, await self._worker.steps(future))
            # What the call did not finish goes on first: its file must be read in order.
            waiting.extendleft(reversed(left))
            done += len(group) - len(left)
            if progress is not None:
                await progress(done, len(mine))

    async def _launch(self, group: list[Follow]) -> Flight:
        now = self._ingest.clock.now()
        jobs = [Job(follow.ref, follow.checkpoint, now, follow.scanned) for follow in group]
        return group, await self._worker.submit(jobs)

    async def _land(self, group: list[Follow], steps: list[Step | None]) -> list[Follow]:
        """Store the steps of one call; returns the files that need another."""
        remaining = deque(group)
        held = Held()
        for step in steps:
            follow = remaining[0]
            if step is None or step.trouble:
                self._ingest.cannot(follow, step)
            else:
                await self._ingest.hold(held, follow, step)
            if step is None or not step.more:
                remaining.popleft()
        await self._ingest.store_held(held)
        await asyncio.sleep(self._ingest.air)
        return list(remaining)

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()


def _take_some(waiting: deque[Follow]) -> list[Follow]:
    """The next files for one call of the worker."""
    group: list[Follow] = []
    size = 0
    while waiting and len(group) < GROUP and size < 2 * STEP_BYTES:
        follow = waiting.popleft()
        size += left_to_read(follow)
        group.append(follow)
    return group
