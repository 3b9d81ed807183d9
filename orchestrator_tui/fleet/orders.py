"""Commands as the fold knows them: what is under way and how long it can be undone, and how the last ones ended."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.hands import Hands

MAX_OPEN = 200
"""Commands under way that are kept; one that nobody ever answered falls out at last."""
MAX_ENDED = 32
QUIET = frozenset({"ingest", "view", "group", "arrange"})
"""Verbs that decide nothing about a session."""


class Order(Struct):
    """One command."""

    id: str
    at: int
    verb: str
    session: str | None
    actor: str = ""
    why: str = ""
    started_at: int | None = None
    undo_until: int | None = None
    committed: bool = False
    tree: list[ev.ProcessRef] = field(default_factory=list)
    done: int = 0
    total: int = 0
    note: str = ""
    ended_at: int | None = None
    outcome: str | None = None
    text: str = ""
    receipt: ev.Facts = field(default_factory=dict)

    def undoable(self, now: int) -> bool:
        """Whether a person can still take it back."""
        return self.ended_at is None and not self.committed and self.undo_until is not None and now < self.undo_until


class Orders(Struct):
    """Those under way, and the last that ended; each by its id, the oldest first."""

    open: dict[str, Order] = field(default_factory=dict)
    ended: dict[str, Order] = field(default_factory=dict)
    hands: Hands = field(default_factory=Hands)
    """Whose hand was on which session last."""

    def apply(self, at: int, body: Any) -> None:
        """Take up a `command.*` event; any other changes nothing."""
        self.hands.apply(at, body)
        if isinstance(body, ev.CommandRequested):
            if body.verb not in QUIET:
                session = body.arguments.get("session")
                name = session if isinstance(session, str) else None
                self.open[body.command_id] = Order(body.command_id, at, body.verb, name, body.actor, body.why)
                _bound(self.open, MAX_OPEN)
            return
        order = self.open.get(getattr(body, "command_id", ""))
        if isinstance(body, ev.CommandFollowed):
            ended = self.ended.get(body.command_id)
            if ended is not None:
                ended.receipt = {**ended.receipt, **body.receipt}
        elif order is None:
            return
        elif isinstance(body, ev.CommandStarted):
            order.started_at, order.undo_until, order.tree, order.note = at, body.until, body.tree, body.text
        elif isinstance(body, ev.CommandCommitted):
            order.committed = True
        elif isinstance(body, ev.CommandProgressed):
            order.done, order.total, order.note = body.done, body.total, body.note
        elif isinstance(body, ev.CommandEnded):
            order.ended_at, order.outcome, order.text, order.receipt = at, body.outcome, body.text, body.receipt
            order.tree = []
            about = body.receipt.get("session")
            order.session = order.session or (about if isinstance(about, str) else None)
            del self.open[order.id]
            self.ended[order.id] = order
            _bound(self.ended, MAX_ENDED)

    def of(self, session: str) -> list[Order]:
        """What is under way for a session."""
        return [order for order in self.open.values() if order.session == session]

    def last_undoable(self, now: int) -> Order | None:
        """The newest command that can still be taken back."""
        return next((order for order in reversed(self.open.values()) if order.undoable(now)), None)


def _bound(orders: dict[str, Order], most: int) -> None:
    while len(orders) > most:
        del orders[next(iter(orders))]
