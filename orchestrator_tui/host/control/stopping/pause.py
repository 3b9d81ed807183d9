"""`pause` and `resume`: the whole tree of a session stops, and goes on, where that holds."""

from __future__ import annotations

import time

from orchestrator_tui.events import Facts, ProcessRef
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.control.processes.identity import is_stopped
from orchestrator_tui.host.control.stopping import freeze
from orchestrator_tui.host.control.stopping.ending import named
from orchestrator_tui.host.control.stopping.kill import Target, lead, look_again, refs_of, target_of, tell, words_of
from orchestrator_tui.host.control.terminal.front import look
from orchestrator_tui.host.procfs import ProcessTable

TOUCHES = 0.3
"""Seconds in which a program that goes on touches its terminal."""


async def pause(order: Order) -> Facts:
    """Stop a session's process and all its tools; what is being answered may time out at the model's server."""
    begun = time.monotonic()
    target = await _target(order, "pause")
    table = order.host.processes.table
    if is_stopped(table, target.client):
        raise Refused("it is stopped already")
    if target.setup.why:
        raise Refused(f"not frozen: {target.setup.why}")
    await order.begin(refs_of(target), None, words_of(target.setup))
    frozen = await freeze.freeze(table, target.client, lambda: look_again(order, target), target.setup, target.kept)
    await tell(order, target.client)
    facts: Facts = {"frozen": not frozen.why, "frozen_ms": round((time.monotonic() - begun) * 1000, 1)}
    if frozen.why:
        raise Failed(f"not frozen: {frozen.why}", facts)
    return facts | {"stopped": named(frozen.stopped)}


async def resume(order: Order) -> Facts:
    """Let a stopped session go on, and prove that it does."""
    target = await _target(order, "resume")
    table, client = order.host.processes.table, target.client
    if not is_stopped(table, client):
        raise Refused("it is not stopped")
    await order.begin(refs_of(target), None, words_of(target.setup))
    stopped = [ref for ref in target.tree.members if is_stopped(table, ref)]
    why = await freeze.thaw(table, client, stopped, target.setup, target.kept)
    why = await _stops_again(table, client) or why
    await tell(order, client)
    if why:
        raise Failed(f"it does not go on: {why}", {"resumed": False})
    return {"resumed": True, "continued": named(stopped)}


async def _target(order: Order, verb: str) -> Target:
    session = order.session
    lead(session, verb)
    if session.id not in order.host.processes.watched and session.client == "codex":
        raise Refused("no process of its own was found; what Codex's daemon runs is not stopped or continued alone")
    return await target_of(order, verb)


async def _stops_again(table: ProcessTable, client: ProcessRef) -> str:
    """Whether a client that went on behind its shell's back was stopped when it touched the terminal; why, if so."""
    seat = await look(client.pid)
    if seat is None or not seat.tty or seat.in_front:
        return ""
    again = await freeze.until(lambda: is_stopped(table, client), TOUCHES, 0.01)
    return "its shell has the terminal: type fg there" if again else ""
