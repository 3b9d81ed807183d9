"""Many short-lived processes of orc's from one that has loaded everything: real ones, each a fork, begun in milliseconds.

As a program it reads a word a line and answers with the number of the process that it has begun.
"""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clock import SECOND, SystemClock
from orchestrator_tui.config import Clients, Config
from orchestrator_tui.host.owned import live
from orchestrator_tui.host.run import opened, serve
from orchestrator_tui.paths import Paths
from tests.faults.world import World
from tests.host.owned.stand_in import StandIn

CONFIG = Config(clients=Clients(off=["codex", "opencode", "gemini"], programs={"stand": sys.executable}))


class Shifted(SystemClock):
    """The machine's clock, set ahead or back by so many seconds as stand in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> int:
        """Wall clock, nanoseconds since the epoch."""
        return super().now() + int(self._file.read_text() if self._file.exists() else "0") * SECOND


class Forks:
    """The other end of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        out = world.log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks", str(world.orc.state), str(world.root)],
            env={**world.orc.env, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm-256color"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out,
        )  # fmt: skip
        out.close()

    def begin(self, what: str) -> int:
        """`host`, `dashboard` or `own` (starts an owned session and ends); the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(what.encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """No more of them."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


async def own(paths: Paths, root: Path) -> None:
    async with opened(paths, CONFIG, SystemClock()) as host:
        await host.owned.start("stand", Task("begin", str(root)))
        await host.owned.close()


def child(what: str, paths: Paths, root: Path) -> None:
    """What a fork does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if what == "host":
        asyncio.run(serve(paths, CONFIG, Shifted(root / "shift")))
    elif what == "own":
        asyncio.run(own(paths, root))
    else:
        from orchestrator_tui.ui.app import OrcApp

        OrcApp(paths, CONFIG).show()


def main(state: Path, root: Path) -> None:
    paths = Paths(state, state, state / "run")
    live.drives = lambda: {"stand": StandIn()}
    # Nobody waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        what = line.strip()
        if what == "dashboard":
            import orchestrator_tui.ui.app  # noqa: F401

            pid, screen = pty.fork()
        else:
            pid, screen = os.fork(), -1
        if pid == 0:
            status = 1
            try:
                child(what, paths, root)
                status = 0
            finally:
                os._exit(status)
        if screen >= 0:
            os.set_blocking(screen, False)
        print(pid, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
