"""The report as `orc report --json` gives it: unknown is null, every sum says its state."""

from __future__ import annotations

from typing import Any

from orchestrator_tui.cli.shapes import spend_json
from orchestrator_tui.clock import SECOND, iso
from orchestrator_tui.fleet.report.shapes import AlertStory, Effect, Report, Side, Task, Used
from orchestrator_tui.fleet.tokens import Spend

ASSUMPTION = (
    "each red alert of trouble that goes round for nothing (looping, spinning, stalled, errored) had been ended the "
    "moment it was told, and nothing that its session did until it ended was of use; false alarms are left out"
)


def report_json(report: Report) -> dict[str, Any]:
    """The whole report."""
    return {
        "schema": "orc.report/1",
        "at": iso(report.at),
        "since": iso(report.since),
        "asked_since": _time(report.asked_since),
        "totals": {**spend_json(report.total), **_doubts(report.total), "busy_s": _seconds(report.busy)},
        "groups": {
            key: [
                {"name": g.name, "sessions": g.sessions, "busy_s": _seconds(g.busy), **spend_json(g.spend)}
                for g in groups
            ]
            for key, groups in report.groups.items()
        },
        "waste": {
            **_used(report.wasted),
            "by_cause": [{"cause": w.cause, "alerts": w.alerts, **_used(w.used)} for w in report.waste],
        },
        "success": {
            "reached": report.success.reached,
            "tasks": [_task(task) for task in report.success.tasks],
            "winners": spend_json(report.success.winners),
            "all_tries": spend_json(report.success.tries),
            "winner_usd_per_success": _each(report.success.winners, report.success.reached),
            "usd_per_success": _each(report.success.tries, report.success.reached),
            "unchecked_tasks": report.success.unchecked,
            "unchecked": spend_json(report.success.unchecked_spend),
        },
        "alerts": [_alert(alert) for alert in report.alerts],
        "false_alarms": sum(alert.false_alarm for alert in report.alerts),
        "decisions": [effect_json(effect) for effect in report.effects],
        "waited_for_a_person_s": _seconds(report.waited),
        "acted_at_first_red": {**_used(report.first_red), "basis": "estimate", "assumption": ASSUMPTION},
        "curve": {
            "width_s": _seconds(report.width),
            "columns": [
                {
                    "at": iso(b.at), "cost_usd": b.cost / 1e9, "tokens": b.tokens, "threads": round(b.threads, 4),
                    "useful_threads": round(b.useful, 4), "waiting": round(b.waiting, 4),
                    "decisions": b.people, "guard_decisions": b.guards,
                }
                for b in report.bins
            ],
        },
        "notes": report.notes,
    }  # fmt: skip


def _time(at: int | None) -> str | None:
    return iso(at) if at is not None else None


def _seconds(span: int | None) -> float | None:
    return round(span / SECOND, 3) if span is not None else None


def _doubts(spend: Spend) -> dict[str, int]:
    return {"estimated_requests": spend.estimated, "local_requests": spend.local}


def _used(part: Used) -> dict[str, Any]:
    return {"cost_usd": part.usd, "cost_state": part.basis, "tokens": part.tokens}


def _each(spend: Spend, parts: int) -> float | None:
    return None if not parts or spend.cost_usd is None else spend.cost_usd / parts


def _task(task: Task) -> dict[str, Any]:
    return {
        "root": task.root,
        "title": task.title or None,
        "project": task.project or None,
        "tries": task.tries,
        "reached": task.winner is not None,
        "winner": task.winner,
        "winner_cost_usd": task.winner_spend.cost_usd if task.winner_spend is not None else None,
        "cost_usd": task.spend.cost_usd,
        "cost_state": task.spend.cost_state,
    }


def _alert(alert: AlertStory) -> dict[str, Any]:
    def after(at: int | None) -> float | None:
        return _seconds(at - alert.raised_at) if at is not None else None

    return {
        "session": alert.session,
        "status": alert.status,
        "severity": alert.severity,
        "cause": alert.cause,
        "evidence": alert.evidence,
        "since": iso(alert.since),
        "raised_at": iso(alert.raised_at),
        "red_at": _time(alert.red_at),
        "ended_at": _time(alert.ended_at),
        "ended_how": alert.ending,
        "ended_by": alert.ended_by,
        "noticed_after_s": after(alert.noticed_at),
        "noticed_basis": None if alert.noticed_at is None else "look" if alert.noticed_exact else "at most: first act",
        "acted_after_s": after(alert.acted_at),
        "acted": alert.acted or None,
        "acted_by": alert.acted_by or None,
        "burned": _used(alert.burned),
        "burned_after_red": _used(alert.after_red) if alert.red_at is not None else None,
        "false_alarm": alert.false_alarm,
    }


def effect_json(effect: Effect) -> dict[str, Any]:
    """A decision in short, with what came of it."""
    d = effect.decision
    return {
        "command_id": d.command_id,
        "command": d.verb,
        "at": iso(d.at),
        "session": d.session,
        "actor": d.actor or None,
        "person": effect.by_person,
        "outcome": d.outcome,
        **after_json(effect),
    }


def after_json(effect: Effect) -> dict[str, Any]:
    """What came of a decision: money and progress before and after, the status at the end."""
    about = effect.decision.session is not None and effect.decision.outcome != "refused"
    return {
        "before": _side(effect.before) if about else None,
        "after": _side(effect.after) if about else None,
        "status_after": effect.status_after,
        "evidence_after": effect.evidence_after,
        "heirs": list(effect.heirs),
    }


def _side(side: Side) -> dict[str, Any]:
    dollars = side.used.usd
    rate = dollars * 60 * SECOND / side.span if dollars is not None and side.span > 0 else None
    return {"seconds": _seconds(side.span), **_used(side.used), "usd_per_min": rate, "progress": side.progress}
