"""Budgets, forecasts and quotas: a crossing is told at once, a forecast only when two windows agree."""

from __future__ import annotations

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.budget import Level, budgets_of, forecast, level, listed_clients
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.quota import quotas
from orchestrator_tui.fleet.tokens import Spend

DOLLAR = 1_000_000_000
NOW = 1_000_000 * SECOND
HOUR = 3600 * SECOND


@pytest.mark.parametrize(("spent", "severity"), [(0, "ok"), (799, "ok"), (800, "amber"), (999, "amber"), (1000, "red")])
def test_amber_at_80_percent_red_at_100(spent: int, severity: str) -> None:
    assert Level(spent, 1000).severity == severity


def test_budgets_come_from_what_a_host_told_last() -> None:
    fleet = Fleet()
    settings: ev.Settings = {"budget.day": 300.0, "budget.session": 0.0, "budget.project/web": 5, "budget.project/*": 1}
    for n, told in enumerate(({"budget.day": 1.0}, settings)):
        fleet.apply(ev.Event(n + 1, NOW, NOW, None, None, ev.SettingsChanged(settings=told)))
    again = Fleet()
    again.load(fleet.dump())
    budgets = budgets_of(again.settings)
    assert (budgets.day, budgets.session) == (300 * DOLLAR, None)
    assert [budgets.project(name) for name in ("web", "api", None)] == [5 * DOLLAR, DOLLAR, DOLLAR]


@pytest.mark.parametrize("hostile", [True, -1, 0, "5", None, float("nan"), float("inf"), 1e300])
def test_a_hostile_limit_is_none(hostile: str | float | bool | None) -> None:
    assert budgets_of({"budget.day": hostile}).day is None


def test_one_expensive_call_is_no_alarm() -> None:
    used = Level(100 * DOLLAR, 300 * DOLLAR)
    midnight = NOW + 10 * HOUR
    calm, wild = 2 * DOLLAR / 3600, 100 * DOLLAR / 3600
    assert forecast(used, NOW, midnight, wild, calm).alarm is False  # type: ignore[union-attr]
    assert forecast(used, NOW, midnight, calm, wild).alarm is False  # type: ignore[union-attr]
    both = forecast(used, NOW, midnight, wild, wild)
    assert both is not None
    assert both.alarm
    assert both.at == NOW + 2 * HOUR
    assert forecast(used, NOW, midnight, 0, wild) is None
    assert forecast(Level(300, 300), NOW, midnight, wild, wild) is None


def test_without_a_budget_there_is_no_level() -> None:
    assert level(Spend(cost=5), None) is None
    assert level(Spend(cost=5, unpriced=2), 10) == Level(5, 10, 2)
    assert listed_clients({"prices.subscription": "claude,codex"}) == {"claude", "codex"}
    assert listed_clients({}) == frozenset()


def told(fleet: Fleet, session: str, at: int, *limits: ev.Limit, name: str = "") -> None:
    body = ev.QuotaUpdated(limits=limits, name=name)
    fleet.apply(ev.Event(fleet.seq + 1, at, at, None, session, body))


def test_the_newest_word_on_a_quota_holds_until_it_begins_anew() -> None:
    fleet = Fleet()
    five, week = 300, 10_080
    told(fleet, "codex:a", NOW - 50 * MINUTE, ev.Limit(10.0, five, NOW + HOUR))
    told(fleet, "codex:b", NOW - 10 * MINUTE, ev.Limit(62.0, five, NOW + HOUR), ev.Limit(18.0, week, NOW + 90 * HOUR))
    told(fleet, "claude:c", NOW - 7 * HOUR, ev.Limit(100.0))
    found = quotas(fleet.sessions.values(), NOW)
    assert [(q.client, q.label, q.used_percent) for q in found] == [("codex", "5h", 62.0), ("codex", "7d", 18.0)]
    # 62 % in 3 h 50 min leaves 2 h 21 min at this pace: longer than the window lasts.
    assert found[0].empty_at is None
    assert quotas(fleet.sessions.values(), NOW + 2 * HOUR)[0].label == "7d"


def test_a_quota_that_will_not_last_says_when_it_is_gone() -> None:
    fleet = Fleet()
    told(fleet, "codex:a", NOW, ev.Limit(50.0, 300, NOW + 4 * HOUR))
    (found,) = quotas(fleet.sessions.values(), NOW)
    assert found.empty_at == NOW + HOUR
    told(fleet, "codex:a", NOW, ev.Limit(1.0, 300, NOW + 299 * MINUTE))
    assert quotas(fleet.sessions.values(), NOW)[0].empty_at is None
