"""Ending a tree for good: the client cleanly and alone, then everything that is left of it, until nothing is."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct, field

from orchestrator_tui.events import ProcessRef
from orchestrator_tui.host.control.processes.identity import is_alive, is_stopped
from orchestrator_tui.host.control.processes.signals import send
from orchestrator_tui.host.control.processes.trees import Root, Tree, scan
from orchestrator_tui.host.control.stopping import modes
from orchestrator_tui.host.control.stopping.freeze import Setup, release, until
from orchestrator_tui.host.control.terminal import tmux
from orchestrator_tui.host.procfs import ProcessTable
from orchestrator_tui.text import line

GRACE = 5.0
"""Seconds that a client has to end cleanly."""
PASSES = 3
REAPED = 1.0
"""Seconds after which a killed process is gone, if it is going to be."""
MAX_NAMED = 40
CLEAN = {"claude": signal.SIGINT, "codex": signal.SIGINT}
"""What each client ends cleanly by, the others by SIGTERM; with a screen too, for its keyboard sends no signals."""


class Ended(Struct):
    """What became of a tree."""

    known: dict[tuple[int, int], ProcessRef] = field(default_factory=dict)
    """Everything that was ever seen of it, by number and start."""
    leaders: dict[int, int] = field(default_factory=dict)
    left: dict[tuple[int, int], tuple[ProcessRef, str]] = field(default_factory=dict)
    """What was not touched, and why."""
    clean: bool = False
    """The client ended by itself when it was asked to."""

    def note(self, tree: Tree) -> None:
        """Remember what a look found."""
        self.known |= {(ref.pid, ref.started): ref for ref in tree.members}
        self.left |= {(ref.pid, ref.started): (ref, why) for ref, why in tree.left}
        self.leaders |= tree.leaders

    def look(self, table: ProcessTable, root: Root) -> Tree:
        """The tree now, with what is left of what was seen before."""
        tree = scan(table, root, list(self.known.values()), self.leaders)
        self.note(tree)
        return tree

    def ended(self, table: ProcessTable) -> list[str]:
        """What is gone, in words."""
        return named(ref for ref in self.known.values() if not is_alive(table, ref))

    def survived(self, table: ProcessTable) -> list[str]:
        """What still runs, and why."""
        words = [f"{describe(ref)}: {_why(table, ref)}" for ref in self.known.values() if is_alive(table, ref)]
        words += [f"{describe(ref)}: {why}" for ref, why in self.left.values() if is_alive(table, ref)]
        return words[:MAX_NAMED] + ([f"and {len(words) - MAX_NAMED} more"] if len(words) > MAX_NAMED else [])


async def end(
    table: ProcessTable,
    client: str,
    root: Root,
    members: Sequence[ProcessRef],
    setup: Setup,
    kept: Path | None = None,
    grace: float = GRACE,
) -> Ended:
    """End the client's tree; what was frozen of it stays so until it is killed, but for the client itself."""
    ended = Ended()
    ended.note(Tree(list(members)))
    try:
        ended.look(table, root)
        if root.client is not None and is_alive(table, root.client):
            ended.clean = await _ask(table, client, root.client, setup, grace)
        release(table, setup)
        await sweep(table, root, ended)
    finally:
        # Also when the host is told to end meanwhile: what is half done would stay so.
        strike(table, ended.look(table, root))
        release(table, setup)
        if root.client is not None and not is_alive(table, root.client):
            modes.forget(kept, root.client)
    return ended


async def _ask(table: ProcessTable, name: str, client: ProcessRef, setup: Setup, grace: float) -> bool:
    """Have the client end itself, its tools still stopped: told of a dead tool, it would ask the model once more."""
    send(table, client, CLEAN.get(name, signal.SIGTERM))
    back: asyncio.Task[bool] | None = None
    if is_stopped(table, client):
        if setup.way == "tmux" and setup.pane is not None:
            # In the background it would stop again as soon as it touches the terminal.
            back = asyncio.create_task(tmux.continue_foreground(setup.pane, setup.pane.command, client.pid))
        else:
            send(table, client, signal.SIGCONT)
            await until(lambda: not is_stopped(table, client))
    release(table, setup)
    try:
        return await until(lambda: not is_alive(table, client), grace, 0.005)
    finally:
        if back is not None:
            back.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await back


async def sweep(table: ProcessTable, root: Root, ended: Ended) -> None:
    """Kill what is left and look again, until nothing is found or it does not help."""
    for _ in range(PASSES):
        tree = ended.look(table, root)
        if not tree.members:
            return
        strike(table, tree)
        await until(lambda tree=tree: not _alive(table, tree.members), REAPED, 0.005)  # type: ignore[misc]


def strike(table: ProcessTable, tree: Tree) -> None:
    """Stop all of it, so that nobody answers the end of another, then kill it, leaf first."""
    for ref in tree.members:
        send(table, ref, signal.SIGSTOP)
    for ref in reversed(tree.members):
        send(table, ref, signal.SIGKILL)


def describe(ref: ProcessRef) -> str:
    """A process in a few words."""
    return f"{ref.pid} {line(ref.command or ref.program, 80)}".rstrip()


def named(refs: Iterable[ProcessRef]) -> list[str]:
    """Processes in words, not more than fit on a receipt."""
    words = [describe(ref) for ref in refs]
    return words[:MAX_NAMED] + ([f"and {len(words) - MAX_NAMED} more"] if len(words) > MAX_NAMED else [])


def _alive(table: ProcessTable, refs: Iterable[ProcessRef]) -> list[ProcessRef]:
    return [ref for ref in refs if is_alive(table, ref)]


def _why(table: ProcessTable, ref: ProcessRef) -> str:
    stat = table.stat(ref.pid)
    if stat is not None and stat.state == "D":
        return "it waits in the kernel, and ends when it comes back from there"
    return "it could not be ended"
