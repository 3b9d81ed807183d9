"""The ledger: every decision with who, why, on what evidence, at what price, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.orders import QUIET


class Decision(Struct):
    """One command, whole."""

    seq: int
    at: int
    command_id: str
    verb: str
    actor: str
    why: str
    arguments: ev.Facts
    asker: ev.ProcessRef | None
    """The process that asked."""
    session: str | None = None
    moment: ev.Moment | None = None
    """How the session stood when it was decided."""
    started_at: int | None = None
    committed_at: int | None = None
    ended_at: int | None = None
    outcome: str | None = None
    """None while it is under way, or where a host ended in between and none has closed it yet."""
    text: str = ""
    receipt: ev.Facts = field(default_factory=dict)


def decisions(events: Iterable[ev.Event]) -> list[Decision]:
    """In the order in which they were asked; `events` are `command.*` in the order of their numbers."""
    made: dict[str, Decision] = {}
    for event in events:
        body = event.body
        if isinstance(body, ev.CommandRequested):
            if body.verb in QUIET:
                continue
            session = body.arguments.get("session")
            made[body.command_id] = Decision(
                event.seq,
                event.at,
                body.command_id,
                body.verb,
                body.actor,
                body.why,
                {k: v for k, v in body.arguments.items() if k not in ("session", "confirmed")},
                body.chain[0] if body.chain else None,
                session if isinstance(session, str) else None,
            )
            continue
        decision = made.get(getattr(body, "command_id", ""))
        if decision is None:
            continue
        if isinstance(body, ev.CommandStarted):
            decision.started_at, decision.moment = event.at, body.moment
        elif isinstance(body, ev.CommandCommitted):
            decision.committed_at = event.at
        elif isinstance(body, ev.CommandEnded):
            decision.ended_at, decision.outcome, decision.text = event.at, body.outcome, body.text
            decision.receipt, decision.moment = body.receipt, decision.moment or body.moment
            about = body.receipt.get("session")
            decision.session = decision.session or (about if isinstance(about, str) else None)
        elif isinstance(body, ev.CommandFollowed):
            decision.receipt = {**decision.receipt, **body.receipt}
    return list(made.values())
