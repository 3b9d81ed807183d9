"""A session's relatives: whom it came from, what came from it, as a tree."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line

DEEP = 12
"""Generations."""
MOST = 200
"""Relatives that are looked at."""


class Kin(Struct, frozen=True):
    """One relative."""

    id: str
    name: str
    """Cleaned."""
    status: str
    relation: str
    """`subagent` `fork` `split` `escalation` `iteration`, or ""."""
    spend: Spend
    lasts: tuple[bool, ...]
    """For it and each of its elders below the root: whether it is the last of its siblings; () of the root."""
    current: bool = False


def kin_of(fleet: Fleet, session: Session, status: Callable[[Session], str]) -> list[Kin]:
    """The tree that a session stands in, from its eldest down; at most `MOST` of it."""
    children = fleet.children()
    root, seen = session, {session.id}
    while root.parent in fleet.sessions and root.parent not in seen and len(seen) < DEEP:
        root = fleet.sessions[root.parent]
        seen.add(root.id)
    out: list[Kin] = []
    known: set[str] = set()

    def put(one: Session, lasts: tuple[bool, ...]) -> None:
        if one.id in known or len(out) >= MOST or len(lasts) > DEEP:
            return
        known.add(one.id)
        name = line(one.title or one.place or one.id, 60)
        relation = one.relation or ""
        out.append(Kin(one.id, name, status(one), relation, one.spend, lasts, one.id == session.id))
        below = sorted(children.get(one.id, ()), key=lambda kid: (kid.started_at, kid.id))
        for number, kid in enumerate(below):
            put(kid, (*lasts, number == len(below) - 1))

    put(root, ())
    return out
