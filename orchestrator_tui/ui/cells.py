"""One session as the map shows it, made anew only when something of it changed."""

from __future__ import annotations

from copy import copy
from functools import lru_cache

from msgspec import Struct

from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line
from orchestrator_tui.ui.frame import Cell
from orchestrator_tui.ui.owner import UNKNOWN, Owner
from orchestrator_tui.ui.pace import STILL, Pace


class Part(Struct, frozen=True, gc=False):
    """What the totals hold of one session."""

    status: str
    spend: Spend
    wasted: int


class Seen(Struct):
    """What is known of one session, and until when."""

    session: Session
    order: tuple[object, ...]
    """Its place among the others, and what decides in which region it stands."""
    region: str
    helper: bool
    status: Status | None = None
    pace: Pace = STILL
    pace_due: int = 0
    """In seconds."""
    burnt: tuple[int, ...] = ()
    """The end of the curve that the pace was worked out from."""
    part: Part | None = None
    key: tuple[object, ...] = ()
    cell: Cell | None = None


def cell_of(
    seen: Seen,
    status: Status,
    helpers: tuple[str, ...],
    owner: Owner = UNKNOWN,
    heirs: tuple[tuple[str, str], ...] = (),
) -> Cell:
    """A session's cell; the one it had where nothing of it changed.

    `helpers` are the statuses of those at work; `heirs` (id, status) of what came from it.
    """
    session, pace = seen.session, seen.pace
    spend, since = session.spend, session.since_progress
    last = _last(session)
    key = (
        status, pace, helpers, session.title, session.place, session.model, seen.region, spend.requests, spend.tokens,
        spend.cost, session.context_tokens, session.window, since.requests, session.progress_at,
        session.alerts.viewed_at, _alert_at(session), len(session.steering.asks), session.pid is None, session.relation,
        owner, heirs, session.parent, session.seat, last, session.iterations,
    )  # fmt: skip
    if seen.cell is not None and seen.key == key:
        return seen.cell
    seen.key = key
    return Cell(
        id=session.id,
        name=short_line(session.title or session.place or session.id.partition(":")[2], 48),
        seat=short_line(session.place or "", 48),
        region=seen.region,
        status=status,
        model=short_line(session.model or "?", 40),
        tokens_per_minute=pace.rate.total,
        usd_per_minute=pace.rate.usd_per_minute if pace.rate.cost else None,
        spark=pace.spark,
        helpers=helpers,
        spend=session.spend,
        since_progress=copy(session.since_progress),
        progress_at=session.progress_at if session.progress_at is not None else session.started_at,
        alert_at=_alert_at(session),
        unseen=_unseen(session, status),
        context_tokens=session.context_tokens,
        context=_share(session),
        asks=len(session.steering.asks),
        alive=session.pid is not None,
        owner=owner,
        relation=session.relation or "" if session.relation != "subagent" else "",
        parent=session.parent or "" if session.relation != "subagent" else "",
        heirs=heirs,
        rounds=max(0, session.iterations or 0),
        number=session.seat or 0,
        last=short_line(last, 120),
        tokens=spend.tokens.total,
    )


def _last(session: Session) -> str:
    """The call that is open, else what is next on its list, else the last call that came back."""
    for call in session.calls.values():
        return _call(call.tool, call.arguments)
    for task in session.tasks.values():
        if task.status == "in_progress":
            return task.subject[:160]
    labels = session.trace.repeats.labels
    return labels[-1] if labels else ""


@lru_cache(2048)
def _call(tool: str, arguments: str) -> str:
    """A call as a person would say it: what is called, and what it is about."""
    return f"{tool} {subject(arguments)}"


def _alert_at(session: Session) -> int | None:
    return max((alert.raised_at for alert in session.alerts.open.values() if alert.severity == "red"), default=None)


def _unseen(session: Session, status: Status) -> bool:
    ended = session.ended_at
    if status.status != "finished" or ended is None or not session.turns:
        return False
    return session.alerts.viewed_at is None or session.alerts.viewed_at < ended


def _share(session: Session) -> float | None:
    used, window = session.context_tokens, session.window
    return min(1.0, used / window) if used is not None and window else None


@lru_cache(8192)
def short_line(text: str, limit: int) -> str:
    """`text.line` for names, of which there are few and which stay."""
    return line(text, limit)


def matches(cell: Cell, needle: str) -> bool:
    """Whether a filter shows a cell; `needle` is case-folded."""
    return any(
        needle in text.casefold() for text in (cell.name, cell.seat, cell.region, cell.model, cell.status.status)
    )
