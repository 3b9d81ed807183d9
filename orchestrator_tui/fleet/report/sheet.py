"""A report as figures, curves and tables in words: what the screen, the terminal, Markdown and HTML all show.

Every string that came from outside is one cleaned line here.
"""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.fleet import MINUTE
from orchestrator_tui.fleet.report import sections
from orchestrator_tui.fleet.report.saying import basis_words, cost, count, medians, share, stamp, used_cost
from orchestrator_tui.fleet.report.shapes import Report, used
from orchestrator_tui.fleet.report.tables import Table
from orchestrator_tui.text import age

HOUR_MINUTES = 60


class Figure(Struct, frozen=True):
    """One number of the score."""

    label: str
    value: str
    words: str = ""
    """What it rests on."""
    tone: str = ""
    """`good`, `bad`, `money`, or "" for none."""


class Curve(Struct, frozen=True):
    """One line over the period."""

    title: str
    values: tuple[float, ...]
    peak: str
    """The highest value in words."""
    behind: tuple[float, ...] = ()
    """A second one behind it, never below it."""
    tone: str = ""


class Sheet(Struct, frozen=True):
    """Everything, in order."""

    title: str
    period: str
    figures: list[Figure]
    curves: list[Curve]
    begin: str
    end: str
    tables: list[Table]
    notes: list[str] = field(default_factory=list)


def sheet_of(report: Report) -> Sheet:
    """The sheet."""
    hours = (report.at - report.since) / MINUTE / HOUR_MINUTES
    asked = report.asked_since
    period = f"{stamp(report.since)} to {stamp(report.at)}, {age(report.at - report.since)}"
    if asked is not None and asked > report.since:
        period += f" (asked from {stamp(asked)}: sums are kept by quarters of an hour)"
    elif asked is not None and asked < report.since:
        period += ", nothing is on record before"
    return Sheet(
        "After-action report",
        period,
        [*_spent(report), *_success(report), *_trouble(report), *_people(report, hours)],
        _curves(report),
        stamp(report.since),
        stamp(report.at),
        sections.tables(report),
        report.notes,
    )


def _spent(report: Report) -> list[Figure]:
    total = used(report.total)
    sessions = sum(group.sessions for group in report.groups.get("client", []))
    return [
        Figure("spent", cost(report.total), basis_words(total), "money"),
        Figure("tokens", count(total.tokens), f"{total.requests} responses in {sessions} sessions"),
        Figure("agents at work", age(report.busy), "estimate: time between responses up to 5 minutes apart"),
    ]


def _success(report: Report) -> list[Figure]:
    found = report.success
    if not found.tasks:
        return [Figure("successes", "?", "no task had a check: what merely finished is not counted as one")]
    missed = len(found.tasks) - found.reached
    out = [
        Figure(
            "successes",
            f"{found.reached} of {len(found.tasks)}",
            f"tasks with a check; {missed} missed it, {found.unchecked} tasks had none",
            "good" if found.reached else "bad",
        )
    ]
    if found.reached:
        out.append(
            Figure("winners cost", cost(found.winners, found.reached), "each, the session that reached the goal alone")
        )
        out.append(
            Figure(
                "a success cost",
                cost(found.tries, found.reached),
                "each, all tries counted, the missed ones too",
                "money",
            )
        )
    else:
        out.append(Figure("a success cost", "?", f"none was reached; the tries cost {cost(found.tries)}", "bad"))
    return out


def _trouble(report: Report) -> list[Figure]:
    red = sum(alert.red_at is not None for alert in report.alerts)
    false = sum(alert.false_alarm for alert in report.alerts)
    seen = medians(a.noticed_at - a.raised_at for a in report.alerts if a.noticed_at is not None)
    looks = sum(a.noticed_exact for a in report.alerts)
    acts = medians(a.acted_at - a.raised_at for a in report.alerts if a.acted_at is not None)
    least = "at least " if report.wasted.unpriced else ""
    return [
        Figure(
            "wasted", used_cost(report.wasted), f"{least}{share(report.wasted.cost, report.total.cost)} of it, while "
            "red trouble went round for nothing", "bad" if report.wasted.cost else "",
        ),
        Figure("alerts", str(len(report.alerts)), f"{red} red; {false} called no trouble (false alarms)",
               "bad" if red else ""),
        Figure("noticed after", age(seen[0]) if seen else "?",
               f"median of {seen[1]}, {looks} by a look on record, else at most that" if seen
               else "no look is on record"),
        Figure("acted after", age(acts[0]) if acts else "?", f"median of {acts[1]}" if acts else "nobody acted"),
        Figure(
            "at the first red", f"~{used_cost(report.first_red).lstrip('~≥')} less" if report.first_red.cost else "-",
            "estimate: had each red trouble been ended at once, and had nothing of what came after it been of use",
            "money" if report.first_red.cost else "",
        ),
    ]  # fmt: skip


def _people(report: Report, hours: float) -> list[Figure]:
    mine = sum(effect.by_person and effect.decision.outcome != "refused" for effect in report.effects)
    refused = sum(effect.decision.outcome == "refused" for effect in report.effects)
    guards = len(report.effects) - sum(effect.by_person for effect in report.effects)
    average = sum(b.useful for b in report.bins) / max(1, len(report.bins))
    every = sum(b.threads for b in report.bins) / max(1, len(report.bins))
    return [
        Figure(
            "decisions", str(mine), f"{mine / hours:.1f} an hour; {guards} by guards, {refused} refused"
            if hours else "",
        ),
        Figure("waited for you", age(report.waited), "added up over sessions, since when each alert says"),
        Figure("useful threads", f"{average:.1f}", f"on average, of {every:.1f} at work (estimate)", "good"),
    ]  # fmt: skip


def _curves(report: Report) -> list[Curve]:
    bins = report.bins
    if not bins:
        return []
    width = age(report.width)
    top = max(b.cost for b in bins) / 1e9
    useful, threads = max(b.useful for b in bins), max(b.threads for b in bins)
    waits, acts = max(b.waiting for b in bins), max(b.people + b.guards for b in bins)
    return [
        Curve("money", tuple(b.cost / 1e9 for b in bins), f"${top:.2f} in {width}", tone="money"),
        Curve("useful threads, behind them all at work", tuple(b.useful for b in bins),
              f"{useful:.1f} of {threads:.1f}", tuple(b.threads for b in bins), "good"),
        Curve("waiting for you", tuple(b.waiting for b in bins), f"{waits:.1f}", tone="bad"),
        Curve("decisions, behind them guards'", tuple(float(b.people) for b in bins), f"{acts} in {width}",
              tuple(float(b.people + b.guards) for b in bins)),
    ]  # fmt: skip
