"""One session of each client, written step by step as the client would.

All stamps, the files' own times too, are the caller's: the clock of whoever reads them may run at any speed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from pathlib import Path
from typing import Any, Protocol

import msgspec

from orchestrator_tui.clock import MILLISECOND, iso
from tests.bench.generate import PROJECTS, Talk
from tests.bench.generate_codex import Thread
from tests.clients.opencode_db import BEGIN, Made
from tests.host.control.world import TABLE

_encode = msgspec.json.Encoder().encode


class Writer(Protocol):
    """One session of one client."""

    def step(self, at: int) -> None:
        """Write what comes next, as of `at`."""

    def end(self, at: int) -> None:
        """It is over; nothing of it stays open."""


def put(path: Path, data: bytes, at: int) -> None:
    """Append, and date the file and its directory."""
    fresh = not path.exists()
    if fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)
    os.utime(path, ns=(at, at))
    if fresh:
        os.utime(path.parent, ns=(at, at))


class Claude:
    """A transcript, a process, its entry in the registry; one in six has a sub-agent."""

    def __init__(self, home: Path, number: int, at: int, cwd: str, processes: bool) -> None:
        self.talk = Talk(f"soak {number}", cwd)
        self.rng = random.Random(f"claude {number}")
        self.folder = home / ".claude" / "projects" / cwd.replace("/", "-")
        self.path = self.folder / f"{self.talk.session}.jsonl"
        self.agent: Talk | None = None
        if number % 6 == 0:
            self.agent = Talk(f"soak {number} agent", cwd, parent=self.talk.session)
        self.process: subprocess.Popen[bytes] | None = None
        self.registry = home / ".claude" / "sessions"
        self.busy = True
        if processes:
            # A process of its own, as a client's is.
            self.process = subprocess.Popen(["sleep", "100000"], start_new_session=True)
            self._register("busy", at)

    def step(self, at: int) -> None:
        if not self.busy:
            self.busy = True
            self._register("busy", at)
        put(self.path, self.talk.line(at), at)
        if self.agent is not None and self.rng.random() < 0.3:
            put(
                self.folder / self.talk.session / "subagents" / f"agent-{self.agent.agent}.jsonl",
                self.agent.line(at),
                at,
            )
        if self.rng.random() < 0.02:
            self.busy = False
            self._register("waiting", at)

    def _register(self, status: str, at: int) -> None:
        if self.process is None:
            return
        stat = TABLE.stat(self.process.pid)
        more = {"waitingFor": "permission prompt"} if status == "waiting" else {}
        entry = {
            "pid": self.process.pid, "sessionId": self.talk.session, "cwd": self.talk.cwd, "procStart": str(stat.started if stat else 0),
            "startedAt": at // MILLISECOND, "version": "2.1.197", "kind": "interactive", "entrypoint": "cli",
            "name": f"soak-{self.process.pid}", "nameSource": "derived", "status": status, **more,
        }  # fmt: skip
        self.registry.mkdir(parents=True, exist_ok=True)
        path = self.registry / f"{self.process.pid}.json"
        part = path.with_suffix(".part")
        part.write_bytes(_encode(entry))
        part.rename(path)
        os.utime(path, ns=(at, at))
        os.utime(self.registry, ns=(at, at))

    def end(self, at: int) -> None:
        if self.process is not None:
            (self.registry / f"{self.process.pid}.json").unlink(missing_ok=True)
            os.utime(self.registry, ns=(at, at))
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Codex:
    """A rollout; a turn is planned at once and written line by line."""

    def __init__(self, home: Path, number: int, at: int, cwd: str) -> None:
        self.thread = Thread(f"soak {number}", at, cwd)
        day, clock = iso(at)[:10], iso(at)[11:19].replace(":", "-")
        name = f"rollout-{day}T{clock}-{self.thread.thread}.jsonl"
        self.path = home / ".codex" / "sessions" / day.replace("-", "/") / name
        self._lines: list[bytes] = []

    def step(self, at: int) -> None:
        if not self._lines:
            self.thread.at = at
            self.thread.turn()
            self._lines, self.thread._parts = self.thread._parts[::-1], []
        stamp = b'{"timestamp":"' + iso(at).encode()
        # Its lines are many and small: three stand for one of the others.
        part = [self._lines.pop() for _ in range(min(3, len(self._lines)))]
        put(self.path, b"".join(stamp + line[len(stamp) :] for line in part), at)

    def end(self, at: int) -> None:
        pass


class Gemini:
    """A chat as 0.61.0 writes it: a message, the same with its calls answered, the answer for the model."""

    def __init__(self, home: Path, number: int, at: int, cwd: str) -> None:
        self.rng = random.Random(f"gemini {number}")
        self.talk = Talk(f"soak {number}", cwd)
        self.native = self.talk.session
        slug = Path(cwd).name
        self.path = (
            home
            / ".gemini"
            / "tmp"
            / slug
            / "chats"
            / f"session-{iso(at)[:16].replace(':', '-')}-{self.native[:8]}.jsonl"
        )
        names = home / ".gemini" / "projects.json"
        names.parent.mkdir(parents=True, exist_ok=True)
        names.write_bytes(_encode({"projects": {f"/home/dev/{name}": name for name in PROJECTS} | {cwd: slug}}))
        head = {
            "sessionId": self.native,
            "projectHash": "8b7d",
            "startTime": iso(at),
            "lastUpdated": iso(at),
            "kind": "main",
        }
        put(self.path, _encode(head) + b"\n", at)
        self._context, self._number = 12_000, 0

    def step(self, at: int) -> None:
        self._number += 1
        stamp, lines = iso(at), []
        if self._number % 8 == 1:
            lines.append(
                {"id": self._id(), "timestamp": stamp, "type": "user", "content": [{"text": self.talk.text(120, 900)}]}
            )
        self._context = self._context + 900 if self._context < 400_000 else 12_000
        out = self.rng.randint(20, 900)
        tokens = {
            "input": self._context,
            "output": out,
            "cached": self._context // 2,
            "thoughts": 0,
            "tool": 0,
            "total": self._context + out,
        }
        message: dict[str, Any] = {
            "id": self._id(), "timestamp": stamp, "type": "gemini", "content": self.talk.text(200, 2000), "thoughts": [],
            "tokens": tokens, "model": "gemini-2.5-flash",
        }  # fmt: skip
        lines.append(message)
        if self._number % 8:
            call = f"run_shell_command__{self._id()}_0"
            answer = {
                "functionResponse": {
                    "id": call,
                    "name": "run_shell_command",
                    "response": {"output": self.talk.text(300, 9000)},
                }
            }
            done = {"id": call, "name": "run_shell_command", "args": {"command": self.talk.text(60, 300)}, "result": [answer],
                    "status": "success", "timestamp": stamp, "resultDisplay": "ok", "displayName": "Shell"}  # fmt: skip
            lines.append({**message, "toolCalls": [done]})
            lines.append({"id": self._id(), "timestamp": stamp, "type": "user", "content": [answer]})
        put(self.path, b"".join(_encode(line) + b"\n" for line in lines), at)

    def _id(self) -> str:
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:]}"

    def end(self, at: int) -> None:
        pass


class OpenCode:
    """A session in the client's one database."""

    def __init__(self, made: Made, at: int, cwd: str) -> None:
        self.made = made
        self.native = made.session(at // MILLISECOND - BEGIN, directory=cwd, title=f"work in {cwd}")

    def step(self, at: int) -> None:
        self.made.turn(self.native, at // MILLISECOND - BEGIN)

    def end(self, at: int) -> None:
        pass


class Log:
    """A file of the open log in the inbox."""

    def __init__(self, inbox: Path, number: int, at: int) -> None:
        self.path, self.number, self._calls = inbox / f"soak-{number}.jsonl", number, 0
        head = {"kind": "session", "schema": "orc.log/1", "session": f"soak-{number}", "t": iso(at), "title": f"log {number}",
                "project": PROJECTS[number % len(PROJECTS)], "model": "claude-sonnet-4-5"}  # fmt: skip
        put(self.path, _encode(head) + b"\n", at)

    def step(self, at: int) -> None:
        self._calls += 1
        call, stamp = f"c{self._calls}", iso(at)
        lines: list[dict[str, Any]] = [
            {"kind": "tool_call", "t": stamp, "id": call, "tool": "Bash", "args": {"command": f"make step{self._calls}"}},
            {"kind": "tool_result", "t": stamp, "id": call, "ok": True, "text": f"step {self._calls} done\n" * 4},
            {"kind": "usage", "t": stamp, "id": f"{self.number}-{self._calls}", "model": "claude-sonnet-4-5", "input": 10,
             "cache_read": 9000, "cache_write": 200, "output": 300},
        ]  # fmt: skip
        put(self.path, b"".join(_encode(line) + b"\n" for line in lines), at)

    def end(self, at: int) -> None:
        line = {"kind": "result", "t": iso(at), "is_error": False, "subtype": "success", "text": "done"}
        put(self.path, _encode(line) + b"\n", at)
