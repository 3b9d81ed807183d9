"""The tables of a report: sums, tasks, waste, alerts, what decisions changed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator_tui.fleet.report.saying import clock, cost, count, rate, share, steps, used_cost
from orchestrator_tui.fleet.report.shapes import ENDINGS, AlertStory, Effect, Group, Report, Task, Used
from orchestrator_tui.fleet.report.tables import Column, Table
from orchestrator_tui.text import age, line

MOST = 200
"""Rows of a table; the JSON has all."""
TITLES = {
    "project": "By project",
    "model": "By model",
    "client": "By client",
    "loop": "By loop",
    "outcome": "By outcome",
}
BADGES = {
    "budget": "over budget", "context": "context nearly full", "conflict": "conflict", "unproven": "unproven",
}  # fmt: skip


def tables(report: Report) -> list[Table]:
    """All of them, in the order in which they are read."""
    return [
        *(_group(report, key) for key in TITLES),
        _waste(report),
        _tasks(report),
        _alerts(report),
        _decisions(report),
    ]


def _cut(table: Table) -> Table:
    if len(table.rows) <= MOST:
        return table
    return Table(
        table.id, table.title, table.columns, table.rows[:MOST], table.words, table.tones[:MOST], table.narrow,
        len(table.rows) - MOST,
    )  # fmt: skip


def _group(report: Report, key: str) -> Table:
    groups: Sequence[Group] = report.groups.get(key, [])
    rows = [
        (
            line(group.name, 60), cost(group.spend), share(group.spend.cost, report.total.cost),
            count(group.spend.tokens.total), str(group.spend.requests), str(group.sessions),
            age(group.busy) if group.busy is not None else "?",
        )
        for group in groups
    ]  # fmt: skip
    columns = (
        Column(key, "last"), Column("spent", "right", role="money"), Column("", "right", 3, "dim"),
        Column("tokens", "right", 1), Column("resp.", "right", 5), Column("sess.", "right", 4),
        Column("time", "right", 2, "dim"),
    )  # fmt: skip
    return _cut(
        Table(key, TITLES[key], columns, rows, "time at work: an estimate, pauses over 5 minutes left out", (), True)
    )


def _waste(report: Report) -> Table:
    rows = [
        (part.cause, used_cost(part.used), share(part.used.cost, report.total.cost), count(part.used.tokens),
         str(part.alerts))
        for part in report.waste
    ]  # fmt: skip
    columns = (
        Column("waste", "last"), Column("spent", "right", role="money"), Column("", "right", 3, "dim"),
        Column("tokens", "right", 1), Column("red", "right", 2),
    )  # fmt: skip
    words = "spent while such a finding was red, from when it began; amber is not counted"
    return Table("waste", "Waste by cause", columns, rows, words, ("bad",) * len(rows), True)


def _tasks(report: Report) -> Table:
    rows, tones = [], []
    for task in report.success.tasks:
        rows.append(_task(task))
        tones.append("good" if task.winner is not None else "bad")
    columns = (
        Column("goal"), Column("task", "last"), Column("project", rank=3), Column("tries", "right", 1),
        Column("winner", "right", role="money"), Column("all tries", "right", role="money"),
    )  # fmt: skip
    words = "a success is a task whose check passed; a task is a session and all that descends from it"
    return _cut(Table("success", "Cost per success", columns, rows, words, tuple(tones)))


def _task(task: Task) -> tuple[str, ...]:
    won = cost(task.winner_spend) if task.winner_spend is not None else "-"
    return (
        "reached" if task.winner is not None else "missed", line(task.title or task.root, 80),
        line(task.project, 30), str(task.tries), won, cost(task.spend),
    )  # fmt: skip


def name_of(report: Report, session: str | None) -> str:
    """A session as a row names it: its seat and title."""
    if session is None:
        return "-"
    who = report.names.get(session)
    if who is None:
        return line(session, 40)
    parts = [part for part in (who.seat, who.title) if part]
    return line(" ".join(parts) or session, 60)


def _alerts(report: Report) -> Table:
    verbs = {effect.decision.command_id: effect for effect in report.effects}
    rows, tones = [], []
    for alert in report.alerts:
        rows.append(_alert(report, alert, verbs.get(alert.ended_by or "")))
        tones.append("" if alert.false_alarm else "bad" if alert.red_at is not None else "amber")
    columns = (
        Column("finding"), Column("raised (UTC)", rank=2, role="dim"), Column("session", "last"),
        Column("noticed", "right", 1), Column("acted", "right"), Column("burned", "right", role="money"),
        Column("after red", "right", 3, "money"), Column("lasted", "right", 4, "dim"), Column("ended by"),
        Column("evidence", rank=6, role="dim"),
    )  # fmt: skip
    words = "≤ at most: no look is on record before the first act; burned: since the finding began"
    return _cut(Table("alerts", "Alerts", columns, rows, words, tuple(tones)))


def _finding(alert: AlertStory) -> str:
    """What was found: a badge is told by its cause, its status is what the session was else."""
    return BADGES.get(re.split("[: ]", alert.cause)[0], alert.status.replace("_", " "))


def _alert(report: Report, alert: AlertStory, ender: Effect | None) -> tuple[str, ...]:
    noticed = "?"
    if alert.noticed_at is not None:
        noticed = ("" if alert.noticed_exact else "≤") + age(alert.noticed_at - alert.raised_at)
    end = alert.ended_at if alert.ended_at is not None else report.looked
    if ender is not None and alert.ending == "decision":
        ending = f"{ender.decision.verb}, {'a person' if ender.by_person else 'a guard'}"
    else:
        ending = ENDINGS[alert.ending]
    return (
        f"{alert.severity} {_finding(alert)}", clock(alert.raised_at), name_of(report, alert.session),
        noticed, age(alert.acted_at - alert.raised_at) if alert.acted_at is not None else "-",
        used_cost(alert.burned), used_cost(alert.after_red) if alert.red_at is not None else "-",
        age(end - alert.since), line(ending, 40), line(alert.evidence, 60),
    )  # fmt: skip


def _decisions(report: Report) -> Table:
    rows, tones = [], []
    for effect in reversed(report.effects):
        rows.append(_decision(report, effect))
        outcome = effect.decision.outcome
        tones.append("good" if outcome == "done" else "bad" if outcome == "failed" else "")
    columns = (
        Column("decision"), Column("when (UTC)", rank=3, role="dim"), Column("by", rank=4),
        Column("session", "last"), Column("outcome", rank=5), Column("before", "right", role="money"),
        Column("after", "right", role="money"), Column("progress", "right", 1), Column("then", rank=2),
    )  # fmt: skip
    words = (
        "money a minute and steps of progress in the 10 minutes before and after, what came out of the session "
        "included; then: its status at the end of these, judged as if somebody had looked"
    )
    return _cut(Table("decisions", "What decisions changed", columns, rows, words, tuple(tones)))


def _decision(report: Report, effect: Effect) -> tuple[str, ...]:
    decision = effect.decision
    refused = decision.outcome == "refused"
    plain = Used()
    nothing = refused or (decision.session is None and effect.before.used == plain and effect.after.used == plain)
    progress = f"{steps(effect.before)} > {steps(effect.after)}" if effect.before.progress is not None else "?"
    return (
        line(decision.verb, 20), clock(decision.at), line(decision.actor or "?", 24),
        name_of(report, decision.session), decision.outcome or "under way",
        "-" if nothing else rate(effect.before), "-" if nothing else rate(effect.after),
        "-" if nothing else progress, (effect.status_after or "?").replace("_", " ") if not nothing else "-",
    )  # fmt: skip
