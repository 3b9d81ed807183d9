"""Stopping a client's whole tree and letting it go on, where that holds (docs/control.md, what freezing really does).

A shell that waits for the client takes the terminal back when the client stops, so it is stopped before it and goes on
after it. In tmux the shell cannot be held: there the client comes back by `fg`, and the terminal's modes, which a
stopped program cannot restore, are put back by us. tmux continues the process that is a pane at once.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from orchestrator_tui.events import ProcessRef
from orchestrator_tui.host.control.processes.identity import is_alive, is_stopped, ref_of
from orchestrator_tui.host.control.processes.signals import cannot_hold, hold, send
from orchestrator_tui.host.control.processes.trees import Tree
from orchestrator_tui.host.control.stopping import modes
from orchestrator_tui.host.control.terminal import tmux
from orchestrator_tui.host.control.terminal.front import Seat, look
from orchestrator_tui.host.procfs import ProcessTable

READ_BACK = 0.1
"""Seconds in which a signal must have taken effect."""
AGAIN = 0.01
"""After so long the states are read once more: what un-stops a process does so at once."""
STEP = 0.001
PASSES = 3
MAX_DEPTH = 16
Way = Literal["plain", "shells", "tmux", "never"]
"""plain: nobody waits for it on a terminal. shells: these are held. tmux: back by `fg`. never: `why` says why not."""


class Setup(Struct, frozen=True):
    """What a client runs under."""

    way: Way
    shells: tuple[ProcessRef, ...] = ()
    """Above the client, the outermost first; stopped before it."""
    pane: tmux.Pane | None = None
    why: str = ""


class Frozen(Struct):
    """What came of freezing; `why` is "" when it holds."""

    setup: Setup
    why: str = ""
    stopped: list[ProcessRef] = field(default_factory=list)
    """By us, in that order; the client first."""


async def setup_of(table: ProcessTable, client: ProcessRef) -> Setup:
    """What a client runs under now: who would notice that it stops."""
    seat = await look(client.pid)
    if seat is None:
        return Setup("never", why=f"process {client.pid} is gone")
    shells: list[ProcessRef] = []
    below = seat
    for _ in range(MAX_DEPTH):
        above = await look(below.parent) if below.parent > 1 else None
        if above is None:
            break
        if above.name.lower().startswith(("tmux", "screen")):
            return await _in_multiplexer(seat, shells, above.name)
        # A parent in the same process group is no job control: it does not notice.
        if not above.tty or above.tty != below.tty or above.group == below.group:
            break
        shell = ref_of(table, above.pid)
        why = cannot_hold(table, shell) if shell is not None else f"the shell above it, {above.pid}, is gone"
        if why or shell is None:
            return Setup("never", why=f"the shell that waits for it cannot be held: {why}")
        shells.insert(0, shell)
        below = above
    # A job in the background takes no terminal with it.
    return Setup("shells", tuple(shells)) if shells and seat.in_front else Setup("plain")


async def _in_multiplexer(seat: Seat, shells: list[ProcessRef], name: str) -> Setup:
    name = name.partition(":")[0].lower()
    pane = await tmux.pane_of(seat.tty, seat.pid) if seat.tty else None
    if not shells:
        return Setup("never", pane=pane, why=f"it is the pane itself: {name} continues it at once")
    if not seat.in_front and not seat.stopped:
        return Setup("plain", pane=pane)
    if pane is None:
        return Setup("never", why=f"its shell is in {name}, which continues it at once")
    if len(shells) > 1:
        return Setup("never", pane=pane, why="it is in a shell within a shell in tmux: fg would reach the wrong one")
    return Setup("tmux", tuple(shells), pane)


async def freeze(
    table: ProcessTable, client: ProcessRef, scan: Callable[[], Tree], setup: Setup, kept: Path | None = None
) -> Frozen:
    """Stop the tree that `scan` finds, parents first, and read the states back; what was begun in vain is undone.

    `kept`: the directory that holds the modes of terminals until they are put back.
    """
    frozen = Frozen(setup, setup.why)
    if frozen.why:
        return frozen
    if setup.way == "tmux" and setup.pane is not None:
        modes.keep(kept, client, setup.pane.tty)
    try:
        frozen.why = await _stop(table, scan, frozen)
    except asyncio.CancelledError:
        await thaw(table, client, frozen.stopped, setup, kept)
        raise
    if frozen.why:
        await thaw(table, client, frozen.stopped, setup, kept)
        frozen.stopped = []
    return frozen


async def _stop(table: ProcessTable, scan: Callable[[], Tree], frozen: Frozen) -> str:
    """Stop the shells, then the tree; returns why it does not hold."""
    for shell in frozen.setup.shells if frozen.setup.way == "shells" else ():
        hold(table, shell, signal.SIGSTOP)
        # Stopped before the client is: else it has seen the client stop, and takes the terminal when it goes on.
        if not await until(partial(is_stopped, table, shell)):
            return f"the shell above it, {shell.pid}, does not stop"
    for _ in range(PASSES):
        # What was forked between the look and the signal is found by the next look.
        fresh = [ref for ref in scan().members if ref not in frozen.stopped and not is_stopped(table, ref)]
        if not fresh:
            break
        frozen.stopped += [ref for ref in fresh if send(table, ref, signal.SIGSTOP) == "sent"]
    await until(lambda: not _running(table, frozen.stopped))
    await asyncio.sleep(AGAIN)
    moving = _running(table, frozen.stopped)
    return f"process {moving[0].pid} runs on although it was stopped" if moving else ""


async def thaw(
    table: ProcessTable, client: ProcessRef, members: list[ProcessRef], setup: Setup, kept: Path | None = None
) -> str:
    """Let a tree go on, the client after its tools and its shells last; returns why it does not, "" when it does."""
    for ref in reversed(members):
        if ref != client or setup.way != "tmux":
            send(table, ref, signal.SIGCONT)
    if setup.way == "tmux":
        if client in members and (why := await _to_front(table, client, setup, kept)):
            return why
    else:
        await until(lambda: client not in members or not is_stopped(table, client))
        release(table, setup)
        await asyncio.sleep(AGAIN if members else 0)
    still = [ref for ref in members if is_stopped(table, ref)]
    return f"process {still[0].pid} is still stopped" if still else ""


def release(table: ProcessTable, setup: Setup) -> None:
    """Let the shells go on, the innermost first."""
    for shell in reversed(setup.shells if setup.way == "shells" else ()):
        hold(table, shell, signal.SIGCONT)


async def _to_front(table: ProcessTable, client: ProcessRef, setup: Setup, kept: Path | None) -> str:
    """Have the pane's shell bring the job back, and give the terminal the modes that the client had set."""
    pane = setup.pane
    if pane is None or not is_alive(table, client):
        return f"process {client.pid} is gone"
    if not await tmux.continue_foreground(pane, pane.command, client.pid):
        return f"its shell has the terminal, and fg could not be typed or did not work: type fg in tmux pane {pane.id}"
    if modes.restore(kept, client):
        send(table, client, signal.SIGWINCH)
    return ""


def _running(table: ProcessTable, refs: list[ProcessRef]) -> list[ProcessRef]:
    """Those that were told to stop and have not; one that waits for a disk stops when it comes back from there."""
    running = []
    for ref in refs:
        stat = table.stat(ref.pid)
        if stat is not None and stat.started == ref.started and not stat.stopped and stat.state != "D":
            running.append(ref)
    return running


async def until(condition: Callable[[], bool], seconds: float = READ_BACK, step: float = STEP) -> bool:
    """Wait for a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(step)
    return True
