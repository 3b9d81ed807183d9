"""Asking the running host on behalf of a verb, and waiting for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import CommandEnded, CommandProgressed, Settings
from orchestrator_tui.host.lock import holder_of, ring
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import DEADLINE, ask, command
from orchestrator_tui.store.reader import Reader

Progress = Callable[[int, int], Awaitable[None]]


async def asked(
    place: Paths, verb: str, arguments: Settings, actor: str, progress: Progress | None = None
) -> CommandEnded:
    """The host's answer. Raises OrcError when no host answers; a refusal is an answer."""
    if holder_of(place.host_lock) is None:
        raise OrcError("no host is running that could do it; `orc host` starts one")
    now = SystemClock().now()
    request = command(verb, arguments, actor, now)
    seq, begun = await ask(place.database, request, now), False
    ring(place.doorbell)
    with Reader(place.database) as reader:
        while True:
            for answer in reader.commands(seq):
                seq, body = answer.seq, answer.body
                if isinstance(body, CommandProgressed) and body.command_id == request.command_id:
                    begun = True
                    if progress is not None:
                        await progress(body.done, body.total)
                elif isinstance(body, CommandEnded) and body.command_id == request.command_id:
                    return body
            if holder_of(place.host_lock) is None:
                raise OrcError(f"the host ended before the {verb} was complete; run it again")
            if not begun and SystemClock().now() > now + 2 * DEADLINE:
                raise OrcError(f"the host does not answer; `orc host stop`, then run `orc {verb}` again")
            await asyncio.sleep(0.05)
