"""What was decided for a session, and what it asks that somebody can answer: how those events change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from orchestrator_tui import events as ev

if TYPE_CHECKING:
    from orchestrator_tui.fleet.session import Session

MAX_ASKS = 32
MAX_VERBS = 32


class Asked(Struct, frozen=True):
    """A permission that is waited for."""

    at: int
    asked: ev.PermissionAsked


class Requested(Struct):
    """Another model was asked for."""

    at: int
    wanted: ev.ModelRequested
    cost_at: int
    """What the session had cost by then, nano-dollars."""
    answered: str | None = None
    """The model of the first response after it; None until there is one."""


class Steering(Struct):
    """A session's part in it."""

    asks: dict[str, Asked] = field(default_factory=dict)
    """By the client's own id of the request, the oldest first."""
    confirmed: list[str] = field(default_factory=list)
    """Verbs that a person said yes to, for this session."""
    budget_usd: float | None = None
    """What this session may cost; None: what the settings say."""
    requested: Requested | None = None
    run: ev.Adopted | None = None
    """Under which shim of ours it runs, or ran last."""
    split: ev.SplitMade | None = None


def _asked(s: Session, at: int, e: ev.PermissionAsked) -> None:
    asks = s.steering.asks
    asks[e.request_id] = Asked(at, e)
    while len(asks) > MAX_ASKS:
        del asks[next(iter(asks))]


def _answered(s: Session, at: int, e: ev.PermissionAnswered) -> None:
    s.steering.asks.pop(e.request_id, None)


def _confirmed(s: Session, at: int, e: ev.Confirmed) -> None:
    if e.verb not in s.steering.confirmed and len(s.steering.confirmed) < MAX_VERBS:
        s.steering.confirmed.append(e.verb)


def _budget(s: Session, at: int, e: ev.BudgetSet) -> None:
    s.steering.budget_usd = e.usd


def _model(s: Session, at: int, e: ev.ModelRequested) -> None:
    s.steering.requested = Requested(at, e, s.spend.cost)


def _split(s: Session, at: int, e: ev.SplitMade) -> None:
    s.steering.split = e


def _adopted(s: Session, at: int, e: ev.Adopted) -> None:
    s.steering.run = e


HANDLERS: dict[type, Callable[[Session, int, Any], None]] = {
    ev.PermissionAsked: _asked,
    ev.PermissionAnswered: _answered,
    ev.Confirmed: _confirmed,
    ev.BudgetSet: _budget,
    ev.ModelRequested: _model,
    ev.SplitMade: _split,
    ev.Adopted: _adopted,
}
