"""Asking the host for something: a command is an event like any other, and so is its answer (docs/architecture.md)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import CommandRequested, Facts, ProcessRef
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.writer import Store

DEADLINE = 10 * SECOND
"""A host that has not begun by then never will."""


def command(
    verb: str, arguments: Facts, actor: str, now: int, why: str = "", chain: Sequence[ProcessRef] = ()
) -> CommandRequested:
    """A request that expires by itself; `chain` is the process that asks and those above it."""
    return CommandRequested(
        command_id=uuid.uuid4().hex,
        verb=verb,
        arguments=arguments,
        actor=actor,
        deadline=now + DEADLINE,
        why=why,
        chain=list(chain),
    )


async def ask(database: Path, request: CommandRequested, now: int) -> int:
    """Append a request; returns its number: the answer comes after it. Raises StoreError."""
    async with Store.open(database) as store:
        (event,) = await store.append([Batch([Entry(None, request)])], now)
    return event.seq
