"""A first picture of a large fleet: who is there, and nothing that nobody has looked at yet."""

from __future__ import annotations

from orchestrator_tui.fleet import MINUTE
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.ui.cells import short_line
from orchestrator_tui.ui.frame import Cell, Frame, region_of

ACTIVE = 24 * 60 * MINUTE
"""As in the frames that follow."""
NOT_YET = Status("fog", "ok", 0, "not looked at yet")


def unjudged(fleet: Fleet, now: int, words: str) -> Frame:
    """Everybody in fog, in the regions and seats in which the judged ones will stand."""
    regions: dict[str, list[Session]] = {}
    for session in fleet.sessions.values():
        helper = session.relation == "subagent" and session.parent in fleet.sessions
        if not helper and (session.last_at >= now - ACTIVE or session.pid is not None):
            name = short_line(session.region or session.project or session.client, 40)
            regions.setdefault(name, []).append(session)
    place = {name: number for number, name in enumerate(fleet.arranged.regions)}
    made = []
    for name, sessions in regions.items():
        sessions.sort(key=lambda s: (s.seat is None, s.seat or 0, s.started_at, s.id))
        begun = min(session.started_at for session in sessions)
        order = (name not in fleet.arranged.pinned, place.get(name, len(place)), begun, name)
        made.append((order, region_of(name, tuple([_cell(session, name) for session in sessions]))))
    made.sort(key=lambda part: part[0])
    count = sum(len(region.cells) for _, region in made)
    return Frame(
        now=now,
        regions=tuple([region for _, region in made]),
        counts={"fog": count},
        watching=fleet.watch.looking(now),
        watch_words=words,
    )


def _cell(session: Session, region: str) -> Cell:
    return Cell(
        id=session.id,
        name=short_line(session.title or session.place or session.id.partition(":")[2], 48),
        seat=short_line(session.place or "", 48),
        region=region,
        status=NOT_YET,
        model="?",
        tokens_per_minute=0,
        usd_per_minute=None,
        spark=(),
        helpers=(),
        spend=session.spend,
        relation=session.relation or "",
        parent=session.parent or "",
        number=session.seat or 0,
    )
