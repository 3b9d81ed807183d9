"""A fleet that comes and goes: sessions of all four clients and of the open log, written to as time passes."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
from pathlib import Path

from orchestrator_tui.clock import SECOND
from tests.bench.generate import PROJECTS
from tests.bench.soak_clients import Claude, Codex, Gemini, Log, OpenCode, Writer
from tests.clients.opencode_db import PLACE, Made

MIX = ("claude",) * 9 + ("codex",) * 4 + ("gemini",) * 3 + ("opencode",) * 2 + ("log",) * 2
"""Which client a session is of, in turns."""


class World:
    """So many sessions at a time; each lives for a while, then another takes its place."""

    def __init__(
        self, folder: Path, sessions: int, life: float, every: float, *, processes: bool = True, seed: int = 1
    ) -> None:
        """`life`: seconds that a session lives in the mean; `every`: seconds between two steps of one."""
        self.home, self.state = folder / "home", folder / "state"
        self.rng = random.Random(seed)
        self.life, self.every, self.processes = life, every, processes
        for name in (".claude/sessions", ".claude/projects", ".codex/sessions", ".gemini/tmp"):
            (self.home / name).mkdir(parents=True)
        self.inbox = self.state / "inbox"
        self.inbox.mkdir(parents=True, mode=0o700)
        self.state.chmod(0o700)
        self.made = Made(self.home / PLACE, wal=True)
        self.cwds = [str(folder / "work" / name) for name in PROJECTS]
        for cwd in self.cwds:
            _repository(Path(cwd))
        self.begun = self.steps = 0
        self.live: list[tuple[int, Writer]] = []
        """Until when, and who."""
        self._wanted = sessions
        self._turn = 0.0

    @property
    def ended(self) -> int:
        """Sessions that are over."""
        return self.begun - len(self.live)

    def go(self, at: int, passed: float) -> None:
        """What happens within `passed` seconds that end at `at`."""
        for until, writer in [pair for pair in self.live if pair[0] <= at]:
            writer.end(at)
            self.live.remove((until, writer))
        while len(self.live) < self._wanted:
            self.live.append((at + int(self._life() * SECOND), self._begin(at)))
        self._turn += passed / self.every * len(self.live)
        while self._turn >= 1:
            self._turn -= 1
            self.rng.choice(self.live)[1].step(at)
            self.steps += 1

    def _life(self) -> float:
        return self.rng.expovariate(1 / self.life) + 60

    def _begin(self, at: int) -> Writer:
        number = self.begun
        self.begun += 1
        cwd = self.cwds[number % len(self.cwds)]
        client = MIX[number % len(MIX)]
        if client == "claude":
            return Claude(self.home, number, at, cwd, self.processes)
        if client == "codex":
            return Codex(self.home, number, at, cwd)
        if client == "gemini":
            return Gemini(self.home, number, at, cwd)
        return OpenCode(self.made, at, cwd) if client == "opencode" else Log(self.inbox, number, at)

    def stop(self, at: int) -> None:
        """All of them are over."""
        for _, writer in self.live:
            with contextlib.suppress(OSError, sqlite3.Error):
                writer.end(at)
        self.live.clear()

    def end(self, at: int) -> None:
        """So is the world."""
        self.stop(at)
        self.made.db.close()


def _repository(path: Path) -> None:
    """A git repository with one commit, as a session works in."""
    path.mkdir(parents=True)
    (path / "README.md").write_text("work\n")
    words = ["git", "-C", str(path), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for more in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*words, *more], check=True, stdout=subprocess.DEVNULL)
