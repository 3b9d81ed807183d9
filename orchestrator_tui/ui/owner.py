"""Who began a session: you, orc for you, a loop, a split or fork, another session; or nobody knows."""

from __future__ import annotations

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import fit

Owner = tuple[int, str]
"""(steps away from your own hand: 0 you, 1 orc for you, 2 a loop, 3 a split or fork, 4 another session; -1 unknown,
in words that fit a tile)"""
UNKNOWN: Owner = (-1, "?")
WIDEST = 14
"""Cells of the words."""
HEIRS = {"split": "split", "fork": "fork", "escalation": "goes on"}


def owner_of(session: Session, parent: Session | None) -> Owner:
    """Who began it; `parent` is the session that it came from, where the fleet knows it."""
    relation = session.relation
    if relation == "iteration" or (session.client == "loop" and relation is None):
        loop = parent if relation == "iteration" else session
        return 2, _words("loop", (loop.title or "") if loop is not None else "")
    if relation in HEIRS:
        return 3, _words(HEIRS[relation], _name(session, parent))
    if relation is not None or session.parent is not None:
        return 4, _words("by", _name(session, parent))
    if session.owned:
        return 1, "orc"
    # Whoever does not sit at it may be a script, a scheduler, a person elsewhere.
    return (0, "you") if session.interactive else UNKNOWN


def _name(session: Session, parent: Session | None) -> str:
    if parent is not None:
        return parent.place or parent.title or parent.id.partition(":")[2]
    return (session.parent or "").partition(":")[2]


def _words(what: str, name: str) -> str:
    return fit(line(f"{what} {name}".strip(), 64), WIDEST).rstrip()
