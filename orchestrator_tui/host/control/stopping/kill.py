"""`kill`: the turn stops at once, the tree ends after the time in which it can be taken back (docs/control.md)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui.events import CommandFollowed, Facts, Moment, ProcessGone, ProcessRef
from orchestrator_tui.fleet.hands import asker_of
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.loops import looping
from orchestrator_tui.host.control.order import Order, Refused, Undone
from orchestrator_tui.host.control.processes.identity import is_alive, refusal
from orchestrator_tui.host.control.processes.trees import Memory, Root, Tree, root_of, scan
from orchestrator_tui.host.control.stopping import ending, freeze
from orchestrator_tui.host.control.stopping.ending import GRACE
from orchestrator_tui.host.control.stopping.freeze import Frozen, Setup
from orchestrator_tui.host.control.stopping.shared import kill_shared
from orchestrator_tui.host.control.terminal import tmux

UNDO_SECONDS = 5.0
MAX_SECONDS = 60.0
FOLLOWED = 30.0
"""Seconds after the key up to which the session's requests are still its receipt's."""


class Target(Struct):
    """What a verb acts on."""

    session: Session
    client: ProcessRef
    root: Root
    tree: Tree
    setup: Setup
    kept: Path
    """Where the modes of terminals are kept."""
    memory: Memory


def lead(session: Session, verb: str) -> None:
    """Raises Refused for a sub-agent: it is its leader's process, and its leader's work."""
    if session.relation == "subagent":
        named = f": {verb} {session.parent}" if session.parent else ""
        raise Refused(f"a sub-agent runs in the process of the session it works for{named}")


async def target_of(order: Order, verb: str) -> Target:
    """The session's own process and its tree. Raises Refused with the reason when it has none that may be touched."""
    session, table = order.session, order.host.processes.table
    lead(session, verb)
    root = root_of(order.host, session)
    client = root.client
    if client is None:
        raise Refused("no process of it was found")
    if why := refusal(table, client):
        raise Refused(f"not its process alone: {why}")
    here, watched = (client.pid, client.started), order.host.processes.watched.items()
    twins = [name for name, w in watched if (w.pid, w.started) == here and name != session.id]
    if any(not _is_below(order, name, session.id) for name in twins):
        raise Refused(f"process {client.pid} runs {twins[0]} too")
    memory = Memory()
    tree = scan(table, root, memory=memory)
    setup = await freeze.setup_of(table, client)
    return Target(session, client, root, tree, setup, order.host.paths.run_dir / "terminals", memory)


def _is_below(order: Order, name: str, lead: str) -> bool:
    other = order.host.fleet.sessions.get(name)
    return other is not None and other.relation == "subagent" and other.parent == lead


def refs_of(target: Target) -> list[ProcessRef]:
    """Every process that may be touched, the client's own first, the shells that are only stopped for a while last."""
    return [*target.tree.members, *(target.setup.shells if target.setup.way == "shells" else ())]


def words_of(setup: Setup) -> str:
    """How it is stopped; a host that comes later reads which processes are only held (`recovery.held_in`)."""
    if setup.way == "shells":
        return "held with it: " + " ".join(str(shell.pid) for shell in setup.shells)
    return setup.why


async def kill(order: Order) -> Facts:
    """End a session's process and all its tools; `seconds` to take it back in, none with `now`."""
    lead(order.session, "kill")
    host = order.host
    if order.session.id not in host.processes.watched:
        return await kill_shared(order, _seconds(order))
    key, begun = time.monotonic(), order.moment()
    target = await target_of(order, "kill")
    seconds, table = _seconds(order), host.processes.table
    await order.begin(refs_of(target), seconds, words_of(target.setup))
    frozen = await freeze.freeze(table, target.client, lambda: look_again(order, target), target.setup, target.kept)
    facts: Facts = {"frozen": not frozen.why, "not_frozen_why": frozen.why}
    facts["frozen_ms"] = round((time.monotonic() - key) * 1000, 1)
    if frozen.why:
        facts["interrupted"] = await interrupt(order, target.setup)
    try:
        await tell(order, target.client)
        await _wait(order, key + seconds - time.monotonic())
        await order.commit()
    except Undone:
        facts["thawed_why_not"] = await freeze.thaw(table, target.client, frozen.stopped, target.setup, target.kept)
        await tell(order, target.client)
        raise Undone(_undone(frozen, facts), facts) from None
    except asyncio.CancelledError:
        # The host is told to end: nobody would be there to end it, or to let it go on.
        await freeze.thaw(table, target.client, frozen.stopped, target.setup, target.kept)
        raise
    if target.session.client == looping.CLIENT:
        # Or the loop would be started again.
        looping.mark_stopped(host, target.session.id.partition(":")[2], order.request.why or "killed")
    known = [*target.tree.members, *(ref for ref in frozen.stopped if ref not in target.tree.members)]
    name = target.session.client
    ended = await ending.end(table, name, target.root, known, target.setup, target.kept, GRACE)
    facts |= {"ended": ended.ended(table), "survived": ended.survived(table), "clean": ended.clean}
    facts["seconds"] = round(time.monotonic() - key, 3)
    if not is_alive(table, target.client):
        await _gone(order, target.client)
    spent = since(order, begun)
    host.start(_follow(order, begun, spent, key + FOLLOWED))
    return facts | spent | dirty(order.session)


