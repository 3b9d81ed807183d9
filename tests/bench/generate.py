"""Synthetic Claude Code transcript trees, and one transcript line by line.

The shape follows the recordings of 2.1.197: several lines per message with the usage repeated (in some sessions
with the output of a message that is still being streamed, as older versions write it), tool results that are there
twice (for the model and structured), attachments, compactions, resumes, sub-agents in their own files, forks that copy.
Everything follows from the seed, and what the model was asked for is known: `Tree.truth`; a line's time is the caller's.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from orchestrator_tui.clock import HOUR, SECOND, iso
from orchestrator_tui.events import Tokens

PHRASES = (
    "the request handler returns early", "when a session token expired", "async def", "await", "return", "self.config",
    "tests/unit/test_auth.py", "src/orders/service.ts", "PASSED", "FAILED", "in 0.43s", "Error: connection refused",
    "if path is not None", "else", "2026-11-20T14:02:11Z", "import logging", "logger.info(f'{user}')", "npm run build",
    "pid 4711", "migration: ALTER TABLE orders", "“ok” —",
)  # fmt: skip
TOOLS = ("Bash", "Bash", "Bash", "Read", "Read", "Grep", "Edit", "Write", "TodoWrite")
RESULTS = {"Bash": (350, 1.6), "Read": (3000, 1.0), "Grep": (450, 1.2), "Edit": (130, 0.3), "Write": (110, 0.3)}
"""Tool -> characters of its answer: the median, and how far they spread."""
MODELS = ("claude-opus-4-8", "claude-sonnet-4-5")
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
Truth = dict[str, Tokens]
"""The id of a response -> what the model's server reported of it."""


class Tree(Struct):
    """What was generated."""

    files: list[Path] = field(default_factory=list)
    truth: Truth = field(default_factory=dict)


class Talk:
    """One session's transcript, line by line."""

    def __init__(self, seed: int | str, cwd: str, *, parent: str | None = None, streamed: bool = False) -> None:
        """`streamed`: all but the last line of a message have the output that was there when it began."""
        self.rng = random.Random(f"talk {seed}")
        self.agent = f"{self.rng.getrandbits(64):016x}" if parent else None
        self.session = parent or self._uuid()
        self.native = self.agent or self.session
        self.cwd, self.model = cwd, self.rng.choice(MODELS)
        self._last: str | None = None
        self._queue: list[dict[str, Any]] = []
        self._context = 12_000
        self._begun, self._streamed = False, streamed
        self._hour = self.rng.random() < 0.5
        self._reported: Truth = {}
        self.truth: Truth = {}
        """Of the messages that are written."""
        self.open = False
        """The message of the line written last has more lines."""

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
        name = record["message"]["id"] if record["type"] == "assistant" else None
        self.open = name is not None and bool(self._queue) and self._queue[0].get("message", {}).get("id") == name
        if name is not None:
            self.truth[name] = self._reported[name]
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
        self._context += self.rng.randint(200, 3000)
        if self._context > 160_000:
            self._compact()
        written = self.rng.randint(100, 3000)
        hour = written if self._hour else 0
        usage = {
            "input_tokens": self.rng.randint(3, 12), "cache_creation_input_tokens": written,
            "cache_read_input_tokens": self._context, "output_tokens": self.rng.randint(40, 1500),
            "cache_creation": {"ephemeral_1h_input_tokens": hour, "ephemeral_5m_input_tokens": written - hour},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}, "service_tier": "standard",
        }  # fmt: skip
        name, request = f"msg_{self.rng.getrandbits(96):024x}", f"req_{self.rng.getrandbits(80):020x}"
        head = {"id": name, "type": "message", "role": "assistant", "model": self.model, "stop_reason": stop}
        output = usage["output_tokens"]
        self._reported[name] = Tokens(usage["input_tokens"], self._context, written, output, hour)
        for number, block in enumerate(blocks, 1):
            line = self._base("assistant")
            so_far = {**usage, "output_tokens": 1} if self._streamed and number < len(blocks) else usage
            self._queue.append(line | {"message": {**head, "content": [block], "usage": so_far}, "requestId": request})

    def _compact(self) -> None:
        """The call that makes the summary is in no line."""
        about = {"trigger": "auto", "preTokens": self._context, "postTokens": 20_000, "durationMs": 9_000}
        self._queue.append(self._base("system") | {"subtype": "compact_boundary", "compactMetadata": about})
        summary = {"role": "user", "content": self.text(3000, 9000)}
        self._queue.append(self._base("user") | {"message": summary, "isCompactSummary": True})
        self._context = 20_000


def write_tree(home: Path, size: int, end: int, *, seed: int = 1, median: int = 400_000) -> Tree:
    """About `size` bytes of transcripts under `home/.claude/projects`, the last line at `end`."""
    rng = random.Random(f"tree {seed}")
    tree = Tree()
    written, number, fork_of = 0, 0, b""
    while written < size:
        project = rng.choice(PROJECTS)
        talk = Talk(f"{seed}/{number}", f"/home/dev/{project}", streamed=rng.random() < 0.2)
        folder = home / ".claude" / "projects" / f"-home-dev-{project}"
        most = min(40 * median, size - written, int(rng.lognormvariate(0, 1.2) * median) + 2000)
        start = end - int(rng.uniform(0.1, 28) * 86_400) * SECOND
        copied, at = b"", start
        if fork_of and rng.random() < 0.06:
            copied = fork_of[: fork_of.rfind(b"\n", 0, len(fork_of) // 2) + 1]
            copied = copied.replace(_session_in(fork_of), talk.session.encode())
        data = _fill(talk, at, end, most, _snapshot(at) + copied if copied else b"")
        tree.files.append(_write(folder / f"{talk.session}.jsonl", data))
        tree.truth |= talk.truth
        if rng.random() < 0.15:
            agent = Talk(f"{seed}/{number}/agent", talk.cwd, parent=talk.session)
            below = folder / talk.session / "subagents"
            meta = {"agentType": "Explore", "description": agent.text(30, 60), "toolUseId": "toolu_x", "spawnDepth": 1}
            part = _fill(agent, at + SECOND, end, most // 4 + 2000)
            tree.files.append(_write(below / f"agent-{agent.agent}.jsonl", part))
            tree.files.append(_write(below / f"agent-{agent.agent}.meta.json", _encode(meta)))
            tree.truth |= agent.truth
            written += len(part)
        if rng.random() < 0.5 or not fork_of:
            # Of a fork as well: some responses are in three files.
            fork_of = data
        written, number = written + len(data), number + 1
    return tree


def _fill(talk: Talk, at: int, end: int, size: int, data: bytes = b"") -> bytes:
    parts, length = [data], len(data)
    while length < size or talk.open:
        at += talk.rng.randint(1, 20) * SECOND
        if talk.rng.random() < 0.001 and at + 5 * HOUR < end:
            at += talk.rng.randint(1, 5) * HOUR
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
