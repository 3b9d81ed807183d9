"""Seats on the map: a session keeps its number for life, so that the eye learns where things are."""

from __future__ import annotations

from orchestrator_tui.events import SeatTaken
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session

PATIENCE = 5 * SECOND
SEATLESS = ("subagent", "iteration")
MAX_REGION = 40
"""Characters of a region's name."""


def unseated(fleet: Fleet, since: int) -> list[tuple[str, SeatTaken]]:
    """Seats for the sessions that need one: active since then or alive, their project known.

    Sub-agents and the rounds of a loop have none: they stand with whom they work for. The lowest number that is free in
    the region is taken; those that left the fold have left their seats.
    """
    waiting: list[Session] = []
    taken: dict[str, set[int]] = {}
    for session in fleet.sessions.values():
        if session.seat is not None:
            taken.setdefault(session.region or "", set()).add(session.seat)
        elif session.relation not in SEATLESS and (session.last_at >= since or session.pid is not None):
            # Its first lines may not say yet where it works; a seat is for life, so they are waited for.
            known = session.project is not None or fleet.at - session.started_at > PATIENCE
            waiting += [session] if known else []
    seats = []
    for session in sorted(waiting, key=lambda s: (s.started_at, s.id)):
        region = (session.project or session.client)[:MAX_REGION]
        used = taken.setdefault(region, set())
        number = next(n for n in range(1, len(used) + 2) if n not in used)
        used.add(number)
        seats.append((session.id, SeatTaken(region=region, number=number)))
    return seats
