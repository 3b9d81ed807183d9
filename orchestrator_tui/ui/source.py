"""Where the dashboard gets the fleet from: the store, followed at its tail. It never holds a read open."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from orchestrator_tui.clock import Clock
from orchestrator_tui.events import Event
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.store import snapshots
from orchestrator_tui.store.load import apply, restore
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import age, line
from orchestrator_tui.ui.draw.ink import local_time
from orchestrator_tui.ui.frame import Money
from orchestrator_tui.ui.memory import building
from orchestrator_tui.ui.spent import Spent

SECOND = 1_000_000_000
LAST = 200
"""Events of the selected session that the inspector may show."""
PAGE = 500
"""Events that are read at once."""
FEW = 16
"""Events that are folded in before somebody else may have a turn: a few milliseconds."""
AT_START = 20
"""Pages that are folded in before there is anything to see; what came after them follows."""


class Sums(Protocol):
    """What was spent."""

    def refresh(self, now: int, seq: int) -> Money:
        """The sums at `now`; `seq` is the newest event's number."""


class Source(Protocol):
    """Where screens get the fleet from: the present (`Live`), or a time of the past (`replay.past.Past`)."""

    reader: Reader
    fleet: Fleet
    page: list[Event]

    @property
    def spent(self) -> Sums:
        """The sums of money."""

    @property
    def alive(self) -> bool:
        """Whether somebody would do what is asked."""

    def follow(self) -> bool:
        """Take in what came; whether there was anything."""

    def watch_words(self, now: int) -> str:
        """What to say of a host that does not look; "" while one does."""

    def host_runs(self) -> bool:
        """Whether a host holds the lock."""

    def proof(self, seqs: tuple[int, ...]) -> tuple[Event, ...]:
        """The events that prove a finding."""

    def last_events(self, session: str) -> list[Event]:
        """A session's last events."""

    def close(self) -> None:
        """Let go of the store."""


class Live:
    """The fleet at the tail of the store."""

    def __init__(self, paths: Paths, clock: Clock) -> None:
        """Open an existing store. Raises StoreError."""
        self.paths, self.clock = paths, clock
        self.reader = Reader(paths.database)
        self.fleet: Fleet = _restored(self.reader)
        self._evicted_at = self.fleet.at
        self.spent = Spent(self.reader)
        self._version = -1
        self.behind = True
        """More is stored than was folded in."""
        self._asked_at = 0
        self._host_alive, self._trouble = True, ""
        self._viewer = open_as_viewer(paths.viewers)
        self._proof: tuple[tuple[int, ...], tuple[Event, ...]] = ((), ())
        self.page: list[Event] = []
        """What `follow` folded in last."""
        self._last: tuple[str, list[Event]] = ("", [])
        """The session whose last events were asked for, and they."""
        for _ in range(AT_START):
            if not self.follow():
                break
        self.page = []

    def follow(self) -> bool:
        """Fold in what was appended, at most one page; whether there was anything."""
        for _ in self.following():
            pass
        return bool(self.page)

    def following(self) -> Iterator[None]:
        """The same, with pauses in which the fleet may be read; then `page` has what was folded in."""
        self.page = []
        version = self.reader.version()
        if version == self._version:
            return
        page = self.reader.after(self.fleet.seq, PAGE)
        for start in range(0, len(page), FEW):
            apply(self.reader, self.fleet, page[start : start + FEW])
            yield
        self.page = page
        self._keep(page)
        self.behind = len(page) == PAGE
        if not self.behind:
            # Only now is everything seen that this version holds.
            self._version = version
        self._let_go()

    def _let_go(self) -> None:
        """As the host's: what has long been over leaves the fold, looked for two dozen times in that while."""
        kept = snapshots.KEEP_IN_FOLD
        if self.fleet.at - self._evicted_at >= kept // 24:
            self._evicted_at = self.fleet.at
            self.fleet.evict(self.fleet.at - kept)

    def watch_words(self, now: int) -> str:
        """What to say of a host that does not look; "" while one does.

        A host that is gone is seen by its lock within a second; the last beat counts when the lock cannot be asked.
        """
        watch = self.fleet.watch
        if now - self._asked_at >= SECOND or now < self._asked_at:
            self._asked_at = now
            holder = holder_of(self.paths.host_lock)
            self._host_alive, self._trouble = holder is not None, holder.trouble if holder is not None else ""
        # A host that cannot store what it sees has not seen it.
        blind = not self._host_alive or bool(self._trouble)
        if blind and watch.beat_at is not None and watch.looking(now):
            watch.stop(watch.beat_at)
        if self._trouble:
            return f"the host cannot store anything: {line(self._trouble, 240)}"
        if watch.looking(now):
            return ""
        if watch.beat_at is None:
            return "no host has run yet"
        return f"host not running since {local_time(watch.beat_at)}, {age(now - watch.beat_at)}"

    @property
    def alive(self) -> bool:
        """Whether a host held the lock when that was last asked, within the last second."""
        return self._host_alive

    def host_runs(self) -> bool:
        """Whether a host holds the lock."""
        return holder_of(self.paths.host_lock) is not None

    def proof(self, seqs: tuple[int, ...]) -> tuple[Event, ...]:
        """The events that prove a finding; read from the store once."""
        if self._proof[0] != seqs:
            self._proof = (seqs, tuple(self.reader.numbered(seqs)) if seqs else ())
        return self._proof[1]

    def last_events(self, session: str) -> list[Event]:
        """The selected session's last events."""
        if self._last[0] != session:
            self._last = (session, self.reader.latest_of_session(session, LAST))
        return self._last[1]

    def _keep(self, page: list[Event]) -> None:
        """What was appended to the selected session; its events are read from the store but once."""
        session, events = self._last
        newest = events[-1].seq if events else 0
        more = [event for event in page if event.session == session and event.seq > newest]
        if more:
            self._last = (session, [*events, *more][-LAST:])

    def close(self) -> None:
        """Let go of the store; the host sees that nobody looks."""
        self.reader.close()
        if self._viewer >= 0:
            os.close(self._viewer)


def _restored(reader: Reader) -> Fleet:
    """The fleet as it was kept last."""
    with building():
        return restore(reader.snapshot(FOLD_VERSION))


def open_as_viewer(path: Path) -> int:
    """Hold a shared lock while a dashboard is open, so that the host stays; -1 when that cannot be had."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1
    # A host that tries the lock has it for microseconds: waiting for it is no wait.
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd
