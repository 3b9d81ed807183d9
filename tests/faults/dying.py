"""A host that kills itself at the n-th step of one command: `python -m tests.faults.dying ROOT VERB FIRST LAST`.

For each number in the range a fork of its own, with a state directory and a checkout of its own, `ROOT/<n>`. A step is
whatever the host puts on record, makes with git or starts; it dies right before or right after.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Clients, Config
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.host.control import callers
from orchestrator_tui.host.control.splitting import fork_trees
from orchestrator_tui.host.owned import launch, live
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import ask, command
from tests.host.owned.stand_in import StandIn
from tests.host.repos import Repo

NAME = "claude:0a1b2c3d-1111-4111-8111-111111111111"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "split": {"parts": ["Write the parser", "Write the docs"], "dirty": "carry"},
    "escalate": {"note": "go on"},
}
CONFIG = Config(
    clients=Clients(off=["claude", "codex", "opencode", "gemini", "log"], programs={"claude": sys.executable})
)


def place(root: Path) -> Paths:
    return Paths(root / "state", root / "state", root / "state" / "run")


def without_marks() -> None:
    """Tests may themselves be run by an agent."""
    callers.MARKS = {"ORC_TEST_AGENT": "a test"}  # type: ignore[assignment]
    callers.PROGRAMS = frozenset()  # type: ignore[assignment]
    live.drives = lambda: {"claude": StandIn()}


class Steps:
    """Counts what is done, and dies."""

    def __init__(self, last: int) -> None:
        self.left = last

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        if asyncio.iscoroutinefunction(work):

            async def later(*args: Any, **more: Any) -> Any:
                self.step()
                found = await work(*args, **more)
                self.step()
                return found

            return later

        def now(*args: Any, **more: Any) -> Any:
            self.step()
            found = work(*args, **more)
            self.step()
            return found

        return now


async def act(root: Path, verb: str, last: int) -> None:
    repo = Repo(root / "web")
    repo.commit(a_txt="one\n")
    (root / "web" / "b.txt").write_text("not committed\n")
    async with opened(place(root), CONFIG, SystemClock()) as host:
        facts = ev.SessionUpdated(
            client="claude", owned=True, project="web", cwd=str(repo.root), model="claude-sonnet-4-6", title="Parser"
        )
        settings = ev.SettingsChanged(settings={"ladder/claude": "claude-sonnet-4-6,claude-opus-4-8"})
        started = ev.HostStarted(host_id="h", boot_id=host.processes.table.boot_id(), pid=os.getpid(), version="0")
        await host.note([(None, started), (None, ev.Beat()), (None, settings), (NAME, facts)])
        await host.note([(NAME, ev.UserMessage(text=excerpt("Write a parser"))), (NAME, ev.TurnEnded())])
        request = command(
            verb, {"session": NAME, **ARGUMENTS[verb]}, "test", time.time_ns(), "", callers.chain_of(os.getpid())
        )
        await ask(host.paths.database, request, time.time_ns())
        steps = Steps(last)
        host.keeper.note = steps.around(host.keeper.note)  # type: ignore[method-assign]
        for name in ("make", "carry"):
            setattr(fork_trees, name, steps.around(getattr(fork_trees, name)))
        launch.start = steps.around(launch.start)
        while not await ended(host):
            await host.commands.obey()
            await asyncio.sleep(0.01)
        await host.owned.close()


async def ended(host: Host) -> bool:
    return any(isinstance(event.body, ev.CommandEnded) for event in host.reader.commands(0))


def main(root: Path, verb: str, numbers: list[int]) -> None:
    without_marks()
    for number in numbers:
        own = root / str(number)
        own.mkdir()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                asyncio.run(act(own, verb, number))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        _, found = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(found)
        print(number, code, flush=True)
        if code != -signal.SIGKILL:
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], list(map(int, sys.argv[3].split(","))))
