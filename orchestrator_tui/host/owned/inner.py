"""The client itself among the processes that a shim started: npm's wrappers hand their arguments on to it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from orchestrator_tui.host.owned.runs import Shim
from orchestrator_tui.host.procfs import ProcessTable, same_start

LOOKS = 20
"""Looks at the process table for the client below a wrapper; afterwards there is none."""
DEEPEST = 3


class Found(Struct):
    """What is known of one run."""

    pid: int
    started: int | None
    looks: int = 0


class Inner:
    """Of each run the process that is really the client."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._found: dict[int, Found] = {}
        """By the pid of the shim's child."""

    def of(self, shim: Shim, argv: Sequence[str]) -> tuple[int, int | None]:
        """(pid, start time); the shim's own child where no other has its arguments."""
        found = self._found.get(shim.child)
        if found is None or not self._runs(found):
            found = self._found[shim.child] = Found(shim.child, shim.child_started)
        arguments = list(argv[1:])
        if found.looks < LOOKS and arguments:
            found.looks += 1
            for _ in range(DEEPEST):
                below = self._below(found.pid, arguments)
                if below is None:
                    break
                found.pid, found.started = below
        return found.pid, found.started

    def _runs(self, found: Found) -> bool:
        stat = self._table.stat(found.pid)
        return stat is not None and (found.started is None or same_start(stat, found.started))

    def _below(self, parent: int, arguments: list[str]) -> tuple[int, int] | None:
        for pid in self._table.pids():
            stat = self._table.stat(pid)
            if stat is not None and stat.ppid == parent and self._table.argv(pid)[-len(arguments) :] == arguments:
                return pid, stat.started
        return None
