"""Who wrote what within the last half hour: kept per event, never gathered anew as long as time goes forwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from msgspec import Struct, field

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.worktree import WINDOW, Written, within

if TYPE_CHECKING:
    from orchestrator_tui.fleet.fleet import Fleet
    from orchestrator_tui.fleet.session import Session

PACE = 10 * SECOND
"""In such steps what was written leaves the window."""


ROOT = "\0"
"""No path begins so."""


class Edit(Struct, eq=False):
    """What one session wrote to one place."""

    session: Session
    lead: Session
    written: Written


class Place(Struct, eq=False):
    """A path, or a checkout, and all that wrote there."""

    edits: dict[str, Edit] = field(default_factory=dict)
    _ordered: list[Edit] | None = None

    def ordered(self) -> list[Edit]:
        """The longest at it first."""
        if self._ordered is None:
            self._ordered = sorted(self.edits.values(), key=lambda edit: (edit.written.first, edit.session.id))
        return self._ordered

    def put(self, session: Session, lead: Session, written: Written) -> None:
        """A session wrote here."""
        edit = self.edits.get(session.id)
        if edit is not None and edit.session is session and edit.written.first == written.first:
            edit.lead, edit.written = lead, written
        else:
            self.edits[session.id], self._ordered = Edit(session, lead, written), None

    def leave(self, name: str) -> None:
        """What a session wrote here is over."""
        del self.edits[name]
        self._ordered = None


class Wrote(Struct, eq=False):
    """What one session has in the index."""

    session: Session
    lead: Session
    mark: tuple[object, ...]
    edits: dict[str, Written]
    root: str | None
    inside: Written | None
    """What it wrote within its checkout, together."""
    places: dict[str, int]
    """Path, or `ROOT` and the checkout -> another number when it is there for the first time, or after a pause."""
    shape: int
    """Another number when that holds of all of them: it works for another one, or is another session."""


class Writers:
    """The index of one fleet."""

    def __init__(self) -> None:
        self.paths: dict[str, Place] = {}
        self.roots: dict[str, Place] = {}
        self.by: dict[str, Wrote] = {}
        self.teams: dict[str, set[str]] = {}
        """Lead -> who wrote for it, itself too."""
        self.memo: dict[str, object] = {}
        """What was asked of the fleet as it is at `moment`."""
        self.moment = (-1, -1)
        self.gathered = 0
        """Sessions looked into, for tests that count work."""
        self._kin: dict[str, tuple[str | None, str | None]] = {}
        """Every known session's parent and relation."""
        self._leave_at: list[tuple[int, str]] = []
        self._numbers = 0

    # --- asking -------------------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self.by or name in self.teams

    def _team(self, name: str) -> Iterable[str]:
        team = self.teams.get(name)
        return {*team, name} if team is not None else (name,)

    def paths_of(self, name: str) -> Iterator[str]:
        """The paths that a session wrote to; of a lead its sub-agents' too, some of them twice."""
        for one in self._team(name):
            wrote = self.by.get(one)
            if wrote is not None:
                yield from wrote.edits

    def root_of(self, fleet: Fleet, name: str) -> str | None:
        """The checkout that it wrote in; where its sub-agents wrote in others, the last one's."""
        found = {one: wrote.root for one in self._team(name) if (wrote := self.by.get(one)) is not None and wrote.root}
        if len(set(found.values())) > 1:
            return next(found[one] for one in reversed(fleet.sessions) if one in found)
        return next(iter(found.values()), None)

    def places_of(self, fleet: Fleet, name: str) -> Iterator[Place]:
        """Everywhere that it wrote."""
        for path in self.paths_of(name):
            yield self.paths[path]
        root = self.root_of(fleet, name)
        if root is not None:
            yield self.roots[root]

    def place(self, key: str) -> Place | None:
        """A place by its name in `Wrote.places`."""
        return self.roots.get(key[len(ROOT) :]) if key.startswith(ROOT) else self.paths.get(key)

    def written(self, session: Session, whole: bool, place: Place) -> Written | None:
        """What a session wrote to a place; `whole`: with all that work for it."""
        mine: Written | None = None
        for one in self._team(session.id) if whole else (session.id,):
            edit = place.edits.get(one)
            if edit is not None and (edit.session is session or edit.lead is session):
                mine = joined(mine, edit.written)
        return mine

    def shape(self, name: str) -> int:
        """A number that changes when a session may be in the way of others than before; 0 for who wrote nothing."""
        wrote = self.by.get(name)
        return wrote.shape if wrote is not None else 0

    # --- keeping ------------------------------------------------------------------------------------------

    def behind(self, fleet: Fleet, now: int) -> bool:
        """Whether there is anything to take up, or to let go of."""
        applied, moment = self.moment
        return applied != fleet.applied or moment // PACE != now // PACE or len(self._kin) != len(fleet.sessions)

    def follow(self, fleet: Fleet, now: int) -> None:
        """Take up what was folded in, and let go of what is too old at `now`."""
        sessions, names = fleet.sessions, fleet.unread
        fleet.unread = set()
        relinked = False
        if len(sessions) != len(self._kin):
            relinked = True
            for name in self._kin.keys() - sessions.keys():
                del self._kin[name]
                self._drop(name)
            names |= sessions.keys() - self._kin.keys()
        for name in names:
            session = sessions.get(name)
            if session is None:
                continue
            kin = (session.parent, session.relation)
            if self._kin.get(name) != kin:
                self._kin[name] = kin
                relinked = True
        for name in list(self.by) if relinked else ():
            if name not in names and fleet.line(sessions[name])[-1] is not self.by[name].lead:
                names.add(name)
        for name in list(names):
            # Whose checkout was not looked at is in its lead's.
            names |= self.teams.get(name, set())
        for name in names:
            if name in sessions:
                self._gather(fleet, sessions[name], now)
        floor = now // PACE * PACE - WINDOW
        while self._leave_at and self._leave_at[0][0] <= floor:
            name = heappop(self._leave_at)[1]
            if name in self.by:
                self.by[name].mark = ()
                self._gather(fleet, sessions[name], now)

    def _gather(self, fleet: Fleet, session: Session, now: int) -> None:
        """One session's part."""
        worktree, name, floor = session.worktree, session.id, now // PACE * PACE - WINDOW
        old = self.by.get(name)
        if worktree.edited_at <= floor:
            self._drop(name)
            return
        lead = fleet.line(session)[-1]
        known = worktree if worktree.seen is not None else lead.worktree
        last = next(reversed(worktree.edits.items()), None)
        mark = (worktree.edited_at, last, len(worktree.edits), known.seen_at, known.place)
        if old is not None and old.mark == mark and old.session is session and old.lead is lead:
            return
        self.gathered += 1
        seen, inside = known.seen, None
        edits = {path: written for path, written in worktree.edits.items() if written.last > floor}
        for path, written in edits.items():
            # The checkout's name has no links in it, a path may: then the directory that was looked at tells.
            if seen is not None and (within(path, seen.root) or within(path, known.place)):
                inside = joined(inside, written)
        root = seen.root if seen is not None and inside is not None else None
        new = Wrote(session, lead, mark, edits, root, inside, {}, old.shape if old is not None else 0)
        if old is None or old.lead is not lead or old.session is not session:
            self._numbers += 1
            new.shape = self._numbers
        self._number(old, new, now)
        self._put(old, new)
        if edits:
            heappush(self._leave_at, (min(written.last for written in edits.values()), name))
            if len(self._leave_at) > 64 + 8 * len(self.by):
                self._leave_at = sorted({(min(w.last for w in one.edits.values()), n) for n, one in self.by.items()})

    def _number(self, old: Wrote | None, new: Wrote, now: int) -> None:
        """Note where a session is anew."""
        self._numbers += 1
        before = old.places if old is not None else {}
        for path, written in new.edits.items():
            same = old is not None and path in old.edits and not _began_anew(old.edits[path], written, now)
            new.places[path] = before[path] if same else self._numbers
        if new.root is not None and new.inside is not None:
            key = ROOT + new.root
            same = old is not None and old.root == new.root and not _began_anew(old.inside, new.inside, now)
            new.places[key] = before[key] if same else self._numbers

    def _put(self, old: Wrote | None, new: Wrote) -> None:
        name = new.session.id
        if old is not None:
            for path in old.edits.keys() - new.edits.keys():
                _leave(self.paths, path, name)
            if old.root is not None and old.root != new.root:
                _leave(self.roots, old.root, name)
            if old.lead.id != new.lead.id:
                self._quit(old)
        if not new.edits:
            if old is not None:
                self._quit(old)
            self.by.pop(name, None)
            return
        for path, written in new.edits.items():
            self.paths.setdefault(path, Place()).put(new.session, new.lead, written)
        if new.root is not None and new.inside is not None:
            self.roots.setdefault(new.root, Place()).put(new.session, new.lead, new.inside)
        self.by[name] = new
        self.teams.setdefault(new.lead.id, set()).add(name)

    def _quit(self, wrote: Wrote) -> None:
        team = self.teams.get(wrote.lead.id)
        if team is not None:
            team.discard(wrote.session.id)
            if not team:
                del self.teams[wrote.lead.id]

    def _drop(self, name: str) -> None:
        old = self.by.get(name)
        if old is not None:
            self._put(old, Wrote(old.session, old.lead, (), {}, None, None, {}, 0))


def writers_of(fleet: Fleet, now: int) -> Writers:
    """The fleet's index, brought up to `now`."""
    index = _kept.get(fleet)
    moment = (fleet.applied, now)
    if index is not None and index.moment == moment:
        return index
    if index is None or now // PACE < index.moment[1] // PACE:
        # What has left the window may be in it at a time before.
        index = _kept[fleet] = Writers()
        fleet.unread = set(fleet.sessions)
    if index.behind(fleet, now):
        index.follow(fleet, now)
    index.moment = moment
    index.memo.clear()
    return index


def joined(a: Written | None, b: Written) -> Written:
    """From the first of two to the last."""
    return b if a is None else Written(min(a.first, b.first), max(a.last, b.last))


def _began_anew(old: Written | None, new: Written, now: int) -> bool:
    return old is None or old.first != new.first or (old.last + WINDOW <= now and old.last != new.last)


def _leave(places: dict[str, Place], key: str, name: str) -> None:
    place = places[key]
    place.leave(name)
    if not place.edits:
        del places[key]


_kept: WeakKeyDictionary[Fleet, Writers] = WeakKeyDictionary()
"""The index of each fleet: a memo, nothing of it is state."""
