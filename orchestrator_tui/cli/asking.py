"""Asking the running host on behalf of a verb, and waiting for its answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import (
    CommandEnded,
    CommandProgressed,
    CommandRequested,
    CommandStarted,
    Facts,
)
from orchestrator_tui.host.control.callers import chain_of
from orchestrator_tui.host.lock import holder_of, ring
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import DEADLINE, ask, command
from orchestrator_tui.store.reader import Reader

Progress = Callable[[int, int], Awaitable[None]]
Told = Callable[[CommandStarted], None]


async def asked(
    place: Paths,
    verb: str,
    arguments: Facts,
    actor: str,
    progress: Progress | None = None,
    why: str = "",
    told: Told | None = None,
) -> CommandEnded:
    """The host's answer. Raises OrcError when no host answers; a refusal is an answer.

    Interrupted (Ctrl-C), it takes the command back where that is still possible, and waits for what came of it.
    """
    if holder_of(place.host_lock) is None:
        raise OrcError("no host is running that could do it; `orc host` starts one")
    now = SystemClock().now()
    request = command(verb, arguments, actor, now, why, chain_of(os.getpid()))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    if verb != "ingest":
        with suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(signal.SIGINT, stopped.set)
    try:
        return await _answer(place, request, now, progress, told, stopped)
    finally:
        with suppress(NotImplementedError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


async def _answer(
    place: Paths,
    request: CommandRequested,
    now: int,
    progress: Progress | None,
    told: Told | None,
    stopped: asyncio.Event,
) -> CommandEnded:
    # Before, too: what the host reads in bulk gives way.
    ring(place.doorbell)
    seq, begun, undoing = await ask(place.database, request, now), False, False
    ring(place.doorbell)
    with Reader(place.database) as reader:
        while True:
            for answer in reader.commands(seq):
                seq, body = answer.seq, answer.body
                if isinstance(body, CommandProgressed) and body.command_id == request.command_id:
                    begun = True
                    if progress is not None:
                        await progress(body.done, body.total)
                elif isinstance(body, CommandStarted) and body.command_id == request.command_id:
                    begun = True
                    if told is not None:
                        told(body)
                elif isinstance(body, CommandEnded) and body.command_id == request.command_id:
                    return body
            if holder_of(place.host_lock) is None:
                raise OrcError(f"the host ended before the {request.verb} was complete; run it again")
            if not begun and SystemClock().now() > now + 2 * DEADLINE:
                raise OrcError(f"the host does not answer; `orc host stop`, then run `orc {request.verb}` again")
            if stopped.is_set() and not undoing:
                undoing = True
                moment = SystemClock().now()
                undo = command("undo", {"command": request.command_id}, request.actor, moment, "", request.chain)
                await ask(place.database, undo, moment)
                ring(place.doorbell)
            await asyncio.sleep(0.05)
