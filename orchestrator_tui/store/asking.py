"""Asking the host for something: a command is an event like any other, and so is its answer (docs/architecture.md)."""

from __future__ import annotations

import uuid
from pathlib import Path

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import CommandRequested, Settings
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.writer import Store

DEADLINE = 10 * SECOND
"""A host that has not begun by then never will."""


def command(verb: str, arguments: Settings, actor: str, now: int) -> CommandRequested:
    """A request that expires by itself."""
    return CommandRequested(
        command_id=uuid.uuid4().hex, verb=verb, arguments=arguments, actor=actor, deadline=now + DEADLINE
    )


async def ask(database: Path, request: CommandRequested, now: int) -> int:
    """Append a request; returns its number: the answer comes after it. Raises StoreError."""
    async with Store.open(database) as store:
        (event,) = await store.append([Batch([Entry(None, request)])], now)
    return event.seq
