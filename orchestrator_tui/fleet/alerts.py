"""Alerts of a session as they were raised, and what was spent for nothing meanwhile."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui import events as ev

WASTEFUL = frozenset({"looping", "spinning", "stalled", "errored"})
"""What is spent in these states is waste."""
MAX_RECENT = 64
"""Responses of which the cost is remembered: a loop is found after it began."""
MAX_MUTED = 200


class OpenAlert(Struct):
    """A finding that calls for somebody."""

    status: str
    severity: str
    evidence: str
    since: int
    raised_at: int
    cost_then: int = 0
    """Nano-dollars of the session when it was raised."""
    told: int = 0
    """Nano-dollars spent since then when it was told last."""


class Alerts(Struct):
    """The open ones, and the waste so far."""

    open: dict[str, OpenAlert] = field(default_factory=dict)
    """By cause."""
    muted: dict[str, int] = field(default_factory=dict)
    """Causes that a person said are no trouble, and when."""
    snoozed_until: int = 0
    viewed_at: int | None = None
    wasted: int = 0
    """Nano-dollars."""
    wasted_tokens: int = 0
    counted_to: int = 0
    """Up to here waste has been counted."""
    recent: list[tuple[int, int, int]] = field(default_factory=list)
    """(time, nano-dollars, tokens) of the last responses."""

    @property
    def wasting(self) -> bool:
        """Whether what is spent now is spent for nothing, as far as is certain."""
        return any(alert.severity == "red" and alert.status in WASTEFUL for alert in self.open.values())

    def spent(self, at: int, cost: int, tokens: int) -> None:
        """A response was paid for."""
        self.recent.append((at, cost, tokens))
        del self.recent[:-MAX_RECENT]
        if self.wasting:
            self._waste(at, cost, tokens)

    def _waste(self, at: int, cost: int, tokens: int) -> None:
        self.wasted += cost
        self.wasted_tokens += tokens
        self.counted_to = max(self.counted_to, at)

    def raised(self, at: int, e: ev.AlertRaised, cost: int) -> None:
        """A finding is told for the first time; `cost` is what the session has cost so far."""
        self.open[e.cause] = OpenAlert(e.status, e.severity, e.evidence, e.since, at, cost)
        self._look_back(self.open[e.cause])

    def escalated(self, e: ev.AlertEscalated, cost: int) -> None:
        """It became worse."""
        alert = self.open.get(e.cause)
        if alert is not None:
            alert.status, alert.severity, alert.evidence = e.status, e.severity, e.evidence
            alert.told = cost - alert.cost_then
            self._look_back(alert)

    def _look_back(self, alert: OpenAlert) -> None:
        """What was spent since the finding began, before it was found, was waste too."""
        if alert.severity != "red" or alert.status not in WASTEFUL:
            return
        late = [spent for spent in self.recent if spent[0] > max(alert.since, self.counted_to)]
        for spent in late:
            self._waste(*spent)

    def mute(self, at: int, cause: str) -> None:
        """A person says that a cause is no trouble."""
        self.muted[cause] = at
        while len(self.muted) > MAX_MUTED:
            del self.muted[next(iter(self.muted))]
        self.open.pop(cause, None)
