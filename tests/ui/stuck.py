"""Twelve stuck sessions as a host finds them: a store with an hour of them, real processes, questions of real hooks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.events import KnownBody
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.writer import Store
from tests.conftest import Orc
from tests.host.control.world import TABLE, end_tree, mark, spawn
from tests.host.transcripts import register
from tests.ui.fleets import LOGIN, SECOND, TEST_RUN, ask, call

IDLE = "sleep 600; :"
ORPHAN = """
import os, subprocess, sys
child = subprocess.Popen(["claude", "-c", sys.argv[1]], executable="/bin/sh", start_new_session=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid)
"""
"""By way of another process, which ends: then it has no terminal and no parent but init."""


def repeated(command: str, times: int, ok: bool, begin: int = 300) -> list[tuple[int, KnownBody]]:
    """The same call with the same answer, again and again."""
    out: list[tuple[int, KnownBody]] = [(begin + 20, ask("make it green"))]
    for number in range(times):
        at = begin - 20 * number
        out.append((at, call("Bash", json.dumps({"command": command}), f"c{number}")))
        out.append((at - 5, ev.ToolResult(call_id=f"c{number}", ok=ok, output=excerpt("4 failed, 57 passed"))))
    return out


PARKED = ev.ApiError(status=529, text="overloaded", final=True)
CAST: dict[str, list[tuple[int, KnownBody]]] = {
    "push": [(200, ask("push the hotfix"))],
    "wipe": [(190, ask("clean the build"))],
    "plan": [(180, ask("plan the migration"))],
    "loop": repeated("pytest -q", 6, False),
    "watch": repeated("make docs", 6, False),
    "pair1": repeated("npm test", 6, False),
    "pair2": repeated("cargo test", 6, False),
    "stall": [(1500, ask("think about it"))],
    "login": [(400, ask("reconcile")), (380, LOGIN)],
    "limit": [(350, ask("port it")), (340, PARKED)],
    "lost": [(600, ask("sweep the cache")), (20, TEST_RUN)],
    "dead": [(900, ask("rebuild")), (800, TEST_RUN), (780, ev.ProcessGone(pid=0, started=7, reason="killed"))],
}
"""Session -> (seconds ago, what happened)."""
HOOKS = {
    "push": ("Bash", {"command": "git push origin main"}),
    "wipe": ("Bash", {"command": "rm -rf build"}),
    "plan": ("ExitPlanMode", {"plan": "1. drop the old tables\n2. hope"}),
}
"""What is asked through hooks."""


class Stuck:
    """The processes of such a fleet."""

    def __init__(self, orc: Orc) -> None:
        self.orc = orc
        self.pids: dict[str, int] = {}
        self._spawned: list[subprocess.Popen[bytes]] = []
        self.hooks: dict[str, subprocess.Popen[str]] = {}

    def spawn(self) -> None:
        """Processes and their register; before a host runs."""
        for name in CAST:
            if name == "lost":
                args = [sys.executable, "-c", ORPHAN, IDLE]
                done = subprocess.run(args, env=mark(name), stdout=subprocess.PIPE, check=True)
                self.pids[name] = int(done.stdout)
            elif name != "dead":
                self._spawned.append(spawn(IDLE, name))
                self.pids[name] = self._spawned[-1].pid
            if name in self.pids:
                register(self.orc.home, name, self.pids[name])
        self.orc.paths.make()

    async def fill(self) -> None:
        """The store, with the hour before now."""
        now = time.time_ns()
        steps: list[tuple[int, str | None, KnownBody]] = [
            (3600, None, ev.HostStarted(host_id="h", boot_id="b", pid=5, version="0"))
        ]
        steps += [(ago, None, ev.Beat()) for ago in range(3570, 0, -30)]
        for number, (name, played) in enumerate(CAST.items(), 1):
            session, begin = f"claude:{name}", max(ago for ago, _ in played) + 60
            about = ev.SessionUpdated(
                client="claude", title=f"the {name}", project="triage", cwd="/tmp/demo/web", model="claude-opus-4-8",
                interactive=True,
            )  # fmt: skip
            steps.append((begin, session, about))
            steps.append((begin, session, ev.SeatTaken(region="triage", number=number)))
            if name in self.pids:
                stat = TABLE.stat(self.pids[name])
                assert stat is not None
                seen = ev.ProcessObserved(pid=stat.pid, started=stat.started, ppid=1 if name == "lost" else stat.ppid)
                steps.append((begin - 1, session, seen))
            steps += [(ago, session, body) for ago, body in played]
        async with Store.open(self.orc.paths.database) as store:
            for ago, whose, body in sorted(steps, key=lambda step: -step[0]):
                await store.append([Batch([Entry(whose, body)])], now - ago * SECOND)

    def ask(self) -> None:
        """Begin the hooks, as the client does when it needs leave; a host runs."""
        self.orc.run("hooks", "install", "claude", "--yes")
        settings = json.loads((self.orc.home / ".claude" / "settings.json").read_text())
        command = settings["hooks"]["PermissionRequest"][0]["hooks"][0]["command"]
        for name, (tool, what) in HOOKS.items():
            hook = subprocess.Popen(
                ["sh", "-c", command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert hook.stdin is not None
            hook.stdin.write(json.dumps({"session_id": name, "tool_name": tool, "tool_input": what}))
            hook.stdin.close()
            self.hooks[name] = hook

    def answers(self) -> dict[str, Any]:
        """What the hooks told their client; once all have ended."""
        out = {}
        for name, hook in self.hooks.items():
            assert hook.stdout is not None
            told = hook.stdout.read()
            hook.wait(20)
            out[name] = json.loads(told)["hookSpecificOutput"]["decision"] if told else None
        return out

    def state(self, name: str) -> str:
        """The letter of its process' state; "" when it has ended."""
        for process in self._spawned:
            process.poll()
        stat = TABLE.stat(self.pids[name])
        return stat.state if stat is not None and stat.state != "Z" else ""

    def close(self) -> None:
        """Nothing stays."""
        for process in self._spawned:
            process.kill()
            process.wait()
        for hook in self.hooks.values():
            hook.kill()
            hook.wait()
            if hook.stdout is not None:
                hook.stdout.close()
        with suppress(OSError, KeyError):
            os.kill(self.pids["lost"], signal.SIGKILL)
        for name in CAST:
            end_tree(name)
