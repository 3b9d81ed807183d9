"""Claude Code transcripts made to measure: real shape (2.1.197), any length."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(seconds * 1000) % 1000:03d}Z"


def lines(session: str, turns: int, begin: float, step: float = 1.0) -> Iterator[bytes]:
    """A prompt, a tool call in two lines of one message, its result, an answer: four records a turn after the prompt."""
    clock = begin

    def line(kind: str, message: dict[str, object], **more: object) -> bytes:
        nonlocal clock
        clock += step
        number = round((clock - begin) / step)
        value = {
            "type": kind, "uuid": f"{session}-{number}", "sessionId": session, "timestamp": stamp(clock),
            "cwd": "/tmp/demo/web", "gitBranch": "main", "version": "2.1.197", "entrypoint": "sdk-cli",
            "isSidechain": False, "message": message, **more,
        }  # fmt: skip
        return json.dumps(value).encode() + b"\n"

    for n in range(turns):
        usage = {
            "input_tokens": 4 + n,
            "cache_read_input_tokens": 1000,
            "cache_creation_input_tokens": 10,
            "output_tokens": 7,
        }
        yield line("user", {"role": "user", "content": f"task {n} of {session}"})
        message = {"id": f"msg_{session}_{n}a", "model": "claude-opus-4-8", "stop_reason": "tool_use", "usage": usage}
        yield line(
            "assistant", {**message, "content": [{"type": "text", "text": "looking"}]}, requestId=f"req_{session}_{n}a"
        )
        call = {"type": "tool_use", "id": f"toolu_{session}_{n}", "name": "Bash", "input": {"command": f"ls {n}"}}
        yield line("assistant", {**message, "content": [call]}, requestId=f"req_{session}_{n}a")
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": f"file {n}\n" * 20, "is_error": False}
        yield line("user", {"role": "user", "content": [result]})
        done = {"id": f"msg_{session}_{n}b", "model": "claude-opus-4-8", "stop_reason": "end_turn", "usage": usage}
        yield line(
            "assistant", {**done, "content": [{"type": "text", "text": "done"}]}, requestId=f"req_{session}_{n}b"
        )


def write(home: Path, session: str, turns: int, begin: float) -> Path:
    """A whole transcript, last changed when its last line was written."""
    path = home / ".claude" / "projects" / "-tmp-demo-web" / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines(session, turns, begin)))
    os.utime(path, (begin + turns * 5, begin + turns * 5))
    return path


def register(home: Path, session: str, pid: int, started: int | str | None = None, **more: object) -> Path:
    """An entry in the registry of running processes; `started` defaults to the truth."""
    if started is None:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    path = home / ".claude" / "sessions" / f"{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {
        "pid": pid, "sessionId": session, "cwd": "/tmp/demo/web", "procStart": str(started), "version": "2.1.197",
        "kind": "interactive", "entrypoint": "cli", "name": "web-1", "nameSource": "derived", **more,
    }  # fmt: skip
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    part.rename(path)
    return path
