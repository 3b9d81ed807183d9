"""One pass over the events of a period: what was used when, what was told, what was decided. Memory is bounded."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable

from msgspec import Struct

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.alerts import WASTEFUL, Alerts
from orchestrator_tui.fleet.report.shapes import PAUSE, Used

MAX_POINTS = 4096
"""Responses of one session that are told apart; of more, neighbours are taken together."""
MAX_ALERTS = 20_000
MAX_TOUCHES = 256
"""Looks and words of a person at one session."""
WANTED = (
    "usage", "usage.corrected", "usage.priced", "usage.moved", "alert.raised", "alert.escalated", "alert.cleared",
    "acknowledged", "viewed", "check", "session.ended", "command.requested", "command.started", "command.committed",
    "command.ended", "command.followed", "user.message",
)  # fmt: skip
"""Types that a report reads."""
ALERTS = ("alert.raised", "alert.escalated", "alert.cleared", "acknowledged")


class Series:
    """What one session used, response by response."""

    def __init__(self) -> None:
        self._at, self._cost, self._tokens = array("q"), array("q"), array("q")
        self._count, self._unpriced, self._estimated = array("i"), array("i"), array("i")
        self.rough = False
        self.unpriced = self.estimated = 0
        """Responses of it without a price, and with one that rests on a guess."""

    def add(self, at: int, cost: int, tokens: int, count: int, unpriced: int, estimated: int) -> None:
        """A response, or a correction; a session's times never go back."""
        if self._at and at < self._at[-1]:
            at = self._at[-1]
        self._at.append(at)
        self.unpriced += unpriced
        self.estimated += estimated
        for column, value in zip(self._columns, (cost, tokens, count, unpriced, estimated), strict=True):
            column.append(value)
        if len(self._at) > MAX_POINTS:
            self._halve()

    @property
    def _columns(self) -> tuple[array[int], ...]:
        return self._cost, self._tokens, self._count, self._unpriced, self._estimated

    def _halve(self) -> None:
        """Neighbours together, at the later one's time."""
        self.rough = True
        self._at = array("q", self._at[1::2]) if len(self._at) % 2 == 0 else array("q", [*self._at[1::2], self._at[-1]])
        for name in ("_cost", "_tokens", "_count", "_unpriced", "_estimated"):
            old = getattr(self, name)
            setattr(self, name, array(old.typecode, [sum(old[i : i + 2]) for i in range(0, len(old), 2)]))

    def between(self, start: int, end: int) -> Used:
        """What was used from `start` on and before `end`."""
        a, b = bisect_left(self._at, start), bisect_left(self._at, end)
        if a >= b:
            return Used()
        cost, tokens, count, unpriced, estimated = (sum(column[a:b]) for column in self._columns)
        return Used(cost, tokens, count, unpriced, estimated, self.rough)

    def points(self) -> list[tuple[int, int, int]]:
        """(time, nano-dollars, tokens)."""
        return list(zip(self._at, self._cost, self._tokens, strict=True))


class Told(Struct):
    """One alert as it was told."""

    session: str
    status: str
    severity: str
    cause: str
    evidence: str
    since: int
    raised_at: int
    red_at: int | None = None
    ended_at: int | None = None
    acknowledged: bool = False
    wasteful: bool = False
    """It was red and of a kind that spends for nothing."""


class Wasted(Struct):
    """Waste of one kind."""

    cost: int = 0
    tokens: int = 0
    alerts: int = 0
    unpriced: int = 0
    """Above 0: a session in it has responses without a price."""
    estimated: int = 0


class Checked(Struct):
    """How a session's last success criterion came out."""

    at: int
    ok: bool


