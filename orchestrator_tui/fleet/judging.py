"""Every session's status, kept up to date: judged anew only when something can have changed it.

The dashboard and the host both judge through here: what is on the screen is what is told as an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.conflicts import (
    Conflict,
    Standing,
    conflict_of,
    housemates,
    name_of,
    newcomers,
    peers,
    standing,
)
from orchestrator_tui.fleet.fleet import WORKERS, Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, next_change, status_of
from orchestrator_tui.fleet.timers import Timers

JUST = 7 * SECOND // 10
"""What began at the very moment at which it was judged is judged again so soon."""
OFTEN = MINUTE
"""Where statuses are shown, a session with sub-agents is judged at least this often."""
SELDOM = 15 * MINUTE
"""The same of every other."""


def at_once() -> None:
    """No pause between two sessions."""


class Judge:
    """Holds the statuses of one fleet."""

    def __init__(self, shown: bool = False) -> None:
        """`shown`: what the statuses say is read, too; the ages in it are those of `Status.at`."""
        self._shown = shown
        self.statuses: dict[str, Status] = {}
        self._due = Timers()
        self._marks: dict[str, Standing] = {}
        """What others' conflicts take from a session, as it was when that was last looked at."""
        self._conflicts: dict[str, tuple[Conflict, str]] = {}
        """Who is in a conflict, as it was judged, and how the other is called."""
        self._rivals: dict[str, set[str]] = {}
        """Session -> whose conflict names it."""
        self._kids: dict[str, tuple[object, ...]] = {}
        """What a parent's status takes from a sub-agent."""
        self._looking = False
        self._since: int | None = None
        """Since when somebody looks, as it was when all were last judged."""
        self._at = -1

    def update(
        self, fleet: Fleet, now: int, changed: Iterable[str], tree: dict[str, list[Session]], due: bool = True,
        pause: Callable[[], None] = at_once,
    ) -> set[str]:  # fmt: skip
        """Judge what changed, what hangs on it, and (`due`) what time alone changes by now; returns who was judged.

        `tree` is `fleet.children()`: a sub-agent's state rests on its parent's process. Time may go back, in a replay:
        then `changed` are those that differ from what they were at the later time. `pause` is called between two.
        """
        sessions, statuses = fleet.sessions, self.statuses
        looking, since = fleet.watch.looking(now), fleet.watch.since
        back = now < self._at
        if looking != self._looking or self._at < 0 or (back and since != self._since):
            wanted = set(sessions)
            for name in wanted:
                self._stands(fleet, sessions[name], now)
                self._above(fleet, sessions[name])
        else:
            wanted = {name for name in changed if name in sessions}
            for name in list(wanted):
                session = sessions[name]
                if name in tree:
                    wanted.update(below.id for below in fleet.descendants(session, tree))
                if session.relation in WORKERS:
                    wanted.update(self._above(fleet, session))
            if len(statuses) != len(sessions):
                wanted.update(sessions.keys() - statuses.keys())
            if back:
                # Of the others, those of which time alone has made something else since.
                wanted.update(name for name in statuses if name in sessions and self._changed_since(fleet, name, now))
            elif due:
                wanted.update(name for name in self._due.due(now) if name in sessions)
            # What one session writes may be in another one's way.
            wanted |= self._in_the_way(fleet, wanted, now)
        self._looking, self._since, self._at = looking, since, now
        for name in wanted:
            pause()
            self._judge(fleet, sessions[name], now)
        if len(statuses) != len(sessions):
            for name in statuses.keys() - sessions.keys():
                self._forget(name)
        return wanted

    def _changed_since(self, fleet: Fleet, name: str, now: int) -> bool:
        """Whether a status that was judged at a later time may not hold yet."""
        at = next_change(fleet, fleet.sessions[name], now)
        if at <= self._at:
            return True
        self._due.set(name, self._capped(fleet, fleet.sessions[name], at, now))
        return False

    def _capped(self, fleet: Fleet, session: Session, at: int, now: int) -> int:
        """A rule that knows other times is still asked now and then, where its words are read."""
        return min(at, now + (OFTEN if fleet.kids(session) else SELDOM)) if self._shown else at

    def _judge(self, fleet: Fleet, session: Session, now: int) -> None:
        name = session.id
        status = self.statuses[name] = status_of(fleet, session, now)
        due = self._capped(fleet, session, next_change(fleet, session, now), now)
        if self._shown and status.since >= now:
            due = min(due, now + JUST)
        self._due.set(name, due)
        conflict = conflict_of(fleet, session, now)
        before = self._conflicts.get(name)
        if before is not None and (conflict is None or before[0].other != conflict.other):
            del self._conflicts[name]
            self._rivals.get(before[0].other, set()).discard(name)
        if conflict is not None:
            self._conflicts[name] = (conflict, name_of(fleet, conflict.other))
            self._rivals.setdefault(conflict.other, set()).add(name)

    def _forget(self, name: str) -> None:
        """A session left the fleet."""
        del self.statuses[name]
        self._due.drop(name)
        self._marks.pop(name, None)
        self._kids.pop(name, None)
        before = self._conflicts.pop(name, None)
        if before is not None:
            self._rivals.get(before[0].other, set()).discard(name)
        self._rivals.pop(name, None)

    # --- what one changes of others -----------------------------------------------------------------------

    def _above(self, fleet: Fleet, session: Session) -> list[str]:
        """Those for whom a sub-agent works, where what happened to it can change what is told of them."""
        above: list[str] = []
        one, budgeted = session, False
        while one.relation in WORKERS and one.parent in fleet.sessions and one.parent not in above:
            one = fleet.sessions[one.parent]
            above.append(one.id)
            budgeted = budgeted or fleet.budgets.one(one.steering.budget_usd) is not None
        if not above:
            return above
        done = None if session.turn_open else session.active_at
        used = (session.spend.cost, session.spend.unpriced) if budgeted else None
        mark = (session.turn_open, session.ended_at, done, session.parent, session.relation, used)
        if self._kids.get(session.id) == mark:
            return []
        self._kids[session.id] = mark
        return above

    def _stands(self, fleet: Fleet, session: Session, now: int) -> tuple[Standing | None, Standing | None]:
        """What others' conflicts took from a session, and what they take now."""
        mark = standing(fleet, session, now)
        old = self._marks.get(session.id) if mark is None else self._marks.pop(session.id, None)
        if mark is not None:
            self._marks[session.id] = mark
        elif old is not None:
            del self._marks[session.id]
        return old, mark

    def _in_the_way(self, fleet: Fleet, names: Iterable[str], now: int) -> set[str]:
        """Whose conflict is another one by what happened to these."""
        asked: set[str] = set()
        for name in names:
            session = fleet.sessions[name]
            old, new = self._stands(fleet, session, now)
            if old == new:
                continue
            for mark in (old, new):
                if mark is not None:
                    asked |= self._rivals.get(mark.lead, set())
                    asked.add(mark.lead)
            if new is None:
                continue
            if old is not None and (old.shape != new.shape or old.silent_at <= now):
                asked |= peers(fleet, [name], now)
                continue
            if old is None or old.places is not new.places:
                asked |= newcomers(fleet, name, old, new, self._conflicts, now)
            if old is not None and old.turn != new.turn:
                asked |= housemates(fleet, session, now)
        return {name for name in asked.difference(names) if name in fleet.sessions and self._differs(fleet, name, now)}

    def _differs(self, fleet: Fleet, name: str, now: int) -> bool:
        conflict, before = conflict_of(fleet, fleet.sessions[name], now), self._conflicts.get(name)
        if conflict is None or before is None:
            return (conflict is None) != (before is None)
        was, called = before
        if was.until != conflict.until:
            self._due.sooner(name, conflict.until)
        if name_of(fleet, conflict.other) != called:
            return True
        mark = (conflict.path, conflict.root, conflict.other, conflict.at, conflict.last)
        return mark != (was.path, was.root, was.other, was.at, was.last)
