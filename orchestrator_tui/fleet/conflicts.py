"""Two sessions that get into each other's way: both edited one path within half an hour, or both write in one checkout.

A session counts with its sub-agents. Sessions of one family do not: a sub-agent and who it works for, a fork and what
it was forked from. Two forks of one session do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orchestrator_tui.fleet import MINUTE
from orchestrator_tui.fleet.told import said
from orchestrator_tui.fleet.words import Finding
from orchestrator_tui.fleet.worktree import WINDOW, Written, within
from orchestrator_tui.fleet.writers import ROOT, Place, Writers, writers_of

if TYPE_CHECKING:
    from orchestrator_tui.fleet.fleet import Fleet
    from orchestrator_tui.fleet.session import Session

QUIET = 10 * MINUTE
"""A session without a known process counts as live for this long after its last line."""


class Conflict(Struct, frozen=True):
    """What two sessions have both written to."""

    path: str | None
    """The file, absolute; None where they wrote to different files of one checkout."""
    root: str | None
    """The checkout; None where the host has not seen one."""
    other: str
    """The other session, sub-agents by who they work for."""
    at: int
    """Since when both did."""
    last: int
    """When the other one wrote last."""
    until: int
    """When it is over if nobody writes again and nobody is heard of."""


class Standing(Struct, frozen=True):
    """What others' conflicts take from one that wrote something."""

    lead: str
    shape: tuple[object, ...]
    """Another one when it may be in the way of others than before, wherever it wrote."""
    places: dict[str, int]
    """Where it wrote -> another number when it is there anew (`Wrote.places`)."""
    words: tuple[object, ...]
    """What is told of it, and when it wrote last."""
    turn: bool
    """Two sessions of one process are in each other's way only while both have a turn open."""
    silent_at: int


def conflicts(fleet: Fleet, now: int) -> dict[str, Conflict]:
    """Every session that is in a conflict at `now`, sub-agents with what they themselves wrote."""
    index = writers_of(fleet, now)
    names = {**index.by, **index.teams}
    found = ((name, conflict_of(fleet, fleet.sessions[name], now)) for name in names if name in fleet.sessions)
    return {name: conflict for name, conflict in found if conflict is not None}


def conflict_of(fleet: Fleet, session: Session, now: int) -> Conflict | None:
    """The conflict that a session is in, the longest one; one path comes before one checkout.

    A call costs as much as the session has paths; asked again before anything else happened, nothing.
    """
    index = writers_of(fleet, now)
    if session.id not in index:
        return None
    memo: dict[str, Any] = index.memo
    if session.id not in memo:
        memo[session.id] = _worst(fleet, index, session, now)
    found: Conflict | None = memo[session.id]
    return found


def _worst(fleet: Fleet, index: Writers, session: Session, now: int) -> Conflict | None:
    if not _live(fleet, session, now):
        return None
    lead = fleet.line(session)[-1]
    whole, root = session is lead, index.root_of(fleet, session.id)
    best: Conflict | None = None
    for path in index.paths_of(session.id):
        place = index.paths[path]
        if len(place.edits) == 1:
            continue
        mine = index.written(session, whole, place)
        # A conflict is no older than one's own part in it.
        if mine is None or (best is not None and mine.first > best.at):
            continue
        conflict = _between(fleet, session, lead, mine, place, path, root, now)
        if conflict is not None and (best is None or (conflict.at, path) < (best.at, best.path or "")):
            best = conflict
    if best is None and root is not None:
        mine = index.written(session, whole, index.roots[root])
        best = None if mine is None else _between(fleet, session, lead, mine, index.roots[root], None, root, now)
    return best


def _between(
    fleet: Fleet, session: Session, lead: Session, mine: Written, place: Place, path: str | None, root: str | None,
    now: int,
) -> Conflict | None:  # fmt: skip
    """What a session has in common with those that wrote to one place: with the one that has been at it longest."""
    for edit in place.ordered():
        if edit.lead is lead:
            continue
        theirs = edit.written
        over = min(mine.last, theirs.last) + WINDOW
        if over > now and _live(fleet, edit.session, now) and not _kin(fleet, lead, edit.lead):
            ends = min(over, _silent_at(fleet, session), _silent_at(fleet, edit.session))
            return Conflict(path, root, edit.lead.id, max(mine.first, theirs.first), theirs.last, ends)
    return None


