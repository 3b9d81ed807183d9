"""`orc sessions`: the fleet as a table, now or as it stood at a time."""

from __future__ import annotations

import argparse

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import give_json, give_table, pick, say
from orchestrator_tui.cli.fleets import View, view
from orchestrator_tui.cli.shapes import quotas_json, session_json, spending_json, totals_json
from orchestrator_tui.cli.words import STYLES, money, short_id
from orchestrator_tui.clock import iso
from orchestrator_tui.fleet.quota import quotas
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import age, line
from orchestrator_tui.ui.draw.ink import GLYPHS, short

COLUMNS = (
    ("", "left"), ("status", "left"), ("since", "right"), ("session", "left"), ("project", "left"), ("title", "left"),
    ("model", "left"), ("tokens", "right"), ("out", "right"), ("cost", "right"), ("evidence", "last"),
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--all", action="store_true", help="everything stored, not only the last 24 hours")
    parser.add_argument("--at", metavar="TIME", help="as it stood then: ISO 8601, or a duration back such as 15m")
    parser.add_argument("--status", metavar="S", action="append", help="only these statuses; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object (schema orc.sessions/1)")


def run(args: argparse.Namespace) -> int:
    """Print the fleet."""
    place = paths.find()
    config.load(place.config)
    with Reader(place.database) as reader:
        seen = view(reader, place, args.at, args.all)
    if args.status:
        wanted = {name for text in args.status for name in text.split(",")}
        seen.sessions = [s for s in seen.sessions if seen.statuses[s.id].status in wanted]
    if args.json:
        give_json(
            {
                "schema": "orc.sessions/1",
                "at": iso(seen.at),
                "totals": totals_json(seen),
                "spending": spending_json(seen),
                "quotas": quotas_json(seen),
                "sessions": [session_json(seen, session) for session in seen.sessions],
            }
        )
        return 0
    give(seen)
    return 0


def give(seen: View) -> None:
    """Print a fleet for people: the table, and below it what it comes to."""
    give_table(COLUMNS, [_row(seen, session) for session in seen.sessions])
    total = seen.fleet.totals(seen.sessions)
    needs = sum(seen.statuses[s.id].needs_you for s in seen.sessions)
    say(
        f"{len(seen.sessions)} sessions, {needs} need you, {short(total.tokens.total)} tokens, "
        f"{total.requests} responses, {money(total) or '$0.00'}"
    )
    if seen.today.requests or seen.week.requests:
        parts = [f"today {money(seen.today) or '$0.00'}", f"this week {money(seen.week)}"]
        dear = sorted(seen.models.items(), key=lambda item: -item[1].cost)
        parts += [f"{line(pick(name), 30)} {money(spend)}" for name, spend in dear[:4]]
        say(", ".join(parts))
    for quota in quotas(seen.fleet.sessions.values(), seen.at):
        about = "about " if quota.estimated else ""
        ends = f", begins anew {iso(quota.resets_at)}" if quota.resets_at is not None else ""
        say(f"quota {line(f'{quota.client} {quota.name}', 40)} {quota.label}: {about}{quota.used_percent:.0f} %{ends}")
    if seen.note:
        say(seen.note)


def _row(seen: View, session: Session) -> list[tuple[str, str]]:
    status = seen.statuses[session.id]
    style = STYLES[status.severity]
    name = ("└ " if session.relation == "subagent" else "") + short_id(session.id)
    return [
        (GLYPHS[status.status], style),
        (status.status.replace("_", " "), style),
        (age(seen.at - status.since), "dim"),
        (name, ""),
        (line(pick(session.project), 18), ""),
        (line(pick(session.title, ""), 36), "bold"),
        (line(pick(session.model), 22), "dim"),
        (short(session.spend.tokens.total), ""),
        (short(session.spend.tokens.output), "dim"),
        (money(session.spend), ""),
        (line(status.evidence, 160), style),
    ]
