"""How evidence is worded: what was spent, what a call is, how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from orchestrator_tui.fleet.marks import Mark
from orchestrator_tui.text import age

if TYPE_CHECKING:
    from orchestrator_tui.fleet.session import Session

StatusName = Literal[
    "dead", "orphaned", "errored", "paused", "waiting", "rate_limited", "looping", "spinning", "stalled",
    "tool_running", "thinking", "working", "finished", "fog",
]  # fmt: skip
BadgeName = Literal["context_nearly_full", "conflict", "unproven", "over_budget"]
Severity = Literal["ok", "amber", "red"]
RANK: dict[Severity, int] = {"ok": 0, "amber": 1, "red": 2}


class Finding(Struct, frozen=True, gc=False):
    """One thing that was found of a session, with what proves it."""

    name: StatusName | BadgeName
    severity: Severity
    since: int
    evidence: str
    """One line, not cleaned: it may quote what an agent wrote."""
    cause: str = ""
    """What it is about; the same as long as it is the same trouble."""
    lines: tuple[int, ...] = ()
    """`seq` of the events that show it: of a repetition the first of the equal ones and the last."""
    weight: int = 0
    """How often; among findings of one name the heaviest speaks."""


def spent_since(session: Session, mark: Mark) -> str:
    """What the session has used since a moment, as a person reads it: `$0.42`, `12k tokens` where there is no price."""
    spend = session.spend
    cost, tokens = spend.cost - mark.cost, spend.tokens.total - mark.tokens
    if cost > 0:
        # Part of it may have no price: then it is at least so much.
        least = "at least " if spend.unpriced > mark.unpriced else ""
        return f"{least}${cost / 1_000_000_000:.2f}"
    if tokens > 0 and spend.unpriced > mark.unpriced:
        return f"{short_count(tokens)} tokens"
    return ""


def short_count(number: int) -> str:
    """`950`, `12k`, `3.4M`."""
    if number < 1000:
        return str(number)
    if number < 1_000_000:
        return f"{number // 1000}k"
    return f"{number / 1_000_000:.1f}M"


def span_and_cost(session: Session, first: Mark, last: Mark) -> str:
    """`3m10s, $0.42 since`: from the first to the last, and what was spent since the first."""
    cost = spent_since(session, first)
    return f"{age(last.at - first.at)}{f', {cost} since' if cost else ''}"
