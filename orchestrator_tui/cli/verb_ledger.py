"""`orc ledger`: every decision: who, when, why, on what evidence, at what price, and what came of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import Row, console, give_json, give_table, is_terminal
from orchestrator_tui.cli.fleets import check_host, find_session
from orchestrator_tui.cli.stretch import check_times
from orchestrator_tui.cli.writing.report_json import after_json
from orchestrator_tui.clock import SystemClock, iso, parse_time
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.saying import rate, steps, usd
from orchestrator_tui.fleet.report.sections import name_of
from orchestrator_tui.fleet.report.shapes import Effect, Report
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.reporting import report_of
from orchestrator_tui.text import age, line

COLUMNS = (
    ("when (UTC)", "left"), ("who", "left"), ("what", "left"), ("session", "left"), ("outcome", "left"),
    ("cost then", "right"), ("before", "right"), ("after", "right"), ("then", "left"),
    ("why, and on what evidence", "last"),
)  # fmt: skip
STYLES = {"done": "green", "refused": "yellow", "failed": "red", "undone": "cyan"}
NARROW = 140
"""Columns under which a decision takes several lines."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--since", metavar="TIME", help="an ISO time, or how long ago: 15m, 2h, 3d; else everything")
    parser.add_argument("--session", metavar="SESSION", help="only what was decided about this one")
    parser.add_argument("--json", action="store_true", help="one JSON object (schema orc.ledger/1)")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    now = SystemClock().now()
    since = parse_time(args.since, now) if args.since else None
    check_times(since, None, now)
    place = paths.find()
    with Reader(place.database) as reader:
        fleet = fleet_now(reader)
        check_host(fleet, place, now)
        only = find_session(reader, fleet, args.session).id if args.session else None
        report = report_of(reader, fleet, since, now, only)
    made = [
        effect
        for effect in report.effects
        if effect.decision.at >= (since or 0) and only in (None, effect.decision.session)
    ]
    if args.json:
        give_json({"schema": "orc.ledger/1", "at": iso(now), "decisions": [_shape(effect) for effect in made]})
    elif is_terminal() and os.get_terminal_size().columns < NARROW:
        out = console()
        for effect in made:
            for text, style in _lines(report, effect):
                out.print(line(text), style=style, soft_wrap=False)
    else:
        give_table(COLUMNS, [_row(report, effect) for effect in made])
    return 0


def _cost(decision: Decision) -> str:
    moment = decision.moment
    return "?" if moment is None or moment.cost_usd is None else usd(moment.cost_usd)


def _evidence(decision: Decision) -> str:
    moment = decision.moment
    return f"{moment.status.replace('_', ' ')}: {moment.evidence}" if moment is not None and moment.status else ""


def _row(report: Report, effect: Effect) -> Row:
    decision = effect.decision
    words = "; ".join(text for text in (decision.why, _evidence(decision), decision.text) if text)
    outcome = decision.outcome or "under way"
    about = decision.session is not None and outcome != "refused"
    return [
        (iso(decision.at)[:19].replace("T", " "), "dim"),
        (decision.actor or "?", ""),
        (decision.verb, "bold"),
        (decision.session or "", ""),
        (outcome, STYLES.get(outcome, "")),
        (_cost(decision), ""),
        (rate(effect.before) if about else "", ""),
        (rate(effect.after) if about else "", ""),
        ((effect.status_after or "?").replace("_", " ") if about else "", ""),
        (words, ""),
    ]


def _lines(report: Report, effect: Effect) -> Iterator[tuple[str, str]]:
    """A decision on several lines of any width; the console breaks what is too long."""
    decision = effect.decision
    outcome = decision.outcome or "under way"
    when = iso(decision.at)[:19].replace("T", " ")
    about = f" {name_of(report, decision.session)}" if decision.session is not None else ""
    yield f"{when}  {decision.verb}{about}: {outcome}", STYLES.get(outcome, "bold")
    asker = f" ({line(decision.asker.command, 60)})" if decision.asker is not None and decision.asker.command else ""
    yield f"  by {decision.actor or '?'}{asker}{', because ' + decision.why if decision.why else ''}", ""
    if evidence := _evidence(decision):
        yield f"  then {evidence}, {_cost(decision)} so far", "dim"
    if decision.text:
        yield f"  {decision.text}", "dim"
    if decision.session is not None and outcome != "refused":
        yield (
            f"  {age(effect.before.span)} before {rate(effect.before)}, progress {steps(effect.before)}; "
            f"{age(effect.after.span)} after {rate(effect.after)}, progress {steps(effect.after)}; "
            f"then {(effect.status_after or '?').replace('_', ' ')}",
            "",
        )


def _shape(effect: Effect) -> dict[str, Any]:
    decision = effect.decision
    moment, asker = decision.moment, decision.asker
    return {
        "seq": decision.seq,
        "at": iso(decision.at),
        "command_id": decision.command_id,
        "command": decision.verb,
        "session": decision.session,
        "actor": decision.actor or None,
        "process": {"pid": asker.pid, "command": asker.command} if asker is not None else None,
        "why": decision.why or None,
        "arguments": decision.arguments,
        "status": moment.status if moment is not None else None,
        "severity": moment.severity if moment is not None else None,
        "evidence": moment.evidence if moment is not None else None,
        "cost_usd": moment.cost_usd if moment is not None else None,
        "tokens": moment.tokens if moment is not None else None,
        "started_at": _time(decision.started_at),
        "committed_at": _time(decision.committed_at),
        "ended_at": _time(decision.ended_at),
        "outcome": decision.outcome,
        "text": decision.text or None,
        "receipt": decision.receipt,
        **after_json(effect),
    }


def _time(at: int | None) -> str | None:
    return iso(at) if at is not None else None
