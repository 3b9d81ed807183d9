"""Waste: what was spent while a session was stuck, from when it began, not from when it was found."""

from __future__ import annotations

import msgspec

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session

T0 = 1_000_000 * SECOND


def fold(*steps: tuple[int, ev.KnownBody]) -> Session:
    fleet = Fleet()
    for n, (second, body) in enumerate(steps):
        at = T0 + second * SECOND
        fleet.apply(ev.Event(n + 1, at, at, None, "log:a", body))
    again = Fleet()
    again.load(fleet.dump())
    assert again.sessions["log:a"] == fleet.sessions["log:a"]
    assert msgspec.msgpack.encode(again.sessions["log:a"])
    return again.sessions["log:a"]


def use(cost: int) -> ev.Usage:
    return ev.Usage(tokens=ev.Tokens(output=1), cost=cost)


def raised(severity: str, since: int, status: str = "looping") -> ev.AlertRaised:
    return ev.AlertRaised(
        cause="c", status=status, severity=severity, evidence="x", since=T0 + since * SECOND  # type: ignore[arg-type]
    )  # fmt: skip


WORSE = ev.AlertEscalated(cause="c", status="looping", severity="red", evidence="y")


def test_waste_counts_from_when_the_loop_began_once_it_is_certain() -> None:
    steps = [(0, use(1)), (10, use(10)), (20, use(100)), (21, raised("amber", 5))]
    assert fold(*steps).alerts.wasted == 0
    steps += [(30, use(1000)), (31, WORSE)]
    assert fold(*steps).alerts.wasted == 1110
    steps += [(40, use(10_000)), (41, ev.AlertCleared(cause="c")), (50, use(100_000))]
    assert fold(*steps).alerts.wasted == 11_110


def test_two_alerts_at_once_count_once() -> None:
    steps = [(10, use(10)), (11, raised("red", 5)), (20, use(100))]
    other = ev.AlertRaised(cause="d", status="errored", severity="red", evidence="x", since=T0)
    assert fold(*steps, (21, other), (30, use(1000))).alerts.wasted == 1110


def test_waiting_and_limits_are_no_waste() -> None:
    for status in ("waiting", "rate_limited", "dead"):
        assert fold((10, use(10)), (11, raised("red", 0, status)), (20, use(5))).alerts.wasted == 0


def test_what_a_person_calls_no_trouble_is_no_waste_from_then_on() -> None:
    steps = [(10, use(10)), (11, raised("red", 0)), (20, use(100)), (21, ev.Acknowledged(cause="c")), (30, use(1000))]
    session = fold(*steps)
    assert session.alerts.wasted == 110
    assert "c" in session.alerts.muted
