"""The guard of escalations with a cap: when the money is used up, or progress is back, it steps down by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestrator_tui.clock import MINUTE
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.ladder import same_model
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.fleet.steering import Requested

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

WELL = 2 * MINUTE
"""For so long it must go well after progress was made."""
STUCK = frozenset({"looping", "spinning", "stalled", "errored"})
NANO = 1_000_000_000


class Due(NamedTuple):
    """A session that is to step down."""

    session: str
    asked_at: int
    """When it was escalated."""
    why: str


class Caps:
    """Looks after escalated sessions; each escalation is ended at most once."""

    def __init__(self, host: Host | None = None) -> None:
        self._host = host
        self._well: dict[tuple[str, int], int] = {}
        """(session, when it was escalated) -> since when it goes well."""
        self._done: set[tuple[str, int]] = set()

    def step(self, now: int) -> None:
        """Have what is due step down, beside the host's loop; call it every second."""
        host = self._host
        if host is None:
            return
        for due in self.due(host.fleet, now):
            if host.fleet.orders.of(due.session):
                # A person is at it; what is due then shows afterwards.
                continue
            self._done.add((due.session, due.asked_at))
            host.start(host.commands.decide("stepdown", due.session, {}, due.why))

    def due(self, fleet: Fleet, now: int) -> list[Due]:
        """Who is to step down now, and why; changes nothing in the fleet."""
        found, watched = [], set()
        for session in fleet.sessions.values():
            asked = session.steering.requested
            if asked is None or asked.wanted.direction != "up" or asked.wanted.cap_usd is None:
                continue
            key = (session.id, asked.at)
            watched.add(key)
            if key in self._done or not _can_step(session, asked):
                continue
            why = self._why(fleet, session, asked, now)
            if why:
                found.append(Due(session.id, asked.at, why))
        self._done &= watched
        self._well = {key: since for key, since in self._well.items() if key in watched}
        return found

    def _why(self, fleet: Fleet, session: Session, asked: Requested, now: int) -> str:
        cap, spent = asked.wanted.cap_usd or 0.0, session.spend.cost - asked.cost_at
        if spent >= round(cap * NANO):
            return f"${spent / NANO:.2f} since the escalation, its cap was ${cap:.2f}"
        key = (session.id, asked.at)
        back = session.progress_at is not None and session.progress_at > asked.at
        if not back or status_of(fleet, session, now).status in STUCK:
            self._well.pop(key, None)
            return ""
        since = self._well.setdefault(key, now)
        if now - since < WELL:
            return ""
        return f"progress is back for 2 minutes, ${spent / NANO:.2f} of the cap of ${cap:.2f} spent"


def _can_step(session: Session, asked: Requested) -> bool:
    """Whether it answers on the larger model, and is at work, or can change over without being asked anything."""
    wanted = asked.wanted
    if asked.answered is None:
        return False
    # A remapped name is an escalation, too; one that never came about is none.
    moved = not same_model(asked.answered, wanted.previous) or same_model(wanted.model, wanted.previous)
    return moved and session.pid is not None and (session.turn_open or session.steering.run is not None)
