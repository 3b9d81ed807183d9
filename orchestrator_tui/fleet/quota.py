"""What is left of subscriptions: the last word of any session of a client, and when it runs out."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.session import Session

STALE = 6 * 3600 * SECOND
"""Without a reset time, a word older than this says nothing about now."""


class QuotaLeft(Struct, frozen=True):
    """One window of one subscription."""

    client: str
    name: str
    used_percent: float
    window_minutes: int | None
    resets_at: int | None
    seen_at: int
    plan: str | None = None
    estimated: bool = False
    """It follows from a limit that was hit, not from a figure of the client's."""
    empty_at: int | None = None
    """When it is used up at the mean rate of this window so far; None: not before it begins anew, or unknown."""

    @property
    def label(self) -> str:
        """`5h`, `7d`; "" when the client does not say how long the window is."""
        minutes = self.window_minutes
        if not minutes:
            return ""
        return f"{minutes // 1440}d" if minutes % 1440 == 0 else f"{minutes // 60}h" if minutes >= 60 else f"{minutes}m"


def quotas(sessions: Iterable[Session], now: int) -> list[QuotaLeft]:
    """Every window that is known now, the fullest first; what has begun anew since it was told is left out."""
    newest: dict[tuple[str, str], tuple[int, Session]] = {}
    for session in sessions:
        for name, quota in session.quotas.items():
            key = (session.client, name)
            if quota.at >= newest.get(key, (-1, session))[0]:
                newest[key] = (quota.at, session)
    found = []
    for (client, name), (at, session) in newest.items():
        seen = session.quotas[name].seen
        for limit in seen.limits:
            if (limit.resets_at or at + STALE) <= now:
                continue
            found.append(
                QuotaLeft(
                    client, name, limit.used_percent, limit.window_minutes, limit.resets_at, at, seen.plan,
                    seen.estimated, _empty_at(limit.used_percent, limit.window_minutes, limit.resets_at, at),
                )
            )  # fmt: skip
    return sorted(found, key=lambda quota: (-quota.used_percent, quota.client, quota.window_minutes or 0))


def _empty_at(used: float, minutes: int | None, resets_at: int | None, seen_at: int) -> int | None:
    if used >= 100:
        return seen_at
    if not minutes or resets_at is None or used <= 0:
        return None
    began = resets_at - minutes * MINUTE
    # In the first minutes of a window a mean rate says nothing.
    if seen_at - began < minutes * MINUTE // 20:
        return None
    at = seen_at + int((seen_at - began) * (100 - used) / used)
    return at if at < resets_at else None