def finding(fleet: Fleet, session: Session, now: int) -> Finding | None:
    """The badge (docs/contract.md §4)."""
    conflict = conflict_of(fleet, session, now)
    if conflict is None:
        return None
    who = name_of(fleet, conflict.other)
    what = conflict.path or conflict.root or ""
    if conflict.path is not None:
        root = conflict.root
        shown = what[len(root) + 1 :] if root is not None and within(what, root) else what
        words = said(now, f"{shown} was edited here and, ", conflict.last, f" ago, by {who}")
    else:
        words = said(now, f"{who} writes in the same checkout, ", conflict.last, f" ago: {what}")
    return Finding("conflict", "amber", conflict.at, words, f"conflict:{conflict.other}:{what}")


def changes_at(fleet: Fleet, session: Session, now: int) -> int | None:
    """When time alone ends the session's conflict; None where it has none."""
    conflict = conflict_of(fleet, session, now)
    return None if conflict is None else max(now + 1, conflict.until)


def name_of(fleet: Fleet, name: str) -> str:
    """How the one in the way is called."""
    other = fleet.sessions.get(name)
    return name if other is None else other.place or other.title or other.id


def newcomers(
    fleet: Fleet, name: str, old: Standing | None, new: Standing, known: Mapping[str, tuple[Conflict, str]], now: int
) -> set[str]:
    """All that wrote where one is anew, but for those in a conflict that is older than that; `known`: all conflicts."""
    index, found = writers_of(fleet, now), set[str]()
    before = old.places if old is not None else {}
    for key, number in new.places.items():
        place = index.place(key) if before.get(key) != number else None
        edit = place.edits.get(name) if place is not None else None
        if place is None or edit is None:
            continue
        first, on_path = edit.written.first, not key.startswith(ROOT)
        for edit in place.edits.values():
            for other in (edit.session.id, edit.lead.id):
                had = known.get(other)
                # The longest one counts, and one path comes before one checkout.
                if had is None or had[0].at >= first or (on_path and had[0].path is None):
                    found.add(other)
    return found


def peers(fleet: Fleet, names: Iterable[str], now: int) -> set[str]:
    """All that wrote where these did, they themselves too, and whom they work for."""
    index = writers_of(fleet, now)
    found: set[str] = set()
    for name in names:
        for place in index.places_of(fleet, name):
            for edit in place.edits.values():
                found |= {edit.session.id, edit.lead.id}
    return found


def housemates(fleet: Fleet, session: Session, now: int) -> set[str]:
    """Those of the peers that run in the same process."""
    one = session.process
    if one is None:
        return set()
    index = writers_of(fleet, now)
    found: set[str] = set()
    for place in index.places_of(fleet, session.id):
        for edit in place.edits.values():
            two = edit.lead.process
            if two is not None and (two.seen.pid, two.seen.started) == (one.seen.pid, one.seen.started):
                found |= {edit.session.id, edit.lead.id}
    return found


def standing(fleet: Fleet, session: Session, now: int) -> Standing | None:
    """What others' conflicts take from a session; None for one that wrote nothing lately."""
    index = writers_of(fleet, now)
    name = session.id
    if name not in index:
        return None
    lead, tree = fleet.line(session)[-1], session.worktree
    process, wrote = lead.process, index.by.get(name)
    running = (process.seen.pid, process.seen.started, process.gone_at) if process is not None else None
    silent_at = _silent_at(fleet, session)
    last = wrote and (wrote.mark, wrote.inside)
    return Standing(
        lead.id,
        (index.shape(name), running, session.parent, session.relation),
        wrote.places if wrote is not None else {},
        (last, tree.seen_at, silent_at, session.title, session.region, session.seat),
        session.turn_open,
        silent_at,
    )


# --- who belongs together ------------------------------------------------------------------------------------


def _kin(fleet: Fleet, a: Session, b: Session) -> bool:
    """Whether one descends from the other, or both are one process that does one thing at a time."""
    if (b.parent is not None and a.id in _above(fleet, b)) or (a.parent is not None and b.id in _above(fleet, a)):
        return True
    one, two = a.process, b.process
    if one is None or two is None or a.pid is None or a.pid != b.pid or one.seen.started != two.seen.started:
        return False
    return not (a.turn_open and b.turn_open)


def _above(fleet: Fleet, session: Session) -> set[str]:
    above: set[str] = set()
    parent = session.parent
    while parent is not None and parent not in above:
        above.add(parent)
        following = fleet.sessions.get(parent)
        parent = following.parent if following is not None else None
    return above


def _live(fleet: Fleet, session: Session, now: int) -> bool:
    lead = fleet.line(session)[-1]
    if lead.process is not None:
        return lead.process.gone_at is None
    return fleet.watch.always or now < _silent_at(fleet, session)


def _silent_at(fleet: Fleet, session: Session) -> int:
    """When silence alone makes it one that is over."""
    lead = fleet.line(session)[-1]
    if fleet.watch.always or lead.process is not None:
        return 1 << 62
    return max(lead.active_at, session.active_at) + QUIET
