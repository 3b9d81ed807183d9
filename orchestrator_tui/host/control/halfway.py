"""What a split, or a change of model, has left behind whose host was killed in the middle of it: found, and told.

Nothing is started again. Worktrees into which nobody was let are removed; children that began go on.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_tui.clients.values import session_id
from orchestrator_tui.events import Facts
from orchestrator_tui.host.control.splitting import fork_trees
from orchestrator_tui.host.control.splitting.fork_trees import Tree
from orchestrator_tui.host.git import Git
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.runs import Record, Run

if TYPE_CHECKING:
    from orchestrator_tui.host.control.recovery import Begun
    from orchestrator_tui.host.service import Host

MODELS = frozenset({"escalate", "stepdown", "use"})
"""Verbs that may have stopped the client to bring it back on another model."""


async def left_of(host: Host, begun: Begun) -> tuple[str, Facts]:
    """(words to be added, what belongs on the receipt) for a command that is closed; call it after the adoption."""
    verb = begun.request.verb
    if verb == "split":
        return await _split(host, begun)
    if verb in MODELS:
        return await _model(host, begun)
    return "", {}


async def _split(host: Host, begun: Begun) -> tuple[str, Facts]:
    mine = await asyncio.to_thread(_begun_since, host, begun)
    children = [(run, record) for run, record in mine if record.relation == "split"]
    names = [_name(host, run, record) for run, record in children]
    places = {record.launch.cwd for _, record in children}
    removed, kept = await asyncio.to_thread(_tidy, host.paths.worktrees, begun.request.command_id, places)
    parts = begun.request.arguments.get("parts")
    of = f" of {len(parts)}" if isinstance(parts, list) and parts else ""
    words = f"; {len(names)}{of} parts begun" + (f" and left to go on: {', '.join(names)}" if names else "")
    if removed:
        words += f"; {len(removed)} worktrees removed into which nobody was let"
    receipt: Facts = {"children": names, "worktrees": kept, "removed": removed}
    return words, receipt


def _tidy(directory: Path, command: str, places: set[str]) -> tuple[list[str], list[str]]:
    """(worktrees of a split that were removed, those that are kept); blocks."""
    trees, git = [tree for tree in fork_trees.known(directory) if tree.command == command], Git.find()
    removed = []
    for tree in trees:
        if git is None or any(_within(place, tree) for place in places):
            continue
        if not tree.mark:
            # It was still being made.
            fork_trees.discard(git, tree)
            removed.append(tree.path)
        elif not fork_trees.remove(git, tree):
            removed.append(tree.path)
    return removed, [tree.path for tree in trees if tree.path not in removed]


def _within(place: str, tree: Tree) -> bool:
    return Path(place).is_relative_to(tree.path) or place == tree.cwd


async def _model(host: Host, begun: Begun) -> tuple[str, Facts]:
    if begun.committed_at is None:
        return "; nothing was changed", {}
    found = await asyncio.to_thread(_begun_since, host, begun)
    lives = [_name(host, run, record) for run, record in found if run.has_client(host.processes.table)]
    session = str(begun.request.arguments.get("session"))
    if lives:
        return f"; it was brought back before that, as {', '.join(lives)}", {"started": lives}
    if host.owned.channel(session) is not None:
        return "; it runs, and its next answer says on which model", {"started": []}
    process = getattr(host.fleet.sessions.get(session), "process", None)
    if process is not None and process.gone_at is None and host.processes.table.stat(process.seen.pid) is not None:
        return "; its process still runs, on the model that it had", {"started": []}
    return "; it was not brought back: `orc revive` does that", {"started": []}


def _begun_since(host: Host, begun: Begun) -> list[tuple[Run, Record]]:
    """The runs of this session's that were made after the command was begun; blocks."""
    session = str(begun.request.arguments.get("session"))
    client, _, native = session.partition(":")
    found = []
    for run in runs.listed(host.paths.state_dir):
        record = run.record()
        if record is None or record.client != client or record.made_at < begun.started_at:
            continue
        if run.shim() is None:
            # Written down, and the client never started.
            continue
        if record.parent == session or record.task.resume == native or record.session == native:
            found.append((run, record))
    return found


def _name(host: Host, run: Run, record: Record) -> str:
    """The session of a run; the run's own name where it has not said which it is."""
    live = host.owned.live.get(run.name)
    if live is not None and live.session is not None:
        return live.session
    return session_id(record.client, record.session) if record.session is not None else run.name
