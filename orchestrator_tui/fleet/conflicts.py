"""Two sessions that get into each other's way: both edited one path within half an hour, or both write in one checkout.

A session counts with its sub-agents. Sessions of one family do not: a sub-agent and who it works for, a fork and what
it was forked from. Two forks of one session do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from msgspec import Struct, field

from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.words import Finding
from orchestrator_tui.fleet.worktree import WINDOW, Written, within
from orchestrator_tui.text import age

if TYPE_CHECKING:
    from orchestrator_tui.fleet.fleet import Fleet
    from orchestrator_tui.fleet.session import Session

PACE = 10 * SECOND
"""Who wrote what is gathered anew this often, also when nobody wrote."""
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


class _Edit(Struct, frozen=True):
    session: Session
    lead: Session
    written: Written


class _Index(Struct):
    """Who wrote what within the window."""

    made: tuple[int, int, int, int]
    """What it was made of, as far as that can be told quickly."""
    asked: tuple[int, int, int] = (-1, -1, -1)
    """The moment at which it was found to be still right."""
    paths: dict[str, list[_Edit]] = field(default_factory=dict)
    roots: dict[str, list[_Edit]] = field(default_factory=dict)
    own: dict[str, list[str]] = field(default_factory=dict)
    """Session -> its paths; of a lead its sub-agents' too."""
    places: dict[str, str] = field(default_factory=dict)
    """The same -> the checkout it wrote in."""


def conflicts(fleet: Fleet, now: int) -> dict[str, Conflict]:
    """Every session that is in a conflict at `now`, sub-agents with what they themselves wrote."""
    index = _index(fleet, now)
    found = ((name, conflict_of(fleet, fleet.sessions[name], now)) for name in index.own if name in fleet.sessions)
    return {name: conflict for name, conflict in found if conflict is not None}


def conflict_of(fleet: Fleet, session: Session, now: int) -> Conflict | None:
    """The conflict that a session is in, the longest one; one path comes before one checkout.

    Who wrote what is gathered when somebody wrote; after that a call costs as much as the session has paths.
    """
    index = _index(fleet, now)
    paths = index.own.get(session.id)
    if paths is None or not _live(fleet, session, now):
        return None
    root = index.places.get(session.id)
    best: Conflict | None = None
    for path in paths:
        conflict = next(_between(fleet, session, index.paths[path], path, root, now), None)
        if conflict is not None and (best is None or (conflict.at, path) < (best.at, best.path or "")):
            best = conflict
    if best is None and root is not None:
        best = next(_between(fleet, session, index.roots[root], None, root, now), None)
    return best


def finding(fleet: Fleet, session: Session, now: int) -> Finding | None:
    """The badge (docs/contract.md §4)."""
    conflict = conflict_of(fleet, session, now)
    if conflict is None:
        return None
    other = fleet.sessions.get(conflict.other)
    who = conflict.other if other is None else other.place or other.title or other.id
    when = f"{age(now - conflict.last)} ago"
    what = conflict.path or conflict.root or ""
    if conflict.path is not None:
        root = conflict.root
        shown = what[len(root) + 1 :] if root is not None and within(what, root) else what
        words = f"{shown} was edited here and, {when}, by {who}"
    else:
        words = f"{who} writes in the same checkout, {when}: {what}"
    return Finding("conflict", "amber", conflict.at, words, f"conflict:{conflict.other}:{what}")


def changes_at(fleet: Fleet, session: Session, now: int) -> int | None:
    """When time alone ends the session's conflict; None where it has none."""
    conflict = conflict_of(fleet, session, now)
    return None if conflict is None else max(now + 1, conflict.until)


def peers(fleet: Fleet, names: Iterable[str], now: int) -> set[str]:
    """Who else is to be judged anew when something happened to these: all that wrote where they did."""
    index = _index(fleet, now)
    found: set[str] = set()
    for name in names:
        for path in index.own.get(name, ()):
            for edit in index.paths[path]:
                found |= {edit.session.id, edit.lead.id}
        root = index.places.get(name)
        if root is not None:
            for edit in index.roots[root]:
                found |= {edit.session.id, edit.lead.id}
    return found


# --- who wrote what ------------------------------------------------------------------------------------------


def _index(fleet: Fleet, now: int) -> _Index:
    asked = (fleet.seq, fleet.at, now // SECOND)
    index = _kept.get(fleet)
    if index is None or index.asked != asked:
        # Most of what happens writes nothing: sums tell that nobody did.
        edited = seen = 0
        for session in fleet.sessions.values():
            worktree = session.worktree
            edited += worktree.edited_at
            seen += worktree.seen_at
        made = (len(fleet.sessions), edited, seen, now // PACE)
        if index is None or index.made != made:
            index = _kept[fleet] = _made(fleet, now, made)
        index.asked = asked
    return index


def _made(fleet: Fleet, now: int, made: tuple[int, int, int, int]) -> _Index:
    index, floor = _Index(made), now // PACE * PACE - WINDOW
    for session in fleet.sessions.values():
        worktree = session.worktree
        if worktree.edited_at <= floor:
            continue
        lead = fleet.line(session)[-1]
        whose = {session.id, lead.id}
        known = worktree if worktree.seen is not None else lead.worktree
        seen, place = known.seen, known.place
        inside: Written | None = None
        for path, written in worktree.edits.items():
            if written.last <= floor:
                continue
            index.paths.setdefault(path, []).append(_Edit(session, lead, written))
            for name in whose:
                index.own.setdefault(name, []).append(path)
            # The checkout's name has no links in it, a path may: then the directory that was looked at tells.
            if seen is not None and (within(path, seen.root) or within(path, place)):
                inside = _joined(inside, written)
        if seen is not None and inside is not None:
            index.roots.setdefault(seen.root, []).append(_Edit(session, lead, inside))
            for name in whose:
                index.places.setdefault(name, seen.root)
    for edits in (*index.paths.values(), *index.roots.values()):
        edits.sort(key=lambda edit: (edit.written.first, edit.session.id))
    return index


def _joined(a: Written | None, b: Written) -> Written:
    return b if a is None else Written(min(a.first, b.first), max(a.last, b.last))


def _between(
    fleet: Fleet, session: Session, edits: list[_Edit], path: str | None, root: str | None, now: int
) -> Iterator[Conflict]:
    """What a session has in common with others in `edits`, all that was written to one place; the longest first."""
    lead = fleet.line(session)[-1]
    whole = session is lead
    mine: Written | None = None
    for edit in edits:
        if edit.session is session or (whole and edit.lead is lead):
            mine = _joined(mine, edit.written)
    for edit in edits:
        if mine is None or edit.lead is lead or not _live(fleet, edit.session, now) or _kin(fleet, lead, edit.lead):
            continue
        theirs = edit.written
        over = min(mine.last, theirs.last) + WINDOW
        if over > now:
            ends = min(over, _silent_at(fleet, session), _silent_at(fleet, edit.session))
            yield Conflict(path, root, edit.lead.id, max(mine.first, theirs.first), theirs.last, ends)


# --- who belongs together ------------------------------------------------------------------------------------


def _kin(fleet: Fleet, a: Session, b: Session) -> bool:
    """Whether one descends from the other, or both are one process that does one thing at a time."""
    if a.id in _above(fleet, b) or b.id in _above(fleet, a):
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


_kept: WeakKeyDictionary[Fleet, _Index] = WeakKeyDictionary()
"""The last index of each fleet: a memo, nothing of it is state."""
