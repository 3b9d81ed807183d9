"""Real processes for the verbs to act on: trees of shells, terminals, and a host that only holds what verbs ask for."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import random
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.events import CommandRequested, Facts, ProcessObserved, ProcessRef
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.order import Order
from orchestrator_tui.host.control.processes.identity import ref_of
from orchestrator_tui.host.processes import Processes, Watched
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable
from orchestrator_tui.paths import Paths
from tests.conftest import wait_for

TABLE = LinuxTable()
READER = Path(__file__).with_name("reads_lines.py")
"""Answers each line that it reads from its terminal."""


class Host:
    """What a verb uses of a host; notes are kept, not stored."""

    def __init__(self, tmp_path: Path, table: ProcessTable = TABLE) -> None:
        self.noted: list[tuple[str | None, Any]] = []
        self.clock = SystemClock()
        self.paths = Paths(tmp_path, tmp_path, tmp_path / "run")
        self.processes = Processes(table, lambda session: True)
        self.fleet = SimpleNamespace(sessions={})
        self.alarming = SimpleNamespace(judge=SimpleNamespace(statuses={}))
        self.tasks: set[asyncio.Task[Any]] = set()

    async def note(self, seen: Sequence[tuple[str | None, Any]]) -> None:
        self.noted += seen

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    def session(self, pid: int | None, native: str, client: str = "claude", **facts: Any) -> Session:
        """A session, and its process as it would have been proved."""
        now = self.clock.now()
        session = Session(f"{client}:{native}", now, now, now, client=client, **facts)
        self.fleet.sessions[session.id] = session
        stat = self.processes.table.stat(pid) if pid is not None else None
        if stat is not None:
            watched = Watched(session.id, stat.pid, stat.started)
            watched.told = ProcessObserved(pid=stat.pid, started=stat.started)
            self.processes.watched[session.id] = watched
        return session

    def order(self, session: Session, verb: str = "kill", **arguments: Any) -> Order:
        """A command on it."""
        facts: Facts = {"session": session.id, **arguments}
        return Order(self, CommandRequested(uuid.uuid4().hex, verb, facts), session)  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        """The types of what was noted, in order."""
        return [type(body).__name__ for _, body in self.noted]


def mark(native: str) -> dict[str, str]:
    """The environment of Claude Code's tools."""
    return {"PATH": os.environ["PATH"], "CLAUDE_CODE_SESSION_ID": native, "TREE": native}


def spawn(script: str, native: str, **options: Any) -> subprocess.Popen[bytes]:
    """A client that is a shell script, in a session of its own as under a shim."""
    return subprocess.Popen(
        ["claude", "-c", script], executable="/bin/sh", env=mark(native), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options,
    )  # fmt: skip


def start(argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """A process, begun at once."""
    return subprocess.Popen(list(argv), **options)


async def becomes(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Let tasks run until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so"
        await asyncio.sleep(0.005)


def random_script(rng: random.Random, depth: int = 3) -> str:
    """Processes below processes: attached and detached, with and without their variables, deaf to SIGTERM."""
    lines = ['trap "" TERM HUP INT'] if rng.random() < 0.3 else []
    for _ in range(rng.randint(0 if depth < 3 else 1, 3)):
        inner = shlex.quote(random_script(rng, depth - 1)) if depth else "'exec sleep 300'"
        lines.append(
            rng.choice(
                (
                    f"sh -c {inner} &", f"setsid sh -c {inner} &", f"(setsid sh -c {inner} &)", f"(sh -c {inner} &)",
                    'env -i TREE="$TREE" sleep 300 &', f"(trap '' TERM; nohup sh -c {inner} &)",
                )
            )
        )  # fmt: skip
    lines.append(rng.choice(("wait; sleep 300", "sleep 300; :", "exec sleep 300")))
    return "\n".join(lines)


def carrying(native: str) -> list[int]:
    """Living processes of a tree, told by a variable that no verb looks at."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with contextlib.suppress(OSError):
                data = Path(f"/proc/{entry}/environ").read_bytes()
                if f"TREE={native}".encode() in data.split(b"\0") and TABLE.stat(int(entry)) is not None:
                    found.append(int(entry))
    return found


def end_tree(native: str) -> None:
    """Whatever a test left of a tree."""
    for _ in range(5):
        for pid in carrying(native):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not carrying(native):
            return


def ref(pid: int) -> ProcessRef:
    found = ref_of(TABLE, pid)
    assert found is not None
    return found


def state(pid: int) -> str:
    """Its state's letter; "" when it is gone."""
    stat = TABLE.stat(pid)
    return stat.state if stat is not None else ""


def children(pid: int) -> list[int]:
    """The direct ones."""
    found = []
    for other in TABLE.pids():
        stat = TABLE.stat(other)
        if stat is not None and stat.ppid == pid:
            found.append(other)
    return found


class Terminal:
    """A pseudo-terminal with an interactive shell, and all that appears on it."""

    def __init__(self, cwd: Path, env: dict[str, str] | None = None) -> None:
        environ = {**(env or os.environ), "PS1": "$ ", "TERM": "xterm-256color"}
        pid, self._fd = pty.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(cwd)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environ)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.pid, self.seen = pid, b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_for(lambda: b"$ " in self.seen)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._fd, 65536):
                self.seen += data

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def run(self, command: str) -> int:
        """Start a program in front; its process."""
        self.type(command + "\n")
        return int(wait_for(lambda: children(self.pid))[0])

    def shows(self, text: str) -> bool:
        return text.encode() in self.seen

    def close(self) -> None:
        for pid in [*(p for c in children(self.pid) for p in [*children(c), c]), self.pid]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
        self._thread.join(5)


def reader_line() -> str:
    """The command line of the program that reads lines."""
    return f"{sys.executable} {READER}"


class Tmux:
    """A tmux server of its own."""

    def __init__(self, socket: Path, *argv: str, env: dict[str, str] | None = None) -> None:
        self._base = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        env = {k: v for k, v in (env or os.environ).items() if not k.startswith("TMUX")} | {"PS1": "$ "}
        subprocess.run(
            [*self._base, "new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "--", *argv], env=env, check=True
        )
        self.pid = int(self("display-message", "-p", "-t", "t", "#{pane_pid}"))

    def __call__(self, *args: str) -> str:
        return subprocess.run([*self._base, *args], capture_output=True, text=True, check=False).stdout

    def type(self, text: str) -> None:
        self("send-keys", "-t", "t", "-l", text)
        self("send-keys", "-t", "t", "Enter")

    def shows(self, text: str) -> bool:
        return text in self("capture-pane", "-p", "-t", "t")

    def close(self) -> None:
        self("kill-server")
