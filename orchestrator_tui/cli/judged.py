"""What a person says of sessions, asked of the host one by one: `ack`, `snooze`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import give_json, say
from orchestrator_tui.cli.asking import asked
from orchestrator_tui.cli.fleets import find_session
from orchestrator_tui.events import Settings
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader


def run_judgement(verb: str, names: Sequence[str], arguments: Settings, as_json: bool) -> int:
    """Ask for each; returns 1 when one was refused (docs/contract.md §2, `orc.command/1`)."""
    place = paths.find()
    with Reader(place.database) as reader:
        fleet = fleet_now(reader)
        sessions = [find_session(reader, fleet, name).id for name in names]
    failed = 0
    for session in sessions:
        ended = asyncio.run(asked(place, verb, {**arguments, "session": session}, f"orc {verb}"))
        failed += ended.outcome != "done"
        if as_json:
            give_json(
                {
                    "schema": "orc.command/1",
                    "command": verb,
                    "session": session,
                    "outcome": ended.outcome,
                    "text": ended.text or None,
                    "receipt": ended.receipt,
                }
            )
        else:
            words = ended.text or f"{ended.receipt.get('status') or ''}: {ended.receipt.get('evidence') or ''}"
            say(f"{verb} {session}: {ended.outcome}, {words}")
    return 1 if failed else 0
