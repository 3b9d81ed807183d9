"""`kill` of a session that runs in a process which it shares with others: Codex's daemon, OpenCode's server.

That process is never signalled. The turn ends by the client's own interrupt, the tools by the session's variable in
their environment, and the session's terminal program if its command line names the session.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import PurePath

from orchestrator_tui.events import Facts, ProcessRef
from orchestrator_tui.host.control.order import Order, Refused, Undone
from orchestrator_tui.host.control.processes.identity import is_alive, ref_of, refusal
from orchestrator_tui.host.control.processes.signals import send
from orchestrator_tui.host.control.processes.trees import Root, root_of, scan
from orchestrator_tui.host.control.stopping import ending
from orchestrator_tui.host.control.stopping.ending import Ended
from orchestrator_tui.host.control.stopping.freeze import until
from orchestrator_tui.host.owned.joined import interrupt
from orchestrator_tui.host.procfs import ProcessTable

Interrupt = Callable[[Order], Awaitable[str]]
"""Stops the turn by the client's own way; "" when it did, else why not."""
INTERRUPTS: dict[str, Interrupt] = {"codex": interrupt}
"""Client -> how the turn of a session in its shared process is stopped."""
CLOSED = 3.0
"""Seconds that a terminal program has to end."""


async def kill_shared(order: Order, seconds: float) -> Facts:
    """End what is the session's own. Raises Refused when nothing of it can be reached."""
    session, table = order.session, order.host.processes.table
    root = root_of(order.host, session)
    way = INTERRUPTS.get(session.client)
    tools, screen = scan(table, root), terminal_program(table, session.id.partition(":")[2], session.client)
    if not tools.members and screen is None and (way is None or not session.turn_open):
        raise Refused("no process of it was found")
    key, begun = time.monotonic(), order.moment()
    await order.begin([*tools.members, *([screen] if screen else [])], seconds, "it shares its process with others")
    why = await way(order) if way is not None else f"nobody can interrupt {session.client}'s shared process"
    facts: Facts = {"frozen": False, "not_frozen_why": "it shares its process with others", "interrupted": not why}
    facts["not_interrupted_why"] = why
    try:
        async with asyncio.timeout(max(0.0, key + seconds - time.monotonic())):
            await order.undo.wait()
        raise Undone("taken back; its turn was interrupted" if not why else "taken back", facts)
    except TimeoutError:
        await order.commit()
    ended = Ended()
    await ending.sweep(table, root, ended)
    if screen is not None:
        await _close(table, screen, ended)
    facts["screen_why_not"] = "" if screen is not None else "which terminal program shows it could not be told"
    facts |= {"ended": ended.ended(table), "survived": ended.survived(table)}
    now = order.moment()
    if begun is not None and now is not None:
        facts["requests_after_key"], facts["tokens_after_key"] = (
            now.requests - begun.requests,
            now.tokens - begun.tokens,
        )
        facts["cost_usd"] = now.cost_usd
    facts["seconds"] = round(time.monotonic() - key, 3)
    return facts


def terminal_program(table: ProcessTable, native: str, client: str) -> ProcessRef | None:
    """The client's program whose command line names the session; None when there is none, or more than one."""
    found: list[ProcessRef] = []
    for pid in sorted(table.pids()) if len(native) >= 16 else ():
        argv = table.argv(pid)
        # The real program only: the wrapper that started it ends with it.
        if argv and PurePath(argv[0]).name.removesuffix(".exe") == client and native in argv[1:]:
            ref = ref_of(table, pid)
            if ref is not None and not refusal(table, ref):
                found.append(ref)
    return found[0] if len(found) == 1 else None


async def _close(table: ProcessTable, screen: ProcessRef, ended: Ended) -> None:
    root = Root(screen)
    ended.look(table, root)
    send(table, screen, signal.SIGTERM)
    await until(lambda: not is_alive(table, screen), CLOSED, 0.02)
    await ending.sweep(table, root, ended)
