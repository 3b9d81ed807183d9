"""What a loop's iterations cost, asked of whoever knows: the agent's log, the event store, the agent's last word."""

from __future__ import annotations

from pathlib import Path

from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.jobs import Job
from orchestrator_tui.loops.launch import cost_in
from orchestrator_tui.loops.spec import LoopSpec
from orchestrator_tui.loops.spent import LogSpend, StoreSpend, table_of
from orchestrator_tui.loops.state import NANO, Iteration, LoopState

LATE = 3
"""Iterations, the last ones, of which the store may still learn."""


class Meter:
    """The meter of one loop."""

    def __init__(self, folder: Folder, spec: LoopSpec) -> None:
        self._folder, self._spec = folder, spec
        self._logs: dict[int, LogSpend] = {}
        self._store = StoreSpend(Path(spec.database)) if spec.database else None

    def left(self, state: LoopState) -> int | None:
        """Nano-dollars that may still be spent; None without a budget."""
        return None if self._spec.budget_usd is None else round(self._spec.budget_usd * NANO) - state.cost

    def look(self, it: Iteration) -> tuple[int, int]:
        """(nano-dollars, responses without a price) of an iteration so far; never less than was seen before."""
        if self._spec.agent == "builtin":
            if it.n not in self._logs:
                path = self._folder.iterations / f"{it.n}.jsonl"
                self._logs = {it.n: LogSpend(path, table_of(self._folder))}
            return self._logs[it.n].look()
        if self._store is None or it.session is None or self._spec.agent == "command":
            return it.cost, it.unpriced
        cost, unpriced = self._store.look(it.session)
        return max(cost, it.cost), unpriced

    def final(self, it: Iteration, job: Job) -> tuple[int, int]:
        """The same at its end: the agent may say more than the store has by now."""
        cost, unpriced = self.look(it)
        said = cost_in(self._spec.agent, job.output())
        return (said, 0) if said is not None and said > cost else (cost, unpriced)

    def refresh(self, state: LoopState) -> None:
        """Look again at what ended last: a store learns late."""
        for it in state.iterations[-LATE:] if self._store is not None else ():
            it.cost, it.unpriced = self.look(it)

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
