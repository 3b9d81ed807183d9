"""When a finding is told: once when it begins to call for somebody, again when it grows worse, and when it has gone.

Pure: the host appends what comes out of here. What is old when a host first sees it calls for nobody.
"""

from __future__ import annotations

from typing import Literal

from orchestrator_tui.events import AlertCleared, AlertEscalated, AlertRaised, KnownBody
from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status

WORTH = 1_000_000_000
"""Nano-dollars spent since it was told from which on a doubling is told again."""
_RANK = {"ok": 0, "amber": 1, "red": 2}


def news(session: Session, status: Status, first_look: int) -> list[KnownBody]:
    """What is to be told of a session now that it is judged so; a host looks since `first_look`."""
    cause = status.cause or status.status
    wanted = status.severity != "ok" and status.status != "fog"
    out: list[KnownBody] = [
        AlertCleared(cause=old, status=status.status) for old in session.alerts.open if not wanted or old != cause
    ]
    if not wanted:
        return out
    severity: Literal["amber", "red"] = "red" if status.severity == "red" else "amber"
    alert = session.alerts.open.get(cause)
    told = {"cause": cause, "status": status.status, "evidence": status.evidence}
    if alert is None:
        if _seen_live(session, first_look):
            out.append(AlertRaised(**told, severity=severity, since=status.since))
    elif _RANK[severity] > _RANK[alert.severity] or _doubled(session, cause):
        out.append(AlertEscalated(**told, severity=severity))
    return out


def _seen_live(session: Session, first_look: int) -> bool:
    """Whether anything of it happened while this host looked."""
    process = session.process
    return session.active_at >= first_look or (
        process is not None and max(process.at, process.gone_at or 0) >= first_look
    )  # fmt: skip


def _doubled(session: Session, cause: str) -> bool:
    """Whether as much again was spent as when it was told last."""
    alert = session.alerts.open[cause]
    grown = session.spend.cost - alert.cost_then
    return alert.status in WASTEFUL and grown >= max(WORTH, 2 * alert.told)
