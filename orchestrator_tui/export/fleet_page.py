"""Frames of a stretch of time, for a page: one fold from its start to its end."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator_tui.clock import DAY
from orchestrator_tui.export.page import Page
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.store.load import apply, fleet_at
from orchestrator_tui.store.reader import Reader

FRAMES = 240
"""Instants of one page."""


def instants(start: int, end: int, frames: int = FRAMES) -> list[int]:
    """Evenly spread from `start` to `end`, both among them; each once."""
    if end <= start:
        return [end]
    count = max(2, frames)
    return sorted({start + (end - start) * n // (count - 1) for n in range(count)})


def fill(page: Page, reader: Reader, start: int, end: int, only: frozenset[str] | None = None) -> None:
    """Frames of the sessions in `only`, or of all that are on the map at each instant."""
    fleet = fleet_at(reader, start)
    place = (fleet.at, fleet.seq)
    for at in instants(start, end):
        apply(reader, fleet, reader.between(place, at))
        place = max(place, (fleet.at, fleet.seq))
        page.add(fleet, at, list(_shown(fleet, at, only)))


def _shown(fleet: Fleet, at: int, only: frozenset[str] | None) -> Iterator[Session]:
    for session in fleet.sessions.values():
        if session.id in only if only is not None else session.last_at >= at - DAY and session.relation != "subagent":
            yield session
