"""Loops to test with: a real repository with a real check, and a real process that works on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator_tui.loops import state
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spec import LoopSpec, Tree, checked, save
from orchestrator_tui.loops.state import LoopState

AGENT = Path(__file__).with_name("stand_in.py")
CHECK = "import sys; n = open('work.txt').read().count('x'); print(f'{min(n, 3)} passed, {max(0, 3 - n)} failed in 0.01s'); sys.exit(n < 3)"
"""Passes once three iterations have worked."""


class Workshop:
    """One repository, and loops on it."""

    def __init__(self, root: Path) -> None:
        self.root, self.repo, self.state = root, root / "repo", root / "state"
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        (self.repo / "work.txt").write_text("")
        (self.repo / "check.py").write_text(CHECK)
        (self.repo / ".gitignore").write_text("*.log\n__pycache__/\n")
        self.commit("start")
        self.runs = root / "runs.txt"
        self.processes: list[subprocess.Popen[bytes]] = []

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """A plain git, as a person runs it."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        env |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=cwd or self.repo, env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, words: str) -> None:
        """Everything in the person's own checkout."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", words)

    def loop(self, loop: str = "one", tree: Tree | None = None, **more: Any) -> Folder:
        """A loop whose agent is the stand-in; it notes each of its runs in `runs.txt`."""
        folder = Folder(self.state / "loops" / loop)
        folder.make()
        given: dict[str, Any] = {
            "agent": "command", "command": (sys.executable, str(AGENT), str(self.runs), *more.pop("does", ())),
            "until": (sys.executable, "check.py"), "max_iterations": 8,
        } | more  # fmt: skip
        spec = checked(LoopSpec(id=loop, prompt="make it right", cwd=str(self.repo), **given))
        save(folder.spec, replace(spec, tree=tree))
        return folder

    def start(self, folder: Folder, **environ: str) -> subprocess.Popen[bytes]:
        """A runner in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "orchestrator_tui.loops.runner", str(folder.path)], cwd="/",
            env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **environ},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def run(self, folder: Folder, seconds: float = 60.0, **environ: str) -> int:
        """A runner to its end."""
        process = self.start(folder, **environ)
        process.communicate(timeout=seconds)
        return process.returncode

    def close(self) -> None:
        """End every process that is left, found by what stands in its environment or its command line."""
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        for pid in left(self.root):
            os.kill(pid, signal.SIGKILL)


def state_of(folder: Folder) -> LoopState:
    """How far a loop is."""
    return state.load(folder.state, folder.id)


def lines(folder: Folder, kind: str | None = None) -> list[dict[str, Any]]:
    """What is in the loop's log."""
    found = [msgspec.json.decode(part) for part in folder.log.read_bytes().splitlines()]
    return [line for line in found if kind is None or line["kind"] == kind]


def left(root: Path) -> list[int]:
    """Processes that name a directory in their command line or work there."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            said = Path(f"/proc/{name}/cmdline").read_bytes()
            where = os.readlink(f"/proc/{name}/cwd")
            dead = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
        except OSError:
            continue
        if not dead and (os.fsencode(root) in said or where.startswith(str(root))):
            found.append(int(name))
    return found


def begun(shop: Workshop) -> list[str]:
    """Iterations that the agent says it began, in order."""
    said = shop.runs.read_text().split("\n") if shop.runs.exists() else []
    return [line.split()[1] for line in said if line.startswith("begun")]


def once(shop: Workshop, folder: Folder) -> None:
    """Nothing was run twice, told twice or left open."""
    state = state_of(folder)
    assert Counter(begun(shop)) == Counter(str(it.n) for it in state.iterations)
    assert all(it.phase == "committed" for it in state.iterations)
    assert [it.n for it in state.iterations] == list(range(1, len(state.iterations) + 1))
    keys = Counter(line["key"] for line in lines(folder))
    assert max(keys.values()) == 1
    calls, results = lines(folder, "tool_call"), lines(folder, "tool_result")
    assert [c["id"] for c in calls] == [r["id"] for r in results] == [f"iteration-{it.n}" for it in state.iterations]
    assert len(lines(folder, "result")) == 1 and lines(folder)[-1]["kind"] == "result"
