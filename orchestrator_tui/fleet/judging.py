"""Every session's status, kept up to date: judged anew only when something can have changed it.

The dashboard and the host both judge through here: what is on the screen is what is told as an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orchestrator_tui.fleet.conflicts import peers
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, next_change, status_of


class Judge:
    """Holds the statuses of one fleet."""

    def __init__(self, next_time: Callable[[Fleet, Session, int], int] = next_change) -> None:
        """`next_time` says until when time alone does not change what is asked of a status."""
        self._next_time = next_time
        self.statuses: dict[str, Status] = {}
        self._due: dict[str, int] = {}
        self._marks: dict[str, tuple[object, ...]] = {}
        """What others' conflicts take from a session, as it was when that was last looked at."""
        self._looking = False
        self._at = -1

    def update(
        self, fleet: Fleet, now: int, changed: Iterable[str], tree: dict[str, list[Session]], due: bool = True
    ) -> set[str]:
        """Judge what changed, what hangs below it, and (`due`) what time alone changes by now; returns who was judged.

        `tree` is `fleet.children()`: a sub-agent's state rests on its parent's process.
        """
        sessions, statuses = fleet.sessions, self.statuses
        looking = fleet.watch.looking(now)
        if looking != self._looking or now < self._at or self._at < 0:
            wanted = set(sessions)
        else:
            wanted = {name for name in changed if name in sessions}
            for name in list(wanted):
                if name in tree:
                    wanted.update(below.id for below in fleet.descendants(sessions[name], tree))
            # What one session writes may be in another one's way.
            told = [name for name in wanted if self._concerns_others(sessions[name])]
            wanted.update(name for name in peers(fleet, told, now) if name in sessions)
            if len(statuses) != len(sessions):
                wanted.update(name for name in sessions if name not in statuses)
            if due:
                wanted.update([name for name, at in self._due.items() if at <= now and name in sessions])
        self._looking, self._at = looking, now
        for name in wanted:
            session = sessions[name]
            statuses[name] = status_of(fleet, session, now)
            self._due[name] = self._next_time(fleet, session, now)
        for name in [name for name in statuses if name not in sessions]:
            del statuses[name], self._due[name]
            self._marks.pop(name, None)
        return wanted

    def _concerns_others(self, session: Session) -> bool:
        """Whether what happened to a session can change what is told of others that wrote where it did."""
        process, tree = session.process, session.worktree
        running = (
            (process.seen.pid, process.seen.started, process.gone_at) if process is not None else session.active_at
        )
        mark = (
            tree.edited_at, tree.seen_at, running, session.turn_open, session.parent, session.relation, session.title,
            session.region, session.seat,
        )  # fmt: skip
        if self._marks.get(session.id) == mark:
            return False
        self._marks[session.id] = mark
        return True
