"""Loops that wait: begun when what they wait for is there, skipped with the reason when it never will be."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator_tui.errors import OrcError
from orchestrator_tui.fleet import queueing
from orchestrator_tui.fleet.queueing import Standing, Start, Waiting
from orchestrator_tui.host.control import looping
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.loops import folder as folders
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops import state as states
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spec import LoopSpec

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host


class Queue:
    """The host's side of `--after`, `--at`, `--window` and `--max-parallel`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def step(self) -> list[str]:
        """Begin and skip what is due; returns the loops that began. To be called every few seconds."""
        waiting, known = await asyncio.to_thread(self._read)
        if not waiting:
            return []
        queue = [waiting_of(spec) for _, spec in waiting]
        rows, begun = {folder.id: (folder, spec) for folder, spec in waiting}, []
        for deed in queueing.ready(queue, known, self._host.clock.now()):
            folder, spec = rows[deed.id]
            if isinstance(deed, Start):
                with suppress(OrcError, Failed):
                    await looping.launch(self._host, folder, spec)
                    begun.append(deed.id)
            else:
                ended = states.LoopState(folder.id, outcome="skipped", words=deed.why, ended_at=self._host.clock.now())
                await asyncio.to_thread(states.save, folder.state, ended)
        return begun

    def _read(self) -> tuple[list[tuple[Folder, LoopSpec]], dict[str, Standing]]:
        """(those that wait, the first that was made first; how every loop stands)."""
        waiting: list[tuple[Folder, LoopSpec]] = []
        known: dict[str, Standing] = {}
        for folder in folders.folders(self._host.paths.state_dir):
            # One that cannot be read stands for nobody: what waits for it goes on waiting.
            with suppress(OrcError):
                state, begun = states.load(folder.state, folder.id), folder.state.exists()
                known[folder.id] = queueing.standing(state.outcome, begun or folder.runs)
                if not begun and not folder.runs:
                    spec = specs.load(folder.spec)
                    if looping.is_queued(spec):
                        waiting.append((folder, spec))
        waiting.sort(key=lambda row: (row[1].made_at, row[0].id))
        return waiting, known


def waiting_of(spec: LoopSpec) -> Waiting:
    """What a loop waits for."""
    return Waiting(spec.id, spec.after, spec.at, spec.window or "", spec.max_parallel)
