"""A report without what looks like a secret: for documents that go to others."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator_tui.export.masking import mask
from orchestrator_tui.fleet.report.shapes import Report


def masked_report(report: Report) -> Report:
    """The same with every text from outside masked, before anything is cut to its length."""
    names = {
        name: replace(who, title=mask(who.title), project=mask(who.project), seat=mask(who.seat))
        for name, who in report.names.items()
    }
    groups = {key: [replace(group, name=mask(group.name)) for group in found] for key, found in report.groups.items()}
    tasks = [replace(task, title=mask(task.title), project=mask(task.project)) for task in report.success.tasks]
    alerts = [replace(alert, evidence=mask(alert.evidence)) for alert in report.alerts]
    return replace(
        report, names=names, groups=groups, success=replace(report.success, tasks=tasks), alerts=alerts
    )  # fmt: skip
