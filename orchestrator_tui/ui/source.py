"""Where the dashboard gets the fleet from: the store, followed at its tail. It never holds a read open."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from orchestrator_tui.clock import Clock
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import apply, fleet_now
from orchestrator_tui.store.reader import PAGE, Reader
from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ink import local_time
from orchestrator_tui.ui.frame import Money
from orchestrator_tui.ui.spent import Spent

SECOND = 1_000_000_000
LAST = 200
"""Events of the selected session that the inspector may show."""


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
        self.fleet: Fleet = fleet_now(self.reader)
        self.spent = Spent(self.reader)
        self._version = self.reader.version()
        self._asked_at = 0
        self._host_alive = True
        self._viewer = open_as_viewer(paths.viewers)
        self._proof: tuple[tuple[int, ...], tuple[Event, ...]] = ((), ())
        self.page: list[Event] = []
        """What `follow` folded in last."""
        self._last: tuple[str, list[Event]] = ("", [])
        """The session whose last events were asked for, and they."""

    def follow(self) -> bool:
        """Fold in what was appended, at most one page; whether there was anything."""
        version = self.reader.version()
        if version == self._version:
            return False
        page = self.reader.after(self.fleet.seq)
        apply(self.reader, self.fleet, page)
        self.page = page
        self._keep(page)
        if len(page) < PAGE:
            # Only now is everything seen that this version holds.
            self._version = version
        return bool(page)

    def watch_words(self, now: int) -> str:
        """What to say of a host that does not look; "" while one does.

        A host that is gone is seen by its lock within a second; the last beat counts when the lock cannot be asked.
        """
        watch = self.fleet.watch
        if now - self._asked_at >= SECOND or now < self._asked_at:
            self._asked_at = now
            self._host_alive = holder_of(self.paths.host_lock) is not None
        if not self._host_alive and watch.beat_at is not None and watch.looking(now):
            watch.stop(watch.beat_at)
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


def open_as_viewer(path: Path) -> int:
    """Hold a shared lock while a dashboard is open, so that the host stays; -1 when that cannot be had."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1
    # A host that tries the lock has it for microseconds: waiting for it is no wait.
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd
