"""Times at which something of each name is due: who is due is found without a look at the others."""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class Timers:
    """One time for each name."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._queued: dict[str, int] = {}
        """Name -> the time at which the queue tells of it: its own one, or an earlier one."""
        self._queue: list[tuple[int, str]] = []

    def set(self, name: str, at: int) -> None:
        """A name is due then, instead of when it was."""
        self._at[name] = at
        queued = self._queued.get(name)
        if queued is None or at < queued:
            self._queued[name] = at
            heappush(self._queue, (at, name))
            if len(self._queue) > 64 + 4 * len(self._queued):
                # What a name was queued for before it became due sooner.
                self._queue = [(at, name) for name, at in self._queued.items()]
                heapify(self._queue)

    def sooner(self, name: str, at: int) -> None:
        """A name is due then, if it was not due before."""
        if at < self._at.get(name, at + 1):
            self.set(name, at)

    def drop(self, name: str) -> None:
        """A name is never due, and nothing of it is kept."""
        self._at.pop(name, None)
        self._queued.pop(name, None)

    def clear(self) -> None:
        """Nothing is ever due."""
        self._at.clear()
        self._queued.clear()
        self._queue.clear()

    def due(self, now: int) -> list[str]:
        """Whose time has come; from here on they have none."""
        found: list[str] = []
        queue = self._queue
        while queue and queue[0][0] <= now:
            at, name = heappop(queue)
            if self._queued.get(name) != at:
                continue
            del self._queued[name]
            wanted = self._at.get(name)
            if wanted is None:
                continue
            if wanted <= now:
                del self._at[name]
                found.append(name)
            else:
                self._queued[name] = wanted
                heappush(queue, (wanted, name))
        return found

    def __len__(self) -> int:
        """How many names have a time."""
        return len(self._at)
