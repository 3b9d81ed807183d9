"""One living run, and what is needed to find out whether it is one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.clients.driving import Dialogue, Drive, Heard, Sent, Task, Unsupported
from orchestrator_tui.events import KnownBody
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.channel import Channel
from orchestrator_tui.host.owned.runs import Record, Run
from orchestrator_tui.text import line


class Live(Struct, eq=False):
    """A run whose client lives."""

    run: Run
    record: Record
    shim: runs.Shim
    session: str | None = None
    channel: Channel | None = None
    pending: list[KnownBody] = field(default_factory=list)
    """What was heard before the session was known."""
    task: asyncio.Task[None] | None = None


def drives() -> dict[str, Drive]:
    """How each client is driven; loaded when the first one is."""
    from orchestrator_tui.clients.drives import DRIVES

    return DRIVES


def drive_of(client: str) -> Drive:
    """How a client is driven. Raises Failed for one that cannot be."""
    known = drives()
    if client not in known:
        raise Failed(f"orc cannot start {line(client, 40)}; it can start {', '.join(sorted(known))}")
    return known[client]


async def close_channel(channel: Channel | None) -> None:
    """Let go of a channel that holds a connection."""
    close = getattr(channel, "close", None)
    if close is not None:
        await close()


def dialogue_of(drive: Drive, task: Task) -> Dialogue:
    """The other end of a client's channel; where it has none, one that says so."""
    try:
        return drive.dialogue(task)
    except Unsupported as error:
        return Mute(str(error))


class Mute:
    """A client that is only listened to, and of which nothing is understood."""

    def __init__(self, words: str) -> None:
        self._words = words

    def opening(self) -> list[bytes]:
        """Nothing is said to it."""
        return []

    def heard(self, line: bytes) -> Heard:
        """Its output is for its own reader; that there is some shows that it has begun."""
        return Heard(ready=bool(line.strip()))

    def say(self, text: str) -> Sent:
        """Raises Unsupported, as all that follow."""
        raise Unsupported(self._words)

    def interrupt(self) -> Sent:
        """Cannot be done."""
        raise Unsupported(self._words)

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        """Cannot be done."""
        raise Unsupported(self._words)

    def use(self, model: str | None, effort: str | None) -> Sent:
        """Cannot be done."""
        raise Unsupported(self._words)

    def end(self) -> Sent:
        """Cannot be done."""
        raise Unsupported(self._words)


def beside(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Something beside the loop; its failure is told, never swallowed."""
    task = asyncio.create_task(work)
    task.add_done_callback(_ended)
    return task


def say(text: str) -> None:
    """One line for the host's log, which may be on a disk that is full."""
    with suppress(OSError):
        print(f"orc host: {text}", file=sys.stderr, flush=True)


async def let_go(live: Live) -> None:
    """Hear a client no longer; it lives on."""
    if live.task is not None:
        live.task.cancel()
        await asyncio.gather(live.task, return_exceptions=True)
    await close_channel(live.channel)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        say(f"{type(error).__name__}: {error}")
