"""A scripted chat server in OpenAI's form, and the agent run against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from orchestrator_tui.loops.agent.task import AgentTask


def text(words: str) -> dict[str, Any]:
    """A piece of text."""
    return {"choices": [{"index": 0, "delta": {"role": "assistant", "content": words}, "finish_reason": None}]}


def call(tool: Any, arguments: Any, index: int = 0, name: Any = "call_1") -> dict[str, Any]:
    """A tool call; arguments that are no string are written as JSON."""
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    one = {"index": index, "id": name, "type": "function", "function": {"name": tool, "arguments": written}}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [one]}, "finish_reason": None}]}


def usage(prompt: int = 100, cached: int = 0, output: int = 10, reasoning: int = 0) -> dict[str, Any]:
    """The last piece: what it cost."""
    details = {"prompt_tokens_details": {"cached_tokens": cached}}
    made = {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    counts = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    return {"choices": [], "usage": counts | details | made}


def stop(reason: str = "stop") -> dict[str, Any]:
    """The end of the answer."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def done(summary: str = "all done") -> list[Any]:
    """A response that ends the task."""
    return [call("done", {"summary": summary}, name="call_end"), stop("tool_calls"), usage()]


class Server:
    """Answers each request with the next step: a list of pieces, a (status, headers, body), or seconds to be silent."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = list(steps)
        self.requests: list[dict[str, Any]] = []
        self.asked_at: list[float] = []
        self.keys: list[str | None] = []
        self.quit = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.requests.append(body)
                outer.asked_at.append(time.monotonic())
                outer.keys.append(self.headers.get("authorization"))
                step = outer.steps.pop(0) if outer.steps else done("nothing is left in the script")
                try:
                    outer.answer(self, step)
                except OSError:
                    return

            def log_message(self, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def answer(self, handler: BaseHTTPRequestHandler, step: Any) -> None:
        """One response."""
        if isinstance(step, tuple):
            status, headers, body = step
            data = json.dumps(body).encode()
            handler.send_response(status)
            for name, value in {**headers, "content-type": "application/json", "content-length": len(data)}.items():
                handler.send_header(name, str(value))
            handler.end_headers()
            handler.wfile.write(data)
            return
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        number = len(self.requests)
        for piece in step if isinstance(step, list) else [step]:
            if isinstance(piece, int | float):
                self.quit.wait(piece)
                continue
            if isinstance(piece, bytes):
                handler.wfile.write(piece)
            else:
                whole = {"id": f"r{number}", "object": "chat.completion.chunk", "created": 1, "model": "m", **piece}
                handler.wfile.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
            handler.wfile.flush()
        handler.wfile.write(b"data: [DONE]\n\n")


@contextmanager
def serving(*steps: Any) -> Iterator[Server]:
    """A running server."""
    server = Server(list(steps))
    thread = threading.Thread(target=server.http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.quit.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()


def task(tmp_path: Path, **fields: Any) -> AgentTask:
    """A task in a scratch directory."""
    cwd = tmp_path / "work"
    cwd.mkdir(exist_ok=True)
    given: dict[str, Any] = {"prompt": "do it", "cwd": str(cwd), "model": "openai/m", "session": "s1"}
    return AgentTask(**(given | {"log": str(tmp_path / "logs" / "s1.jsonl")} | fields))


def lines(path: str | Path | None) -> list[dict[str, Any]]:
    """A log, every line of which is whole."""
    data = Path(path or "").read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def of(log: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The lines of one kind; `usage` without the words that tokens arrive."""
    return [line for line in log if line["kind"] == kind and not line.get("stream")]


def command(*words: str) -> list[str]:
    """The program's command line."""
    return [sys.executable, "-P", "-m", "orchestrator_tui.loops.agent", *words]


def environ(**more: str) -> dict[str, str]:
    """An environment without keys of the person's own."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY") and not k.startswith("ORC_")}
    return kept | more


def start(path: Path, whole: AgentTask, *words: str, **more: str) -> subprocess.Popen[bytes]:
    """Start the program on a task."""
    import msgspec

    file = path / f"{whole.session.replace('/', '.')}.task.json"
    file.write_bytes(msgspec.json.encode(whole))
    return subprocess.Popen(
        command(str(file), *words),
        env=environ(**more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
