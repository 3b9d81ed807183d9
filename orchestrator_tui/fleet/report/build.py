"""From what was gathered to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report import curves, groups
from orchestrator_tui.fleet.report.effects import MEASURED, Measured, effects
from orchestrator_tui.fleet.report.gather import Gathered
from orchestrator_tui.fleet.report.saying import stamp
from orchestrator_tui.fleet.report.shapes import AlertStory, Report, Used, Waste, Who
from orchestrator_tui.fleet.report.stories import stories
from orchestrator_tui.fleet.tokens import Spend


class Material(Struct):
    """Everything a report is made from."""

    at: int
    since: int
    asked_since: int | None
    looked: int
    gathered: Gathered
    decisions: list[Decision]
    """Of the period."""
    spends: dict[str, Spend]
    """What each session used in the period, from the roll-ups."""
    models: dict[str, tuple[Spend, int]]
    names: dict[str, Who]
    measured: dict[str, Measured] = field(default_factory=dict)
    """Decisions whose session was played again, by the command's id."""
    notes: list[str] = field(default_factory=list)


def build(material: Material) -> Report:
    """The report."""
    m, gathered = material, material.gathered
    total = Spend()
    for spend in m.spends.values():
        total.merge(spend)
    outcomes = groups.outcomes(m.spends, m.names, gathered, m.decisions)
    told = stories(gathered, m.decisions, m.names, m.looked)
    columns, width = curves.bins(gathered, told, m.decisions, m.names, m.since, m.at, m.looked)
    waste = [
        Waste(status, Used(sums.cost, sums.tokens, 0, sums.unpriced, sums.estimated), sums.alerts)
        for status, sums in sorted(gathered.wasted.items(), key=lambda item: -item[1].cost)
    ]
    wasted = Used()
    for part in waste:
        wasted = wasted.plus(part.used)
    return Report(
        m.at,
        m.since,
        m.asked_since,
        m.looked,
        total,
        groups.groups(m.spends, m.models, m.names, gathered, outcomes),
        sum(groups.busy_of(gathered, name) for name in gathered.spans),
        waste,
        wasted,
        groups.success(m.spends, m.names, gathered),
        told,
        effects(gathered, m.decisions, m.measured, m.names, m.since, m.at),
        columns,
        width,
        curves.waited(told, m.names, m.looked),
        first_red(gathered, told, m.looked),
        m.names,
        [*m.notes, *_notes(m, told)],
    )


def first_red(gathered: Gathered, told: Sequence[AlertStory], until: int) -> Used:
    """What was spent between the first red and the end of trouble that goes round for nothing."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for alert in told:
        if alert.red_at is None or alert.false_alarm or alert.status not in WASTEFUL:
            continue
        end = alert.ended_at if alert.ended_at is not None else until
        # What came at the very moment of the red could not be helped any more.
        spans.setdefault(alert.session, []).append((alert.red_at + 1, end + 1))
    total = Used()
    for name, parts in spans.items():
        for start, end in curves.merged(parts):
            if name in gathered.series:
                total = total.plus(gathered.series[name].between(start, end))
    return total


def _notes(material: Material, told: Sequence[AlertStory]) -> list[str]:
    """What is not on record."""
    notes = []
    unseen = sum(alert.noticed_at is None for alert in told)
    if unseen:
        notes.append(
            f"{unseen} of {len(told)} alerts: whether somebody looked is not on record; it is shown as unknown"
        )
    if material.looked < material.at and any(alert.ended_at is None for alert in told):
        notes.append(f"no host has looked since {stamp(material.looked)} UTC: what was open then is counted up to then")
    if material.gathered.lost_alerts:
        notes.append(f"the oldest {material.gathered.lost_alerts} alerts are left out")
    skipped = sum(
        d.verb in MEASURED and d.session is not None and d.started_at is not None
        and d.command_id not in material.measured
        for d in material.decisions
    )  # fmt: skip
    if skipped:
        notes.append(f"{skipped} decisions: progress and status afterwards are not worked out")
    if any(series.rough for series in material.gathered.series.values()):
        notes.append("of very long sessions the ends of stretches are not exact")
    return notes


def who_of(names: Mapping[str, Who], session: str | None) -> Who | None:
    """A session as the report names it."""
    return names.get(session) if session is not None else None