class Gathered:
    """Takes events in the order of their numbers; what it knows afterwards is what `build` needs."""

    def __init__(self, since: int) -> None:
        """Events of `ALERTS` from before `since` may be taken first, then `begin` is called."""
        self.since = since
        self.last_at = 0
        self.first_at: int | None = None
        self.series: dict[str, Series] = {}
        self.spans: dict[str, list[tuple[int, int]]] = {}
        """Session -> stretches of work."""
        self.models: dict[str, int] = {}
        """Model -> time at work."""
        self.told: list[Told] = []
        self.lost_alerts = 0
        self.open: dict[tuple[str, str], Told] = {}
        self.wasted: dict[str, Wasted] = {}
        self.viewed: dict[str, list[int]] = {}
        self.words: dict[str, list[int]] = {}
        """Session -> when a person wrote to it while an alert was open."""
        self.checks: dict[str, Checked] = {}
        self.ends: dict[str, tuple[int, bool, str]] = {}
        """Session -> (time, error, the client's word)."""
        self.commands: list[ev.Event] = []
        self._alerts: dict[str, Alerts] = {}

    def begin(self) -> None:
        """The alerts from before the period have been taken: only those that are still open matter."""
        self.told = [told for told in self.told if told.ended_at is None]
        self.wasted.clear()
        for told in self.told:
            if told.wasteful:
                self.wasted.setdefault(told.status, Wasted()).alerts += 1
        self.first_at, self.lost_alerts = None, 0

    def alerted(self, session: str) -> bool:
        """Whether something is told of it at this point of the pass."""
        alerts = self._alerts.get(session)
        return alerts is not None and bool(alerts.open)

    def take(self, event: ev.Event) -> None:
        """One event."""
        body, at, name = event.body, event.at, event.session
        self.first_at = at if self.first_at is None else min(self.first_at, at)
        self.last_at = max(self.last_at, at)
        if name is None:
            if isinstance(body, ev.CommandRequested) and body.verb == "view":
                # A look was when it was asked to be noted; the host does that a little later.
                _note(self.viewed, str(body.arguments.get("session", "")), at)
            elif isinstance(body, _COMMANDS):
                self.commands.append(event)
            return
        match body:
            case ev.Usage():
                self._used(name, at, body)
            case ev.UsageMoved():
                self._changed(name, at, body.cost or 0, body.tokens.total, body.requests,
                              body.requests if body.cost is None else 0, body.requests * body.estimated)  # fmt: skip
            case ev.UsageCorrected():
                self._changed(name, at, body.cost, body.tokens.total, 0, body.unpriced, body.estimated)
            case ev.UsagePriced():
                self._changed(name, at, body.cost, 0, 0, -1, int(body.estimated))
            case ev.AlertRaised():
                self._raised(name, at, body)
            case ev.AlertEscalated():
                self._escalated(name, at, body)
            case ev.AlertCleared():
                self._alerts_of(name).open.pop(body.cause, None)
                self._closed(name, body.cause, at)
            case ev.Acknowledged():
                self._alerts_of(name).mute(at, body.cause)
                self._closed(name, body.cause, at, acknowledged=True)
            case ev.Viewed():
                _note(self.viewed, name, at)
            case ev.UserMessage():
                if self.alerted(name) and not body.synthetic and not body.replayed and not body.local:
                    _note(self.words, name, at)
            case ev.Check():
                self.checks[name] = Checked(at, body.ok)
            case ev.SessionEnded():
                self.ends[name] = (at, body.is_error, body.reason or "")
            case _:
                pass

    def _used(self, name: str, at: int, e: ev.Usage) -> None:
        total = e.tokens.total
        self._changed(name, at, e.cost or 0, total, 1, int(e.cost is None), int(e.estimated))
        spans = self.spans.setdefault(name, [])
        if spans and 0 <= at - spans[-1][1] <= PAUSE:
            gap = at - spans[-1][1]
            spans[-1] = (spans[-1][0], at)
            self.models[e.model or ""] = self.models.get(e.model or "", 0) + gap
        elif not spans or at > spans[-1][1]:
            spans.append((at, at))
        alerts = self._alerts.get(name)
        if alerts is None:
            alerts = self._alerts[name] = Alerts()
        self._waste(name, alerts, lambda: alerts.spent(at, e.cost or 0, total))

    def _changed(self, name: str, at: int, cost: int, tokens: int, count: int, unpriced: int, estimated: int) -> None:
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = Series()
        series.add(at, cost, tokens, count, unpriced, estimated)

    def _alerts_of(self, name: str) -> Alerts:
        return self._alerts.setdefault(name, Alerts())

    def _waste(self, name: str, alerts: Alerts, act: Callable[[], None]) -> None:
        """Do something that may count as waste, and book it on the trouble that is open."""
        cost, tokens = alerts.wasted, alerts.wasted_tokens
        act()
        if alerts.wasted == cost and alerts.wasted_tokens == tokens:
            return
        status = next((a.status for a in alerts.open.values() if a.severity == "red" and a.status in WASTEFUL), "other")
        sums = self.wasted.setdefault(status, Wasted())
        sums.cost += alerts.wasted - cost
        sums.tokens += alerts.wasted_tokens - tokens
        series = self.series.get(name)
        if series is not None:
            sums.unpriced |= series.unpriced > 0
            sums.estimated |= series.estimated > 0

    def _raised(self, name: str, at: int, e: ev.AlertRaised) -> None:
        alerts = self._alerts_of(name)
        self._waste(name, alerts, lambda: alerts.raised(at, e, 0))
        self._closed(name, e.cause, at)
        self._opened(Told(name, e.status, e.severity, e.cause, e.evidence, min(e.since, at), at,
                          at if e.severity == "red" else None))  # fmt: skip

    def _opened(self, told: Told) -> None:
        self.open[told.session, told.cause] = told
        self._reddened(told)
        self.told.append(told)
        if len(self.told) > MAX_ALERTS:
            del self.told[0]
            self.lost_alerts += 1

    def _reddened(self, told: Told) -> None:
        if told.severity == "red" and told.status in WASTEFUL and not told.wasteful:
            told.wasteful = True
            self.wasted.setdefault(told.status, Wasted()).alerts += 1

    def _escalated(self, name: str, at: int, e: ev.AlertEscalated) -> None:
        alerts = self._alerts_of(name)
        self._waste(name, alerts, lambda: alerts.escalated(e, 0))
        told = self.open.get((name, e.cause))
        if told is not None:
            told.status, told.severity, told.evidence = e.status, e.severity, e.evidence
            if e.severity == "red" and told.red_at is None:
                told.red_at = at
            self._reddened(told)

    def _closed(self, name: str, cause: str, at: int, acknowledged: bool = False) -> None:
        told = self.open.pop((name, cause), None)
        if told is not None:
            told.ended_at, told.acknowledged = at, acknowledged


_COMMANDS = (ev.CommandRequested, ev.CommandStarted, ev.CommandCommitted, ev.CommandEnded, ev.CommandFollowed)


def _note(into: dict[str, list[int]], name: str, at: int) -> None:
    times = into.setdefault(name, [])
    if len(times) < MAX_TOUCHES:
        times.append(at)


__all__ = ["ALERTS", "WANTED", "Checked", "Gathered", "Series", "Told", "Wasted"]
