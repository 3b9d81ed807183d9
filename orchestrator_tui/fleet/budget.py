"""Budgets: how much of one is used, and until when it lasts at the present rate.

A crossing (80 %, 100 %) is a fact and is told at once. That money runs out too early is a forecast: it is told only
when a short and a long window agree, so that one expensive call is no alarm.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from orchestrator_tui.events import Settings
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.tokens import Spend

Severity = Literal["ok", "amber", "red"]
AMBER = 0.8
"""Share of a budget from which on it is told."""
NANO = 1_000_000_000
PROJECT = "budget.project/"


class Budgets(Struct, frozen=True):
    """What a person wants to spend at most, nano-dollars; None is no budget."""

    session: int | None = None
    """Per session, with its sub-agents."""
    day: int | None = None
    """The whole fleet, per day of this machine's time zone."""
    projects: dict[str, int] = field(default_factory=dict)
    """Per project and day; `*` is every project that is not named."""

    def one(self, own_usd: float | None) -> int | None:
        """What a session may cost: what was set for it, in dollars, else what all may."""
        return self.session if own_usd is None else int(own_usd * NANO) or None

    def project(self, name: str | None) -> int | None:
        """One project's budget for a day."""
        return self.projects.get(name or "", self.projects.get("*"))


class Level(Struct, frozen=True):
    """How much of a budget is used."""

    spent: int
    """Nano-dollars; a lower bound where `unpriced`."""
    limit: int
    unpriced: int = 0

    @property
    def share(self) -> float:
        """1.0 is all of it."""
        return self.spent / self.limit

    @property
    def severity(self) -> Severity:
        """Amber from 80 %, red from 100 % on."""
        return "red" if self.spent >= self.limit else "amber" if self.spent >= AMBER * self.limit else "ok"


def budgets_of(settings: Settings) -> Budgets:
    """The budgets among the settings that were last told (`settings.changed`)."""

    def limit(name: str) -> int | None:
        value = settings.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            return None
        return round(value * NANO)

    projects = {name.removeprefix(PROJECT): limit(name) for name in settings if name.startswith(PROJECT)}
    return Budgets(
        session=limit("budget.session"),
        day=limit("budget.day"),
        projects={name: value for name, value in projects.items() if value is not None},
    )


def listed_clients(settings: Settings) -> frozenset[str]:
    """The clients that are paid by subscription: their figures are what the API would have cost."""
    return frozenset(str(settings.get("prices.subscription") or "").split(",")) - {""}


def level(spend: Spend, limit: int | None) -> Level | None:
    """How much of a budget is used; None without one."""
    return Level(spend.cost, limit, spend.unpriced) if limit is not None else None


class Forecast(Struct, frozen=True):
    """When a budget is used up if the fleet goes on like this."""

    at: int
    """The time, nanoseconds."""
    alarm: bool
    """Both windows say that it is before the budget's own end."""


def forecast(used: Level, now: int, until: int, short: float, long: float) -> Forecast | None:
    """When `used` reaches its limit; None when nothing burns, or it is reached already.

    `short` and `long` are nano-dollars per second over the last 5 and 60 minutes, `until` is when the budget begins
    anew. The time told is that of the slower rate: what both windows agree on.
    """
    left = used.limit - used.spent
    if left <= 0 or short <= 0 or long <= 0:
        return None
    at = now + int(left / min(short, long) * SECOND)
    return Forecast(at, at < until)
