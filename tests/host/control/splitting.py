"""What the tests of splitting share: a host with one session in a real checkout, and clients that only note their start."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.clients.driving import Task
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.host.control.callers import chain_of
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.processes import Watched
from orchestrator_tui.host.service import Host
from orchestrator_tui.store.asking import ask, command

NAME = "claude:0a1b2c3d-1111-4111-8111-111111111111"
PARTS = ["Write the parser", "Write the docs"]


class Spoken:
    """A channel that does what it is told."""

    name, busy = "test", True

    def __init__(self, owned: Children, session: str) -> None:
        self._owned, self._session = owned, session

    async def interrupt(self) -> None:
        self._owned.log.append(f"interrupt {self._session}")

    async def end(self) -> None:
        self._owned.log.append(f"end {self._session}")
        if self._session in self._owned.deaf:
            raise Failed("it does not listen")
        self._owned.live.pop(self._session)


class Children:
    """Stands in for the host's owned sessions: starts nothing."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.tasks: list[Task] = []
        self.live: dict[str, Spoken] = {}
        self.deaf: set[str] = set()
        self.log: list[str] = []
        self.fails_at: int | None = None
        self.also: Any = None
        """Called with each task."""

    def channel(self, session: str) -> Spoken | None:
        return self.live.get(session)

    async def start(
        self, client: str, task: Task, *, title: str | None = None, parent: str | None = None, relation: Any = None
    ) -> str:
        kinds = [ev.type_of(event.body) for event in self._host.reader.commands(0)]
        # On record before the first child begins.
        assert kinds[len(kinds) - kinds[::-1].index("command.started") :].count("command.committed") == 1
        if self.also is not None:
            self.also(task)
        if self.fails_at == len(self.tasks):
            raise Failed("claude ended before its session began: no")
        self.tasks.append(task)
        session = f"{client}:{task.session}"
        self.live[session] = Spoken(self, session)
        body = ev.SessionUpdated(
            client=client, owned=True, cwd=task.cwd, title=title, title_rank=4, parent=parent, relation=relation
        )
        await self._host.note([(session, body)])
        return session


def runs(host: Host, name: str = NAME) -> subprocess.Popen[bytes]:
    """A real process as the session's."""
    process = subprocess.Popen(["sleep", "300"], start_new_session=True)
    stat = host.processes.table.stat(process.pid)
    assert stat is not None
    host.processes.watched[name] = Watched(name, process.pid, stat.started)
    return process


def state_of(process: subprocess.Popen[bytes]) -> str:
    """One letter as in ps."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


async def asked(host: Host, verb: str, **arguments: Any) -> Decision:
    """Ask as another process does, and have the host obey."""
    request = command(verb, {"session": NAME, **arguments}, "test", time.time_ns(), "", chain_of(os.getpid()))
    await ask(host.paths.database, request, time.time_ns())
    async with asyncio.timeout(60):
        while True:
            await host.commands.obey()
            found = {one.command_id: one for one in decisions(host.reader.commands(0))}[request.command_id]
            if found.outcome is not None:
                return found
            await asyncio.sleep(0.01)
