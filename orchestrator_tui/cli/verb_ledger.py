"""`orc ledger`: every decision: who, when, why, on what evidence, at what price, with what outcome."""

from __future__ import annotations

import argparse
from typing import Any

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import Row, give_json, give_table
from orchestrator_tui.clock import SystemClock, iso, parse_time
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.store.reader import Reader

COLUMNS = (
    ("when (UTC)", "left"), ("who", "left"), ("what", "left"), ("session", "left"), ("outcome", "left"),
    ("cost then", "right"), ("why, and on what evidence", "last"),
)  # fmt: skip
STYLES = {"done": "green", "refused": "yellow", "failed": "red", "undone": "cyan"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--since", metavar="TIME", help="an ISO time, or how long ago: 15m, 2h, 3d; else everything")
    parser.add_argument("--json", action="store_true", help="one JSON object (schema orc.ledger/1)")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    now = SystemClock().now()
    since = parse_time(args.since, now) if args.since else 0
    with Reader(paths.find().database) as reader:
        made = [decision for decision in decisions(reader.commands(0)) if decision.at >= since]
    if args.json:
        give_json({"schema": "orc.ledger/1", "at": iso(now), "decisions": [_shape(decision) for decision in made]})
        return 0
    give_table(COLUMNS, [_row(decision) for decision in made])
    return 0


def _row(decision: Decision) -> Row:
    moment = decision.moment
    cost = "?" if moment is None or moment.cost_usd is None else f"${moment.cost_usd:.2f}"
    evidence = f"{moment.status}: {moment.evidence}" if moment is not None and moment.status else ""
    words = "; ".join(text for text in (decision.why, evidence, decision.text) if text)
    outcome = decision.outcome or "under way"
    return [
        (iso(decision.at)[:19].replace("T", " "), "dim"),
        (decision.actor or "?", ""),
        (decision.verb, "bold"),
        (decision.session or "", ""),
        (outcome, STYLES.get(outcome, "")),
        (cost, ""),
        (words, ""),
    ]


def _shape(decision: Decision) -> dict[str, Any]:
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
    }


def _time(at: int | None) -> str | None:
    return iso(at) if at is not None else None
