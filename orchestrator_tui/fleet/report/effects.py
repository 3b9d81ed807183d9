"""What a decision changed: money and progress in the ten minutes before it and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from orchestrator_tui.fleet.fleet import WORKERS
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.gather import Gathered
from orchestrator_tui.fleet.report.shapes import WINDOW, Effect, Side, Used, Who
from orchestrator_tui.fleet.report.stories import by_person

HEIRS = frozenset({"split", "escalation", "fork"})
"""Relations of what goes on with a session's work beside it."""
MEASURED = frozenset({"kill", "escalate", "stepdown", "use", "split", "pause", "resume", "revive", "message"})
"""Verbs whose progress before and after is worked out by playing the session again."""


class Measured(Struct, frozen=True):
    """What playing a session again gave for one decision."""

    progress_before: int
    progress_after: int
    status: str
    """At the end of the time after."""
    evidence: str


def effects(
    gathered: Gathered,
    decisions: Iterable[Decision],
    measured: Mapping[str, Measured],
    names: Mapping[str, Who],
    since: int,
    until: int,
) -> list[Effect]:
    """Every decision of the period, in order."""
    kids: dict[str, list[Who]] = {}
    for who in names.values():
        if who.parent is not None and who.parent != who.id:
            kids.setdefault(who.parent, []).append(who)
    return [_effect(gathered, d, measured.get(d.command_id), names, kids, since, until) for d in decisions]


def span_of(decision: Decision, until: int) -> tuple[int, int, int]:
    """(begin, the decision, end) of the times compared; what follows counts from when it took hold."""
    turn = decision.started_at if decision.started_at is not None else decision.at
    return max(0, decision.at - WINDOW), turn, max(turn, min(until, turn + WINDOW))


def _effect(
    gathered: Gathered,
    decision: Decision,
    measured: Measured | None,
    names: Mapping[str, Who],
    kids: Mapping[str, list[Who]],
    since: int,
    until: int,
) -> Effect:
    begin, turn, end = span_of(decision, until)
    who = names.get(decision.session or "")
    born = who.started_at if who is not None else 0
    begin = min(turn, max(begin, since, born))
    workers, heirs = _family(decision.session, kids, decision.at)
    series = gathered.series
    before, after = Used(), Used()
    for name in workers:
        if name in series:
            before = before.plus(series[name].between(begin, turn))
            after = after.plus(series[name].between(turn, end))
    for name in heirs:
        if name in series:
            after = after.plus(series[name].between(turn, end))
    return Effect(
        decision,
        Side(turn - begin, before, measured.progress_before if measured is not None else None),
        Side(end - turn, after, measured.progress_after if measured is not None else None),
        by_person(decision),
        measured.status if measured is not None else None,
        measured.evidence if measured is not None else None,
        tuple(heirs),
    )


def _family(root: str | None, kids: Mapping[str, list[Who]], at: int) -> tuple[list[str], list[str]]:
    """(a session and those that work for it, what came out of it from `at` on and those that work for that)."""
    if root is None:
        return [], []
    workers, seen = [root], {root}
    heirs: list[str] = []
    queue = [(kid, False) for kid in kids.get(root, ())]
    while queue:
        who, heir = queue.pop()
        if who.id in seen or not (heir or who.relation in WORKERS or (who.relation in HEIRS and who.started_at >= at)):
            continue
        seen.add(who.id)
        heir = heir or who.relation in HEIRS
        (heirs if heir else workers).append(who.id)
        queue += [(kid, heir) for kid in kids.get(who.id, ())]
    return workers, heirs