async def _gone(order: Order, client: ProcessRef) -> None:
    """Say at once that it is gone, and who wanted it so: the next looks could only tell that it is."""
    order.host.processes.watched.pop(order.session.id, None)
    by = asker_of(order.request)
    await order.note(ProcessGone(pid=client.pid, started=client.started, reason=order.request.why, by=by))


def look_again(order: Order, target: Target) -> Tree:
    """The tree now, with what was detached from it since the look before."""
    tree = target.tree
    target.tree = scan(order.host.processes.table, target.root, tree.members, tree.leaders, target.memory)
    return target.tree


def _seconds(order: Order) -> float:
    if order.flag("now"):
        return 0.0
    asked = order.number("seconds")
    return min(max(asked, 0.0), MAX_SECONDS) if asked is not None else order.host.config.control.undo_seconds


async def _wait(order: Order, seconds: float) -> None:
    """Let it be taken back for so long. Raises Undone when it is."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await order.undo.wait()
    except TimeoutError:
        return
    raise Undone("taken back")


def _undone(frozen: Frozen, facts: Facts) -> str:
    if why := facts["thawed_why_not"]:
        return f"taken back, but it does not go on: {why}"
    if not frozen.why:
        return "taken back; it goes on"
    return "taken back; its turn was interrupted" if facts.get("interrupted") else "taken back"


async def interrupt(order: Order, setup: Setup) -> str:
    """Stop the turn of a client that cannot be frozen: by its own channel, or by Escape in its pane; "" if neither."""
    session = order.session
    owned = getattr(order.host, "owned", None)
    channel = owned.channel(session.id) if owned is not None else None
    if channel is not None:
        try:
            await channel.interrupt()
        except Exception:  # What a channel cannot do is no reason not to end it.
            return ""
        return "by its channel"
    client = order.host.processes.watched.get(session.id)
    busy = session.turn_open or (session.report is not None and session.report.status == "busy")
    if setup.pane is None or client is None or session.interactive is False or not busy:
        # A signal that interrupts a client without a screen ends it.
        return ""
    return "Escape in its pane" if await tmux.key(setup.pane, "Escape", client.pid) else ""


async def tell(order: Order, client: ProcessRef) -> None:
    """Note at once whether the client is stopped: the fold has it from observations alone."""
    host = order.host
    watched = host.processes.watched.get(order.session.id)
    told = watched.told if watched is not None else None
    stat = host.processes.table.stat(client.pid)
    if watched is None or told is None or stat is None or told.stopped == stat.stopped:
        return
    watched.told, watched.told_at = replace(told, stopped=stat.stopped), host.clock.now()
    await host.note([(order.session.id, watched.told)])


def since(order: Order, begun: Moment | None) -> Facts:
    """What was counted of the session after the key: what was under way is still billed."""
    now = order.moment()
    if begun is None or now is None:
        return {}
    unpriced = begun.cost_usd is None or now.cost_usd is None
    return {
        "requests_after_key": now.requests - begun.requests,
        "tokens_after_key": now.tokens - begun.tokens,
        "cost_after_key_usd": None if unpriced else round((now.cost_usd or 0) - (begun.cost_usd or 0), 9),
        "cost_usd": now.cost_usd,
    }


def dirty(session: Session) -> Facts:
    """What its working tree holds that is not committed, as far as anybody looked."""
    seen = session.worktree.seen
    if seen is None:
        return {"dirty": None}
    return {
        "dirty": seen.dirty or bool(seen.untracked),
        "dirty_files": [path for path, _, _ in seen.files] if seen.dirty else [],
        "untracked": seen.untracked,
    }


async def _follow(order: Order, begun: Moment | None, told: Facts, end: float) -> None:
    await asyncio.sleep(max(0.0, end - time.monotonic()))
    facts = since(order, begun)
    if facts != told:
        await order.host.note([(None, CommandFollowed(order.id, facts))])
