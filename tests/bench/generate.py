"""Synthetic Claude Code transcript trees, and one transcript line by line.

The shape follows the recordings of 2.1.197: several lines per message with the usage repeated, tool results that
are there twice (for the model and structured), attachments, sub-agents in their own files, forks that copy.
Everything follows from the seed; a time of a line is the caller's.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.clock import SECOND, iso

PHRASES = (
    "the request handler returns early", "when a session token expired", "async def", "await", "return", "self.config",
    "tests/unit/test_auth.py", "src/orders/service.ts", "PASSED", "FAILED", "in 0.43s", "Error: connection refused",
    "if path is not None", "else", "2026-11-20T14:02:11Z", "import logging", "logger.info(f'{user}')", "npm run build",
    "pid 4711", "migration: ALTER TABLE orders", "“ok” —",
)  # fmt: skip
TOOLS = ("Bash", "Bash", "Bash", "Read", "Read", "Grep", "Edit", "Write", "TodoWrite")
RESULTS = {"Bash": (350, 1.6), "Read": (3000, 1.0), "Grep": (450, 1.2), "Edit": (130, 0.3), "Write": (110, 0.3)}
"""Tool -> characters of its answer: the median, and how far they spread."""
MODELS = ("claude-opus-4-8", "claude-sonnet-4-8")
PROJECTS = ("webapp", "orders", "infra", "docs", "ml-pipeline", "mobile", "billing", "search")


def corpus(rng: random.Random, size: int = 1 << 18) -> str:
    """Text that looks like code, prose and logs; excerpts are slices of it."""
    parts: list[str] = []
    length = 0
    while length < size:
        row = " " * rng.choice((0, 0, 4, 8)) + " ".join(rng.choices(PHRASES, k=rng.randint(1, 7)))
        parts.append(row)
        length += len(row) + 1
    return "\n".join(parts)


CORPUS = corpus(random.Random(0))
_encode = msgspec.json.Encoder().encode


class Talk:
    """One session's transcript, line by line."""

    def __init__(self, seed: int | str, cwd: str, *, parent: str | None = None) -> None:
        self.rng = random.Random(f"talk {seed}")
        self.agent = f"{self.rng.getrandbits(64):016x}" if parent else None
        self.session = parent or self._uuid()
        self.native = self.agent or self.session
        self.cwd, self.model = cwd, self.rng.choice(MODELS)
        self._last: str | None = None
        self._queue: list[dict[str, Any]] = []
        self._context = 12_000
        self._begun = False

    def _uuid(self) -> str:
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:]}"

    def text(self, median: int, most: int, spread: float = 1.0) -> str:
        """A slice of about `median` characters, seldom many more."""
        size = min(most, int(self.rng.lognormvariate(0, spread) * median) + 1)
        start = self.rng.randrange(len(CORPUS) - min(size, len(CORPUS) - 1))
        return CORPUS[start : start + size]

    def line(self, at: int) -> bytes:
        """The next line, stamped `at`, its line feed included."""
        while not self._queue:
            self._plan()
        record = self._queue.pop(0)
        if "uuid" in record:
            record["parentUuid"], self._last = self._last, record["uuid"]
        record["timestamp"] = iso(at)
        return bytes(_encode(record)) + b"\n"

    def _base(self, kind: str) -> dict[str, Any]:
        own = {"agentId": self.agent} if self.agent else {}
        return {
            "parentUuid": None, "isSidechain": bool(self.agent), **own, "type": kind, "uuid": self._uuid(),
            "userType": "external", "entrypoint": "cli", "cwd": self.cwd, "sessionId": self.session,
            "version": "2.1.197", "gitBranch": "feature/login",
        }  # fmt: skip

    def _plan(self) -> None:
        """Queue one turn: a prompt, then messages with tools, then the last words."""
        if not self._begun:
            self._begun = True
            self._queue += [self._base("attachment") | {"attachment": {"content": self.text(4000, 9000)}} for _ in "12"]
        prompt = {"role": "user", "content": self.text(180, 4000)}
        self._queue.append(self._base("user") | {"message": prompt, "permissionMode": "default", "promptId": "p"})
        for _ in range(self.rng.randint(2, 14)):
            calls = [self._call() for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
            self._message([*self._words(), *calls], "tool_use")
            self._queue += [self._result(call) for call in calls]
        self._message([{"type": "text", "text": self.text(500, 6000)}], "end_turn")
        if not self.agent:
            self._queue.append(self._base("system") | {"subtype": "turn_duration", "durationMs": 51_234})

    def _words(self) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if self.rng.random() < 0.4:
            blocks.append({"type": "thinking", "thinking": self.text(350, 5000), "signature": "c2ln" * 80})
        if self.rng.random() < 0.5:
            blocks.append({"type": "text", "text": self.text(160, 3000)})
        return blocks

    def _call(self) -> dict[str, Any]:
        tool = self.rng.choice(TOOLS)
        arguments: dict[str, Any] = {"command": self.text(70, 900), "description": self.text(30, 90)}
        if tool in ("Read", "Grep"):
            arguments = {"file_path": f"{self.cwd}/src/module_{self.rng.randrange(90)}.py", "limit": 400}
        elif tool in ("Edit", "Write"):
            path = f"{self.cwd}/src/module_{self.rng.randrange(90)}.py"
            arguments = {"file_path": path, "old_string": self.text(300, 3000), "new_string": self.text(400, 4000)}
        return {"type": "tool_use", "id": f"toolu_{self.rng.getrandbits(88):022x}", "name": tool, "input": arguments}

    def _result(self, call: dict[str, Any]) -> dict[str, Any]:
        median, spread = RESULTS.get(call["name"], (160, 0.1))
        text = self.text(median, 60_000, spread)
        block = {"tool_use_id": call["id"], "type": "tool_result", "content": text, "is_error": False}
        structured: dict[str, Any] = {"stdout": text, "stderr": "", "interrupted": False}
        if call["name"] in ("Edit", "Write"):
            structured = {"filePath": call["input"]["file_path"], "content": self.text(5000, 60_000)}
        message = {"role": "user", "content": [block]}
        return self._base("user") | {"message": message, "toolUseResult": structured}

    def _message(self, blocks: list[dict[str, Any]], stop: str) -> None:
        """One line per block, each with the message's id and its usage."""
        self._context = self._context + self.rng.randint(200, 3000) if self._context < 160_000 else 20_000
        written = self.rng.randint(100, 3000)
        usage = {
            "input_tokens": self.rng.randint(3, 12), "cache_creation_input_tokens": written,
            "cache_read_input_tokens": self._context, "output_tokens": self.rng.randint(40, 1500),
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": written},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}, "service_tier": "standard",
        }  # fmt: skip
        name, request = f"msg_{self.rng.getrandbits(96):024x}", f"req_{self.rng.getrandbits(80):020x}"
        head = {"id": name, "type": "message", "role": "assistant", "model": self.model, "stop_reason": stop}
        for block in blocks:
            line = self._base("assistant")
            self._queue.append(line | {"message": {**head, "content": [block], "usage": usage}, "requestId": request})


def write_tree(home: Path, size: int, end: int, *, seed: int = 1, median: int = 400_000) -> list[Path]:
    """About `size` bytes of transcripts under `home/.claude/projects`, the last line at `end`; returns the files."""
    rng = random.Random(f"tree {seed}")
    files: list[Path] = []
    written, number, fork_of = 0, 0, b""
    while written < size:
        project = rng.choice(PROJECTS)
        talk = Talk(f"{seed}/{number}", f"/home/dev/{project}")
        folder = home / ".claude" / "projects" / f"-home-dev-{project}"
        most = min(40 * median, size - written, int(rng.lognormvariate(0, 1.2) * median) + 2000)
        start = end - int(rng.uniform(0.1, 28) * 86_400) * SECOND
        copied, at = b"", start
        if fork_of and rng.random() < 0.06:
            copied = fork_of[: fork_of.rfind(b"\n", 0, len(fork_of) // 2) + 1]
            copied = copied.replace(_session_in(copied), talk.session.encode()) if copied else b""
        data = _fill(talk, at, most, _snapshot(at) + copied if copied else b"")
        files.append(_write(folder / f"{talk.session}.jsonl", data))
        if rng.random() < 0.15:
            agent = Talk(f"{seed}/{number}/agent", talk.cwd, parent=talk.session)
            below = folder / talk.session / "subagents"
            meta = {"agentType": "Explore", "description": agent.text(30, 60), "toolUseId": "toolu_x", "spawnDepth": 1}
            files.append(_write(below / f"agent-{agent.agent}.jsonl", _fill(agent, at + SECOND, most // 4 + 2000)))
            files.append(_write(below / f"agent-{agent.agent}.meta.json", _encode(meta)))
            written += files[-2].stat().st_size
        fork_of = data if not copied else fork_of
        written, number = written + len(data), number + 1
    return files


def _fill(talk: Talk, at: int, size: int, data: bytes = b"") -> bytes:
    parts, length = [data], len(data)
    while length < size:
        at += talk.rng.randint(1, 20) * SECOND
        parts.append(talk.line(at))
        length += len(parts[-1])
    return b"".join(parts)


def _snapshot(at: int) -> bytes:
    return _encode({"type": "file-history-snapshot", "snapshot": {"timestamp": iso(at)}}) + b"\n"


def _session_in(data: bytes) -> bytes:
    return data.split(b'"sessionId":"', 1)[1].split(b'"', 1)[0]


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
