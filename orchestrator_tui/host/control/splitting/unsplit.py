"""Taking a split back: only while no child has changed anything, and then nothing of it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator_tui.events import Facts, SplitMade
from orchestrator_tui.fleet.orders import Order as Past
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.control.splitting import fork_trees
from orchestrator_tui.host.control.splitting.fork_trees import Tree
from orchestrator_tui.host.control.splitting.parent import go_on
from orchestrator_tui.host.control.stopping import ending, kill
from orchestrator_tui.host.git import Git
from orchestrator_tui.text import line

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

ENDING = 8.0
"""Seconds for a child that was asked to end."""
SEEN = 5.0
"""Seconds until the process of a child that has just begun is known."""
STEP = 0.05


async def undo_split(order: Order) -> Facts:
    """`command`: the split's id. Refused, naming who, when a child has changed anything."""
    host, past = order.host, _past(order)
    parent = host.fleet.sessions.get(past.session or "")
    children, paths = _texts(past, "children"), _texts(past, "worktrees")
    git = Git.find()
    known = await asyncio.to_thread(fork_trees.known, host.paths.worktrees)
    trees = {tree.path: tree for tree in known if tree.path in paths}
    if not trees and not any(host.owned.channel(child) is not None for child in children):
        raise Refused("nothing is left of that split to take back")
    if trees and git is None:
        raise Refused("there is no git on this machine, so it cannot be told whether a child has changed anything")
    busy = await _busy(host, git, past, children, [trees.get(path) for path in paths])
    if busy:
        raise Refused(f"{'; '.join(busy)}: what they did would be lost; end them one by one, or go on")
    await order.begin(words=f"{len(children)} children and {len(trees)} worktrees")
    await order.commit()
    running = await end_children(order, children)
    # Looked at again: a child may have written until it ended.
    kept = await asyncio.to_thread(_remove, git, list(trees.values())) if git is not None else {}
    receipt: Facts = {
        "command": past.id,
        "undone": past.verb,
        "session": past.session,
        "children": children,
        "removed": [path for path in trees if path not in kept],
        "kept": [f"{path} ({why})" for path, why in kept.items()],
    }
    if parent is not None:
        await host.note([(parent.id, SplitMade())])
        if past.receipt.get("parent_paused") is True:
            why = await go_on(order, parent)
            receipt |= {"parent_resumed": not why, "why_not_resumed": why}
    late = await _busy(host, None, past, children, []) if not paths else []
    problems = (
        [f"{name} still runs" for name in running] + [f"{path} is kept: {why}" for path, why in kept.items()] + late
    )
    if problems:
        raise Failed("; ".join(problems), receipt)
    return receipt


def _past(order: Order) -> Past:
    past = order.host.fleet.orders.ended.get(order.text("command"))
    if past is None or past.verb != "split":
        raise Refused("no such split among the last commands")
    if past.outcome != "done":
        raise Refused(f"that split is {past.outcome}: there is nothing to take back")
    return past


def _texts(past: Past, name: str) -> list[str]:
    value = past.receipt.get(name)
    return value if isinstance(value, list) else []


async def _busy(
    host: Host, git: Git | None, past: Past, children: Sequence[str], trees: Sequence[Tree | None]
) -> list[str]:
    """Who has changed something, and what."""
    found: list[str] = []
    began = past.started_at or past.at
    for number, child in enumerate(children):
        session = host.fleet.sessions.get(child)
        tree = trees[number] if number < len(trees) else None
        why = await asyncio.to_thread(fork_trees.changed, git, tree) if git is not None and tree is not None else ""
        if not why and session is not None and _edited_since(host, session, began):
            why = "it has changed files"
        if why:
            name = line(session.title, 60) if session is not None and session.title else child
            found.append(f"{name!r}: {why}")
    return found


def _remove(git: Git, trees: Sequence[Tree]) -> dict[str, str]:
    """Those that are kept, and why."""
    told = {tree.path: fork_trees.remove(git, tree) for tree in trees}
    return {path: why for path, why in told.items() if why}


def _edited_since(host: Host, session: Session, at: int) -> bool:
    """Whether a session, or one that works for it, has edited anything after a time; copied history does not count."""
    family = [session, *host.fleet.kids(session)]
    return any(max(one.worktree.edited_at, one.worktree.shell_at) > at for one in family)


async def end_children(order: Order, children: Sequence[str]) -> list[str]:
    """Have these sessions end; returns those that still run."""
    ended = await asyncio.gather(*(_end(order, child) for child in children))
    return [child for child, gone in zip(children, ended, strict=True) if not gone]


async def _end(order: Order, child: str) -> bool:
    host = order.host
    channel = host.owned.channel(child)
    if channel is None:
        return True
    if getattr(channel, "busy", False):
        with suppress(Failed):
            await channel.interrupt()
    with suppress(Failed):
        await channel.end()
        if await _gone(host, child):
            return True
    # Codex has no word for its end, and one that hangs does not hear it.
    session, table = host.fleet.sessions.get(child), host.processes.table
    for _ in range(int(SEEN / STEP)):
        if child in host.processes.watched:
            break
        await asyncio.sleep(STEP)
    with suppress(Refused):
        target = await kill.target_of(Order(host, order.request, session), "kill")
        await ending.end(table, target.session.client, target.root, target.tree.members, target.setup, target.kept)
    return await _gone(host, child)


async def _gone(host: Host, child: str) -> bool:
    for _ in range(int(ENDING / STEP)):
        if host.owned.channel(child) is None:
            return True
        await asyncio.sleep(STEP)
    return host.owned.channel(child) is None
